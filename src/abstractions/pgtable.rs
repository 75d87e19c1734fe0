// SPDX-License-Identifier: GPL-2.0

//! Page tables of processes.
//!
//! # What keeps a table from being freed while it is read
//!
//! Inside a mapping whose VMA lock or mmap lock is held for reading:
//!
//! - Tables above the ptes stay: they are freed with the mapping, after its locks were taken for
//!   writing, or for addresses outside of it. The exception is a pmd table that hugetlb mappings
//!   share: another process may unshare it at any time, and its last user frees it through RCU.
//! - A table of ptes may be emptied and freed under the locks (`MADV_DONTNEED`), or without them
//!   (khugepaged retracting tables of files): through RCU in both cases. Collapsing anonymous
//!   memory frees a table without RCU, but takes both locks for writing.
//!
//! So [`UserTables`] holds such a lock, and RCU, for as long as it is read, and reads entries of
//! the mapping only. A table that was freed meanwhile still reads as something; the walk in
//! [`crate::model::walk`] notices by reading the entry that pointed to it again; `memintro_walk()`,
//! which does all of a plain walk at once, does the same. The entries further up do not change for as
//! long as the locks are held.
//!
//! `src/helpers/pgtable.c` refuses to be built where tables are not freed through RCU.
//!
//! Nothing here waits, not even for the lock of a mapping.

use super::bindings;
use crate::model::{
    addr::{
        Halves,
        PhysAddr,
        VirtAddr, //
    },
    pgtable::{
        flags,
        Entry,
        Level,
        PageTables,
        Paging,
        Path,
        PathEntry,
        Reading, //
    },
    range::{
        BulkTables,
        Many, //
    },
};
use core::{
    marker::PhantomData,
    mem::MaybeUninit, //
};
use kernel::{
    mm::virt::VmaRef,
    prelude::*,
    sync::{
        rcu,
        SetOnce, //
    },
};

/// Returns the shape of the page tables that this machine runs.
///
/// It never changes, so it is asked for once.
///
/// # Examples
///
/// ```
/// use crate::abstractions::pgtable::paging;
///
/// let (paging, halves) = paging();
/// pr_info!("{} levels, {} bits\n", paging.top as u8 + 1, halves.user_bits);
/// ```
#[inline]
pub(crate) fn paging() -> (Paging, Halves) {
    static SHAPE: SetOnce<(Paging, Halves)> = SetOnce::new();

    SHAPE.copy().unwrap_or_else(|| {
        let shape = read_paging();
        SHAPE.populate(shape);
        shape
    })
}

#[cold]
fn read_paging() -> (Paging, Halves) {
    let mut raw = bindings::memintro_paging::default();
    // SAFETY: The structure may be written.
    unsafe { bindings::memintro_paging(&mut raw) };
    let paging = Paging {
        shift: raw.shift,
        entries: raw.entries,
        top: Level::ALL
            .into_iter()
            .find(|level| *level as u8 == raw.top)
            .unwrap_or(Level::Pgd),
    };
    let halves = Halves {
        user_bits: u32::from(raw.user_bits),
        kernel_bits: u32::from(raw.kernel_bits),
    };
    (paging, halves)
}

/// Strips the tag from an address: of user space as a system call of the current task would, of the
/// kernel as KASAN does.
///
/// # Examples
///
/// ```
/// use crate::{abstractions::pgtable::untagged_addr, model::VirtAddr};
///
/// let va = untagged_addr(VirtAddr(0xff00_5678_0000_1000));
/// ```
#[inline]
pub(crate) fn untagged_addr(va: VirtAddr) -> VirtAddr {
    VirtAddr(bindings::memintro_untagged_addr(va.0))
}

/// Returns the address of an entry of a table: entries of every level are words.
#[inline]
pub(super) fn entry_at(table: *const c_void, index: c_uint) -> VirtAddr {
    // CAST: addresses have 64 bits.
    VirtAddr(table.addr() as u64).wrapping_add(8 * u64::from(index))
}

/// A table, for as long as the [`UserTables`] it was found in holds its locks.
///
/// # Invariants
///
/// `table` points at a table of `level` that stays readable during `'a`.
#[derive(Clone, Copy)]
pub(crate) struct UserTable<'a> {
    level: Level,
    table: *const c_void,
    _lock: PhantomData<&'a rcu::Guard>,
}

