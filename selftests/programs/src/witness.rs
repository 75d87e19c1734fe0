// SPDX-License-Identifier: GPL-2.0

//! Judges answers about memory that never rests.

use crate::prelude::*;

/// How many operations there were between two readings of a counter that goes
/// up at the start and at the end of each: also those that were under way.
pub fn operations(begun: u64, ended: u64) -> u64 {
    ended.div_ceil(2) - begun / 2
}

/// What is known of a page at whose start an address was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Its entry in pagemap before the question.
    pub before: Entry,
    /// Its entry after the answer.
    pub after: Entry,
    /// What was done to it between.
    pub operations: u64,
    /// Whether it is left alone.
    pub still: bool,
}

/// Counts of answers.
#[derive(Default)]
pub struct Count {
    /// All of them.
    pub asked: usize,
    /// The page was in the same place before and after, and in no other.
    pub judged: usize,
    /// The page is left alone.
    pub still: usize,
    /// Words in place of an address.
    pub words: BTreeMap<String, usize>,
    /// Answers that are wrong.
    pub wrong: Vec<String>,
}

impl Count {
    /// Judges an answer.
    pub fn judge(&mut self, seen: Seen, answer: &Line<'_>) {
        self.asked += 1;
        self.still += usize::from(seen.still);
        let pa = answer.get("pa");
        let is_word = pa == "none" && answer.get("error").is_empty();
        if is_word {
            let kind = if seen.still { "still:" } else { "" };
            let word = format!("{kind}{}", answer.get("why"));
            *self.words.entry(word).or_default() += 1;
        }
        let same = seen.before.same_place(seen.after);
        let want = seen
            .before
            .frame()
            .map(|frame| format!("{:#x}", frame * PAGE as u64));
        let is_right = want.as_deref() == Some(pa);
        let fine = if seen.still {
            // Nothing moves it: no counter is needed.
            same && is_right
        } else if same && seen.operations <= 1 {
            self.judged += 1;
            is_word || is_right
        } else {
            is_word
                || answer
                    .hex("pa")
                    .is_ok_and(|pa| pa != 0 && pa % PAGE as u64 == 0)
        };
        if !fine {
            self.wrong.push(format!("{seen:x?}: {answer:?}"));
        }
    }

    /// Adds the counts of another.
    pub fn add(&mut self, other: Self) {
        self.asked += other.asked;
        self.judged += other.judged;
        self.still += other.still;
        for (word, count) in other.words {
            *self.words.entry(word).or_default() += count;
        }
        self.wrong.extend(other.wrong);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRESENT: u64 = 1 << 63;

    fn is_wrong(before: u64, after: u64, operations: u64, still: bool, answer: &str) -> bool {
        let mut count = Count::default();
        let seen = Seen {
            before: Entry(before),
            after: Entry(after),
            operations,
            still,
        };
        let answer = format!("pid=1 va=0x1000 {answer}");
        count.judge(seen, &Line::parse(&answer).unwrap());
        count.wrong.len() == 1
    }

    #[test]
    fn operations_are_counted() {
        for (begun, ended, count) in [(0, 0, 0), (0, 1, 1), (0, 2, 1), (1, 1, 1), (1, 3, 2)] {
            assert_eq!(operations(begun, ended), count, "{begun} {ended}");
        }
    }

    #[test]
    fn stale_frames_are_told() {
        let a = PRESENT | 0x10;
        let page = |pa| format!("pa={pa} page=4K level=pte perm=rw-u flags=-");
        let word = "pa=none why=migration level=pte";
        for still in [false, true] {
            assert!(!is_wrong(a, a, 1, still, &page("0x10000")));
            assert!(is_wrong(a, a, 1, still, &page("0x11000")));
            assert!(is_wrong(0, 0, 1, still, &page("0x11000")));
            assert_eq!(is_wrong(a, a, 1, still, word), still);
            assert!(is_wrong(
                a,
                a,
                1,
                still,
                "pa=none error=ESRCH why=no-memory"
            ));
        }
        // Time enough to move away and back.
        assert!(!is_wrong(a, a, 2, false, &page("0x11000")));
        assert!(!is_wrong(a, PRESENT | 0x11, 0, false, &page("0x11000")));
        assert!(is_wrong(a, PRESENT | 0x11, 0, false, &page("0x11800")));
    }
}
