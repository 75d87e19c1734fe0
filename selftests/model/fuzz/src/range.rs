// SPDX-License-Identifier: GPL-2.0

//! Many addresses over tables of which the bytes decide each reading: pieces and rows ascend,
//! nothing is counted twice, and the totals are those of the rows.

use super::{
    input::{mode, Input},
    lines::{address, fields, line, number, pairs},
};
use memintro_model::model::{
    addr::{Halves, PhysAddr, VirtAddr},
    extents::{put_nodes, Extent, Extents, Folios, LastRow, Totals, NODE_MAX},
    pgtable::{flags, Entry, Kind, Level, PageTables, Paging, Reading},
    question::Part,
    range::{before_table, step, BulkTables, Found, Many, Piece, STEP_ENTRIES},
    rmap,
    tables::{self, Tables},
    vmas::{self, Behind, Perm},
};
use std::cell::RefCell;

/// How many steps one input makes.
const STEPS: usize = 6;

/// Tables whose entries come from the bytes, many of them side by side like those of real pages.
struct Hostile<'a> {
    paging: Paging,
    input: RefCell<Input<'a>>,
    /// Entries above the last that were read, to be read again.
    above: RefCell<Vec<(u8, Entry)>>,
}

impl PageTables for Hostile<'_> {
    type Table = u8;

    fn paging(&self) -> &Paging {
        &self.paging
    }

    fn root(&self) -> u8 {
        0
    }

    fn root_pa(&self) -> PhysAddr {
        PhysAddr(0x1000)
    }

    fn read(&self, table: u8, _va: VirtAddr) -> Option<Reading<u8>> {
        let mut input = self.input.borrow_mut();
        let mut above = self.above.borrow_mut();
        let shape = input.byte();
        let before = above.iter().find(|(number, _)| *number == table);
        let entry = match before {
            Some((_, entry)) if shape < 240 => *entry,
            _ => {
                let mut entry = input.entry();
                if shape & 3 != 0 {
                    entry.raw_kind = 1;
                }
                above.push((table, entry));
                entry
            }
        };
        Some(Reading {
            at: VirtAddr(table.into()),
            entry,
            next: (shape & 31 != 31).then_some(table + 1),
        })
    }
}

impl BulkTables for Hostile<'_> {
    fn read_many(&self, table: u8, va: VirtAddr, entries: &mut [Entry]) -> Option<Many> {
        let mut input = self.input.borrow_mut();
        let level = self.paging.top as usize - usize::from(table);
        let level = memintro_model::model::pgtable::Level::ALL[4 - level];
        let size = self
            .paging
            .entries_from(level, self.paging.index(level, va));
        let shift = self.paging.shift[level as usize];
        let count = size.min(entries.len()).min(match input.byte() {
            many @ 0..248 => usize::from(many & 31) + 1,
            _ => STEP_ENTRIES,
        });
        let mut filled = 0;
        while let Some(rest) = entries[..count]
            .get_mut(filled..)
            .filter(|rest| !rest.is_empty())
        {
            let shape = input.byte();
            let mut first = input.entry();
            if first.kind() == Kind::Leaf {
                // A page is aligned, below 2^52, and its size is that of the level or of several
                // entries.
                first.target = (first.target & ((1 << 52) - 1)) >> shift << shift;
                first.page_shift = shift
                    + if first.flags & flags::CONTIGUOUS != 0 {
                        4
                    } else {
                        0
                    };
            }
            let many = 1 + usize::from(shape >> 1);
            for (entry, number) in rest.iter_mut().zip(0..many as u64) {
                *entry = first;
                if shape & 1 != 0 && first.kind() == Kind::Leaf {
                    entry.target = first.target + (number << shift);
                }
            }
            filled += many;
        }
        let room = size.min(entries.len()) - count;
        let empty = usize::from(input.byte() & 7).min(room);
        Some(Many {
            empty,
            written: before_table(&entries[..count]),
        })
    }
}

/// Checks what one step found, and returns its pieces.
fn pieces(paging: &Paging, found: &Found<'_>, va: VirtAddr, last: VirtAddr) -> Vec<Piece> {
    let pieces: Vec<_> = found.pieces().collect();
    assert_eq!(pieces.first().map(|piece| piece.start), Some(va));
    assert!(pieces
        .windows(2)
        .all(|two| two[0].last.next() == Some(two[1].start)));
    let end = pieces.last().map(|piece| piece.last);
    assert!(end == Some(last) || end.and_then(VirtAddr::next) == found.next());
    let span = paging.span(found.level);
    for piece in &pieces {
        // A piece may be several entries; this is the first of them.
        let number = (piece.start.0 & !(span - 1)) - (found.va.0 & !(span - 1));
        let entry = match (number / span).checked_sub(found.empty as u64) {
            Some(number) => found.entries[number as usize],
            None => Entry::default(),
        };
        assert!(piece.start <= piece.last && piece.last <= last);
        assert!(!matches!(piece.kind, Kind::Table | Kind::Bad));
        assert_eq!(
            piece.is_present() || piece.is_zero(),
            entry.kind() == Kind::Leaf
        );
        assert!(!(piece.is_present() && piece.is_zero()));
        let inside = piece.start.0 & (paging.span(found.level) - 1);
        assert_eq!(piece.pa.0, entry.target.wrapping_add(inside));
        assert_eq!(piece.perm & !(flags::PERM & found.perm & entry.flags), 0);
    }
    pieces
}

