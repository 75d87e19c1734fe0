// SPDX-License-Identifier: GPL-2.0

//! The walk: from the top table to what is behind one address.

use super::{
    pgtable::{
        flags,
        Entry,
        Kind,
        Level,
        PageTables,
        Paging,
        Reading, //
    },
    words::Why,
    PhysAddr, VirtAddr,
};

pub use super::pgtable::{
    Path,
    PathEntry, //
};

/// How often a walk is retried when the tables change meanwhile.
const TRIES: usize = 8;

/// A page, and how an address reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The physical address, with the offset inside the page.
    pub pa: PhysAddr,
    /// The size of the page is `1 << shift` bytes.
    pub shift: u8,
    /// The level of the entry that maps it.
    pub level: Level,
    /// The bits of [`flags::PERM`] that every level allows.
    pub perm: u32,
    /// The other bits of [`flags`], of the last entry.
    pub flags: u32,
}

/// An address without a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absent {
    /// Why there is none.
    pub why: Why,
    /// The level of the entry that says so, if one does.
    pub level: Option<Level>,
    /// The swap area and the offset in it, for [`Why::Swap`].
    pub swap: Option<(u16, u64)>,
}

/// What is behind an address.
pub type Answer = Result<Page, Absent>;

/// The answer where there is no mapping to begin with.
pub const NO_VMA: Answer = nothing(Why::NoVma);

/// An answer that no entry gave.
const fn nothing(why: Why) -> Answer {
    Err(Absent {
        why,
        level: None,
        swap: None,
    })
}

/// Walks `tables` to what is behind `va`; writes the entries that it reads to `path`, where that is
/// given.
///
/// Where a table can be freed, the entry that pointed to it is read again at the end. If it has
/// changed, the walk starts again: so no answer comes from a table that was no longer in use when it
/// was read. After several such changes in a row the answer is [`Why::Retry`], without a path.
pub fn walk<T: PageTables>(tables: &T, va: VirtAddr, mut path: Option<&mut Path>) -> Answer {
    if let Some((level, perm, entry)) = tables.walk(va, path.as_deref_mut()) {
        return answer(tables.paging(), level, perm, &entry, va);
    }
    for _ in 0..TRIES {
        if let Some(answer) = walk_once(tables, va, path.as_deref_mut()) {
            return answer;
        }
    }
    if let Some(path) = path {
        path.clear();
    }
    nothing(Why::Retry)
}

/// Walks `tables`, which may be freed at any time, to what is behind a kernel address.
///
/// An answer is used only if two consecutive walks read the same entries. What is not mapped has one
/// word, [`Why::NotMapped`].
pub fn walk_twice<T: PageTables>(tables: &T, va: VirtAddr, path: Option<&mut Path>) -> Answer {
    let mut last: Option<Path> = None;
    for _ in 0..TRIES {
        let mut these = Path::default();
        let answer = walk_once(tables, va, Some(&mut these));
        if let (Some(last), Some(answer)) = (&last, answer) {
            if last.points_like(&these) {
                if let Some(path) = path {
                    *path = these;
                }
                // There it makes no difference why nothing is mapped.
                return answer.map_err(|absent| Absent {
                    why: Why::NotMapped,
                    swap: None,
                    ..absent
                });
            }
        }
        last = answer.map(|_| these);
    }
    nothing(Why::Retry)
}

/// Walks once; `None` if the tables changed meanwhile.
#[inline]
fn walk_once<T: PageTables>(tables: &T, va: VirtAddr, path: Option<&mut Path>) -> Option<Answer> {
    let mut down = Down::new(tables);
    down.descend(tables, va, Level::Pte, path)?;
    let entry = down.last?;
    if matches!(entry.kind(), Kind::Table | Kind::Bad) {
        return None;
    }
    down.check(tables, va)?;
    Some(answer(tables.paging(), down.level, down.perm, &entry, va))
}

