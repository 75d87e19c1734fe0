// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/extents.rs`.

use memintro_model::model::{
    addr::{PhysAddr, VirtAddr},
    extents::{put_nodes, Extent, Extents, Folios, LastRow, Totals, NODE_MAX, NO_ROWS, PAGE_SIZES},
    pgtable::{flags, Entry, Kind, Level},
    question::Part,
    range::{Found, Piece},
    text::{Line, LINE_MAX},
};
use proptest::{collection::vec, prelude::*};

#[path = "support/common.rs"]
mod common;
#[path = "support/modes.rs"]
#[allow(dead_code, reason = "these tests name their modes")]
mod modes;
use common::{fields, header, line};

const PAGE: Piece = Piece {
    start: VirtAddr(0x1000),
    last: VirtAddr(0x1fff),
    kind: Kind::Leaf,
    level: Level::Pte,
    pa: PhysAddr(0x2_0000_0000),
    shift: 12,
    perm: flags::READ | flags::WRITE | flags::USER,
    flags: flags::ACCESSED | flags::NX,
};

/// The page after another, in memory too.
fn after(piece: &Piece) -> Piece {
    Piece {
        start: piece.last.wrapping_add(1),
        last: piece.last.wrapping_add(piece.size()),
        pa: piece.pa.wrapping_add(piece.size()),
        ..*piece
    }
}

fn rows(pieces: &[Piece]) -> (Vec<Extent>, Totals) {
    let mut extents = Extents::default();
    let mut rows: Vec<_> = pieces
        .iter()
        .filter_map(|piece| extents.push(piece))
        .collect();
    rows.extend(extents.finish());
    assert_eq!(extents.finish(), None);
    (rows, extents.totals)
}

#[test]
fn pages_side_by_side_are_one_row() {
    let next = after(&PAGE);
    let (rows, totals) = rows(&[PAGE, next, after(&next)]);
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].start.0, rows[0].last.0), (0x1000, 0x3fff));
    assert_eq!(rows[0].pa, PAGE.pa);
    assert_eq!((totals.rows, totals.runs), (1, 1));
    assert_eq!((totals.present, totals.largest), (0x3000, 0x3000));
}

#[test]
fn what_begins_a_row_and_what_begins_a_run() {
    let next = after(&PAGE);
    let with = |flag| Piece {
        flags: next.flags ^ flag,
        ..next
    };
    // How many rows and runs the two pages are.
    let cases = [
        ("same", next, 1, 1),
        (
            "pa",
            Piece {
                pa: PhysAddr(0x5000),
                ..next
            },
            2,
            2,
        ),
        (
            "pa of the first",
            Piece {
                pa: PAGE.pa,
                ..next
            },
            2,
            2,
        ),
        (
            "a gap",
            Piece {
                start: VirtAddr(0x3000),
                last: VirtAddr(0x3fff),
                ..next
            },
            2,
            2,
        ),
        (
            "perm",
            Piece {
                perm: flags::READ,
                ..next
            },
            2,
            1,
        ),
        ("page", Piece { shift: 16, ..next }, 2, 1),
        ("special", with(flags::SPECIAL), 2, 1),
        ("protnone", with(flags::PROTNONE), 2, 1),
        ("hugetlb", with(flags::HUGETLB), 2, 1),
        ("uffd", with(flags::UFFD), 2, 1),
        ("zero", with(flags::ZERO), 2, 1),
        ("accessed", with(flags::ACCESSED), 1, 1),
        ("dirty", with(flags::DIRTY), 1, 1),
        ("soft-dirty", with(flags::SOFT_DIRTY), 1, 1),
        ("nx", with(flags::NX), 1, 1),
        (
            "level",
            Piece {
                level: Level::Pmd,
                ..next
            },
            1,
            1,
        ),
    ];
    for (what, second, row_count, runs) in cases {
        let (rows, totals) = rows(&[PAGE, second]);
        assert_eq!((rows.len(), totals.runs), (row_count, runs), "{what}");
        assert_eq!(totals.rows, rows.len() as u64);
    }
}

#[test]
fn holes_end_rows_and_runs() {
    for kind in [
        Kind::None,
        Kind::Swap,
        Kind::Migration,
        Kind::Guard,
        Kind::Bad,
    ] {
        let hole = Piece {
            kind,
            ..after(&PAGE)
        };
        let (rows, totals) = rows(&[PAGE, hole, after(&after(&PAGE))]);
        assert_eq!((rows.len(), totals.runs), (2, 2));
        assert_eq!((totals.present, totals.zero), (0x2000, 0));
    }
}

