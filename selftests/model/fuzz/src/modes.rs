// SPDX-License-Identifier: GPL-2.0

//! Paging modes that machines have.

use memintro_model::model::{
    addr::Halves,
    pgtable::{Level, Paging},
};

/// x86-64 with 4 and 5 levels; arm64 with tables of 16 KiB and of 64 KiB.
const MODES: [(u32, u8, u32); 4] = [(4, 12, 48), (5, 12, 57), (4, 14, 48), (3, 16, 52)];

/// Returns one of the modes, and the halves of its address space.
pub fn mode(number: u8) -> (Paging, Halves) {
    let (levels, shift, bits) = MODES[usize::from(number) % MODES.len()];
    let top = Level::ALL[5 - levels as usize];
    let mut paging = Paging {
        shift: [bits as u8; 5],
        entries: [1; 5],
        top,
    };
    for level in Level::ALL.into_iter().filter(|level| *level <= top) {
        let number = level as usize;
        paging.shift[number] = shift + (shift - 3) * number as u8;
        paging.entries[number] = 1 << (shift - 3).min(bits as u8 - paging.shift[number]);
    }
    let halves = Halves {
        user_bits: bits - 1,
        kernel_bits: bits - 1,
    };
    (paging, halves)
}
