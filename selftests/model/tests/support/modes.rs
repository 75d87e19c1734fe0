// SPDX-License-Identifier: GPL-2.0

//! The paging modes that the tests use.

use memintro_model::model::pgtable::{Level, Paging};
use proptest::prelude::*;

/// A paging mode.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// The shape of its tables.
    pub paging: Paging,
    /// How many bits of an address its tables translate.
    pub bits: u32,
}

impl Mode {
    /// Extends the highest bit that is translated, as processors want it.
    pub fn canonical(&self, va: u64) -> u64 {
        let unused = 64 - self.bits;
        ((va << unused) as i64 >> unused) as u64
    }
}

/// A mode of `levels` levels with tables of one page of `shift` bits, and `bits` bits in all.
fn mode(levels: u32, shift: u8, bits: u32) -> Mode {
    let per_level = shift - 3;
    let top = Level::ALL[5 - levels as usize];
    let mut paging = Paging {
        shift: [0; 5],
        entries: [1; 5],
        top,
    };
    for level in Level::ALL {
        let number = level as u8;
        // The levels above the first table are folded: one entry that covers all.
        paging.shift[level as usize] = match level > top {
            true => bits as u8,
            false => shift + number * per_level,
        };
        // And the first has entries for the bits that are left.
        let index_bits = match level == top {
            true => bits - u32::from(paging.shift[level as usize]),
            false => per_level.into(),
        };
        if level <= top {
            paging.entries[level as usize] = 1 << index_bits;
        }
    }
    Mode { paging, bits }
}

/// x86-64 with 4 or 5 levels.
pub fn x86(levels: u32) -> Mode {
    mode(levels, 12, 12 + 9 * levels)
}

/// Any mode: those of x86-64, and arm64's with pages of 4, 16 and 64 KiB, whose first tables have
/// fewer entries than the others, or 1024 and more.
pub fn any() -> impl Strategy<Value = Mode> {
    prop_oneof![
        3 => Just(x86(4)),
        3 => Just(x86(5)),
        1 => Just(mode(3, 12, 39)),
        1 => Just(mode(4, 14, 48)),
        1 => Just(mode(2, 14, 36)),
        1 => Just(mode(3, 16, 48)),
        1 => Just(mode(3, 16, 52)),
    ]
}