#[test]
fn zero_pages_are_one_row_and_no_run() {
    let zero = Piece {
        flags: PAGE.flags | flags::ZERO,
        ..PAGE
    };
    // All of them are the same page.
    let again = |piece: &Piece| Piece {
        pa: piece.pa,
        ..after(piece)
    };
    let second = again(&zero);
    let (rows, totals) = rows(&[zero, second, again(&second)]);
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].last.0, rows[0].pa), (0x3fff, zero.pa));
    assert_eq!((totals.zero, totals.present), (0x3000, 0));
    assert_eq!((totals.runs, totals.largest), (0, 0));
}

#[test]
fn rows_and_totals_as_the_design_writes_them() {
    let head = header(Extent::header);
    assert_eq!(head, "START END SIZE_KB PA PAGE PERM FLAGS\n");
    let huge = Piece {
        start: VirtAddr(0x20_0000),
        last: VirtAddr(0x3f_ffff),
        shift: 21,
        flags: flags::HUGETLB | flags::DIRTY,
        ..PAGE
    };
    let (rows, totals) = rows(&[PAGE, huge]);
    let mut last = LastRow::default();
    let mut write = |row: &Extent| line(|l| row.row(l, &mut last));
    let written: Vec<_> = rows.iter().map(&mut write).collect();
    // An end that is kept is no other row's.
    for row in rows.iter().chain(&rows).chain(rows.iter().rev()) {
        assert!(written.contains(&write(row)));
    }
    assert_eq!(written[0], "0x1000 0x2000 4 0x200000000 4K rw-u -\n");
    assert_eq!(
        written[1],
        "0x200000 0x400000 2048 0x200000000 2M rw-u hugetlb\n"
    );
    let text = |part| {
        let mut bytes = [0; LINE_MAX];
        let mut line = Line::new(&mut bytes);
        totals.put(&mut line, part, &modes::x86(5).paging);
        String::from_utf8(line.as_bytes().to_vec()).unwrap()
    };
    assert_eq!(
        text(Part::Range(VirtAddr(0), VirtAddr(0x3f_ffff))),
        " rows=2 runs=2 kb=2052 hole_kb=2044 zero_kb=0 largest_kb=2048 \
         kb_4k=4 kb_2m=2048 kb_1g=0"
    );
    let whole = text(Part::Whole);
    assert!(whole.starts_with(" start=- end=- rows=2 ") && whole.contains(" hole_kb=- "));
}

/// What is always told is what entries cover, other sizes where they occur.
#[test]
fn sizes_of_each_shape() {
    let keys = |mode: modes::Mode, occurs: u8| {
        let page = Piece {
            last: VirtAddr(0x1000 + (1 << occurs) - 1),
            shift: occurs,
            ..PAGE
        };
        let text = line(|l| {
            rows(&[page]).1.put(l, Part::Whole, &mode.paging);
            l.end();
        });
        let keys: Vec<_> = text
            .split_ascii_whitespace()
            .filter_map(|pair| pair.strip_prefix("kb_"))
            .map(|pair| pair.split_once('=').unwrap().0.to_owned())
            .collect();
        keys.join(" ")
    };
    assert_eq!(keys(modes::x86(4), 12), "4k 2m 1g");
    assert_eq!(keys(modes::x86(5), 21), "4k 2m 1g");
    assert_eq!(keys(modes::arm64(12, 39), 16), "4k 64k 2m 1g");
    assert_eq!(keys(modes::arm64(14, 48), 14), "16k 32m");
    assert_eq!(keys(modes::arm64(14, 47), 21), "16k 2m 32m");
    assert_eq!(keys(modes::arm64(14, 52), 30), "16k 32m 1g");
    assert_eq!(keys(modes::arm64(16, 48), 16), "64k 512m");
    assert_eq!(keys(modes::arm64(16, 52), 34), "64k 512m 16g");
}

#[test]
fn folios_and_nodes_are_told_where_they_occur() {
    let mut folios = Folios::default();
    for (order, bytes) in [
        (0, 4096),
        (2, 16 << 10),
        (2, 16 << 10),
        (9, 2 << 20),
        (18, 1 << 30),
    ] {
        folios.add(order, bytes);
    }
    // No folio is so large.
    folios.add(32, 4096);
    let text = |shift| {
        line(|l| {
            folios.put(l, shift);
            put_nodes(l, &[4096, 0, 1 << 20]);
            l.end();
        })
    };
    assert_eq!(
        text(12),
        " folio_4k_kb=4 folio_16k_kb=32 folio_2m_kb=2048 folio_1g_kb=1048576 \
         node0_kb=4 node2_kb=1024\n"
    );
    assert!(text(14).starts_with(" folio_16k_kb=4 folio_64k_kb=32 folio_8m_kb=2048 "));
    let widest = line(|l| {
        put_nodes(l, &[u64::MAX; 12]);
        l.end();
    });
    assert!(widest.len() < 12 * NODE_MAX);
    (0..32).for_each(|order| folios.add(order, u64::MAX));
    let mut bytes = [0; 2 * LINE_MAX];
    let mut line = Line::new(&mut bytes);
    folios.put(&mut line, 12);
    assert!(line.is_whole());
}

