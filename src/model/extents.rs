// SPDX-License-Identifier: GPL-2.0

//! Physically contiguous runs.

use super::{
    answer::{
        page_size,
        put_flags,
        put_page_size,
        put_perm, //
    },
    pgtable::{
        flags,
        Entry,
        Paging, //
    },
    question::Part,
    range::{
        Found,
        Piece, //
    },
    text::{
        Kept,
        Line, //
    },
    PhysAddr,
    VirtAddr, //
};

/// The flags that a row shows, and that begin a new one where they change.
const SHOWN: u32 = flags::SPECIAL | flags::ZERO | flags::PROTNONE | flags::HUGETLB | flags::UFFD;

/// A row in progress: contiguous in virtual and in physical memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The first address.
    pub start: VirtAddr,
    /// The last address, inclusive.
    pub last: VirtAddr,
    /// The physical address of `start`.
    pub pa: PhysAddr,
    /// The size of the pages is `1 << shift` bytes.
    pub shift: u8,
    /// The permissions over all levels.
    pub perm: u32,
    /// The flags that are shown.
    pub flags: u32,
}

impl Extent {
    /// Returns the extent of one piece, if there is a page behind it.
    fn of(piece: &Piece) -> Option<Self> {
        (piece.is_present() || piece.is_zero()).then_some(Extent {
            start: piece.start,
            last: piece.last,
            pa: piece.pa,
            shift: piece.shift,
            perm: piece.perm,
            flags: piece.flags & SHOWN,
        })
    }

    /// Returns whether `next` continues this extent.
    fn goes_on_with(&self, next: &Extent) -> bool {
        let zeros = self.flags & next.flags & flags::ZERO != 0;
        self.last.wrapping_add(1) == next.start
            && (zeros || self.pa.wrapping_add(next.start - self.start) == next.pa)
            && self.shift == next.shift
            && self.perm == next.perm
            && self.flags == next.flags
    }

    /// Writes the header of `extents`.
    pub fn header(line: &mut Line<'_>) {
        line.put(b"START END SIZE_KB PA PAGE PERM FLAGS").end();
    }

    /// Writes the row; `last` is of the row before, and for the next one.
    pub fn row(&self, line: &mut Line<'_>, last: &mut LastRow) {
        let (start, end) = (self.start.0, self.last.0.saturating_add(1));
        last.address.put(line, start, |line| _ = line.hex(start));
        line.put_byte(b' ');
        last.address.put_new(line, end, |line| _ = line.hex(end));
        line.put_byte(b' ')
            .dec(((self.last - self.start) >> 10).saturating_add(1))
            .put_byte(b' ')
            .hex(self.pa.0);
        // They have no bits in common.
        let of = (self.perm | self.flags, self.shift);
        last.tail.put(line, of, |line| {
            line.put_byte(b' ');
            put_page_size(line, self.shift);
            line.put_byte(b' ');
            put_perm(line, self.perm);
            line.put_byte(b' ');
            put_flags(line, self.flags);
            line.end();
        });
    }
}

/// What the last row said: most others begin where it ends, and say the same after the address.
#[derive(Clone, Copy, Debug)]
pub struct LastRow {
    address: Kept<u64, 18>,
    tail: Kept<(u32, u8), 24>,
}

/// That of no row.
impl Default for LastRow {
    fn default() -> Self {
        LastRow {
            address: Kept::EMPTY,
            tail: Kept::EMPTY,
        }
    }
}

/// What a whole answer adds up to, in bytes unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many rows.
    pub rows: u64,
    /// How many physically contiguous runs, whatever their pages, permissions and mappings.
    pub runs: u64,
    /// Memory with a page behind it, zero pages not counted.
    pub present: u64,
    /// Memory with a zero page behind it.
    pub zero: u64,
    /// The size of the largest run.
    pub largest: u64,
    /// Of `present`, what is in pages of each size; indexed as [`PAGE_SIZES`].
    pub by_size: [u64; PAGE_SIZES.len()],
}

