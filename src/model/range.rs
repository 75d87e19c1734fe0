// SPDX-License-Identifier: GPL-2.0

//! Page tables over a range of addresses, a table at a time.

use super::{
    pgtable::{
        flags,
        Entry,
        Kind,
        Level,
        PageTables,
        Paging, //
    },
    walk::Down, //
    PhysAddr,
    VirtAddr,
};

/// How often a table is read again when the tables above change meanwhile.
const TRIES: usize = 8;

/// How many tables a step leaves out at most: some ten thousand entries are looked at in
/// microseconds.
const LEFT_OUT: usize = 15;

/// The most entries that a step reads: those of a table with pages of 4K; a larger table takes
/// several steps.
pub const STEP_ENTRIES: usize = 512;

/// Page tables of which many entries can be read at once.
pub trait BulkTables: PageTables {
    /// Reads the entries of `table` for `va` and the addresses above it, as many as `entries` has
    /// room for and the table has, but none from the first on that points to a table or is bad.
    ///
    /// Their values are not needed. `None` if they cannot be read.
    fn read_many(&self, table: Self::Table, va: VirtAddr, entries: &mut [Entry]) -> Option<Many>;

    /// Returns whether one of the `count` entries of `table`, a table of ptes, for `va` and the
    /// addresses above it may point to the page that contains `pa`; a fast check before
    /// [`BulkTables::read_many`], where there is one.
    fn may_point_to(
        &self,
        _table: Self::Table,
        _va: VirtAddr,
        _count: usize,
        _pa: PhysAddr,
    ) -> bool {
        true
    }
}

/// How many entries were read: first some that are empty, then those that were written down.
#[derive(Clone, Copy, Debug, Default)]
pub struct Many {
    /// How many are empty, and written down nowhere: in sparse memory most of them.
    pub empty: usize,
    /// How many were written after that.
    pub written: usize,
}

/// Returns how many entries there are before the first that points to a table or is bad.
pub fn before_table(entries: &[Entry]) -> usize {
    let ends = |entry: &&Entry| !matches!(entry.kind(), Kind::Table | Kind::Bad);
    entries.iter().take_while(ends).count()
}

/// What one step found: entries side by side in one table, none of them a table.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The address that the step began at; it may be inside the first entry.
    pub va: VirtAddr,
    /// The last address that the step may speak of.
    pub last: VirtAddr,
    /// The level of the entries.
    pub level: Level,
    /// How many bytes of address space an entry covers.
    pub span: u64,
    /// The permissions that all levels above allow.
    pub perm: u32,
    /// How many entries it is about.
    pub count: usize,
    /// How many of them are empty, before `entries`.
    pub empty: usize,
    /// The others; none if a page was wanted that none of them points to.
    pub entries: &'a [Entry],
}

/// A piece of a range: what one entry says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The first address.
    pub start: VirtAddr,
    /// The last address, inclusive.
    pub last: VirtAddr,
    /// What kind of entry it is.
    pub kind: Kind,
    /// The level of the entry.
    pub level: Level,
    /// Leaf: the physical address of `start`.
    pub pa: PhysAddr,
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

    /// Returns whether a physical page other than a zero page is mapped there.
    pub fn is_present(&self) -> bool {
        self.kind == Kind::Leaf && self.flags & flags::ZERO == 0
    }

    /// Returns whether a zero page is mapped there.
    pub fn is_zero(&self) -> bool {
        self.kind == Kind::Leaf && self.flags & flags::ZERO != 0
    }
}

impl Found<'_> {
    /// Returns the first address that the step says nothing of; `None` at the very end.
    pub fn next(&self) -> Option<VirtAddr> {
        // CAST: a table has at most 65536 entries.
        let size = self.span.checked_mul(self.count as u64)?;
        self.base().0.checked_add(size).map(VirtAddr)
    }

    /// Returns the address that the first entry covers first.
    fn base(&self) -> VirtAddr {
        VirtAddr(self.va.0 & !(self.span - 1))
    }

    /// Returns the address of the first of `entries`.
    pub fn first(&self) -> VirtAddr {
        // CAST: a table has at most 65536 entries, which span less than 2^64 bytes.
        self.base()
            .wrapping_add(self.span.wrapping_mul(self.empty as u64))
    }

    /// Returns the pieces of the range, clipped to it, in ascending order.
    ///
    /// Entries that say the same of memory side by side are one piece.
    pub fn pieces(&self) -> Pieces<'_> {
        Pieces {
            found: self,
            last: Entry::default(),
            empty: self.empty > 0,
            first: self.base(),
            entries: self.entries,
        }
    }
}

/// The pieces of what a step found: see [`Found::pieces`].
pub struct Pieces<'a> {
    found: &'a Found<'a>,
    /// The first entry of the last piece.
    last: Entry,
    /// Whether the empty entries are left.
    empty: bool,
    /// The address of the first of the entries that are left.
    first: VirtAddr,
    /// The entries that are left.
    entries: &'a [Entry],
}

