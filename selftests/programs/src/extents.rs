// SPDX-License-Identifier: GPL-2.0

//! The answers of `/proc/memintro/extents`, and the rules that hold for all
//! of them, whatever memory they speak of.

use crate::layout::{Size, SIZES};
use crate::memory::Page;
use crate::{ask::EXTENTS, prelude::*};

const PAGE: u64 = sys::PAGE as u64;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The first address.
    pub start: u64,
    /// The last address.
    pub last: u64,
    /// The physical address of the first.
    pub pa: u64,
    /// The size of the pages, as it is written.
    pub page: String,
    /// The permissions.
    pub perm: String,
    /// The flags, as they are written.
    pub flags: String,
}

impl Row {
    /// Parses and checks the fields of a row.
    pub fn parse(fields: &[String]) -> io::Result<Self> {
        let bad = |why| error!("{why}: {fields:?}");
        let (start, end) = (hex(&fields[0])?, hex(&fields[1])?);
        // After the very last address there is none to name.
        let last = if end == u64::MAX { end } else { end - 1 };
        if start >= end || start % PAGE != 0 || last % PAGE != PAGE - 1 {
            return Err(bad("not whole pages"));
        }
        let row = Self {
            start,
            last,
            pa: hex(&fields[3])?,
            page: fields[4].clone(),
            perm: fields[5].clone(),
            flags: fields[6].clone(),
        };
        if row.kb() != number(&fields[2])? || row.pa % PAGE != 0 {
            return Err(bad("a wrong size or address"));
        }
        let shown = ["special", "zero", "protnone", "hugetlb", "uffd"];
        let mut order = row.flags.split(',').map(|flag| {
            let place = shown.iter().position(|other| *other == flag);
            place.map_or(-1, |place| place as i32)
        });
        if row.flags != "-" && !order.clone().is_sorted()
            || order.any(|n| n < 0) != (row.flags == "-")
        {
            return Err(bad("wrong flags"));
        }
        Ok(row)
    }

    /// The size.
    pub fn kb(&self) -> u64 {
        (self.last - self.start) / 1024 + 1
    }

    /// Whether it has a flag.
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

/// What an answer adds up to, counted anew from pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Physically contiguous pieces.
    pub runs: u64,
    /// The size of the largest.
    pub largest_kb: u64,
    /// Memory with a page.
    pub kb: u64,
    /// Memory with a zero page.
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
    /// The rows.
    pub rows: Vec<Row>,
    /// The last line.
    pub end: Keys,
}

impl Extents {
    /// Parses and checks an answer. `range_kb` is the size of the range.
    pub fn parse(text: &str, range_kb: Option<u64>) -> io::Result<Self> {
        let answer = Answer::parse(text, EXTENTS)?;
        let bad = |why: String| Err(error!("{why}: {}", answer.last));
        if !answer.end.get("error").is_empty() {
            return bad("refused".to_owned());
        }
        let rows: Vec<_> = answer
            .rows
            .iter()
            .map(|fields| Row::parse(fields))
            .collect::<Result<_, _>>()?;
        for pair in rows.windows(2) {
            if pair[1].start <= pair[0].last {
                return bad(format!("rows that do not ascend: {pair:x?}"));
            }
            if pair[0].swallows(&pair[1]) {
                return bad(format!("two rows that are one: {pair:x?}"));
            }
        }
        let end = &answer.end;
        let sums = Sums::of(rows.iter().flat_map(Row::pages));
        let told = Sums {
            runs: end.number("runs")?,
            largest_kb: end.number("largest_kb")?,
            kb: end.number("kb")?,
            zero_kb: end.number("zero_kb")?,
        };
        if told != sums || end.number("rows")? != rows.len() as u64 {
            return bad(format!("the rows add up to {} {sums:?}", rows.len()));
        }
        for Size {
            name,
            key,
            contiguous,
            ..
        } in SIZES
        {
            // The others are shown without any, too.
            let always = !contiguous;
            let of_size = rows
                .iter()
                .filter(|row| row.page == *name && !row.has("zero"));
            let sum = of_size.map(Row::kb).sum::<u64>();
            if !always && sum == 0 && end.get(key).is_empty() {
                continue;
            }
            if end.number(key)? != sum || !always && sum == 0 {
                return bad(format!("wrong {key}"));
            }
        }
        match range_kb {
            Some(kb) if end.number("hole_kb")? != kb - sums.kb - sums.zero_kb => {
                bad(format!("hole_kb of {kb}"))
            }
            None if end.get("hole_kb") != "-" => bad("hole_kb without a range".to_owned()),
            _ => Ok(Self {
                rows,
                end: answer.end,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: &str =
        "rows=2 runs=2 kb=12 hole_kb=- zero_kb=0 largest_kb=8 kb_4k=12 kb_2m=0 kb_1g=0";

    fn parse(rows: &str, end: &str) -> io::Result<Extents> {
        Extents::parse(&format!("{EXTENTS}\n{rows}# end pid=1 {end}\n"), None)
    }

    #[test]
    fn good_answers_pass() {
        let rows = "0x1000 0x3000 8 0x5000 4K rw-u -\n0x3000 0x4000 4 0x9000 4K rw-u -\n";
        assert_eq!(parse(rows, END).unwrap().rows.len(), 2);
        assert!(parse(rows, &END.replace("largest_kb=8", "largest_kb=4")).is_err());
        assert!(parse(rows, &END.replace("runs=2", "runs=1")).is_err());
        assert!(parse(rows, &END.replace("kb_4k=12", "kb_4k=8")).is_err());
    }

    #[test]
    fn broken_rows_are_told() {
        for rows in [
            "0x1000 0x3000 8 0x5000 4K rw-u -\n0x3000 0x4000 4 0x7000 4K rw-u -\n",
            "0x1000 0x3000 8 0x5000 4K rw-u -\n0x2000 0x3000 4 0x9000 4K rw-u -\n",
            "0x1000 0x3000 4 0x5000 4K rw-u -\n0x3000 0x4000 4 0x9000 4K rw-u -\n",
            "0x1000 0x3000 8 0x5000 4K rw-u dirty\n0x3000 0x4000 4 0x9000 4K rw-u -\n",
            "0x1000 0x3000 8 0x5000 4K rw-u zero,special\n0x3000 0x4000 4 0x9000 4K rw-u -\n",
        ] {
            assert!(parse(rows, END).is_err(), "{rows}");
        }
    }
}