/// Every mapping of `pa` in the pieces, and no other.
fn check_hits(found: &Found<'_>, pieces: &[Piece], pa: PhysAddr) {
    let expected = pieces.iter().filter_map(|piece| {
        let offset = pa.0.checked_sub(piece.pa.0)?;
        let here = piece.kind == Kind::Leaf && offset <= piece.last - piece.start;
        here.then(|| piece.start.wrapping_add(offset))
    });
    assert!(rmap::hits(found, pa).map(|hit| hit.va).eq(expected));

    // Of a range, page by page.
    let last = PhysAddr((pa.0 | 0x7fff).min(u64::MAX - 1));
    let pages = pieces.iter().filter(|piece| piece.kind == Kind::Leaf);
    let sum: u64 = pages
        .map(|piece| {
            let (start, end) = (piece.pa.0, piece.pa.0 + (piece.last - piece.start));
            let (start, end) = (start.max(pa.0), end.min(last.0));
            if start <= end {
                end - start + 1
            } else {
                0
            }
        })
        .sum();
    assert_eq!(rmap::bytes_in(found, pa, last), sum);
}

fn check_row(row: &Extent) {
    let header = line(Extent::header);
    let mut last = LastRow::default();
    let mut text = || line(|line| row.row(line, &mut last));
    let (text, again) = (text(), text());
    assert_eq!(text, again);
    let fields = fields(&header, &text);
    assert_eq!(address(fields[0]), row.start.0);
    assert_eq!(address(fields[1]), row.last.0.saturating_add(1));
    assert_eq!(number(fields[2]), (row.last - row.start + 1) >> 10);
    assert_eq!(address(fields[3]), row.pa.0);
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b',';
    assert!(fields[4..].iter().all(|field| field.bytes().all(word)));
}

/// What the rows add up to must be what the totals say.
fn check_totals(rows: &[Extent], totals: &Totals, range: u64, paging: &Paging) {
    assert!(rows.windows(2).all(|two| two[0].last < two[1].start));
    let size = |row: &Extent| row.last - row.start + 1;
    let sum = |zero: bool| -> u64 {
        let of_kind = rows
            .iter()
            .filter(|row| (row.flags & flags::ZERO != 0) == zero);
        of_kind.map(size).sum()
    };
    assert_eq!(totals.rows, rows.len() as u64);
    assert_eq!((totals.present, totals.zero), (sum(false), sum(true)));
    assert!(totals.by_size.iter().sum::<u64>() <= totals.present);

    // Runs, from the rows: they go on where the next row begins in both address spaces.
    let (mut runs, mut largest, mut run) = (0, 0, 0);
    let mut end = None;
    for row in rows.iter().filter(|row| row.flags & flags::ZERO == 0) {
        if end != Some((row.start, row.pa)) {
            runs += 1;
            run = 0;
        }
        run += size(row);
        largest = largest.max(run);
        end = row
            .last
            .next()
            .map(|end| (end, row.pa.wrapping_add(size(row))));
    }
    assert_eq!((totals.runs, totals.largest), (runs, largest));

    let text = line(|line| {
        line.put(b"a=b");
        totals.put(line, Part::Range(VirtAddr(1), VirtAddr(range)), paging);
        line.end();
    });
    let pairs = pairs(&text);
    let kb = |key| number(pairs.iter().find(|pair| pair.0 == key).expect(key).1);
    assert_eq!(kb("kb") + kb("zero_kb") + kb("hole_kb"), range >> 10);
    let by_size = pairs.iter().filter(|pair| pair.0.starts_with("kb_"));
    assert!(by_size.map(|pair| number(pair.1)).sum::<u64>() <= kb("kb"));
}