impl<'a> Pieces<'a> {
    /// Takes some entries off the front.
    #[inline]
    fn take(&mut self, count: usize) -> &'a [Entry] {
        let (taken, rest) = self.entries.split_at_checked(count).unwrap_or_default();
        self.entries = rest;
        // CAST: a table has at most 65536 entries, which span less than 2^64 bytes.
        self.first = self
            .first
            .wrapping_add(self.found.span.wrapping_mul(taken.len() as u64));
        taken
    }

    /// Takes the entries of pages that follow the last piece, a page, and differ from it only in
    /// where they are in memory. Only those that lie in the range as a whole.
    pub fn take_alike(&mut self) -> &'a [Entry] {
        let left = self.found.last.0.wrapping_sub(self.first.0).wrapping_add(1);
        // A span is a power of two.
        let whole = left.wrapping_shr(self.found.span.trailing_zeros());
        let alike = self
            .entries
            .iter()
            .take(usize::try_from(whole).unwrap_or(usize::MAX))
            .take_while(|entry| entry.is_like(&self.last))
            .count();
        self.take(alike)
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    #[inline]
    fn next(&mut self) -> Option<Piece> {
        let Pieces {
            found,
            empty,
            first,
            entries,
            ..
        } = *self;
        let entry = if empty {
            self.empty = false;
            self.first = found.first();
            Entry::default()
        } else {
            let entry = entries.first()?;
            self.take(entry.alike(entries, found.span));
            *entry
        };
        self.last = entry;
        let start = first.max(found.va);
        let last = VirtAddr(self.first.0.wrapping_sub(1)).min(found.last);
        (start <= last).then_some(Piece {
            start,
            last,
            kind: entry.kind(),
            level: found.level,
            pa: PhysAddr(entry.target).wrapping_add(start - first),
            shift: entry.page_shift,
            perm: found.perm & entry.flags,
            flags: entry.flags & !flags::PERM,
        })
    }
}

impl Entry {
    /// Returns whether this entry of a page equals another, but for the frame that it points to.
    #[inline]
    fn is_like(&self, other: &Entry) -> bool {
        // These fields are side by side in memory, so that this is one comparison.
        let rest = |entry: &Entry| {
            u64::from(entry.flags)
                | (u64::from(entry.raw_kind) << 32)
                | (u64::from(entry.page_shift) << 40)
                | (u64::from(entry.swap_type) << 48)
        };
        rest(self) == rest(other)
    }

    /// Returns how many of `entries`, of which this is the first, say the same of memory side by
    /// side; each is about `span` bytes.
    #[inline]
    fn alike(&self, entries: &[Entry], span: u64) -> usize {
        let rest = entries.get(1..).unwrap_or(&[]);
        let alike = if self.kind() == Kind::Leaf {
            let mut target = self.target;
            rest.iter()
                .take_while(|entry| {
                    target = target.wrapping_add(span);
                    entry.target == target && entry.is_like(self)
                })
                .count()
        } else {
            rest.iter()
                .take_while(|entry| entry.raw_kind == self.raw_kind)
                .count()
        };
        alike + 1
    }
}

/// Finds what `va` and the addresses above it map to, up to `last`, as far as one table says.
///
/// At least the piece of `va` itself is found. `None` if the tables kept changing. Where the
/// physical address `wanted` is given, other pages may be left out, and a few tables that do not
/// point to it at all.
pub fn step<'a, T: BulkTables>(
    tables: &T,
    mut va: VirtAddr,
    last: VirtAddr,
    wanted: Option<PhysAddr>,
    buffer: &'a mut [Entry],
) -> Option<Found<'a>> {
    let (mut tries, mut left_out) = (TRIES, 0);
    loop {
        let Some((found, written)) = step_once(tables, va, last, wanted, buffer) else {
            tries -= 1;
            if tries == 0 {
                return None;
            }
            continue;
        };
        let next = found.next().filter(|next| *next <= last);
        match next.filter(|_| wanted.is_some() && written == 0 && left_out < LEFT_OUT) {
            Some(next) => {
                va = next;
                left_out += 1;
                tries = TRIES;
            }
            None => {
                let entries = buffer.get(..written)?;
                return Some(Found { entries, ..found });
            }
        }
    }
}

/// Makes a step, and returns with it how many entries were written.
#[inline]
fn step_once<T: BulkTables>(
    tables: &T,
    va: VirtAddr,
    last: VirtAddr,
    wanted: Option<PhysAddr>,
    buffer: &mut [Entry],
) -> Option<(Found<'static>, usize)> {
    let paging = tables.paging();
    let mut down = Down::below(tables, va);
    down.descend(tables, va, Level::Pmd, None)?;
    let (table, level, perm) = (down.table, down.level, down.perm);
    let count = entries_until(paging, level, va, last)
        .min(paging.entries_from(level, paging.index(level, va)))
        .min(buffer.len());
    let many = match wanted {
        Some(pa) if level == Level::Pte && !tables.may_point_to(table, va, count, pa) => None,
        _ => Some(tables.read_many(table, va, buffer.get_mut(..count)?)?),
    };
    // The entries above were read before these: they must still point here.
    down.check(tables, va)?;
    let count = many.map_or(count, |many| many.empty + many.written);
    let Many { empty, written } = many.unwrap_or_default();
    let found = Found {
        va,
        last,
        level,
        span: paging.span(level),
        perm,
        count,
        empty,
        entries: &[],
    };
    (count > 0).then_some((found, written))
}

/// Returns how many entries of a level lie between `va` and `last`, both included.
fn entries_until(paging: &Paging, level: Level, va: VirtAddr, last: VirtAddr) -> usize {
    let shift = u32::from(paging.shift[level as usize]);
    let first = va.0.checked_shr(shift).unwrap_or(0);
    let end = last.0.checked_shr(shift).unwrap_or(0);
    usize::try_from(end.saturating_sub(first)).map_or(usize::MAX, |count| count.saturating_add(1))
}
