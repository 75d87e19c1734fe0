// SPDX-License-Identifier: GPL-2.0

//! Answers about memory that never rests, against pagemap before and after.

use super::{tally::Tally, Churned};
use crate::prelude::*;
use crate::{
    ask::EXTENTS,
    churn::{Slot, PAGES, STILL},
    extents::Row,
    witness::{operations, Count, Seen},
};

/// The pages of a slot, as they were before and after a question.
pub struct Window {
    /// The slot.
    pub slot: Slot,
    first: usize,
    before: Vec<Entry>,
    after: Vec<Entry>,
    operations: u64,
}

impl Window {
    /// Asks between two readings of pagemap, of `count` pages from `first` on.
    pub fn around<T>(
        target: &Churned,
        number: usize,
        (first, count): (usize, usize),
        ask: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<(Self, T)> {
        let slot = Slot::new(number);
        let pagemap = Pagemap::open(&target.pid.to_string())?;
        let counter = &target.counters[number];
        let start = slot.start() + first * PAGE;
        let begun = counter.load(Ordering::SeqCst);
        let before = pagemap.entries(start, count)?;
        let answer = ask()?;
        let after = pagemap.entries(start, count)?;
        let window = Self {
            slot,
            first,
            before,
            after,
            operations: operations(begun, counter.load(Ordering::SeqCst)),
        };
        Ok((window, answer))
    }

    /// What is known of a page of the slot.
    pub fn seen(&self, page: usize) -> Seen {
        Seen {
            before: self.before[page - self.first],
            after: self.after[page - self.first],
            operations: self.operations,
            still: self.is_still(page),
        }
    }

    fn is_still(&self, page: usize) -> bool {
        self.slot.has_still() && page < STILL
    }

    /// Judges the answer of `walk` about a page.
    pub fn walk(&self, page: usize, answer: &Line<'_>, tally: Tally) {
        let mut count = Count::default();
        count.judge(self.seen(page), answer);
        finish(&count, tally);
    }

    /// Judges an address that some answer gives a page.
    fn address(&self, page: usize, pa: u64, count: &mut Count) {
        let line = format!(
            "pid=1 va={:#x} pa={pa:#x} page=4K level=pte perm=---u flags=-",
            self.slot.start() + page * PAGE
        );
        if let Ok(line) = Line::parse(&line) {
            count.judge(self.seen(page), &line);
        }
    }

    /// Judges an answer of `extents` about the slot.
    pub fn extents(&self, text: &str, tally: Tally) -> io::Result<()> {
        let answer = Answer::parse(text, EXTENTS)?;
        let mut count = Count::default();
        let mut floor = 0;
        let mut still = 0;
        for fields in &answer.rows {
            let row = Row::parse(fields)?;
            if row.start < floor {
                tally.wrong(&format!("extents: rows overlap: {fields:?}"));
            }
            floor = row.last;
            for page in row.pages().filter(|page| !page.zero) {
                let number = (page.va as usize).wrapping_sub(self.slot.start()) / PAGE;
                if number >= PAGES {
                    tally.wrong(&format!("extents: outside the range: {fields:?}"));
                    break;
                }
                still += usize::from(self.is_still(number));
                self.address(number, page.pa, &mut count);
            }
        }
        if answer.end.get("error").is_empty() {
            let expected = [0, STILL][usize::from(self.slot.has_still())];
            if still != expected {
                tally.wrong(&format!("extents: {still} pages that rest: {text}"));
            }
            if number(answer.end.get("rows"))? != answer.rows.len() as u64 {
                tally.wrong(&format!("extents: rows= of {}", answer.last));
            }
        } else {
            tally.word(answer.end.get("why"));
        }
        tally.add("rows", answer.rows.len());
        finish(&count, tally);
        Ok(())
    }

    /// Judges an answer of `rmap`, of whose rows some may be of the window.
    pub fn rmap(&self, answer: &Answer, whose: &Churned, pa: u64, tally: Tally) -> io::Result<()> {
        let mut count = Count::default();
        for row in &answer.rows {
            if row[0] != whose.pid.to_string() {
                continue;
            }
            let page = (hex(&row[1])? as usize).wrapping_sub(self.slot.start()) / PAGE;
            if page >= self.first && page < self.first + self.before.len() {
                self.address(page, pa, &mut count);
            }
        }
        finish(&count, tally);
        Ok(())
    }
}

fn finish(count: &Count, tally: Tally) {
    tally.add("verified", count.judged);
    tally.add("still", count.still);
    for (word, n) in &count.words {
        let word = word.strip_prefix("still:").unwrap_or(word);
        (0..*n).for_each(|_| tally.word(word));
    }
    for what in &count.wrong {
        tally.wrong(what);
    }
}