#[test]
fn the_end_of_all() {
    for (last, end) in [(0xfff, "0x1000"), (u64::MAX, "0xffffffffffffffff")] {
        let mut bytes = [0; LINE_MAX];
        let mut line = Line::new(&mut bytes);
        line.hex_end(VirtAddr(last));
        assert_eq!(line.as_bytes(), end.as_bytes());
    }
}

#[test]
fn widest_rows_fit() {
    let widest = Extent {
        start: VirtAddr(1 << 63),
        last: VirtAddr::MAX,
        pa: PhysAddr(u64::MAX),
        shift: 29,
        perm: flags::PERM,
        flags: !flags::PERM,
    };
    let row = line(|l| widest.row(l, &mut LastRow::default()));
    assert_eq!(
        fields(&header(Extent::header), &row)[2],
        ("SIZE_KB", "9007199254740992")
    );
    let totals = Totals {
        rows: u64::MAX,
        runs: u64::MAX,
        present: u64::MAX >> 1,
        zero: u64::MAX >> 1,
        largest: u64::MAX,
        by_size: [u64::MAX; PAGE_SIZES.len()],
    };
    let text = line(|l| {
        l.put(b"pid=1");
        totals.put(
            l,
            Part::Range(VirtAddr(1), VirtAddr::MAX),
            &modes::x86(5).paging,
        );
        l.end();
    });
    common::pairs(&text);
    assert!(row.len() < LINE_MAX / 2 && text.len() < LINE_MAX);
}

/// Pieces in ascending order, that often go on where the one before ended.
fn ascending() -> impl Strategy<Value = Vec<Piece>> {
    let flag = prop_oneof![
        6 => Just(0),
        1 => Just(flags::ZERO),
        1 => Just(flags::ACCESSED),
        1 => Just(flags::PROTNONE),
    ];
    let shift = prop_oneof![6 => Just(12u8), 1 => Just(16), 1 => Just(21)];
    let kind = prop_oneof![6 => Just(Kind::Leaf), 1 => Just(Kind::None), 1 => Just(Kind::Swap)];
    let gap = prop_oneof![6 => Just(0u64), 1 => 1u64..4];
    let moved = prop_oneof![4 => Just(0u64), 1 => 0u64..4];
    let one = (
        flag,
        shift,
        kind,
        gap,
        moved,
        prop_oneof![6 => Just(1u32), 1 => 0u32..16],
    );
    vec(one, 0..60).prop_map(|list| {
        let (mut va, mut pa) = (0x1000_0000, 0x2_0000_0000);
        let mut pieces = Vec::new();
        for (flags, shift, kind, gap, moved, perm) in list {
            let start = va + gap * 0x1000;
            pa += moved * 0x1000;
            let last = start + (1 << shift.min(16)) - 1;
            pieces.push(Piece {
                start: VirtAddr(start),
                last: VirtAddr(last),
                kind,
                pa: PhysAddr(pa),
                shift,
                perm,
                flags,
                ..PAGE
            });
            va = last + 1;
            pa += last - start + 1;
        }
        pieces
    })
}

proptest! {
    #![proptest_config(common::config(8))]

    // Page by page, rows say what the pieces said; and they are as long as they can be.
    #[test]
    fn rows_and_totals_are_the_pieces(pieces in ascending()) {
        let (rows, totals) = rows(&pieces);
        let leaves: Vec<_> = pieces.iter().filter(|piece| piece.kind == Kind::Leaf).collect();
        let mut covered = 0;
        for row in &rows {
            prop_assert!(row.start <= row.last);
            covered += row.last - row.start + 1;
        }
        prop_assert_eq!(covered, leaves.iter().map(|piece| piece.size()).sum::<u64>());
        prop_assert!(rows.windows(2).all(|pair| pair[0].last < pair[1].start));
        for piece in &leaves {
            let holds = |row: &&Extent| row.start <= piece.start && piece.last <= row.last;
            let row = rows.iter().find(holds);
            prop_assert!(row.is_some());
            let row = row.unwrap();
            prop_assert_eq!(row.flags, piece.flags & !flags::ACCESSED);
            prop_assert_eq!((row.shift, row.perm), (piece.shift, piece.perm));
            if !piece.is_zero() {
                prop_assert_eq!(row.pa.wrapping_add(piece.start - row.start), piece.pa);
            }
        }
        for pair in rows.windows(2) {
            let joins = pair[0].last.next() == Some(pair[1].start)
                && (pair[0].shift, pair[0].perm, pair[0].flags)
                    == (pair[1].shift, pair[1].perm, pair[1].flags)
                && (pair[0].flags & flags::ZERO != 0
                    || pair[0].pa.wrapping_add(pair[1].start - pair[0].start) == pair[1].pa);
            prop_assert!(!joins, "{:?}", pair);
        }

        // Runs, by the borders between present pages.
        let present: Vec<_> = leaves.into_iter().filter(|piece| !piece.is_zero()).collect();
        let mut runs: Vec<u64> = Vec::new();
        for (place, piece) in present.iter().enumerate() {
            let goes_on = place > 0
                && present[place - 1].last.next() == Some(piece.start)
                && present[place - 1].pa.wrapping_add(present[place - 1].size()) == piece.pa;
            match runs.last_mut().filter(|_| goes_on) {
                Some(run) => *run += piece.size(),
                None => runs.push(piece.size()),
            }
        }
        prop_assert_eq!(totals.rows, rows.len() as u64);
        prop_assert_eq!(totals.runs, runs.len() as u64);
        prop_assert_eq!(totals.largest, runs.into_iter().max().unwrap_or(0));
        let sum = |shift: u8| -> u64 {
            present.iter().filter(|piece| piece.shift == shift).map(|piece| piece.size()).sum()
        };
        prop_assert_eq!(totals.by_size, PAGE_SIZES.map(|(shift, _)| sum(shift)));
        prop_assert_eq!(totals.present, sum(12) + sum(16) + sum(21));
        prop_assert_eq!(totals.zero, covered - totals.present);
    }
}

