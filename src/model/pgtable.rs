// SPDX-License-Identifier: GPL-2.0

//! Page tables as a walk sees them: levels, geometry, decoded entries.
//!
//! No bit of a real entry is known here. The kernel's own accessors decode entries (see
//! `src/helpers/helpers.c`); what comes back is an [`Entry`].

use super::{
    words::words,
    PhysAddr,
    VirtAddr, //
};

/// A level of the page tables, counted from the page up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Page table entries: pages of the base size.
    Pte = 0,
    /// Page middle directory.
    Pmd = 1,
    /// Page upper directory.
    Pud = 2,
    /// The fourth level, folded into the pgd by 4-level paging.
    P4d = 3,
    /// Page global directory.
    Pgd = 4,
}

impl Level {
    /// All levels, from the top down.
    pub const ALL: [Level; 5] = [Level::Pgd, Level::P4d, Level::Pud, Level::Pmd, Level::Pte];

    /// Their names, by [`Level`].
    pub const NAMES: [&str; 5] = ["pte", "pmd", "pud", "p4d", "pgd"];

    /// Returns the name that an answer prints.
    pub fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Returns the level with a number that is one of theirs.
    #[inline]
    pub fn from_number(number: u32) -> Level {
        let place = (Level::Pgd as usize).wrapping_sub(number as usize);
        Self::ALL.get(place).copied().unwrap_or(Level::Pgd)
    }

    /// Returns the level below, if any.
    pub fn below(self) -> Option<Level> {
        let place = Level::Pgd as usize - self as usize;
        Self::ALL.get(place + 1).copied()
    }
}

/// The shape of the page tables in the paging mode that the machine runs; it begins as
/// `struct memintro_shape`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Paging {
    /// How many address bits an entry of each level covers; indexed by [`Level`].
    pub shift: [u8; 5],
    /// How many entries a table of each level has, a power of two; indexed by [`Level`].
    pub entries: [u16; 5],
    /// The level of the first table. The levels above it are folded: they have no table.
    pub top: Level,
}

impl Paging {
    /// Returns how many bytes of address space an entry of `level` covers.
    pub fn span(&self, level: Level) -> u64 {
        1u64.checked_shl(u32::from(self.shift[level as usize]))
            .unwrap_or(0)
    }

    /// Returns how many entries a table of `level` has from `index` on.
    pub fn entries_from(&self, level: Level, index: usize) -> usize {
        usize::from(self.entries[level as usize]).saturating_sub(index)
    }

    /// Returns which entry of a table of `level` belongs to `va`.
    pub fn index(&self, level: Level, va: VirtAddr) -> usize {
        let index =
            va.0.checked_shr(u32::from(self.shift[level as usize]))
                .unwrap_or(0);
        // CAST: the mask leaves at most 16 bits.
        (index & u64::from(self.entries[level as usize].saturating_sub(1))) as usize
    }
}

words! {
    /// What an entry is, in the order of `enum memintro_kind`.
    pub enum Kind {
        /// Empty.
        None = "none",
        /// Points to a table of the level below.
        Table = "table",
        /// Maps a page, even if the processor may not use it now.
        Leaf = "page",
        /// The page is in swap.
        Swap = "swap",
        /// The page is being moved.
        Migration = "migration",
        /// The page is private or exclusive to a device.
        Device = "device",
        /// The page's memory has failed.
        HwPoison = "hwpoison",
        /// A marker of `UFFDIO_POISON`.
        Poison = "poison",
        /// A guard marker.
        Guard = "guard",
        /// A marker of userfaultfd's write protection.
        Uffd = "uffd",
        /// None of these: an entry that is being changed, or damaged.
        Bad = "bad",
    }
}

