// SPDX-License-Identifier: GPL-2.0

//! Page tables over a range of addresses, a table at a time.

use super::pgtable::{
    flags,
    Entry,
    Kind,
    Level,
    PageTables,
    Paging, //
};

/// How often a step starts again when the tables change under it.
const TRIES: usize = 8;

/// The most entries that a step reads: those of a table.
pub const STEP_ENTRIES: usize = 512;

/// Page tables of which many entries can be read at once.
pub trait BulkTables: PageTables {
    /// Reads the entries of `table` for `va` and the addresses above it, as many as `entries` has
    /// room for and the table has; returns how many. `None` if they cannot be read.
    fn read_many(&self, table: Self::Table, va: u64, entries: &mut [Entry]) -> Option<usize>;
}

/// What one step found: entries side by side in one table, none of them a table.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The address that the step began at; it may be inside the first entry.
    pub va: u64,
    /// The last address that the step may speak of.
    pub last: u64,
    /// The level of the entries.
    pub level: Level,
    /// How many bytes of address space an entry covers.
    pub span: u64,
    /// The permissions that all levels above allow.
    pub perm: u32,
    /// The entries.
    pub entries: &'a [Entry],
}

/// A piece of a range: what one entry says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The first address.
    pub start: u64,
    /// The last address, inclusive.
    pub last: u64,
    /// What kind of entry it is.
    pub kind: Kind,
    /// The level of the entry.
    pub level: Level,
    /// Leaf: the physical address of `start`.
    pub pa: u64,
    /// Leaf: the size of the page is `1 << shift` bytes.
    pub shift: u8,
    /// Leaf: the bits of [`flags::PERM`] that every level allows.
    pub perm: u32,
    /// Leaf: the other bits of [`flags`].
    pub flags: u32,
}

impl Piece {
    /// Returns the size in bytes; 0 stands for all 2^64.
    pub fn size(&self) -> u64 {
        (self.last - self.start).wrapping_add(1)
    }

    /// Returns whether a physical page other than a zero page stands behind it.
    pub fn is_present(&self) -> bool {
        self.kind == Kind::Leaf && self.flags & flags::ZERO == 0
    }

    /// Returns whether a zero page stands behind it.
    pub fn is_zero(&self) -> bool {
        self.kind == Kind::Leaf && self.flags & flags::ZERO != 0
    }
}

impl Found<'_> {
    /// Returns the first address that the step says nothing of; `None` at the very end.
    pub fn next(&self) -> Option<u64> {
        let base = self.va & !(self.span - 1);
        // CAST: a table has at most 65536 entries.
        base.checked_add(self.span.checked_mul(self.entries.len() as u64)?)
    }

    /// Returns the pieces of the range, clipped to it, in ascending order.
    pub fn pieces(&self) -> impl Iterator<Item = Piece> + '_ {
        let base = self.va & !(self.span - 1);
        (0u64..)
            .zip(self.entries)
            .filter_map(move |(number, entry)| {
                let first = base.checked_add(number.checked_mul(self.span)?)?;
                let start = first.max(self.va);
                let last = (first + (self.span - 1)).min(self.last);
                (start <= last).then(|| Piece {
                    start,
                    last,
                    kind: entry.kind(),
                    level: self.level,
                    pa: entry.target.wrapping_add(start - first),
                    shift: entry.page_shift,
                    perm: self.perm & entry.flags,
                    flags: entry.flags & !flags::PERM,
                })
            })
    }
}

/// Finds what is behind `va` and the addresses above it, up to `last`, as far as one table says.
///
/// At least the piece of `va` itself is found. `None` if the tables kept changing.
pub fn step<'a, T: BulkTables>(
    tables: &T,
    va: u64,
    last: u64,
    buffer: &'a mut [Entry],
) -> Option<Found<'a>> {
    for _ in 0..TRIES {
        if let Some((level, perm, count)) = step_once(tables, va, last, buffer) {
            return Some(Found {
                va,
                last,
                level,
                span: tables.paging().span(level),
                perm,
                entries: buffer.get(..count)?,
            });
        }
    }
    None
}

fn step_once<T: BulkTables>(
    tables: &T,
    va: u64,
    last: u64,
    buffer: &mut [Entry],
) -> Option<(Level, u32, usize)> {
    let paging = tables.paging();
    let mut above: [Option<(T::Table, Entry)>; 5] = [None; 5];
    let mut perm = flags::PERM;
    let mut level = paging.top;
    let mut table = tables.root();

    // Down to the table whose entry for `va` leads to no other.
    while let Some(below) = level.below() {
        let reading = tables.read(table, va)?;
        if reading.entry.kind() != Kind::Table {
            break;
        }
        perm &= reading.entry.flags;
        above[level as usize] = Some((table, reading.entry));
        table = reading.next?;
        level = below;
    }

    let wanted = entries_until(paging, level, va, last).min(buffer.len());
    let read = tables.read_many(table, va, buffer.get_mut(..wanted)?)?;
    // The last entries were read before these: they must still lead here.
    for (table, entry) in above.iter().flatten() {
        if !tables.read(*table, va)?.entry.leads_like(entry) {
            return None;
        }
    }
    let count = buffer
        .iter()
        .take(read)
        .take_while(|entry| !matches!(entry.kind(), Kind::Table | Kind::Bad))
        .count();
    (count > 0).then_some((level, perm, count))
}

/// Returns how many entries of a level lie between `va` and `last`, both included.
fn entries_until(paging: &Paging, level: Level, va: u64, last: u64) -> usize {
    let shift = u32::from(paging.shift[level as usize]);
    let first = va.checked_shr(shift).unwrap_or(0);
    let end = last.checked_shr(shift).unwrap_or(0);
    usize::try_from(end.saturating_sub(first)).map_or(usize::MAX, |count| count.saturating_add(1))
}
