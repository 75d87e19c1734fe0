// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/range.rs`, against the address spaces that the walk is tested with.

#[path = "support/common.rs"]
mod common;
#[path = "support/modes.rs"]
#[allow(dead_code, reason = "the walk's tests use more of it")]
mod modes;
#[path = "support/space.rs"]
mod space;
#[path = "support/tables.rs"]
mod tables;

use memintro_model::model::{
    addr::{PhysAddr, VirtAddr},
    pgtable::{flags, Entry, Kind, PageTables},
    range::{before_table, step, BulkTables, Many, Piece, STEP_ENTRIES},
    rmap::hits,
    walk::{walk, Answer},
};
use proptest::{collection::vec, prelude::*};
use tables::{Scripted, Table, Tables};

impl BulkTables for Scripted<'_> {
    fn may_point_to(&self, table: Table, va: VirtAddr, count: usize, pa: PhysAddr) -> bool {
        let mut entries = vec![Entry::default(); count];
        let many = self.read_many(table, va, &mut entries).unwrap_or_default();
        let page = |entry: &Entry| entry.kind() == Kind::Leaf && entry.target == pa.0 & !0xfff;
        entries[..many.written].iter().any(page)
    }

    fn read_many(&self, table: Table, va: VirtAddr, entries: &mut [Entry]) -> Option<Many> {
        let paging = *self.paging();
        let level = table.level;
        let first = paging.index(level, va);
        let room = usize::from(paging.entries[level as usize]) - first;
        let count = entries.len().min(room);
        let start = va.0 & !(paging.span(level) - 1);
        for (number, entry) in (0..).zip(&mut entries[..count]) {
            // One by one, so that the table may change meanwhile.
            *entry = self
                .read(table, VirtAddr(start + number * paging.span(level)))?
                .entry;
        }
        let empty = |entry: &&Entry| entry.kind() == Kind::None;
        let empty = entries[..count].iter().take_while(empty).count();
        entries.copy_within(empty..count, 0);
        Some(Many {
            empty,
            written: before_table(&entries[..count - empty]),
        })
    }
}

/// What a piece says of an address in it.
fn says(piece: &Piece, va: u64) -> (Kind, Option<[u64; 4]>) {
    let page = (piece.kind == Kind::Leaf).then(|| {
        let pa = piece.pa.0 + (va - piece.start.0);
        [
            pa,
            piece.shift.into(),
            piece.perm.into(),
            piece.flags.into(),
        ]
    });
    (piece.kind, page)
}

/// What an answer of the address space says of it.
fn expected(answer: Answer) -> (Kind, Option<[u64; 4]>) {
    match answer {
        Ok(page) => {
            let numbers = [
                page.pa.0,
                page.shift.into(),
                page.perm.into(),
                page.flags.into(),
            ];
            (Kind::Leaf, Some(numbers))
        }
        Err(absent) => {
            let kind = space::ENDS.iter().find(|end| end.1 == Some(absent.why));
            (kind.unwrap().0, None)
        }
    }
}

/// An address in each of the entries that a piece stands for.
fn entries(piece: &Piece, span: u64) -> impl Iterator<Item = u64> {
    let (first, last) = (piece.start.0 & !(span - 1), piece.last.0);
    (0..)
        .map_while(move |number: u64| first.checked_add(number.checked_mul(span)?))
        .take_while(move |va| *va <= last)
        .map({
            let start = piece.start.0;
            move |va| va.max(start)
        })
}

/// Goes through a range with buffers of the given size, as the files do.
fn pieces(
    tables: &Scripted<'_>,
    start: VirtAddr,
    last: VirtAddr,
    room: usize,
    most: usize,
) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut buffer = vec![Entry::default(); room];
    let mut va = start;
    while pieces.len() < most {
        tables.readings.set(0);
        let found = step(tables, va, last, None, &mut buffer).expect("still tables");
        assert_eq!(found.va, va);
        let before = pieces.len();
        pieces.extend(found.pieces());
        assert!(pieces.len() > before, "no progress at {va:?}");
        let end = pieces[pieces.len() - 1].last;
        if end == last {
            break;
        }
        va = end.wrapping_add(1);
    }
    pieces
}

/// How many pieces a test looks at: ranges may be as large as the address space.
const MOST: usize = 3000;

