// SPDX-License-Identifier: GPL-2.0

//! What a run counts, in memory that all its processes share; and answers about mappings that
//! change constantly, judged by pagemap before and after.

use std::fmt;

use super::{
    churn::{Slot, PAGES, STILL},
    Churned,
};
use crate::prelude::*;
use crate::{ask::EXTENTS, extents::Row};

/// What those who ask do; counted when it is done.
pub const ROUNDS: [&str; 9] = words! {
    "walk" "extents" "vmas" "rmap" "page" "strangers" "kernel" "sysfs" "table"
};
/// What else is counted; the last line of a run has them in this order.
const NAMES: [&str; 13] = words! {
    "questions" "verified" "still" "rows" "table_rows" "reloads" "gone" "kills" "forks" "execs"
    "oom_kills" "nomem" "wrong"
};

/// Every word that may come in place of an address or with an error.
const WORDS: [&str; 24] = words! {
    "no-vma" "not-populated" "swap" "migration" "device" "hwpoison" "poison" "guard" "uffd"
    "retry" "not-mapped" "not-a-question" "not-an-address" "need-0x" "too-long" "not-canonical"
    "kernel-address" "user-address" "no-process" "kernel-thread" "no-memory" "need-cap-syslog"
    "kptr-restrict" "busy"
};

/// Where the heartbeats begin, after what is counted.
const FIRST_HEART: usize = ROUNDS.len() + NAMES.len();
/// How many processes have a heartbeat.
pub const HEARTS: usize = 1024;
const SHOWN: u64 = 20;

fn names() -> impl Iterator<Item = &'static str> {
    ROUNDS.into_iter().chain(NAMES)
}

#[derive(Clone, Copy)]
pub struct Tally(&'static [AtomicU64]);

impl Tally {
    pub fn new() -> io::Result<Self> {
        counters(FIRST_HEART + HEARTS + 1).map(Self)
    }

    fn place(self, name: &str) -> &'static AtomicU64 {
        let place = names().position(|other| other == name);
        &self.0[place.expect("a name of the list")]
    }

    pub fn add(self, name: &str, count: usize) {
        self.place(name).fetch_add(count as u64, Ordering::Relaxed);
    }

    pub fn get(self, name: &str) -> u64 {
        self.place(name).load(Ordering::Relaxed)
    }

    /// A word that nobody promised is wrong.
    pub fn word(self, word: &str) {
        if !WORDS.contains(&word) {
            self.wrong(&format!("no such word: {word:?}"));
        }
    }

    fn over(self) -> &'static AtomicU64 {
        &self.0[FIRST_HEART + HEARTS]
    }

    /// From here on nothing is wrong: targets end while they are asked about.
    pub fn end(self) {
        self.over().store(1, Ordering::SeqCst);
    }

    pub fn wrong(self, what: &str) {
        if self.over().load(Ordering::SeqCst) != 0 {
            return;
        }
        if self.place("wrong").fetch_add(1, Ordering::Relaxed) < SHOWN {
            println!("wrong: {what}");
        }
    }

    pub fn beat(self, heart: usize) {
        self.0[FIRST_HEART + heart].fetch_add(1, Ordering::Relaxed);
    }

    pub fn beats(self, heart: usize) -> u64 {
        self.0[FIRST_HEART + heart].load(Ordering::Relaxed)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = names().map(|name| format!("{name}={}", self.get(name)));
        write!(to, "{}", all.collect::<Vec<_>>().join(" "))
    }
}

/// The pages of a slot, as they were before and after a question.
pub struct Window {
    slot: Slot,
    first: usize,
    before: Vec<Entry>,
    after: Vec<Entry>,
    /// How many operations there were between, also those that were under way.
    operations: u64,
    tally: Tally,
}

