// SPDX-License-Identifier: GPL-2.0

//! What a run counts, in memory that all its processes share; and answers about mappings that
//! change constantly, judged by pagemap before and after.

use super::{
    targets::{Slot, PAGES, STILL},
    Churned,
};
use crate::prelude::*;

/// What those who ask do; counted when it is done.
pub const ROUNDS: [&str; 9] = words! {
    "walk" "extents" "vmas" "rmap" "page" "strangers" "kernel" "sysfs" "table"
};
/// What else is counted; the last line of a run has them in this order.
const NAMES: [&str; 14] = words! {
    "questions" "verified" "still" "rows" "table_rows" "reloads" "gone" "kills" "forks" "execs"
    "oom_kills" "nomem" "again" "wrong"
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
pub const HEARTS: usize = 1024;
const SHOWN: u64 = 20;

fn names() -> impl Iterator<Item = &'static str> {
    ROUNDS.into_iter().chain(NAMES)
}

fn counter(place: usize) -> &'static AtomicU64 {
    static ALL: LazyLock<&[AtomicU64]> =
        LazyLock::new(|| counters(FIRST_HEART + HEARTS + 1).expect("memory"));
    &ALL[place]
}

fn of(name: &str) -> &'static AtomicU64 {
    let place = names().position(|other| other == name);
    counter(place.expect("a name of the list"))
}

pub fn add(name: &str, count: usize) {
    of(name).fetch_add(count as u64, Ordering::Relaxed);
}

pub fn get(name: &str) -> u64 {
    of(name).load(Ordering::Relaxed)
}

/// A word that nobody promised is wrong.
pub fn word(word: &str) {
    if !WORDS.contains(&word) {
        wrong(&format!("no such word: {word:?}"));
    }
}

/// Not 0 once targets end while they are asked about: from then on nothing is wrong.
pub fn over() -> &'static AtomicU64 {
    counter(FIRST_HEART + HEARTS)
}

pub fn wrong(what: &str) {
    let is_over = over().load(Ordering::SeqCst) != 0;
    if !is_over && of("wrong").fetch_add(1, Ordering::Relaxed) < SHOWN {
        println!("wrong: {what}");
    }
}

pub fn heart(number: usize) -> &'static AtomicU64 {
    counter(FIRST_HEART + number)
}

/// All that was counted. To be called before processes are started, too: they share it.
pub fn all() -> String {
    let count = |name| format!("{name}={}", get(name));
    names().map(count).join(" ")
}

/// The pages of a slot, as they were before and after a question.
pub struct Window {
    slot: Slot,
    first: usize,
    before: Vec<Entry>,
    after: Vec<Entry>,
    /// How many operations there were between, also those that were under way.
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
        let slot = Slot(number);
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
        };
        Ok((window, answer))
    }

    fn is_still(&self, page: usize) -> bool {
        self.slot.has_still() && page < STILL
    }

    /// Judges what was said of a page at whose start an address was asked for: an address, or
    /// none of the words that there may be in its place.
    fn judge(&self, page: usize, pa: Option<u64>, said: &dyn Debug) {
        let place = page - self.first;
        let (before, after) = (self.before[place], self.after[place]);
        let same = before.same_place(after);
        let right = pa.is_some() && before.frame().map(|frame| frame * PAGE as u64) == pa;
        let fine = if self.is_still(page) {
            // Nothing moves it: no counter is needed.
            add("still", 1);
            same && right
        } else if same && self.operations <= 1 {
            // It was in this place, and in no other.
            add("verified", 1);
            pa.is_none() || right
        } else {
            pa.is_none_or(|pa| pa != 0 && pa % PAGE as u64 == 0)
        };
        if !fine {
            let operations = self.operations;
            let text = format!("{page}: {before:x?}, {after:x?}, {operations} operations");
            wrong(&format!("page {text}: {said:?}"));
        }
    }

    pub fn walk(&self, page: usize, answer: &Line<'_>) -> io::Result<()> {
        let pa = match answer.get("pa") {
            "none" => {
                word(answer.get("why"));
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
        let answer = Answer::parse(text, EXTENTS)?;
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
            word(answer.end.get("why"));
        }
        add("rows", answer.rows.len());
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
