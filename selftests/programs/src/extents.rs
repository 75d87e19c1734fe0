// SPDX-License-Identifier: GPL-2.0

//! The answers of `/proc/memintro/extents`, and the rules that hold for all of them, whatever
//! memory they speak of.

use crate::prelude::*;

const PAGE: u64 = sys::PAGE as u64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub start: u64,
    /// The last address, not the one after it.
    pub last: u64,
    pub pa: u64,
    /// These as they are written.
    pub page: String,
    pub perm: String,
    pub flags: String,
}

impl Row {
    pub fn parse(fields: &[String]) -> io::Result<Self> {
        let (start, end) = (hex(&fields[0])?, hex(&fields[1])?);
        // After the very last address there is none to name.
        let last = if end == u64::MAX { end } else { end - 1 };
        let whole = start < end && start % PAGE == 0 && last % PAGE == PAGE - 1;
        ensure!(whole, "not whole pages: {fields:?}");
        let row = Self {
            start,
            last,
            pa: hex(&fields[3])?,
            page: fields[4].clone(),
            perm: fields[5].clone(),
            flags: fields[6].clone(),
        };
        let right = row.kb() == number(&fields[2])? && row.pa % PAGE == 0;
        ensure!(right, "a wrong size or address: {fields:?}");
        // In their order, each at most once.
        let mut order = ["special", "zero", "protnone", "hugetlb", "uffd"].iter();
        let mut flags = row.flags.split(',');
        let right = row.flags == "-" || flags.all(|flag| order.any(|shown| *shown == flag));
        ensure!(right, "wrong flags: {fields:?}");
        Ok(row)
    }

    pub fn kb(&self) -> u64 {
        (self.last - self.start) / 1024 + 1
    }

    pub fn has(&self, flag: &str) -> bool {
        self.flags.split(',').any(|other| other == flag)
    }

    /// Its pages. Those of zero pages have no address of their own.
    pub fn pages(&self) -> impl Iterator<Item = Page> + '_ {
        (self.start..=self.last).step_by(sys::PAGE).map(|va| Page {
            va,
            pa: self.pa + (va - self.start),
            zero: self.has("zero"),
            uffd: self.has("uffd"),
        })
    }

    /// Whether the next row should have been part of this one.
    fn swallows(&self, next: &Self) -> bool {
        let follows = next.pa == self.pa.wrapping_add(next.start - self.start);
        self.last.wrapping_add(1) == next.start
            && (follows || self.has("zero") && next.has("zero"))
            && (&self.page, &self.perm, &self.flags) == (&next.page, &next.perm, &next.flags)
    }
}

/// What an answer adds up to, counted again from pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Physically contiguous pieces.
    pub runs: u64,
    pub largest_kb: u64,
    pub kb: u64,
    pub zero_kb: u64,
}

impl Sums {
    /// Counts pages, which ascend.
    pub fn of(pages: impl Iterator<Item = Page>) -> Self {
        let mut sums = Self::default();
        let mut run = 0;
        let mut after = None;
        for page in pages {
            if page.zero {
                sums.zero_kb += PAGE / 1024;
                after = None;
                continue;
            }
            if after != Some((page.va, page.pa)) {
                sums.runs += 1;
                run = 0;
            }
            run += PAGE / 1024;
            sums.kb += PAGE / 1024;
            sums.largest_kb = sums.largest_kb.max(run);
            after = Some((page.va.wrapping_add(PAGE), page.pa.wrapping_add(PAGE)));
        }
        sums
    }
}

/// The rows of an answer that keeps all rules, and its last line.
pub struct Extents {
    pub rows: Vec<Row>,
    pub end: Keys,
}

impl Extents {
    /// Parses and checks an answer. `range_kb` is the size of the range.
    pub fn parse(text: &str, range_kb: Option<u64>) -> io::Result<Self> {
        let Answer { rows, end, last } = Answer::given(text, EXTENTS)?;
        let rows = rows.iter().map(|fields| Row::parse(fields));
        let rows = rows.collect::<io::Result<Vec<_>>>()?;
        for pair in rows.windows(2) {
            let fine = pair[1].start > pair[0].last && !pair[0].swallows(&pair[1]);
            ensure!(fine, "not ascending, or one row: {pair:x?}");
        }
        let sums = Sums::of(rows.iter().flat_map(Row::pages));
        let keys = ["runs", "largest_kb", "kb", "zero_kb"].map(|key| end.number(key).ok());
        let counted = [sums.runs, sums.largest_kb, sums.kb, sums.zero_kb].map(Some);
        ensure!(keys == counted, "the rows add up to {sums:?}: {last}");
        for size in SIZES {
            let of_size = |row: &&Row| row.page == size.name && !row.has("zero");
            let sum = rows.iter().filter(of_size).map(Row::kb).sum::<u64>();
            // Only of base and huge pages a sum of 0 is shown.
            let key = format!("kb_{}", size.name.to_lowercase());
            let shown = (!size.contiguous || sum > 0).then(|| sum.to_string());
            ensure!(
                end.get(&key) == shown.unwrap_or_default(),
                "wrong {key}: {last}"
            );
        }
        let hole_kb = range_kb.map(|kb| (kb - sums.kb - sums.zero_kb).to_string());
        let right = hole_kb.as_deref().unwrap_or("-") == end.get("hole_kb");
        ensure!(right, "hole_kb is {hole_kb:?}: {last}");
        Ok(Self { rows, end })
    }
}
