// SPDX-License-Identifier: GPL-2.0

//! Tables that change between the readings of a walk, as a kernel changes them: an entry may lead
//! elsewhere, or become a page, or empty; a table that was taken away still reads as something,
//! but is not used again while the walk may see it. The answer must have been true at some moment.

use super::{
    common,
    modes::{self, Mode},
    once,
    space::{self, raw_kind, Space},
    still::in_the_kernel,
    tables::{leads_to, Scripted, Tables, ROOT},
    twice, Walk, WALKS,
};
use memintro_model::model::{
    addr::{PhysAddr, VirtAddr},
    pgtable::{flags, Entry, Kind, Level},
    walk::{Absent, Answer, Page},
    words::Why,
};
use proptest::{collection::vec, prelude::*};
use std::cell::RefCell;

/// What tables of one moment say about an address: found by recursion, not by the model's loop.
fn truth(mode: Mode, tables: &Tables, table: u64, level: Level, va: u64) -> Answer {
    let paging = mode.paging;
    let entry = tables.get(table, paging.index(level, VirtAddr(va)));
    match (entry.kind(), level.below()) {
        (Kind::Table, Some(below)) => {
            let page = truth(mode, tables, entry.value, below, va)?;
            let perm = page.perm & entry.flags;
            Ok(Page { perm, ..page })
        }
        (Kind::Leaf, _) => Ok(Page {
            pa: PhysAddr(entry.target + va % paging.span(level)),
            shift: entry.page_shift,
            level,
            perm: entry.flags & flags::PERM,
            flags: entry.flags & !flags::PERM,
        }),
        (kind, _) => Err(Absent {
            why: space::ENDS
                .iter()
                .find_map(|end| (end.0 == kind).then_some(end.1?))
                .unwrap_or(Why::Retry),
            level: Some(level),
            swap: (kind == Kind::Swap).then_some((entry.swap_type, entry.target)),
        }),
    }
}

/// A change of the entry for the walk's address, some levels below the first table.
#[derive(Clone, Debug)]
enum Change {
    /// It ends the walk, this way.
    End(Kind, [u64; 2]),
    /// It leads to a copy of the table that it leads to, in which something may be different.
    Copy(Option<(Kind, [u64; 2])>),
    /// The processor used it.
    Touch,
}

/// When a change happens, counted in readings since the one before; at which depth; and which.
type Timed = (usize, usize, Change);

fn change() -> impl Strategy<Value = Timed> {
    let kind = || prop::sample::select(space::ENDS.to_vec()).prop_map(|(kind, _)| kind);
    let end = || (kind(), any::<[u64; 2]>());
    let change = prop_oneof![
        4 => end().prop_map(|(kind, random)| Change::End(kind, random)),
        3 => prop::option::of(end()).prop_map(Change::Copy),
        1 => Just(Change::Touch),
    ];
    (0usize..8, 0usize..5, change)
}

/// Makes a change, as long as the tables still go as deep.
fn apply(mode: Mode, tables: &mut Tables, va: u64, depth: usize, change: &Change) {
    let paging = mode.paging;
    let (mut table, mut level) = (ROOT, paging.top);
    for _ in 0..depth {
        let entry = tables.get(table, paging.index(level, VirtAddr(va)));
        match (entry.kind(), level.below()) {
            (Kind::Table, Some(below)) => (table, level) = (entry.value, below),
            _ => break,
        }
    }
    let index = paging.index(level, VirtAddr(va));
    let mut entry = tables.get(table, index);
    let shift = |level: Level| paging.shift[level as usize];
    match change {
        Change::End(kind, random) => entry = space::end(*kind, shift(level), *random),
        Change::Touch if entry.kind() == Kind::None => {}
        Change::Touch => {
            entry.flags |= flags::ACCESSED;
            if entry.kind() == Kind::Leaf {
                entry.flags |= flags::DIRTY;
            }
        }
        Change::Copy(differs) => {
            let Some(below) = level.below() else { return };
            let copy = tables.count;
            tables.count += 1;
            if entry.kind() == Kind::Table {
                let old = (entry.value, 0)..=(entry.value, usize::MAX);
                let same: Vec<_> = tables
                    .entries
                    .range(old)
                    .map(|(at, e)| (at.1, *e))
                    .collect();
                tables
                    .entries
                    .extend(same.into_iter().map(|(index, e)| ((copy, index), e)));
            }
            if let Some((kind, random)) = differs {
                let other = space::end(*kind, shift(below), *random);
                tables
                    .entries
                    .insert((copy, paging.index(below, VirtAddr(va))), other);
            }
            entry = leads_to(copy, flags::PERM);
        }
    }
    tables.entries.insert((table, index), entry);
}

