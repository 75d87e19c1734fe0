// SPDX-License-Identifier: GPL-2.0

//! What is written: questions, most of them good ones, and other bytes.

use std::io::Cursor;

use crate::prelude::*;

fn pid(random: &mut Random) -> u64 {
    let any = random.next_u64();
    let own = u64::from(std::process::id());
    random.pick(&[own, own, own, 1, 2, 0, own + 1, any % 300, any])
}

fn address(random: &mut Random) -> u64 {
    let any = random.next_u64();
    // The stack is here.
    let near = &raw const any as u64 & !0xfff;
    random.pick(&[
        near,
        near,
        any >> 17,
        any >> 30,
        any,
        0,
        u64::MAX,
        0x7fff_ffff_f000,
        0x8000_0000_0000,
        0xffff_8880_0000_0000 | (any >> 34),
        0xffff_c900_0000_0000 | (any >> 34),
    ])
}

/// Fills memory with one question or a few, and returns their length.
///
/// Nothing is allocated: the caller may be a child of a process with threads.
pub fn questions(random: &mut Random, memory: &mut [u8]) -> usize {
    let most = random.pick(&[1, 1, 2, 3, 40]);
    let mut to = Cursor::new(&mut *memory);
    for _ in 0..most {
        // What does not fit is cut off.
        let _ = question(random, &mut to);
    }
    let len = to.position() as usize;
    if random.below(6) == 0 && len > 0 {
        for _ in 0..1 + random.below(4) {
            memory[random.below(len)] = random.next_u64() as u8;
        }
    }
    match random.below(5) {
        0 => random.below(len + 1),
        _ => len,
    }
}

fn question(random: &mut Random, to: &mut impl Write) -> std::io::Result<()> {
    let (pid, va, size) = (pid(random), address(random), random.next_u64() >> 24);
    let end = va.saturating_add(size >> random.below(40));
    let tail = random.pick(&[
        "\n",
        "\n",
        " totals\n",
        " totals\n",
        " levels\n",
        "",
        "  \n",
    ]);
    match random.below(9) {
        0 => write!(to, "{pid}{tail}"),
        1 | 2 => write!(to, "{pid} {va:#x}{tail}"),
        3 => write!(to, "{pid} {va:#x}-{end:#x}{tail}"),
        // All kernel memory would take minutes.
        4 => write!(
            to,
            "kernel {va:#x}-{:#x}{tail}",
            va.saturating_add(size >> 12)
        ),
        5 => write!(to, "kernel {va:#x}{tail}"),
        6 => write!(to, "{:#x}{tail}", va & 0xffff_ffff_f000),
        7 => write!(to, "{va:x}-{end:x}{tail}"),
        _ => to.write_all(&[b'1'; 300][..random.below(300)]),
    }
}
