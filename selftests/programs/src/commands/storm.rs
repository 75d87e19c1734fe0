// SPDX-License-Identifier: GPL-2.0

//! `storm`: prints `ready`, and until the end of standard input maps, unmaps,
//! splits, merges and moves memory in two threads, as fast as it can.

use std::process;

use crate::prelude::*;

const LEN: usize = 256 * PAGE;

fn round(area: Area, random: &mut Random) -> io::Result<()> {
    for _ in 0..64 {
        let first = random.below(200);
        let part = area.part(first * PAGE, (1 + random.below(50)) * PAGE);
        match random.below(4) {
            // These three fail where there is a hole, and act up to it.
            0 => part.protect(libc::PROT_READ).unwrap_or(()),
            1 => part.protect(libc::PROT_NONE).unwrap_or(()),
            2 => part.advise(libc::MADV_DONTNEED).unwrap_or(()),
            _ => part.unmap()?,
        }
    }
    // What was unmapped is mapped again, with other borders.
    area.unmap()?;
    Area::at(area.start, LEN, READ_WRITE)?
        .part(0, 64 * PAGE)
        .write();
    Ok(())
}

fn storm(place: usize) {
    let mut random = Random::new(place as u64);
    // Where nothing else is mapped by itself.
    let area = Area::at(place, LEN, libc::PROT_NONE);
    let result = area.and_then(|area| loop {
        round(area, &mut random)?;
    });
    let Err::<(), _>(error) = result else { return };
    eprintln!("storm: {error}");
    process::exit(1);
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    options.end()?;
    for place in [0x10_0000_0000, 0x20_0000_0000] {
        thread::spawn(move || storm(place));
    }
    hold("")
}