/// The sizes of pages of all shapes of page tables, as a shift and a name.
pub const PAGE_SIZES: [(u8, &str); 8] = [
    (12, "4k"),
    (14, "16k"),
    (16, "64k"),
    (21, "2m"),
    (25, "32m"),
    (29, "512m"),
    (30, "1g"),
    (34, "16g"),
];

/// No rows are wanted.
pub const NO_ROWS: Option<fn(&Extent) -> bool> = None;

/// Makes rows and totals out of pieces that come in ascending order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extents {
    row: Option<Extent>,
    /// The run that may continue: its last address, the physical address after it, and its size.
    run: Option<(VirtAddr, PhysAddr, u64)>,
    /// What was seen so far.
    pub totals: Totals,
}

impl Extents {
    /// Takes a piece, and returns a row that it completes.
    #[inline]
    pub fn push(&mut self, piece: &Piece) -> Option<Extent> {
        self.count(piece);
        let Some(next) = Extent::of(piece) else {
            return self.finish();
        };
        match &mut self.row {
            Some(row) if row.goes_on_with(&next) => {
                row.last = next.last;
                None
            }
            row => {
                self.totals.rows += 1;
                row.replace(next)
            }
        }
    }

    /// Takes what a step found. Each row that it completes goes to `each`, if rows are wanted; where
    /// that returns `false`, what begins the next row is taken last. Returns the last address that
    /// was taken.
    #[inline]
    pub fn push_all(
        &mut self,
        found: &Found<'_>,
        mut each: Option<impl FnMut(&Extent) -> bool>,
    ) -> VirtAddr {
        let mut reached = found.va;
        let mut goes_on = true;
        let mut pieces = found.pieces();
        while let Some(piece) = pieces.next().filter(|_| goes_on) {
            let row = self.push(&piece);
            if let (Some(row), Some(each)) = (row, &mut each) {
                goes_on = each(&row);
            }
            reached = piece.last;
            if goes_on && piece.is_present() {
                let pages = pieces.take_alike();
                (reached, goes_on) = self.push_alike(&piece, found.span, pages, each.as_mut());
            }
        }
        reached
    }

    /// Takes pages that follow `piece`, which was just taken, and differ from it only in where they
    /// are in memory; `each` and what is returned as for [`Extents::push_all`], and whether to go on.
    ///
    /// Most pages of a process are alike, so this spends a few instructions on each; without rows
    /// it has no branches.
    #[inline(always)]
    pub fn push_alike(
        &mut self,
        piece: &Piece,
        span: u64,
        pages: &[Entry],
        mut each: Option<impl FnMut(&Extent) -> bool>,
    ) -> (VirtAddr, bool) {
        let (Some(row), Some((_, pa, size))) = (&mut self.row, self.run) else {
            return (piece.last, true);
        };
        let (mut next, mut size, mut largest) = (pa, size, 0);
        let mut breaks = 0u64;
        let first = piece.last.wrapping_add(1);
        let (mut start, mut begin) = (first, row.start);
        // A row's address, given where it and its frames end.
        let pa = |begin: VirtAddr, end: VirtAddr, next: PhysAddr| {
            PhysAddr(next.0.wrapping_sub(end.0.wrapping_sub(begin.0)))
        };
        let mut goes_on = true;
        for page in pages {
            if page.target == next.0 {
                size = span.wrapping_add(size);
            } else {
                breaks = breaks.wrapping_add(1);
                if let Some(each) = &mut each {
                    goes_on = each(&Extent {
                        start: begin,
                        last: VirtAddr(start.0.wrapping_sub(1)),
                        pa: pa(begin, start, next),
                        ..*row
                    });
                }
                begin = start;
                largest = size.max(largest);
                size = span;
            }
            start = start.wrapping_add(span);
            next = PhysAddr(page.target).wrapping_add(span);
            if !goes_on {
                break;
            }
        }
        (row.start, row.pa) = (begin, pa(begin, start, next));
        let reached = VirtAddr(start.0.wrapping_sub(1));
        row.last = reached;
        self.run = Some((reached, next, size));

        let totals = &mut self.totals;
        let bytes = start.0.wrapping_sub(first.0);
        totals.rows += breaks;
        totals.runs += breaks;
        totals.present += bytes;
        totals.largest = totals.largest.max(largest).max(size);
        if let Some(sum) = totals.of_size(piece.shift) {
            *sum += bytes;
        }
        (reached, goes_on)
    }

