// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/vmas.rs`.

use memintro_model::model::{
    addr::{PhysAddr, VirtAddr},
    pgtable::{flags, Kind, Level},
    range::Piece,
    text::LINE_MAX,
    vmas::{self, Behind, Perm},
};

#[path = "support/common.rs"]
mod common;
use common::{fields, header, line};

fn piece(kind: Kind, level: Level, flags: u32) -> Piece {
    let size = if level == Level::Pte {
        0x1000
    } else {
        0x20_0000
    };
    Piece {
        start: VirtAddr(0),
        last: VirtAddr(size - 1),
        kind,
        level,
        pa: PhysAddr(0),
        shift: 12,
        perm: 0,
        flags,
    }
}

fn counted(pieces: &[Piece]) -> Behind {
    let mut behind = Behind::default();
    for piece in pieces {
        behind.count(piece);
    }
    behind
}

#[test]
fn each_kind_has_its_column() {
    let size = 0x1000;
    for kind in Kind::ALL {
        let sized = Behind {
            size,
            ..Behind::default()
        };
        let expected = match kind {
            Kind::Leaf => Behind {
                present: size,
                ..sized
            },
            Kind::Swap => Behind {
                swap: size,
                ..sized
            },
            Kind::None => Behind {
                empty: size,
                ..sized
            },
            // These are what is left of the size.
            _ => sized,
        };
        assert_eq!(counted(&[piece(kind, Level::Pte, 0)]), expected, "{kind:?}");
    }
}

#[test]
fn pages_that_count_as_present_and_as_huge() {
    let present = |level, flags| {
        let behind = counted(&[piece(Kind::Leaf, level, flags)]);
        (behind.present, behind.huge, behind.zero)
    };
    assert_eq!(present(Level::Pte, flags::PROTNONE), (0x1000, 0, 0));
    // Larger than a page of the base size, but of ptes.
    assert_eq!(
        present(Level::Pte, flags::HUGETLB | flags::CONTIGUOUS),
        (0x1000, 0, 0)
    );
    assert_eq!(
        present(Level::Pmd, flags::HUGETLB),
        (0x20_0000, 0x20_0000, 0)
    );
    assert_eq!(present(Level::Pud, 0), (0x20_0000, 0x20_0000, 0));
    assert_eq!(present(Level::Pte, flags::ZERO), (0, 0, 0x1000));
    assert_eq!(present(Level::Pmd, flags::ZERO), (0, 0, 0x20_0000));
}

#[test]
fn totals_add_up() {
    let parts = [
        counted(&[
            piece(Kind::Leaf, Level::Pmd, 0),
            piece(Kind::None, Level::Pmd, 0),
        ]),
        counted(&[
            piece(Kind::Swap, Level::Pte, 0),
            piece(Kind::Leaf, Level::Pte, flags::ZERO),
        ]),
    ];
    let mut sum = Behind::default();
    for part in &parts {
        sum.add(part);
    }
    let text = line(|l| {
        l.put(b"pid=812");
        sum.put(l);
        l.end();
    });
    assert_eq!(
        text,
        "pid=812 size_kb=4104 present_kb=2048 huge_kb=2048 zero_kb=4 swap_kb=4 empty_kb=2048\n"
    );
    common::pairs(&text);
}

#[test]
fn rows_as_the_design_writes_them() {
    let head = header(vmas::header);
    assert_eq!(
        head,
        "START END PERM SIZE_KB PRESENT_KB HUGE_KB ZERO_KB SWAP_KB EMPTY_KB NAME\n"
    );
    let behind = counted(&[
        piece(Kind::Leaf, Level::Pte, 0),
        piece(Kind::None, Level::Pte, 0),
    ]);
    let perm = Perm {
        read: true,
        exec: true,
        ..Perm::default()
    };
    let row = line(|l| {
        vmas::row(
            l,
            VirtAddr(0x40_0000),
            VirtAddr(0x40_2000),
            perm,
            &behind,
            b"/usr/bin/dash",
        );
    });
    assert_eq!(row, "0x400000 0x402000 r-xp 8 4 0 0 0 4 /usr/bin/dash\n");
    fields(&head, &row);
}

#[test]
fn every_permission_is_as_in_maps() {
    for bits in 0..16u8 {
        let perm = Perm {
            read: bits & 1 != 0,
            write: bits & 2 != 0,
            exec: bits & 4 != 0,
            shared: bits & 8 != 0,
        };
        let expected: String = ["-r", "-w", "-x", "ps"]
            .into_iter()
            .enumerate()
            .map(|(bit, letters)| char::from(letters.as_bytes()[usize::from((bits >> bit) & 1)]))
            .collect();
        let row = line(|l| {
            vmas::row(
                l,
                VirtAddr(0),
                VirtAddr(0x1000),
                perm,
                &Behind::default(),
                b"-",
            );
        });
        assert_eq!(fields(&header(vmas::header), &row)[2], ("PERM", &*expected));
    }
}

#[test]
fn the_widest_row_leaves_room() {
    let most = u64::MAX;
    let behind = Behind {
        size: most,
        present: most,
        huge: most,
        zero: most,
        swap: most,
        empty: most,
    };
    let row = line(|l| {
        vmas::row(
            l,
            VirtAddr(most),
            VirtAddr(most),
            Perm::default(),
            &behind,
            b"-",
        );
    });
    assert_eq!(fields(&header(vmas::header), &row).len(), 10);
    assert!(row.len() <= vmas::ROW_MAX && vmas::ROW_MAX < LINE_MAX / 2);
}
