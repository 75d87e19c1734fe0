// SPDX-License-Identifier: GPL-2.0

//! What the page tables of a process cost, and how full they are.

use super::{
    addr::Halves,
    pgtable::{
        Kind,
        Level,
        Paging, //
    },
    range::Found,
    text::Line, //
};

/// The size of an entry, in bytes: those of every level are words.
const ENTRY_SIZE: u64 = 8;

/// What was counted so far, of a way through all mappings by ascending address.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tables {
    /// The number of tables of each level; indexed by [`Level`].
    tables: [u64; 5],
    /// The number of their entries that are not empty.
    used: [u64; 5],
    /// Which table of each level was met last, by its place in the address space.
    last: [Option<u64>; 5],
    /// Tables of ptes that are kept for the time when a huge page is split.
    deposited: u64,
}

impl Tables {
    /// Counts what a step found, and the tables that led to it; `deposits` says whether huge pages
    /// of this mapping have a table of ptes in reserve.
    pub fn count(&mut self, paging: &Paging, found: &Found<'_>, deposits: bool) {
        let mut above: Option<Level> = None;
        for level in Level::ALL {
            if level > paging.top || level < found.level {
                continue;
            }
            // What an entry above covers is the place of one table.
            let place = above.map_or(0, |above| {
                let shift = u32::from(paging.shift[above as usize]);
                found.va.0.checked_shr(shift).unwrap_or(0)
            });
            if self.last[level as usize] != Some(place) {
                self.last[level as usize] = Some(place);
                self.tables[level as usize] += 1;
                if let Some(above) = above {
                    self.used[above as usize] += 1;
                }
            }
            above = Some(level);
        }
        let used = found
            .entries
            .iter()
            .filter(|entry| entry.kind() != Kind::None);
        // CAST: a table has at most 65536 entries.
        let used = used.count() as u64;
        self.used[found.level as usize] += used;
        if deposits && found.level == Level::Pmd {
            self.deposited += used;
        }
    }

    /// Returns the size of the tables of a level, in bytes.
    fn bytes(&self, level: Level, paging: &Paging) -> u64 {
        self.tables[level as usize] * u64::from(paging.entries[level as usize]) * ENTRY_SIZE
    }

    /// Writes the row of a level.
    pub fn row(&self, line: &mut Line<'_>, level: Level, paging: &Paging, halves: &Halves) {
        let tables = self.tables[level as usize];
        let mut entries = u64::from(paging.entries[level as usize]);
        if level == paging.top {
            // The first table may be that of the kernel's half, too.
            let bits = halves
                .user_bits
                .saturating_sub(u32::from(paging.shift[level as usize]));
            entries = entries.min(1u64.checked_shl(bits).unwrap_or(u64::MAX));
        }
        line.put(level.as_str().as_bytes()).put_byte(b' ');
        line.dec(tables).put_byte(b' ');
        line.dec(tables * entries).put_byte(b' ');
        line.dec(self.used[level as usize]).put_byte(b' ');
        line.dec(self.bytes(level, paging) >> 10).end();
    }

    /// Writes the totals of the last line.
    pub fn put(&self, line: &mut Line<'_>, paging: &Paging) {
        let levels = || Level::ALL.into_iter().filter(|level| *level <= paging.top);
        // What the kernel charges a process for: neither its first table nor those of p4d.
        let charged = levels().filter(|level| *level < paging.top && *level < Level::P4d);
        let bytes: u64 = charged.map(|level| self.bytes(level, paging)).sum();
        let deposited = self.deposited << paging.shift[Level::Pte as usize];
        // CAST: there are five levels.
        line.put(b" rows=").dec(levels().count() as u64);
        line.put(b" tables=").dec(self.tables.iter().sum());
        line.put(b" kb=").dec(bytes >> 10);
        line.put(b" deposited_kb=").dec(deposited >> 10);
    }
}

/// Writes the header.
pub fn header(line: &mut Line<'_>) {
    line.put(b"LEVEL TABLES ENTRIES USED SIZE_KB").end();
}