    /// Returns the last row, after the last piece.
    pub fn finish(&mut self) -> Option<Extent> {
        self.row.take()
    }

    fn count(&mut self, piece: &Piece) {
        let totals = &mut self.totals;
        if piece.is_zero() {
            totals.zero += piece.size();
        }
        if !piece.is_present() {
            self.run = None;
            return;
        }
        let size = piece.size();
        totals.present += size;
        if let Some(sum) = totals.of_size(piece.shift) {
            *sum += size;
        }
        let so_far = match self.run {
            Some((last, pa, so_far)) if last.wrapping_add(1) == piece.start && pa == piece.pa => {
                so_far
            }
            _ => {
                totals.runs += 1;
                0
            }
        };
        let run = so_far + size;
        totals.largest = totals.largest.max(run);
        self.run = Some((piece.last, piece.pa.wrapping_add(size), run));
    }
}

/// More orders than folios have.
const ORDERS: usize = 32;

/// Of present memory, what is in folios of each size, in bytes; indexed by their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folios([u64; ORDERS]);

impl Folios {
    /// Counts memory that belongs to folios of `1 << order` pages.
    pub fn add(&mut self, order: u32, bytes: u64) {
        if let Some(sum) = self.0.get_mut(order as usize) {
            *sum = sum.saturating_add(bytes);
        }
    }

    /// Writes the sizes that occur as `folio_64k_kb=…`.
    pub fn put(&self, line: &mut Line<'_>, page_shift: u8) {
        for (shift, bytes) in (page_shift..).zip(self.0) {
            if bytes > 0 {
                let (number, unit) = page_size(shift);
                line.put(b" folio_").dec(number);
                line.put_byte(unit.to_ascii_lowercase());
                line.put(b"_kb=").dec(bytes >> 10);
            }
        }
    }
}

/// Writes the nodes that occur as `node0_kb=…`, given how many bytes each has.
pub fn put_nodes(line: &mut Line<'_>, nodes: &[u64]) {
    for (node, bytes) in (0u64..).zip(nodes) {
        if *bytes > 0 {
            line.put(b" node").dec(node).put(b"_kb=").dec(bytes >> 10);
        }
    }
}

/// No node's key and value are longer.
pub const NODE_MAX: usize = 40;

impl Totals {
    /// Returns the sum of the pages of a size.
    fn of_size(&mut self, shift: u8) -> Option<&mut u64> {
        let place = PAGE_SIZES.iter().position(|(size, _)| *size == shift)?;
        self.by_size.get_mut(place)
    }

    /// Writes the totals of a part of memory as `key=value`. Only of a range it is known how much of
    /// it is neither page nor zero page.
    pub fn put(&self, line: &mut Line<'_>, part: Part, paging: &Paging) {
        let kb = |line: &mut Line<'_>, key: &str, bytes: u64| {
            line.put(key.as_bytes()).dec(bytes >> 10);
        };
        let range = match part {
            // A range of all 2^64 addresses cannot be asked for: it lies in one half.
            Part::Range(start, last) => Some(last - start + 1),
            Part::Whole | Part::At(_) => {
                line.put(b" start=- end=-");
                None
            }
        };
        line.put(b" rows=").dec(self.rows);
        line.put(b" runs=").dec(self.runs);
        kb(line, " kb=", self.present);
        match range {
            Some(range) => kb(line, " hole_kb=", range - self.present - self.zero),
            None => {
                line.put(b" hole_kb=-");
            }
        }
        kb(line, " zero_kb=", self.zero);
        kb(line, " largest_kb=", self.largest);
        for ((shift, name), bytes) in PAGE_SIZES.iter().zip(self.by_size) {
            // What an entry of pte, pmd and pud covers is always shown, other sizes where they occur.
            if bytes > 0 || paging.shift.iter().take(3).any(|covers| covers == shift) {
                line.put(b" kb_").put(name.as_bytes());
                kb(line, "=", bytes);
            }
        }
    }
}
