// SPDX-License-Identifier: GPL-2.0

//! Values out of bytes, and paging modes that machines have.

use memintro_model::model::{
    addr::Halves,
    pgtable::{Entry, Level, Paging},
};

/// The bytes that are left. Where there are none, everything is 0.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    pub fn bit(&mut self) -> bool {
        self.byte() & 1 != 0
    }

    /// As many bytes, or what is left.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    fn whole(&mut self, bytes: usize) -> u64 {
        (0..bytes).fold(0, |value, _| (value << 8) | u64::from(self.byte()))
    }

    /// A number: small, near the end, near a power of two, or any.
    pub fn number(&mut self) -> u64 {
        let shape = self.byte();
        let near = u64::from(shape & 7);
        match shape >> 3 {
            0..6 => self.byte().into(),
            6..9 => self.whole(2),
            9..12 => u64::MAX - near,
            12..16 => (1 << (self.byte() & 63)) - near.min(1),
            16..24 => self.whole(4) << (self.byte() & 63),
            _ => self.whole(8),
        }
    }

    /// An entry; kinds and targets that mean something are frequent.
    pub fn entry(&mut self) -> Entry {
        let shape = self.byte();
        let raw_kind = match shape & 15 {
            kind @ 0..11 => kind,
            11 => self.byte(),
            // A leaf, or a table.
            more => 1 + (more & 1),
        };
        let target = match shape >> 4 {
            // Side by side with small numbers, so that pages can be neighbours.
            0..8 => u64::from(self.byte()) << 12,
            8..10 => u64::from(self.byte()) << 21,
            10..12 => self.whole(3) << 12,
            _ => self.number(),
        };
        let flags = self.whole(2) as u32;
        Entry {
            value: target | u64::from(flags),
            target,
            flags,
            raw_kind,
            page_shift: [12, 12, 21, 30, 16, flags as u8][usize::from(shape >> 4) % 6],
            swap_type: flags as u16 & 31,
        }
    }
}

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