/// Entries as they stand in a table, few enough places and kinds that neighbours are often alike.
fn entry() -> impl Strategy<Value = Entry> {
    let kinds = prop_oneof![
        8 => Just(Kind::Leaf),
        1 => Just(Kind::None),
        1 => Just(Kind::Swap),
    ];
    let marks = prop_oneof![
        8 => Just(0),
        1 => Just(flags::ZERO),
        1 => Just(flags::WRITE),
        1 => Just(flags::ACCESSED),
        1 => Just(flags::PROTNONE),
    ];
    let shifts = prop_oneof![8 => Just(12u8), 1 => Just(16u8), 1 => Just(13u8)];
    (kinds, 0u64..4, marks, shifts).prop_map(|(kind, place, mark, page_shift)| Entry {
        target: place << 12,
        flags: flags::READ | flags::USER | mark,
        raw_kind: Kind::ALL.iter().position(|one| *one == kind).unwrap() as u8,
        page_shift,
        ..Entry::default()
    })
}

proptest! {
    #![proptest_config(common::config(8))]

    #[test]
    fn all_at_once_is_the_same_as_one_by_one(
        tables in vec((vec(entry(), 1..40), any::<[u16; 2]>(), 0u64..3), 1..4),
        follow in any::<bool>(),
        most in 1..9usize,
    ) {
        let (mut one_by_one, mut at_once) = (Extents::default(), Extents::default());
        let mut totals = Extents::default();
        let (mut rows, mut others) = (Vec::new(), Vec::new());
        let mut va = 0x10_0000u64;
        for (mut entries, [inside, clip], gap) in tables {
            if follow {
                // Side by side in memory, as far as it goes.
                for (place, entry) in (0u64..).zip(&mut entries) {
                    entry.target = entry.target / 0x3000 * 0x1000 + (va & !0xfff) + place * 0x1000;
                }
            }
            let whole = entries.len() as u64 * 0x1000;
            let first = va + u64::from(inside) % 0x1000;
            let mut found = Found {
                va: VirtAddr(first),
                last: VirtAddr(first.max(va + whole - 1 - u64::from(clip) % 0x1000)),
                level: Level::Pte,
                span: 0x1000,
                perm: flags::READ | flags::USER,
                count: entries.len(),
                empty: 0,
                entries: &entries,
            };
            rows.extend(found.pieces().filter_map(|piece| one_by_one.push(&piece)));
            prop_assert_eq!(totals.push_all(&found, NO_ROWS), found.last);
            prop_assert_eq!(one_by_one.totals, totals.totals);
            // So many rows at a time, each from where the last ones ended.
            loop {
                let before = others.len();
                let each = |row: &Extent| {
                    others.push(*row);
                    others.len() < before + most
                };
                let reached = at_once.push_all(&found, Some(each));
                if reached == found.last {
                    break;
                }
                prop_assert_eq!(others.len(), before + most);
                let done = (reached.0 + 1 - va) / 0x1000;
                found.va = VirtAddr(reached.0 + 1);
                found.entries = &entries[done as usize..];
                found.count = found.entries.len();
            }
            prop_assert_eq!(&rows, &others);
            prop_assert_eq!(one_by_one.totals, at_once.totals);
            va += whole + gap * 0x1000;
        }
        let last = one_by_one.finish();
        prop_assert_eq!([at_once.finish(), totals.finish()], [last; 2]);
    }
}
