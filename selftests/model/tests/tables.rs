// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/tables.rs`.

use memintro_model::model::{
    addr::{Halves, VirtAddr},
    pgtable::{Entry, Kind, Level},
    range::Found,
    tables::{header, Tables},
};

#[path = "support/common.rs"]
mod common;
#[path = "support/modes.rs"]
#[allow(dead_code, reason = "these tests name their modes")]
mod modes;
use common::{fields, line};
use modes::{arm64, x86, Mode};

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
    assert_eq!(fields(&line(header), "pte 4 2048 15 16").len(), 5);
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
