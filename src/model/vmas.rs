// SPDX-License-Identifier: GPL-2.0

//! Mappings, and what is behind them.

use super::{
    addr::VirtAddr,
    name::put_name,
    pgtable::{
        Kind,
        Level, //
    },
    range::Piece,
    text::Line, //
};

/// No row is longer, up to its name: two addresses, four letters and six sizes.
pub const ROW_MAX: usize = 168;

/// What is behind a mapping, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behind {
    /// The size of the mapping.
    pub size: u64,
    /// A physical page, zero pages not counted.
    pub present: u64,
    /// The part of `present` behind entries above the pte level.
    pub huge: u64,
    /// A zero page.
    pub zero: u64,
    /// A place in swap.
    pub swap: u64,
    /// No entry: never touched, or freed.
    pub empty: u64,
}

impl Behind {
    /// Counts a piece of the mapping.
    pub fn count(&mut self, piece: &Piece) {
        let size = piece.size();
        self.size += size;
        if piece.is_present() {
            self.present += size;
            if piece.level > Level::Pte {
                self.huge += size;
            }
        } else if piece.is_zero() {
            self.zero += size;
        } else if piece.kind == Kind::Swap {
            self.swap += size;
        } else if piece.kind == Kind::None {
            self.empty += size;
        }
    }

    /// Adds another mapping's.
    pub fn add(&mut self, other: &Behind) {
        self.size += other.size;
        self.present += other.present;
        self.huge += other.huge;
        self.zero += other.zero;
        self.swap += other.swap;
        self.empty += other.empty;
    }

    /// Writes the totals as `key=value`.
    pub fn put(&self, line: &mut Line<'_>) {
        for (key, bytes) in [
            (" size_kb=", self.size),
            (" present_kb=", self.present),
            (" huge_kb=", self.huge),
            (" zero_kb=", self.zero),
            (" swap_kb=", self.swap),
            (" empty_kb=", self.empty),
        ] {
            line.put(key.as_bytes()).dec(bytes >> 10);
        }
    }
}

/// What a mapping allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Perm {
    /// May be read.
    pub read: bool,
    /// May be written.
    pub write: bool,
    /// May be executed.
    pub exec: bool,
    /// Writes are shared (`VM_MAYSHARE`).
    pub shared: bool,
}

/// Writes the header of `vmas`.
pub fn header(line: &mut Line<'_>) {
    line.put(b"START END PERM SIZE_KB PRESENT_KB HUGE_KB ZERO_KB SWAP_KB EMPTY_KB NAME")
        .end();
}

/// Writes a row; of a byte of the name there may be four.
pub fn row(
    line: &mut Line<'_>,
    start: VirtAddr,
    end: VirtAddr,
    perm: Perm,
    behind: &Behind,
    name: &[u8],
) {
    let letter = |set, letter, other| if set { letter } else { other };
    line.hex(start.0)
        .put_byte(b' ')
        .hex(end.0)
        .put_byte(b' ')
        .put(&[
            letter(perm.read, b'r', b'-'),
            letter(perm.write, b'w', b'-'),
            letter(perm.exec, b'x', b'-'),
            letter(perm.shared, b's', b'p'),
        ]);
    for bytes in [
        behind.size,
        behind.present,
        behind.huge,
        behind.zero,
        behind.swap,
        behind.empty,
    ] {
        line.put_byte(b' ').dec(bytes >> 10);
    }
    line.put_byte(b' ');
    put_name(line, name);
    line.end();
}