/// Flags of an entry: what the page tables allow, and what they note.
///
/// The values are those of `enum memintro_flag` in `src/helpers/helpers.h`.
pub mod flags {
    /// May be read.
    pub const READ: u32 = 1 << 0;
    /// May be written.
    pub const WRITE: u32 = 1 << 1;
    /// May be executed.
    pub const EXEC: u32 = 1 << 2;
    /// Belongs to user space.
    pub const USER: u32 = 1 << 3;
    /// The permissions together.
    pub const PERM: u32 = READ | WRITE | EXEC | USER;
    /// The first of the flags that have a name of their own, in the order of [`NAMES`].
    pub const FIRST: u32 = 4;
    /// The processor has used it.
    pub const ACCESSED: u32 = 1 << 4;
    /// The processor has written through it.
    pub const DIRTY: u32 = 1 << 5;
    /// Written since the soft-dirty bits were cleared.
    pub const SOFT_DIRTY: u32 = 1 << 6;
    /// Not executable at this level.
    pub const NX: u32 = 1 << 7;
    /// Survives a switch of address spaces in the TLB.
    pub const GLOBAL: u32 = 1 << 8;
    /// A mapping without reference counting.
    pub const SPECIAL: u32 = 1 << 9;
    /// The zero page, or the huge zero page.
    pub const ZERO: u32 = 1 << 10;
    /// Unusable by the processor, by PROT_NONE or as a NUMA hint.
    pub const PROTNONE: u32 = 1 << 11;
    /// Watched by userfaultfd.
    pub const UFFD: u32 = 1 << 12;
    /// A hugetlb page.
    pub const HUGETLB: u32 = 1 << 13;
    /// One of a contiguous block that the TLB may cache as one entry.
    pub const CONTIGUOUS: u32 = 1 << 14;
    /// The type of memory that an entry asks for: 0, or the place of its name in [`CACHES`].
    pub const CACHE: u32 = 15 << CACHE_SHIFT;
    /// Where [`CACHE`] begins.
    pub const CACHE_SHIFT: u32 = 16;
    /// The names of the types of memory, numbered as in `enum memintro_cache`.
    pub const CACHES: [&str; 11] = [
        "-", "wb", "wc", "uc-", "uc", "wt", "wp", "normal", "nc", "device", "tagged",
    ];
    /// The protection key, of entries that have [`HAS_PKEY`].
    pub const PKEY: u32 = 15 << PKEY_SHIFT;
    /// Where [`PKEY`] begins.
    pub const PKEY_SHIFT: u32 = 20;
    /// The processor heeds protection keys, and the entry is a user's.
    pub const HAS_PKEY: u32 = 1 << 24;
    /// The names of the flags from [`ACCESSED`] on.
    pub const NAMES: [&str; 11] = [
        "accessed",
        "dirty",
        "soft-dirty",
        "nx",
        "global",
        "special",
        "zero",
        "protnone",
        "uffd",
        "hugetlb",
        "contiguous",
    ];
}

/// A decoded entry of a page table; the layout is that of `struct memintro_entry`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Entry {
    /// The raw value in memory.
    pub value: u64,
    /// Leaf and table: the physical address it points to. Swap: the offset in the swap area.
    pub target: u64,
    /// The bits of [`flags`].
    pub flags: u32,
    /// The number of its [`Kind`].
    pub raw_kind: u8,
    /// Leaf: the size of its page is `1 << page_shift` bytes.
    pub page_shift: u8,
    /// Swap: the number of the swap area.
    pub swap_type: u16,
}

impl Entry {
    /// Tells what the entry is.
    pub fn kind(&self) -> Kind {
        Kind::ALL
            .get(usize::from(self.raw_kind))
            .copied()
            .unwrap_or(Kind::Bad)
    }

    /// Tells whether two readings of an entry point to the same place with the same permissions.
    ///
    /// Bits that the processor sets on its own, such as accessed, do not count.
    pub fn points_like(&self, other: &Entry) -> bool {
        self.raw_kind == other.raw_kind
            && self.target == other.target
            && (self.flags ^ other.flags) & flags::PERM == 0
    }
}

/// One reading of one entry.
#[derive(Clone, Copy, Debug)]
pub struct Reading<T> {
    /// The kernel address of the entry.
    pub at: VirtAddr,
    /// What it said.
    pub entry: Entry,
    /// The table that it points to, if it is of the kind [`Kind::Table`].
    pub next: Option<T>,
}

/// One level of a walk: the entry that it read there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathEntry {
    /// The level.
    pub level: Level,
    /// Which entry of its table.
    pub index: usize,
    /// The kernel address of the entry.
    pub at: VirtAddr,
    /// What it said.
    pub entry: Entry,
}