proptest! {
    #![proptest_config(common::config(4))]

    #[test]
    fn pieces_are_what_the_address_space_says(
        space in space::spaces(),
        ends in any::<[prop::sample::Index; 2]>(),
        nudge in any::<[u16; 2]>(),
        room in prop_oneof![Just(1usize), 2usize..20, Just(STEP_ENTRIES)],
    ) {
        let borders = space.borders();
        let [start, last] = [0, 1].map(|end| {
            let va = ends[end].get(&borders).wrapping_add(u64::from(nudge[end]) * 4096);
            space.mode.canonical(va)
        });
        let (start, last) = (start.min(last), start.max(last));
        // Ranges lie in one half.
        prop_assume!(start >> 63 == last >> 63);

        let tables = Scripted::new(space.mode.paging, Tables::of(&space), |_, _| ());
        let ends = [start, last].map(VirtAddr);
        let pieces = pieces(&tables, ends[0], ends[1], room, MOST);
        let mut next = start;
        for piece in &pieces {
            prop_assert_eq!(piece.start.0, next);
            prop_assert!(piece.last >= piece.start && piece.last.0 <= last);
            let span = space.mode.paging.span(piece.level);
            for va in entries(piece, span).chain([piece.last.0]) {
                prop_assert_eq!(says(piece, va), expected(space.answer(va)), "{:#x}", va);
            }
            let level = match space.answer(piece.start.0) {
                Ok(page) => page.level,
                Err(absent) => absent.level.unwrap(),
            };
            prop_assert_eq!(piece.level, level);
            prop_assert_eq!(piece.size(), (piece.last - piece.start).wrapping_add(1));
            let zero = piece.kind == Kind::Leaf && piece.flags & flags::ZERO != 0;
            prop_assert_eq!(piece.is_zero(), zero);
            prop_assert_eq!(piece.is_present(), piece.kind == Kind::Leaf && !zero);
            next = piece.last.0.wrapping_add(1);
        }
        if pieces.len() < MOST {
            prop_assert_eq!(next, last.wrapping_add(1));
        }
        prop_assert!(!pieces.is_empty());
    }

    // Entries are replaced while a table is read: each piece was true at some moment, and that is
    // what a walk at its address says before or after.
    #[test]
    fn pieces_of_moving_tables_were_true(
        space in space::spaces(),
        place in any::<prop::sample::Index>(),
        room in prop_oneof![Just(1usize), 2usize..20],
        changes in vec((0usize..30, any::<prop::sample::Index>(), any::<[u64; 2]>()), 1..5),
    ) {
        let va = *place.get(&space.borders());
        let half = va >> 63;
        let last = va.saturating_add(space.mode.paging.span(space.mode.paging.top));
        let last = if last >> 63 == half { space.mode.canonical(last) } else { va };
        prop_assume!(last >= va && last >> 63 == half);

        // The tables before the walk, and after each of the changes.
        let mut worlds = vec![Tables::of(&space)];
        let mut times: Vec<_> = changes.iter().map(|change| change.0).collect();
        times.sort_unstable();
        for (_, place, random) in &changes {
            let mut world = worlds[worlds.len() - 1].clone();
            change(&mut world, place, *random);
            worlds.push(world);
        }
        let script = |reading: usize, tables: &mut Tables| {
            let passed = times.iter().filter(|time| **time <= reading).count();
            tables.entries.clone_from(&worlds[passed].entries);
        };
        let tables = Scripted::new(space.mode.paging, worlds[0].clone(), script);
        let mut buffer = vec![Entry::default(); room];
        // No single change can spoil two tries.
        let found = step(&tables, VirtAddr(va), VirtAddr(last), None, &mut buffer);
        prop_assert!(found.is_some());
        let found: Vec<_> = found.unwrap().pieces().collect();
        prop_assert_eq!(found[0].start.0, va);
        for piece in found {
            for va in entries(&piece, space.mode.paging.span(piece.level)) {
                let truths = worlds.iter().map(|world| {
                    let still = Scripted::new(space.mode.paging, world.clone(), |_, _| ());
                    expected(walk(&still, VirtAddr(va), None))
                });
                let truths: Vec<_> = truths.collect();
                let says = says(&piece, va);
                prop_assert!(truths.contains(&says), "{:?} is none of {:?}", piece, truths);
            }
        }
    }
}

/// Replaces some entry: by one that ends a walk, or where it leads to a table by a new table.
fn change(world: &mut Tables, place: &prop::sample::Index, random: [u64; 2]) {
    let slots: Vec<_> = world.entries.keys().copied().collect();
    if slots.is_empty() {
        return;
    }
    let slot = *place.get(&slots);
    let old = world.entries[&slot];
    let new = match (old.kind(), random[0] & 1) {
        (Kind::Table, 0) => {
            let table = world.count;
            world.count += 1;
            let index = place.index(512);
            let page = space::end(Kind::Swap, 12, random);
            world.entries.insert((table, index % 64), page);
            tables::leads_to(table, flags::PERM)
        }
        // Which level this is at is not known; what has no page has no size either.
        (Kind::Leaf, 0) => Entry {
            flags: old.flags ^ flags::WRITE,
            ..old
        },
        _ => space::end(space::ENDS[1 + place.index(8)].0, 12, random),
    };
    world.entries.insert(slot, new);
}

/// So many tables, of which each leads to the next.
fn chain(count: u64) -> Tables {
    let mut tables = Tables::default();
    for table in 0..count {
        let leads = tables::leads_to(table + 1, flags::PERM);
        tables.entries.insert((table, 0), leads);
    }
    tables
}

fn base_page(pfn: u64) -> Entry {
    Entry {
        target: pfn << 12,
        page_shift: 12,
        raw_kind: space::raw_kind(Kind::Leaf),
        ..Entry::default()
    }
}