/// The page tables behind one mapping.
///
/// # Invariants
///
/// `view` is that of `vma`, and `paging` that of this machine: an index that it gives for a level is
/// one of each table of that level.
///
/// # Examples
///
/// ```
/// use crate::{
///     abstractions::{
///         pgtable::{UserTable, UserTables},
///         vma::{LockVma, Unavailable},
///     },
///     model::{
///         pgtable::PageTables,
///         walk::{walk, Answer, NO_VMA},
///         VirtAddr,
///     },
/// };
/// use kernel::{mm::MmWithUser, sync::rcu};
///
/// /// Returns what is behind an address of a process.
/// fn behind(mm: &MmWithUser, va: VirtAddr) -> Result<Answer, Unavailable> {
///     let Some(vma) = mm.lock_vma(va, va)? else {
///         return Ok(NO_VMA);
///     };
///     let rcu = rcu::read_lock();
///     let tables = UserTables::new(&vma, &rcu);
///     let _pgd: UserTable<'_> = tables.root();
///     Ok(walk(&tables, va, None))
/// }
/// ```
pub(crate) struct UserTables<'a> {
    vma: &'a VmaRef,
    view: bindings::memintro_view,
    paging: Paging,
    _rcu: &'a rcu::Guard,
}

impl<'a> UserTables<'a> {
    /// Gives access to the tables behind `vma`.
    ///
    /// That a `VmaRef` exists proves that the lock of the mapping, or of its address space, is
    /// held for reading; the guard proves the same of RCU.
    pub(crate) fn new(vma: &'a VmaRef, rcu: &'a rcu::Guard) -> Self {
        let mut view = bindings::memintro_view::default();
        // SAFETY: The mapping is valid and locked, which keeps its file, and so the size of its
        // hugetlb pages; the structure may be written.
        unsafe { bindings::memintro_view(vma.as_ptr(), &mut view) };
        // INVARIANT: Both were just asked for.
        UserTables {
            vma,
            view,
            paging: paging().0,
            _rcu: rcu,
        }
    }

    /// Returns where a walk begins.
    #[inline]
    fn way(&self) -> bindings::memintro_way {
        let UserTable { level, table, .. } = self.root();
        bindings::memintro_way {
            table,
            level: level as u32,
            perm: flags::PERM,
        }
    }

    /// Notes the path of a walk that has ended at the level `last`.
    fn note(
        &self,
        path: &mut Path,
        va: VirtAddr,
        last: Level,
        entry: &Entry,
        read: &MaybeUninit<bindings::memintro_path>,
    ) {
        let read = read.as_ptr();
        let levels = Level::ALL.into_iter();
        let levels = levels.filter(|level| (last..=self.paging.top).contains(level));
        path.set(
            self.root_pa(),
            levels.map(|level| {
                // SAFETY: The walk has written where the entries of these levels are, and all of
                // them but the last.
                let (at, above) = unsafe {
                    let at = (*read).at[level as usize];
                    (at, (level != last).then(|| (*read).entry[level as usize]))
                };
                PathEntry {
                    level,
                    index: self.paging.index(level, va),
                    // CAST: addresses have 64 bits.
                    at: VirtAddr(at.addr() as u64),
                    entry: above.unwrap_or(*entry),
                }
            }),
        );
    }

    /// Returns whether the mapping, whose tables are locked, contains an address.
    #[inline]
    fn contains(&self, va: VirtAddr) -> bool {
        // CAST: addresses have 64 bits.
        (self.vma.start() as u64..self.vma.end() as u64).contains(&va.0)
    }
}

impl<'a> PageTables for UserTables<'a> {
    type Table = UserTable<'a>;

    #[inline]
    fn paging(&self) -> &Paging {
        &self.paging
    }

