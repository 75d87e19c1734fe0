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

/// arm64 with pages of `shift` bits, and as many levels as `bits` need.
pub fn arm64(shift: u8, bits: u32) -> Mode {
    mode(
        (bits - u32::from(shift)).div_ceil(u32::from(shift) - 3),
        shift,
        bits,
    )
}

/// Any mode: those of x86-64, and each that Linux has for arm64, with pages of 4, 16 and 64 KiB.
/// First tables have fewer entries than the others there, down to 2, and others up to 8192.
pub fn any() -> impl Strategy<Value = Mode> {
    const ARM64: [(u8, u32); 10] = [
        (12, 39),
        (12, 48),
        (12, 52),
        (14, 36),
        (14, 47),
        (14, 48),
        (14, 52),
        (16, 42),
        (16, 48),
        (16, 52),
    ];
    prop_oneof![
        3 => Just(x86(4)),
        3 => Just(x86(5)),
        5 => proptest::sample::select(&ARM64[..]).prop_map(|(shift, bits)| arm64(shift, bits)),
    ]
}
