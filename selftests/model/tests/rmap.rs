// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/rmap.rs` and `src/model/tables.rs`.

use memintro_model::model::{
    addr::{Halves, PhysAddr, VirtAddr},
    end,
    pgtable::{flags, Entry, Kind, Level},
    question::PhysicalQuestion,
    range::Found,
    rmap::{self, bytes_in, Hit, Totals, ROW_MAX},
    tables::{self, Tables},
};

#[path = "support/common.rs"]
mod common;
#[path = "support/modes.rs"]
#[allow(dead_code, reason = "these tests name their modes")]
mod modes;
use common::{fields, header, line};
use modes::{arm64, x86, Mode};

const PAGE: PhysicalQuestion = PhysicalQuestion::Page(PhysAddr(0x1000));
const RANGE: PhysicalQuestion = PhysicalQuestion::Range(PhysAddr(0x1000), PhysAddr(0x2fff));
const KERNEL: PhysicalQuestion = PhysicalQuestion::Kernel(PhysAddr(0x1000));

#[test]
fn the_widest_row_is_bounded() {
    let hit = Hit {
        va: VirtAddr::MAX,
        shift: 29,
        perm: flags::PERM,
    };
    let head = |question| header(|l| rmap::header(&question, l));
    let row = line(|l| rmap::row(l, u32::MAX, &hit, &[0xff; 15]));
    assert_eq!(fields(&head(PAGE), &row)[2], ("PAGE", "512M"));
    assert!(row.len() <= ROW_MAX && ROW_MAX < row.len() + 16);
    let row = line(|l| rmap::range_row(l, u32::MAX, u64::MAX, &[0xff; 15]));
    assert_eq!(fields(&head(RANGE), &row)[1], ("KB", "18014398509481983"));
    assert!(row.len() <= ROW_MAX);
    let row = line(|l| rmap::kernel_row(l, &hit, "vmemmap"));
    assert_eq!(row, "0xffffffffffffffff 512M rwxu vmemmap\n");
    assert_eq!(fields(&head(KERNEL), &row)[3], ("REGION", "vmemmap"));
}

#[test]
fn the_last_line_counts_who_was_not_listed() {
    let totals = Totals {
        rows: 1,
        outside: 2,
        busy: 3,
        bytes: 8192,
        outside_bytes: 4096,
    };
    let last = |question: PhysicalQuestion| {
        line(|l| {
            end::begin(l, &question);
            totals.put(l, &question);
            l.end();
        })
    };
    assert_eq!(last(PAGE), "# end pa=0x1000 rows=1 outside=2 busy=3\n");
    assert_eq!(
        last(RANGE),
        "# end pa=0x1000-0x3000 rows=1 outside=2 busy=3 kb=8 outside_kb=4\n"
    );
    assert_eq!(last(KERNEL), "# end pid=kernel pa=0x1000 rows=1\n");
}

#[test]
fn what_is_mapped_of_a_range_is_cut_at_its_ends() {
    let entry = |target, kind| Entry {
        target,
        raw_kind: Kind::ALL.iter().position(|one| *one == kind).unwrap() as u8,
        page_shift: 12,
        ..Entry::default()
    };
    // Two pages side by side, one again, one elsewhere, and one that is swapped out.
    let entries = [
        entry(0x1000, Kind::Leaf),
        entry(0x2000, Kind::Leaf),
        entry(0x1000, Kind::Leaf),
        entry(0x8000, Kind::Leaf),
        entry(0x1000, Kind::Swap),
    ];
    let found = Found {
        va: VirtAddr(0x10_0000),
        last: VirtAddr::MAX,
        level: Level::Pte,
        span: 0x1000,
        perm: flags::PERM,
        count: entries.len(),
        empty: 0,
        entries: &entries,
    };
    let in_range = |first, last| bytes_in(&found, PhysAddr(first), PhysAddr(last));
    assert_eq!(in_range(0x1000, 0x1fff), 0x2000);
    assert_eq!(in_range(0x2000, 0x2fff), 0x1000);
    assert_eq!(in_range(0, u64::MAX), 0x4000);
    assert_eq!(in_range(0x3000, 0x7fff), 0);
    let cut = Found {
        last: VirtAddr(0x10_0fff),
        ..found
    };
    assert_eq!(bytes_in(&cut, PhysAddr(0), PhysAddr(u64::MAX)), 0x1000);
    let huge = [Entry {
        page_shift: 21,
        ..entry(0x20_0000, Kind::Leaf)
    }];
    let huge = Found {
        level: Level::Pmd,
        span: 0x20_0000,
        count: 1,
        entries: &huge,
        va: VirtAddr(0x20_0000),
        ..found
    };
    assert_eq!(
        bytes_in(&huge, PhysAddr(0x3f_f000), PhysAddr(0x40_0fff)),
        0x1000
    );
}

