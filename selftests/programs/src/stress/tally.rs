// SPDX-License-Identifier: GPL-2.0

//! What a run counts, in memory that all its processes share.

use std::fmt;

use crate::prelude::*;

/// What those who ask do; counted when it is done.
pub const ROUNDS: [&str; 8] = words("walk extents vmas rmap strangers kernel sysfs table");
/// What else is counted; the last line of a run has them in this order.
const NAMES: [&str; 13] = words(
    "questions verified still rows table_rows reloads gone kills forks execs oom_kills \
     nomem wrong",
);

/// Every word that may come in place of an address or with an error.
const WORDS: [&str; 24] = words(
    "no-vma not-populated swap migration device hwpoison poison guard uffd retry not-mapped \
     not-a-question not-an-address need-0x too-long not-canonical kernel-address \
     user-address no-process kernel-thread no-memory need-cap-syslog kptr-restrict busy",
);

/// Where the words begin, after what is counted, and the heartbeats after them.
const FIRST_WORD: usize = ROUNDS.len() + NAMES.len();
const FIRST_HEART: usize = FIRST_WORD + WORDS.len();
/// How many processes have a heartbeat.
pub const HEARTS: usize = 1024;
/// No more than so many are printed.
const SHOWN: u64 = 20;

fn names() -> impl Iterator<Item = &'static str> {
    ROUNDS.into_iter().chain(NAMES)
}

/// The counters.
#[derive(Clone, Copy)]
pub struct Tally(&'static [AtomicU64]);

impl Tally {
    /// Makes counters, all 0.
    pub fn new() -> io::Result<Self> {
        counters(FIRST_HEART + HEARTS + 1).map(Self)
    }

    fn place(self, name: &str) -> &'static AtomicU64 {
        let place = names().position(|other| other == name);
        &self.0[place.expect("a name of the list")]
    }

    /// Counts.
    pub fn add(self, name: &str, count: usize) {
        self.place(name).fetch_add(count as u64, Ordering::Relaxed);
    }

    /// What was counted.
    pub fn get(self, name: &str) -> u64 {
        self.place(name).load(Ordering::Relaxed)
    }

    /// Counts a word; one that nobody promised is wrong.
    pub fn word(self, word: &str) {
        match WORDS.iter().position(|other| *other == word) {
            Some(place) => {
                self.0[FIRST_WORD + place].fetch_add(1, Ordering::Relaxed);
            }
            None => self.wrong(&format!("no such word: {word:?}")),
        }
    }

    fn over(self) -> &'static AtomicU64 {
        &self.0[FIRST_HEART + HEARTS]
    }

    /// From here on nothing is wrong: targets end while they are asked about.
    pub fn end(self) {
        self.over().store(1, Ordering::SeqCst);
    }

    /// Reports what must not be.
    pub fn wrong(self, what: &str) {
        if self.over().load(Ordering::SeqCst) != 0 {
            return;
        }
        if self.place("wrong").fetch_add(1, Ordering::Relaxed) < SHOWN {
            println!("wrong: {what}");
        }
    }

    /// Shows that a process goes on.
    pub fn beat(self, heart: usize) {
        self.0[FIRST_HEART + heart].fetch_add(1, Ordering::Relaxed);
    }

    /// How often it beat.
    pub fn beats(self, heart: usize) -> u64 {
        self.0[FIRST_HEART + heart].load(Ordering::Relaxed)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "words:")?;
        for (place, word) in WORDS.iter().enumerate() {
            let count = self.0[FIRST_WORD + place].load(Ordering::Relaxed);
            if count > 0 {
                write!(to, " {word}={count}")?;
            }
        }
        writeln!(to)?;
        for (place, name) in names().enumerate() {
            let blank = if place == 0 { "" } else { " " };
            write!(to, "{blank}{name}={}", self.get(name))?;
        }
        Ok(())
    }
}