/// A way down the tables, to the one whose entry for an address points to no other.
pub(super) struct Down<T> {
    pub(super) table: T,
    pub(super) level: Level,
    /// The permissions that all levels above allow.
    pub(super) perm: u32,
    /// The entry for the address, if it was read.
    last: Option<Entry>,
    /// What was read on the way and can change; by [`Level`].
    above: [Option<(T, Entry)>; Level::ALL.len()],
}

// Inlined, so that what is known of the caller's tables and path makes the walk short.
impl<T: Copy> Down<T> {
    /// Begins at the top table.
    #[inline]
    pub(super) fn new(tables: &impl PageTables<Table = T>) -> Self {
        Down {
            table: tables.root(),
            level: tables.paging().top,
            perm: flags::PERM,
            last: None,
            above: [None; Level::ALL.len()],
        }
    }

    /// Begins as far down as it is quick to get.
    #[inline]
    pub(super) fn below(tables: &impl PageTables<Table = T>, va: VirtAddr) -> Self {
        let (table, level, perm) = tables.descend(va);
        Down {
            table,
            level,
            perm,
            last: None,
            above: [None; Level::ALL.len()],
        }
    }

    /// Descends; reads entries of the level `lowest` and those above it, and writes them to `path`,
    /// where that is given. `None` if a table cannot be read.
    #[inline(always)]
    pub(super) fn descend(
        &mut self,
        tables: &impl PageTables<Table = T>,
        va: VirtAddr,
        lowest: Level,
        mut path: Option<&mut Path>,
    ) -> Option<()> {
        if let Some(path) = &mut path {
            path.clear();
            path.root = Some(tables.root_pa());
        }
        while self.level >= lowest {
            let Reading { at, entry, next } = tables.read(self.table, va)?;
            if let Some(path) = &mut path {
                path.note(PathEntry {
                    level: self.level,
                    index: tables.paging().index(self.level, va),
                    at,
                    entry,
                });
            }
            let (Kind::Table, Some(below)) = (entry.kind(), self.level.below()) else {
                self.last = Some(entry);
                break;
            };
            self.perm &= entry.flags;
            if tables.can_be_freed(below) {
                self.above[self.level as usize] = Some((self.table, entry));
            }
            self.table = next?;
            self.level = below;
        }
        Some(())
    }

    /// Reads the entries above again; `None` if they no longer point where they did.
    #[inline(always)]
    pub(super) fn check(&self, tables: &impl PageTables<Table = T>, va: VirtAddr) -> Option<()> {
        // Those that can change lie side by side.
        let above = self.above.get(self.level as usize + 1..)?.iter();
        for (table, entry) in above.map_while(Option::as_ref) {
            if !tables.still_points_to(*table, va, entry)? {
                return None;
            }
        }
        Some(())
    }
}

/// Says what the entry that ended a walk means for `va`.
#[inline]
fn answer(paging: &Paging, level: Level, perm: u32, entry: &Entry, va: VirtAddr) -> Answer {
    let kind = entry.kind();
    if kind == Kind::Leaf {
        return Ok(Page {
            pa: PhysAddr(entry.target | (va.0 & paging.span(level).wrapping_sub(1))),
            shift: entry.page_shift,
            level,
            perm: perm & entry.flags,
            flags: entry.flags & !flags::PERM,
        });
    }
    let why = match kind {
        Kind::None => Why::NotPopulated,
        Kind::Swap => Why::Swap,
        Kind::Migration => Why::Migration,
        Kind::Device => Why::Device,
        Kind::HwPoison => Why::HwPoison,
        Kind::Poison => Why::Poison,
        Kind::Guard => Why::Guard,
        Kind::Uffd => Why::Uffd,
        Kind::Table | Kind::Leaf | Kind::Bad => Why::Retry,
    };
    Err(Absent {
        why,
        level: Some(level),
        swap: (kind == Kind::Swap).then_some((entry.swap_type, entry.target)),
    })
}