    fn root(&self) -> UserTable<'a> {
        // SAFETY: The mm is valid; its pgd is allocated before the mm is used, and freed by
        // __mmdrop() only.
        let table = unsafe { (*self.vma.mm().as_raw()).__bindgen_anon_1.pgd };
        // INVARIANT: The folded levels have no table, so the pgd is a table of the top level.
        UserTable {
            level: self.paging.top,
            table: table.cast(),
            _lock: PhantomData,
        }
    }

    #[inline]
    fn descend(&self, va: VirtAddr) -> (UserTable<'a>, Level, u32) {
        let mut way = self.way();
        if self.contains(va) {
            // SAFETY: By its invariant the top table is readable, and by that of `self` the shape
            // gives an index of each table. The structure may be written.
            unsafe { bindings::memintro_descend(&self.view, &self.paging, va.0, &mut way) };
        }
        let level = Level::from_number(way.level);
        // INVARIANT: The table was just found on the way to an address of the mapping whose lock is
        // held: tables of these levels are not freed before that ends, as the module's
        // documentation says.
        let table = UserTable {
            level,
            table: way.table,
            _lock: PhantomData,
        };
        (table, level, way.perm)
    }

    #[inline]
    fn walk(&self, va: VirtAddr, path: Option<&mut Path>) -> Option<(Level, u32, Entry)> {
        if !self.contains(va) {
            return None;
        }
        let (mut way, mut entry) = (self.way(), Entry::default());
        let mut read = path.map(|path| (path, MaybeUninit::<bindings::memintro_path>::uninit()));
        let raw = read.as_mut();
        let raw = raw.map_or(core::ptr::null_mut(), |(_, read)| read.as_mut_ptr());
        // SAFETY: As for `descend`; where the path is not NULL, it may be written too. RCU keeps the
        // table of ptes that is found.
        let found = unsafe {
            bindings::memintro_walk(&self.view, &self.paging, va.0, &mut way, raw, &mut entry)
        };
        if !found {
            return None;
        }
        let last = Level::from_number(way.level);
        if let Some((path, read)) = read {
            self.note(path, va, last, &entry, &read);
        }
        Some((last, way.perm, entry))
    }

    fn root_pa(&self) -> PhysAddr {
        // CAST: addresses have 64 bits.
        PhysAddr(bindings::memintro_pa_linear(self.root().table.addr() as u64))
    }

    fn read(&self, table: UserTable<'a>, va: VirtAddr) -> Option<Reading<UserTable<'a>>> {
        if !self.contains(va) {
            return None;
        }
        let level = table.level;
        // CAST: a table has at most 65536 entries.
        let index = self.paging.index(level, va) as c_uint;
        let mut entry = Entry::default();
        // SAFETY: By its invariant the table is readable, and by that of `self` it has this index.
        let next = unsafe {
            bindings::memintro_read_entry(
                &self.view,
                level as c_uint,
                table.table,
                index,
                &mut entry,
            )
        };
        let next = match level.below() {
            // INVARIANT: The entry was just read, for an address of the mapping whose lock is
            // held, inside the RCU read-side critical section that `'a` stands for: see the
            // module's documentation for why its table is not freed before both end.
            Some(below) if !next.is_null() => Some(UserTable {
                level: below,
                table: next,
                _lock: PhantomData,
            }),
            _ => None,
        };
        Some(Reading {
            at: entry_at(table.table, index),
            entry,
            next,
        })
    }

    #[inline]
    fn can_be_freed(&self, level: Level) -> bool {
        // See the module's documentation.
        level == Level::Pte || (level == Level::Pmd && self.view.hugetlb_shift != 0)
    }

    fn still_points_to(&self, table: UserTable<'a>, va: VirtAddr, entry: &Entry) -> Option<bool> {
        let level = table.level;
        // CAST: a table has at most 65536 entries.
        let index = self.paging.index(level, va) as c_uint;
        // SAFETY: By its invariant the table is readable, and by that of `self` it has this index.
        let value = unsafe { bindings::memintro_read_value(level as c_uint, table.table, index) };
        // Not the same bits: those that the processor sets, or others.
        Some(value == entry.value || self.read(table, va)?.entry.points_like(entry))
    }
}

impl BulkTables for UserTables<'_> {
    fn may_point_to(&self, table: Self::Table, va: VirtAddr, count: usize, pa: PhysAddr) -> bool {
        // There is a fast check for ptes only.
        if table.level != Level::Pte {
            return true;
        }
        let index = self.paging.index(table.level, va);
        let count = self.paging.entries_from(table.level, index).min(count);
        // SAFETY: By its invariant the table is readable; it is one of ptes, as was just seen. The
        // entries from `index` on, and their neighbours in the same eight, are of this table.
        unsafe {
            bindings::memintro_points_to(
                table.table,
                // CAST: a table has at most 65536 entries.
                index as c_uint,
                count as c_uint,
                pa.pfn(self.paging.shift[Level::Pte as usize]),
            )
        }
    }

    fn read_many(&self, table: Self::Table, va: VirtAddr, entries: &mut [Entry]) -> Option<Many> {
        let (level, paging) = (table.level, &self.paging);
        let first = paging.index(level, va);
        if !self.contains(va) {
            return None;
        }
        let count = paging.entries_from(level, first).min(entries.len());
        // CAST: a table has at most 65536 entries.
        let (level, first, count) = (level as c_uint, first as c_uint, count as c_uint);
        // SAFETY: By its invariant the table is readable; the entries from `first` on that are
        // read are of this table.
        let empty = unsafe { bindings::memintro_empty_entries(level, table.table, first, count) };
        let rest = count.saturating_sub(empty);
        // SAFETY: As above; `entries` has room for `count`, of which these are a part.
        let written = unsafe {
            bindings::memintro_read_entries(
                &self.view,
                level,
                table.table,
                first.saturating_add(empty),
                rest,
                entries.as_mut_ptr(),
            )
        };
        Some(Many {
            empty: empty as usize,
            written: written as usize,
        })
    }
}
