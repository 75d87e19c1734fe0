// SPDX-License-Identifier: GPL-2.0

//! Tables that nobody changes: the answer is what the address space says.

use super::{
    common,
    modes::{self, Mode},
    once, space,
    tables::{leads_to, Scripted, Tables, ROOT},
    twice, Walk, WALKS,
};
use memintro_model::model::{
    addr::VirtAddr,
    pgtable::{flags, Entry, Kind, Level},
    walk::{Absent, Answer, Page, NO_VMA},
    words::Why,
};
use proptest::{collection::vec, prelude::*};

fn still(mode: Mode, tables: Tables) -> Scripted<'static> {
    Scripted::new(mode.paging, tables, |_, _| ())
}

/// What a walk of the kernel's tables says instead: one word for all that is not there.
pub fn in_the_kernel(answer: Answer) -> Result<Page, Why> {
    answer.map_err(|_| Why::NotMapped)
}

/// x86 tables with 4 levels that lead to `last`, at 0x1000 and a level of its own.
fn chain(last: Entry, level: Level) -> Scripted<'static> {
    let mode = modes::x86(4);
    let mut tables = Tables::default();
    let mut table = ROOT;
    for above in [Level::P4d, Level::Pud, Level::Pmd] {
        if above > level {
            let index = mode.paging.index(above, VirtAddr(0x1000));
            tables
                .entries
                .insert((table, index), leads_to(table + 1, flags::PERM));
            table += 1;
        }
    }
    let index = mode.paging.index(level, VirtAddr(0x1000));
    tables.entries.insert((table, index), last);
    still(mode, tables)
}

fn why(walk: &Walk) -> (Why, Option<Level>) {
    let absent = walk.answer.unwrap_err();
    (absent.why, absent.level)
}

#[test]
fn each_kind_of_entry_has_its_word() {
    for (kind, word) in space::ENDS {
        for level in [Level::Pte, Level::Pmd, Level::Pud] {
            let entry = space::end(kind, modes::x86(4).paging.shift[level as usize], [0, 0]);
            let walk = once(&chain(entry, level), 0x1000);
            match word {
                Some(word) => assert_eq!(why(&walk), (word, Some(level))),
                None => assert_eq!(walk.answer.map(|page| page.level), Ok(level)),
            }
        }
    }
}

#[test]
fn the_offset_counts_in_pages_of_every_size() {
    let paging = modes::x86(4).paging;
    for (level, pa) in [
        (Level::Pte, 0x2_4000_0abc),
        (Level::Pmd, 0x2_4000_1abc),
        (Level::Pud, 0x2_4000_1abc),
    ] {
        let shift = paging.shift[level as usize];
        let mut entry = space::end(Kind::Leaf, shift, [0, 0]);
        entry.target = 0x2_4000_0000;
        let page = once(&chain(entry, level), 0x1abc).answer.unwrap();
        assert_eq!((page.pa.0, page.shift, page.level), (pa, shift, level));
    }
}

#[test]
fn swap_entries_say_where() {
    let entry = Entry {
        target: 22716,
        swap_type: 3,
        ..space::end(Kind::Swap, 12, [0, 0])
    };
    let absent = Absent {
        why: Why::Swap,
        level: Some(Level::Pte),
        swap: Some((3, 22716)),
    };
    assert_eq!(once(&chain(entry, Level::Pte), 0x1000).answer, Err(absent));
}

#[test]
fn damaged_entries_are_no_answer() {
    let bad = Entry {
        raw_kind: space::raw_kind(Kind::Bad),
        ..Entry::default()
    };
    let unknown = Entry {
        raw_kind: 200,
        ..Entry::default()
    };
    for entry in [bad, unknown] {
        for level in [Level::Pte, Level::Pmd, Level::Pud, Level::P4d] {
            for walk in WALKS {
                assert_eq!(why(&walk(&chain(entry, level), 0x1000)), (Why::Retry, None));
            }
        }
    }
    // A pte leads to no table, and a walk must not go on below it.
    let below = leads_to(ROOT, flags::PERM);
    for walk in WALKS {
        assert_eq!(
            why(&walk(&chain(below, Level::Pte), 0x1000)),
            (Why::Retry, None)
        );
    }
}

#[test]
fn tables_that_lead_to_themselves_end() {
    for levels in [4, 5] {
        let mode = modes::x86(levels);
        let mut tables = Tables::default();
        for index in 0..512 {
            tables
                .entries
                .insert((ROOT, index), leads_to(ROOT, flags::PERM));
        }
        let tables = still(mode, tables);
        for walk in WALKS {
            assert_eq!(why(&walk(&tables, 0x1000)), (Why::Retry, None));
        }
    }
}

#[test]
fn a_walk_that_found_no_mapping() {
    let walk = Walk::of(|_| NO_VMA);
    assert_eq!(why(&walk), (Why::NoVma, None));
    assert_eq!(walk.path().count(), 0);
}

proptest! {
    #![proptest_config(common::config(4))]

    #[test]
    fn a_walk_says_what_the_address_space_says(
        space in space::spaces(),
        random in vec(any::<u64>(), 8),
        offsets in vec((any::<prop::sample::Index>(), any::<u64>()), 8),
    ) {
        let paging = space.mode.paging;
        let tables = still(space.mode, Tables::of(&space));
        let mut addresses = space.borders();
        addresses.extend(random.iter().map(|va| space.mode.canonical(*va)));
        // Inside the pages.
        let mappings: Vec<_> = space.mappings.iter().collect();
        for (place, offset) in offsets.iter().filter(|_| !mappings.is_empty()) {
            let (start, (level, _)) = place.get(&mappings);
            addresses.push(*start + (offset & (paging.span(*level) - 1)));
        }

        for va in addresses {
            let expected = space.answer(va);
            let found = once(&tables, va);
            prop_assert_eq!(found.answer, expected, "{:#x}", va);
            prop_assert_eq!(once(&tables, va), found);

            // The path go from the first table to the entry that says so.
            let path: Vec<_> = found.path().collect();
            let end = match expected {
                Ok(page) => page.level,
                Err(absent) => absent.level.unwrap(),
            };
            let levels: Vec<_> = space.levels().filter(|level| *level >= end).collect();
            prop_assert_eq!(path.len(), levels.len());
            for (step, level) in path.iter().zip(levels) {
                prop_assert_eq!(step.level, level);
                let into_table = space.block(level, va).wrapping_sub(match level < paging.top {
                    true => space.block(Level::ALL[3 - level as usize], va),
                    false => 0,
                });
                let index = (into_table >> paging.shift[level as usize])
                    & u64::from(paging.entries[level as usize] - 1);
                prop_assert_eq!(step.index as u64, index);
                prop_assert_eq!(step.at.0 & 0xffff, 8 * index);
                prop_assert_eq!(step.entry.kind() == Kind::Table, level != end);
            }

            let again = twice(&tables, va);
            prop_assert_eq!(in_the_kernel(again.answer), in_the_kernel(expected));
            if let Err(absent) = again.answer {
                prop_assert_eq!(absent.why, Why::NotMapped);
                prop_assert_eq!(absent.level, Some(end));
            }
            prop_assert!(again.path().eq(found.path()));
        }
    }
}