/// A step over entries of a level at `va`, `used` of `count` of which are pages.
fn count(tables: &mut Tables, mode: Mode, level: Level, va: u64, used: usize, deposits: bool) {
    let page = Entry {
        raw_kind: 2,
        ..Entry::default()
    };
    assert_eq!(page.kind(), Kind::Leaf);
    let mut entries = vec![page; used];
    entries.push(Entry::default());
    let span = 1 << mode.paging.shift[level as usize];
    let found = Found {
        va: VirtAddr(va),
        last: VirtAddr::MAX,
        level,
        span,
        perm: 0,
        count: entries.len() + 1,
        empty: 1,
        entries: &entries,
    };
    tables.count(&mode.paging, &found, deposits);
}

fn text(tables: &Tables, mode: Mode) -> String {
    let halves = Halves {
        user_bits: mode.bits - 1,
        kernel_bits: mode.bits - 1,
    };
    let levels = Level::ALL
        .into_iter()
        .filter(|level| *level <= mode.paging.top);
    let rows = levels.map(|level| line(|l| tables.row(l, level, &mode.paging, &halves)));
    rows.chain([line(|l| {
        l.put(b"# end pid=1");
        tables.put(l, &mode.paging);
        l.end();
    })])
    .collect()
}

#[test]
fn tables_are_counted_once() {
    let (mode, mut tables) = (x86(4), Tables::default());
    // Two pieces of one table, the next table, one of the next gigabyte, one at the stack's end.
    count(&mut tables, mode, Level::Pte, 0x40_1000, 3, true);
    count(&mut tables, mode, Level::Pte, 0x41_0000, 2, true);
    count(&mut tables, mode, Level::Pte, 0x60_0000, 1, false);
    count(&mut tables, mode, Level::Pte, 0x4000_0000, 1, false);
    count(&mut tables, mode, Level::Pte, 0x7fff_ffff_0000, 8, true);
    assert_eq!(
        text(&tables, mode),
        "p4d 1 256 2 4\npud 2 1024 3 8\npmd 3 1536 4 12\npte 4 2048 15 16\n\
         # end pid=1 rows=4 tables=10 kb=36 deposited_kb=0\n"
    );
    assert_eq!(fields(&line(tables::header), "pte 4 2048 15 16").len(), 5);
}

#[test]
fn huge_pages_keep_tables_in_reserve() {
    let (mode, mut tables) = (x86(5), Tables::default());
    count(&mut tables, mode, Level::Pmd, 0x4000_0000, 3, true);
    // Of a file, and above: none.
    count(&mut tables, mode, Level::Pmd, 0x8000_0000, 2, false);
    count(&mut tables, mode, Level::Pud, 0x40_0000_0000, 1, true);
    assert_eq!(
        text(&tables, mode),
        "pgd 1 256 1 4\np4d 1 512 1 4\npud 1 512 3 4\npmd 2 1024 5 8\npte 0 0 0 0\n\
         # end pid=1 rows=5 tables=5 kb=12 deposited_kb=12\n"
    );
}

#[test]
fn the_first_table_is_not_charged_for() {
    let (mode, mut tables) = (arm64(12, 39), Tables::default());
    count(&mut tables, mode, Level::Pte, 0x1000, 1, false);
    assert_eq!(
        text(&tables, mode),
        "pud 1 256 1 4\npmd 1 512 1 4\npte 1 512 1 4\n\
         # end pid=1 rows=3 tables=3 kb=8 deposited_kb=0\n"
    );
}
