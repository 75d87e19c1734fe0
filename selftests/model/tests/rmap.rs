// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/rmap.rs`.

use memintro_model::model::{
    addr::{PhysAddr, VirtAddr},
    end,
    pgtable::{flags, Entry, Kind, Level},
    question::PhysicalQuestion,
    range::Found,
    rmap::{self, bytes_in, Hit, Totals, ROW_MAX},
};

#[path = "support/common.rs"]
mod common;
use common::{fields, header, line};

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
        raw_kind: Entry::KINDS.iter().position(|one| *one == kind).unwrap() as u8,
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