// A table that was taken away may be filled with anything before it is read.
#[test]
fn entries_of_a_table_that_was_taken_away_are_not_believed() {
    let mode = modes::x86(4);
    for above in 0..3 {
        let mut still = chain(3);
        still.entries.insert((3, 1), base_page(1));
        let script = move |reading: usize, tables: &mut Tables| {
            // The tables above the pte were read, and the pte was not.
            if reading == 3 {
                for table in above..3 {
                    let from = if table == above { table } else { table + 10 };
                    tables
                        .entries
                        .insert((from, 0), tables::leads_to(table + 11, flags::PERM));
                }
                tables.entries.insert((3, 1), base_page(666));
                tables.entries.insert((13, 1), base_page(2));
            }
        };
        let tables = Scripted::new(mode.paging, still, script);
        let mut buffer = [Entry::default(); 4];
        let found = step(
            &tables,
            VirtAddr(0x1000),
            VirtAddr(0x1fff),
            None,
            &mut buffer,
        )
        .expect("it changed once");
        let pages: Vec<_> = found.pieces().map(|piece| piece.pa.0).collect();
        assert_eq!(pages, [0x2000], "table {above}");
    }
}

#[test]
fn tables_that_always_change_end() {
    let mode = modes::x86(4);
    let script = |reading: usize, tables: &mut Tables| {
        let entry = tables::leads_to(1 + reading as u64, flags::PERM);
        tables.entries.insert((tables::ROOT, 0), entry);
    };
    let tables = Scripted::new(mode.paging, Tables::default(), script);
    let (va, last) = (VirtAddr(0x1000), VirtAddr(0x1fff));
    assert!(step(&tables, va, last, None, &mut [Entry::default(); 4]).is_none());
}

// A quick look that finds the page is followed by a thorough one; one that does not says how far it
// looked, all the same.
#[test]
fn a_page_that_is_wanted_is_found_and_others_need_not_be() {
    let mode = modes::x86(4);
    let mut still = chain(3);
    for number in 2..8 {
        still
            .entries
            .insert((3, number as usize), base_page(100 + number));
    }
    let tables = Scripted::new(mode.paging, still, |_, _| ());
    for (wanted, found) in [(99 << 12, false), (0x66_123, true), (107 << 12, true)] {
        let mut buffer = [Entry::default(); STEP_ENTRIES];
        let pa = PhysAddr(wanted);
        let last = VirtAddr(0x7fff);
        let seen = step(&tables, VirtAddr(0), last, Some(pa), &mut buffer).unwrap();
        assert_eq!(seen.next(), Some(VirtAddr(0x8000)));
        let pages: Vec<_> = hits(&seen, pa).map(|hit| hit.va.0).collect();
        match found {
            true => assert_eq!(pages, [wanted - (100 << 12)]),
            false => assert!(pages.is_empty() && seen.entries.is_empty()),
        }
    }
}

// Tables that do not point to it are left out, but not all of memory at once.
#[test]
fn tables_without_the_page_that_is_wanted_are_left_out() {
    let mode = modes::x86(4);
    let mut still = chain(2);
    for number in 0..40 {
        let leads = tables::leads_to(3 + number, flags::PERM);
        still.entries.insert((2, number as usize), leads);
        still
            .entries
            .insert((3 + number, 7), base_page(100 + number));
    }
    let mut buffer = [Entry::default(); STEP_ENTRIES];
    let last = VirtAddr((40 << 21) - 1);
    let mut seen = |from, wanted: u64| {
        let pa = PhysAddr(wanted << 12);
        let tables = Scripted::new(mode.paging, still.clone(), |_, _| ());
        let found = step(&tables, VirtAddr(from), last, Some(pa), &mut buffer).unwrap();
        let pages: Vec<_> = hits(&found, pa).map(|hit| hit.va.0).collect();
        (pages, found.next().unwrap().0 >> 21)
    };
    assert_eq!(seen(0, 105), (vec![(5 << 21) + 0x7000], 6));
    assert_eq!(seen(0, 139), (vec![], 16));
    assert_eq!(seen(16 << 21, 139), (vec![], 32));
    assert_eq!(seen(32 << 21, 139), (vec![(39 << 21) + 0x7000], 40));
    assert_eq!(seen(38 << 21, 7), (vec![], 40));
}

// Each of the tables that are left out together has all its tries.
#[test]
fn tables_are_left_out_that_change_now_and_then() {
    let mode = modes::x86(4);
    // The entry above leads elsewhere before most looks at eight entries are over.
    let script = |reading: usize, tables: &mut Tables| {
        let leads = tables::leads_to(3 + reading as u64 / 20, flags::PERM);
        tables.entries.insert((2, 0), leads);
    };
    let tables = Scripted::new(mode.paging, chain(2), script);
    let (last, wanted) = (VirtAddr((1 << 21) - 1), Some(PhysAddr(7 << 12)));
    let mut buffer = [Entry::default(); 8];
    let found = step(&tables, VirtAddr(0), last, wanted, &mut buffer).expect("enough tries");
    assert_eq!(found.next(), Some(VirtAddr(16 * 0x8000)));
}