/// Walks while the changes happen, and returns the answer and all that was true meanwhile.
fn walk_while(
    space: &Space,
    va: u64,
    changes: &[Timed],
    can_be_freed: fn(Level) -> bool,
    walk: fn(&Scripted<'_>, u64) -> Walk,
) -> (Answer, Vec<Answer>) {
    let mode = space.mode;
    let tables = Tables::of(space);
    let says = |tables: &Tables| truth(mode, tables, ROOT, mode.paging.top, va);
    let truths = RefCell::new(vec![says(&tables)]);
    let mut left = changes.iter();
    let mut next = left.next();
    let mut due = next.map_or(0, |change| change.0);
    let script = |reading: usize, tables: &mut Tables| {
        while let Some((_, depth, change)) = next.filter(|_| reading >= due) {
            apply(mode, tables, va, *depth, change);
            truths.borrow_mut().push(says(tables));
            next = left.next();
            due += next.map_or(0, |change| change.0);
        }
    };
    let answer = {
        let mut tables = Scripted::new(mode.paging, tables, script);
        tables.can_be_freed = can_be_freed;
        walk(&tables, va).answer
    };
    (answer, truths.into_inner())
}

proptest! {
    #![proptest_config(common::config(32))]

    #[test]
    fn an_answer_was_true_at_some_moment(
        space in space::spaces(),
        place in any::<prop::sample::Index>(),
        changes in vec(change(), 0..12),
    ) {
        let borders = space.borders();
        let va = *place.get(&borders);
        let (answer, truths) = walk_while(&space, va, &changes, |_| true, once);
        // The order that the oracle of still tables follows is the same.
        prop_assert_eq!(truths[0], space.answer(va));
        match answer {
            Err(Absent { why: Why::Retry, .. }) => {
                // No single change can spoil two tries.
                prop_assert!(changes.len() > 2, "gave up too early");
            }
            _ => prop_assert!(truths.contains(&answer), "{:?} is none of {:?}", answer, truths),
        }

        let (answer, truths) = walk_while(&space, va, &changes, |_| true, twice);
        match answer {
            Err(Absent { why: Why::Retry, .. }) => {
                prop_assert!(changes.len() > 2, "gave up too early");
            }
            _ => {
                let mut truths = truths.into_iter().map(in_the_kernel);
                prop_assert!(truths.any(|truth| truth == in_the_kernel(answer)));
            }
        }
    }
}

proptest! {
    #![proptest_config(common::config(32))]

    /// As above, where locks keep all tables but those of ptes.
    #[test]
    fn an_answer_was_true_where_only_the_last_tables_go(
        space in space::spaces(),
        place in any::<prop::sample::Index>(),
        mut changes in vec(change(), 0..12),
    ) {
        let borders = space.borders();
        let va = *place.get(&borders);
        // Of the entry that leads to ptes, or of the pte.
        for (_, depth, _) in &mut changes {
            *depth = space.levels().count() - 1 - *depth % 2;
        }
        let (answer, truths) =
            walk_while(&space, va, &changes, |level| level == Level::Pte, once);
        match answer {
            Err(Absent { why: Why::Retry, .. }) => {
                prop_assert!(changes.len() > 2, "gave up too early");
            }
            _ => prop_assert!(truths.contains(&answer), "{:?} is none of {:?}", answer, truths),
        }
    }
}

#[test]
fn tables_that_stay_are_looked_at_once() {
    for (stay, readings) in [(0, 7), (1, 6), (2, 5), (3, 4)] {
        let (mode, tables, _) = one_page();
        let mut tables = Scripted::new(mode.paging, tables, |_, _| ());
        tables.can_be_freed = match stay {
            0 => |_| true,
            1 => |level| level < Level::Pud,
            2 => |level| level < Level::Pmd,
            _ => |_| false,
        };
        assert!(once(&tables, 0x1000).answer.is_ok());
        assert_eq!(tables.readings.get(), readings);
    }
}

/// Tables of x86 with a page at 0x1000, and the entry of the pmd that leads to it.
fn one_page() -> (Mode, Tables, (u64, usize)) {
    let mode = modes::x86(4);
    let mut tables = Tables {
        count: 4,
        ..Tables::default()
    };
    for table in ROOT..3 {
        tables
            .entries
            .insert((table, 0), leads_to(table + 1, flags::PERM));
    }
    tables.entries.insert((3, 1), page(1));
    (mode, tables, (2, 0))
}

/// The page with a number.
fn page(number: u64) -> Entry {
    Entry {
        target: number << 12,
        page_shift: 12,
        raw_kind: raw_kind(Kind::Leaf),
        ..Entry::default()
    }
}

#[test]
fn a_table_that_is_always_elsewhere_when_it_is_read_again() {
    for walk in WALKS {
        let (mode, tables, pmd) = one_page();
        let script = |_, tables: &mut Tables| {
            let table = tables.count;
            tables.count += 1;
            tables.entries.insert(pmd, leads_to(table, flags::PERM));
            tables.entries.insert((table, 1), page(table));
        };
        let tables = Scripted::new(mode.paging, tables, script);
        let absent = walk(&tables, 0x1000).answer.unwrap_err();
        assert_eq!((absent.why, absent.level), (Why::Retry, None));
    }
}

#[test]
fn every_entry_above_the_last_is_looked_at_again() {
    // Each of the tables above the pte is replaced once, right after the pte was read.
    for above in 0..3 {
        for walk in WALKS {
            let (mode, tables, _) = one_page();
            let script = move |reading, tables: &mut Tables| {
                // Before the first table of the new walk leads to the new page.
                if reading == 4 {
                    for table in above..3 {
                        let new = table + 11;
                        let from = if table == above { table } else { table + 10 };
                        tables.entries.insert((from, 0), leads_to(new, flags::PERM));
                    }
                    tables.entries.insert((13, 1), page(2));
                }
            };
            let tables = Scripted::new(mode.paging, tables, script);
            let found = walk(&tables, 0x1000).answer.map(|page| page.pa.0);
            // The first is no longer true when the entries above are read again.
            assert_eq!(found, Ok(0x2000), "table {above}");
        }
    }
}

#[test]
fn an_entry_above_that_is_emptied_too() {
    let (mode, tables, pmd) = one_page();
    let script = |reading, tables: &mut Tables| {
        if reading == 4 {
            tables.entries.remove(&pmd);
        }
    };
    let tables = Scripted::new(mode.paging, tables, script);
    let absent = once(&tables, 0x1000).answer.unwrap_err();
    assert_eq!(
        (absent.why, absent.level),
        (Why::NotPopulated, Some(Level::Pmd))
    );
}

#[test]
fn bits_that_the_processor_sets_do_not_disturb() {
    for walk in WALKS {
        let (mode, tables, _) = one_page();
        let script = |reading, tables: &mut Tables| {
            for entry in tables.entries.values_mut() {
                entry.flags ^= flags::ACCESSED | flags::DIRTY;
                if entry.kind() == Kind::Leaf {
                    entry.value = reading as u64;
                }
            }
        };
        let tables = Scripted::new(mode.paging, tables, script);
        assert_eq!(
            walk(&tables, 0x1234).answer.map(|page| page.pa.0),
            Ok(0x1234)
        );
    }
}

#[test]
fn damage_that_passes_does_not_disturb() {
    for walk in WALKS {
        let (mode, tables, pmd) = one_page();
        let good = tables.entries[&pmd];
        let script = move |reading, tables: &mut Tables| {
            let bad = Entry {
                raw_kind: raw_kind(Kind::Bad),
                ..good
            };
            let now = if reading < 4 { bad } else { good };
            tables.entries.insert(pmd, now);
        };
        let tables = Scripted::new(mode.paging, tables, script);
        assert_eq!(
            walk(&tables, 0x1000).answer.map(|page| page.pa.0),
            Ok(0x1000)
        );
    }
}

#[test]
fn what_two_walks_do_not_agree_on_is_not_believed() {
    let (mode, tables, _) = one_page();
    // A walk of this address is 4 readings down and 3 of the entries above.
    let script = |reading, tables: &mut Tables| {
        tables.entries.insert((3, 1), page(1 + reading as u64 / 7));
    };
    let tables = Scripted::new(mode.paging, tables, script);
    assert_eq!(
        once(&tables, 0x1000).answer.map(|page| page.pa.0),
        Ok(0x1000)
    );
    assert_eq!(tables.readings.get(), 7);
    let absent = twice(&tables, 0x1000).answer.unwrap_err();
    assert_eq!((absent.why, absent.level), (Why::Retry, None));
}
