// SPDX-License-Identifier: GPL-2.0

//! `compare-kernel [--samples N] [--seed N] START END`: compares
//! `/proc/memintro/extents` of a range of kernel addresses with what
//! `/proc/memintro/walk` says of single ones: the first, the last and another
//! page of every row, both ends of every hole, and N random ones. The range is
//! asked for again afterwards: if the kernel changed it, or a process was started,
//! whose stack may have come and gone, all is done again.
//!
//! Prints what differs, then `walked=N rows=N kb=N hole_kb=N mismatches=N`.
//! Exit status 1 if anything differs.

use crate::prelude::*;
use crate::{
    extents::{Extents, Row},
    proc,
};

const PAGE: u64 = sys::PAGE as u64;

struct Comparison<'a> {
    walk: &'a mut Conversation,
    rows: Vec<Row>,
    walked: usize,
    mismatches: Vec<String>,
}

impl Comparison<'_> {
    /// Compares what both files say of the page at an address.
    fn at(&mut self, va: u64) -> io::Result<()> {
        let keys = self.walk.walk("kernel", va)?;
        let next = self.rows.partition_point(|row| row.last < va);
        let row = self.rows.get(next).filter(|row| row.start <= va);
        self.walked += 1;
        let right = match row {
            None => keys.get("pa") == "none" && keys.get("why") == "not-mapped",
            Some(row) => {
                let pa = format!("{:#x}", row.pa + (va - row.start));
                keys.get("pa") == pa && keys.get("page") == row.page && keys.get("perm") == row.perm
            }
        };
        if !right {
            self.mismatches
                .push(format!("{va:#x}: {row:x?}, but walk says {keys:?}"));
        }
        Ok(())
    }

    fn run(
        &mut self,
        start: u64,
        last: u64,
        samples: usize,
        random: &mut Random,
    ) -> io::Result<()> {
        let mut hole = start;
        for row in self.rows.clone() {
            if hole < row.start {
                self.at(hole)?;
                self.at(row.start - 1)?;
            }
            self.at(row.start)?;
            self.at(row.last)?;
            self.at(row.start + random.next_u64() % (row.last - row.start))?;
            hole = row.last.wrapping_add(1);
        }
        if hole != 0 && hole <= last {
            self.at(hole)?;
            self.at(last)?;
        }
        for _ in 0..samples {
            self.at(start + random.next_u64() % (last - start))?;
        }
        Ok(())
    }
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let mut random = Random::new(options.or("--seed", 1)?);
    let samples = options.or("--samples", 100)?;
    let (start, end): (String, String) = (options.word()?, options.word()?);
    let question = format!("kernel {start}-{end}");
    let (start, end) = (parse_hex(&start)?, parse_hex(&end)?);
    // The end of the range is known when the last page is part of it.
    let start = start / PAGE * PAGE;
    let last = if end == u64::MAX { end } else { end - 1 } | (PAGE - 1);
    let wait = Wait::begin();
    let mut extents = Conversation::of("extents")?;
    let mut walk = Conversation::of("walk")?;
    let mut text = extents.ask(&question)?;
    let (comparison, end) = loop {
        let started = proc::started()?;
        let Extents { rows, end } = Extents::parse(&text, Some((last - start) / 1024 + 1))?;
        let mut comparison = Comparison {
            walk: &mut walk,
            rows,
            walked: 0,
            mismatches: Vec::new(),
        };
        comparison.run(start, last, samples, &mut random)?;
        let again = extents.ask(&question)?;
        if again == text && started == proc::started()? || wait.is_over() {
            let Comparison {
                walked,
                rows,
                mismatches,
                ..
            } = comparison;
            break ((walked, rows.len(), mismatches), end);
        }
        text = again;
    };
    let (walked, rows, mismatches) = comparison;
    for line in mismatches.iter().take(10) {
        println!("{line}");
    }
    println!(
        "walked={} rows={} kb={} hole_kb={} mismatches={}",
        walked,
        rows,
        end.get("kb"),
        end.get("hole_kb"),
        mismatches.len()
    );
    Ok(mismatches.is_empty())
}