impl Window {
    /// Asks between two readings of pagemap, of `count` pages from `first` on.
    pub fn around<T>(
        target: &Churned,
        number: usize,
        (first, count): (usize, usize),
        tally: Tally,
        ask: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<(Self, T)> {
        let slot = Slot::new(number);
        let pagemap = Pagemap::open(target.pid)?;
        // It goes up at the start and at the end of each operation.
        let counter = &target.counters[number];
        let start = slot.start() + first * PAGE;
        let begun = counter.load(Ordering::SeqCst);
        let before = pagemap.entries(start, count)?;
        let answer = ask()?;
        let after = pagemap.entries(start, count)?;
        let ended = counter.load(Ordering::SeqCst);
        let window = Self {
            slot,
            first,
            before,
            after,
            operations: ended.div_ceil(2) - begun / 2,
            tally,
        };
        Ok((window, answer))
    }

    fn is_still(&self, page: usize) -> bool {
        self.slot.has_still() && page < STILL
    }

    /// Judges what was said of a page at whose start an address was asked for: an address, or
    /// none of the words that there may be in its place.
    fn judge(&self, page: usize, pa: Option<u64>, said: &dyn std::fmt::Debug) {
        let place = page - self.first;
        let (before, after) = (self.before[place], self.after[place]);
        let same = before.same_place(after);
        let right = pa.is_some() && before.frame().map(|frame| frame * PAGE as u64) == pa;
        let fine = if self.is_still(page) {
            // Nothing moves it: no counter is needed.
            self.tally.add("still", 1);
            same && right
        } else if same && self.operations <= 1 {
            // It was in this place, and in no other.
            self.tally.add("verified", 1);
            pa.is_none() || right
        } else {
            pa.is_none_or(|pa| pa != 0 && pa % PAGE as u64 == 0)
        };
        if !fine {
            let operations = self.operations;
            let text = format!("{page}: {before:x?}, {after:x?}, {operations} operations");
            self.tally.wrong(&format!("page {text}: {said:?}"));
        }
    }

    pub fn walk(&self, page: usize, answer: &Line<'_>) -> io::Result<()> {
        let pa = match answer.get("pa") {
            "none" => {
                self.tally.word(answer.get("why"));
                match answer.get("error") {
                    "" => None,
                    // The process has its mapping locked for long, where processors are few.
                    "EAGAIN" if !self.is_still(page) => return Ok(()),
                    _ => bail!("refused: {answer:?}"),
                }
            }
            _ => Some(answer.hex("pa")?),
        };
        self.judge(page, pa, answer);
        Ok(())
    }

    /// Judges an answer of `extents` about the slot.
    pub fn extents(&self, text: &str) -> io::Result<()> {
        let (answer, tally) = (Answer::parse(text, EXTENTS)?, self.tally);
        let (mut floor, mut still) = (0, 0);
        for fields in &answer.rows {
            let row = Row::parse(fields)?;
            ensure!(row.start >= floor, "extents: rows overlap: {fields:?}");
            floor = row.last;
            for page in row.pages().filter(|page| !page.zero) {
                let number = (page.va as usize).wrapping_sub(self.slot.start()) / PAGE;
                ensure!(number < PAGES, "extents: outside the range: {fields:?}");
                still += usize::from(self.is_still(number));
                self.judge(number, Some(page.pa), fields);
            }
        }
        if answer.end.get("error").is_empty() {
            let expected = [0, STILL][usize::from(self.slot.has_still())];
            ensure!(still == expected, "extents: {still} pages rest: {text}");
            let right = answer.end.number("rows")? == answer.rows.len() as u64;
            ensure!(right, "extents: rows= of {}", answer.last);
        } else {
            tally.word(answer.end.get("why"));
        }
        tally.add("rows", answer.rows.len());
        Ok(())
    }

    /// Judges an answer of `rmap`, of whose rows some may be of the window.
    pub fn rmap(&self, answer: &Answer, whose: &Churned, pa: u64) -> io::Result<()> {
        for row in &answer.rows {
            let page = (hex(&row[1])? as usize).wrapping_sub(self.slot.start()) / PAGE;
            let within = page >= self.first && page < self.first + self.before.len();
            if row[0] == whose.pid.to_string() && within {
                self.judge(page, Some(pa), row);
            }
        }
        Ok(())
    }
}