/// Sums that the bytes choose are told where they are not nothing.
fn check_frames(input: &mut Input<'_>, shift: u8) {
    let (mut folios, mut nodes) = (Folios::default(), [0; 9]);
    let mut sizes = [0u64; 18];
    for _ in 0..input.byte() & 15 {
        let (order, bytes) = (input.byte() % 18, (input.number() >> 5) & !1023);
        folios.add(order.into(), bytes);
        sizes[usize::from(order)] += bytes;
        nodes[usize::from(order) % 9] = bytes;
    }
    let text = line(|line| {
        line.put(b"a=b");
        folios.put(line, shift);
        line.end();
    });
    let expected = sizes.iter().zip(shift..).filter(|(sum, _)| **sum > 0);
    let found = &pairs(&text)[1..];
    assert_eq!(found.len(), expected.clone().count());
    for ((sum, shift), (key, kb)) in expected.zip(found) {
        let (unit, places) = ["k", "m", "g"]
            .into_iter()
            .zip([10, 20, 30])
            .rfind(|(_, places)| shift >= *places)
            .expect("a unit");
        assert_eq!(*key, format!("folio_{}{unit}_kb", 1u64 << (shift - places)));
        assert_eq!(number(kb) << 10, *sum);
    }
    let text = line(|line| {
        line.put(b"a=b");
        put_nodes(line, &nodes);
        line.end();
    });
    let expected = nodes.iter().enumerate().filter(|(_, sum)| **sum > 0);
    let expected = expected.map(|(node, sum)| (format!("node{node}_kb"), sum >> 10));
    let found = pairs(&text).into_iter().skip(1);
    assert!(expected.eq(found.map(|(key, kb)| (key.to_owned(), number(kb)))));
    assert!(text.len() < 8 + nodes.len() * NODE_MAX);
}

fn check_behind(behind: &Behind, start: VirtAddr, last: VirtAddr) {
    assert_eq!(behind.size, last - start + 1);
    assert!(behind.huge <= behind.present);
    assert!(behind.present + behind.zero + behind.swap + behind.empty <= behind.size);
    let text = line(|line| {
        let end = last.next().unwrap_or(last);
        vmas::row(line, start, end, Perm::default(), behind, b"");
    });
    let header = line(vmas::header);
    let fields = fields(&header, &text);
    let printed = [3, 4, 5, 6, 7, 8].map(|column| number(fields[column]) << 10);
    let Behind {
        size,
        present,
        huge,
        zero,
        swap,
        empty,
    } = *behind;
    assert_eq!(printed, [size, present, huge, zero, swap, empty]);
}

/// No level has more tables than the entries above say, nor more used entries than entries.
fn check_tables(tables: &Tables, paging: &Paging, halves: &Halves) {
    let header = line(tables::header);
    let mut above = None;
    for level in Level::ALL.into_iter().filter(|level| *level <= paging.top) {
        let row = line(|line| tables.row(line, level, paging, halves));
        let fields = fields(&header, &row);
        assert_eq!(fields[0], level.as_str());
        let [tables, entries, used, kb] = [1, 2, 3, 4].map(|field| number(fields[field]));
        assert!(above.is_none_or(|above| tables <= above));
        // The first table may be less than a KiB.
        assert!(8 * entries <= (kb + 1) << 10);
        above = Some(used);
    }
}

/// Goes over a range that the bytes choose.
pub fn check(bytes: &[u8]) {
    let mut input = Input(bytes);
    let machine = input.byte();
    let (paging, halves) = mode(machine);
    let page = (1 << paging.shift[0]) - 1;
    let kernel = machine & 128 != 0;
    // A range of pages in one half, as an accepted question has it.
    let half = (1u64 << halves.user_bits) - 1;
    let place = |va: u64| if kernel { va | !half } else { va & half };
    let (one, other) = (place(input.number()), place(input.number()));
    let start = VirtAddr(one.min(other) & !page);
    let last = VirtAddr(one.max(other) | page);
    let pa = PhysAddr(input.number());

    let tables = Hostile {
        paging,
        input: RefCell::new(input),
        above: RefCell::default(),
    };
    let (mut extents, mut behind) = (Extents::default(), Behind::default());
    let mut counted = Tables::default();
    let (mut rows, mut reached, mut buffer) = (Vec::new(), start, [Entry::default(); STEP_ENTRIES]);
    for _ in 0..STEPS {
        tables.above.borrow_mut().clear();
        let Some(found) = step(&tables, reached, last, None, &mut buffer) else {
            break;
        };
        let pieces = pieces(&paging, &found, reached, last);
        counted.count(&paging, &found, machine & 64 != 0);
        check_hits(&found, &pieces, pa);
        check_hits(&found, &pieces, pieces[pieces.len() / 2].pa);
        for piece in &pieces {
            rows.extend(extents.push(piece));
            behind.count(piece);
        }
        let end = pieces[pieces.len() - 1].last;
        reached = end.wrapping_add(1);
        if end == last {
            break;
        }
    }
    if reached != start {
        check_behind(&behind, start, VirtAddr(reached.0.wrapping_sub(1)));
    }
    check_tables(&counted, &paging, &halves);
    check_frames(&mut tables.input.borrow_mut(), paging.shift[0]);
    rows.extend(extents.finish());
    // Spelling costs more than all the rest.
    rows.iter().step_by(64).for_each(check_row);
    check_totals(&rows, &extents.totals, last - start + 1, &paging);
}
