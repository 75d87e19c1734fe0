// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/rmap.rs`.

use memintro_model::model::{
    addr::{PhysAddr, VirtAddr},
    end,
    pgtable::flags,
    question::PhysicalQuestion,
    rmap::{self, Hit, Totals, ROW_MAX},
};

#[path = "support/table.rs"]
#[allow(dead_code, reason = "rows of conversations are not aligned")]
mod table;
use table::{fields, header, line};

#[test]
fn the_widest_row_is_bounded() {
    let hit = Hit {
        va: VirtAddr::MAX,
        shift: 29,
        perm: flags::PERM,
    };
    let row = line(|l| rmap::row(l, u32::MAX, &hit, &[0xff; 15]));
    assert_eq!(fields(&header(rmap::header), &row)[2], ("PAGE", "512M"));
    assert!(row.len() <= ROW_MAX && ROW_MAX < row.len() + 16);
}

#[test]
fn the_last_line_counts_who_was_not_listed() {
    let totals = Totals {
        rows: 1,
        outside: 2,
        busy: 3,
    };
    assert_eq!(
        line(|l| {
            end::begin(
                l,
                &PhysicalQuestion {
                    pa: PhysAddr(0x1000),
                },
            );
            totals.put(l);
            l.end();
        }),
        "# end pa=0x1000 rows=1 outside=2 busy=3\n"
    );
}