/// The way of a walk: the entries that it read, from the top down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// Where the first table is in memory.
    pub root: Option<PhysAddr>,
    entries: [Option<PathEntry>; Level::ALL.len()],
}

impl Path {
    /// Returns the way from the table at `root` through entries, each of another level.
    pub fn new(root: PhysAddr, entries: impl IntoIterator<Item = PathEntry>) -> Self {
        let mut path = Path::default();
        path.set(root, entries);
        path
    }

    /// Makes it the way from the table at `root` through entries, each of another level.
    #[inline]
    pub fn set(&mut self, root: PhysAddr, entries: impl IntoIterator<Item = PathEntry>) {
        self.clear();
        self.root = Some(root);
        entries.into_iter().for_each(|entry| self.note(entry));
    }

    pub(super) fn note(&mut self, entry: PathEntry) {
        self.entries[Level::Pgd as usize - entry.level as usize] = Some(entry);
    }

    /// Returns the entries that were read.
    pub fn iter(&self) -> impl Iterator<Item = &PathEntry> + Clone {
        self.entries.iter().flatten()
    }

    /// Tells whether two walks read the same above the pmds.
    pub(super) fn is_like_above_pmds(&self, other: &Path) -> bool {
        let [pgd, p4d, pud, ..] = &self.entries;
        let [other_pgd, other_p4d, other_pud, ..] = &other.entries;
        self.root == other.root && pud == other_pud && p4d == other_p4d && pgd == other_pgd
    }

    pub(super) fn clear(&mut self) {
        self.root = None;
        self.entries.iter_mut().for_each(|entry| *entry = None);
    }

    /// Tells whether two walks read the same entries.
    pub(super) fn points_like(&self, other: &Path) -> bool {
        let mut pairs = self.entries.iter().zip(&other.entries);
        let same = pairs.all(|pair| match pair {
            (None, None) => true,
            (Some(one), Some(other)) => one.at == other.at && one.entry.points_like(&other.entry),
            _ => false,
        });
        same && self.root == other.root
    }
}

/// Page tables that can be read, one entry at a time.
///
/// A reading may be different each time, and tables may be freed during the walk. An implementation
/// promises that reading never faults, and that a table that it returned stays readable.
pub trait PageTables {
    /// A table at a level that it knows.
    type Table: Copy;

    /// Returns the shape of these tables.
    fn paging(&self) -> &Paging;

    /// Returns the table of the level [`Paging::top`].
    fn root(&self) -> Self::Table;

    /// Goes down from that table through entries for `va` that point to tables which cannot be
    /// freed, as far as it is quick; returns the last such table, its level, and the bits of
    /// [`flags::PERM`] that all these entries allow.
    fn descend(&self, _va: VirtAddr) -> (Self::Table, Level, u32) {
        (self.root(), self.paging().top, flags::PERM)
    }

    /// Finds the entry that ends a walk to `va`, its level, and what all entries above allow, where
    /// that is quick; else the walk reads them one by one.
    ///
    /// Never an entry that is bad, or of a table that was no longer in use when it was read. All
    /// entries are written to `path`, where that is given; without a result, anything.
    fn walk(&self, _va: VirtAddr, _path: Option<&mut Path>) -> Option<(Level, u32, Entry)> {
        None
    }

    /// Returns where in memory that table is.
    fn root_pa(&self) -> PhysAddr;

    /// Reads the entry of `table` that belongs to `va`; `None` if it cannot be read.
    fn read(&self, table: Self::Table, va: VirtAddr) -> Option<Reading<Self::Table>>;

    /// Returns whether a table of this level can be freed while it is read. If so, those of the
    /// levels below can.
    ///
    /// After such a table was read, the entry that pointed to it must be read again. Where this is
    /// `false`, the table stays in its place for as long as `self` exists.
    fn can_be_freed(&self, _level: Level) -> bool {
        true
    }

    /// Reads the entry of `table` that belongs to `va` again, and returns whether it points where
    /// `entry`, an earlier reading, did. `None` if it cannot be read.
    fn still_points_to(&self, table: Self::Table, va: VirtAddr, entry: &Entry) -> Option<bool> {
        Some(self.read(table, va)?.entry.points_like(entry))
    }
}
