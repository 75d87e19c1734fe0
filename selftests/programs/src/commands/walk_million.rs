// SPDX-License-Identifier: GPL-2.0

//! `walk-million PID [--questions N] [--seed N] [--file FILE] < RANGES`: asks
//! N questions through one conversation, in batches, about random addresses
//! of RANGES (`subject`'s output), every eighth with `levels`, and judges
//! every answer by what pagemap says before and after, by smaps, and by the
//! kind of the range. A page that moved meanwhile is counted and not judged.
//!
//! The last lines are `kind=NAME checked=N mismatches=N` per kind, and
//! `asked=N checked=N moved=N mismatches=N seed=N`; exit status 1 if anything
//! differs, if a kind was never checked, or if one page in ten moved.

use std::fmt::Write;

use crate::prelude::*;
use crate::{judge::Known, levels::LevelCheck, memory::Memory, zeros::Zeros};

/// Questions of a batch: at most 50 bytes each, fewer than wait at most.
const BATCH: usize = 1024;

#[derive(Default)]
struct Count {
    checked: usize,
    mismatches: usize,
}

struct Question<'a> {
    range: &'a Range,
    va: usize,
    levels: bool,
    before: Entry,
}

struct Run<'a> {
    pid: &'a str,
    pagemap: Pagemap,
    memory: &'a Memory,
    zeros: &'a Zeros,
    levels: LevelCheck,
    random: Random,
    counts: BTreeMap<&'a str, Count>,
    moved: usize,
}

impl<'a> Run<'a> {
    /// An address of a range: anywhere, or one of its first or last bytes.
    fn choose(&mut self, range: &'a Range) -> io::Result<Question<'a>> {
        let offset = match self.random.below(16) {
            0 => self.random.below(PAGE),
            1 => range.len - 1 - self.random.below(PAGE),
            _ => self.random.below(range.len),
        };
        let va = range.start + offset;
        Ok(Question {
            range,
            va,
            levels: self.random.below(8) == 0,
            before: self.pagemap.entry(va)?,
        })
    }

    fn batch(&mut self, ask: &mut Conversation, batch: &[Question<'a>]) -> io::Result<()> {
        let mut text = String::new();
        for question in batch {
            let levels = if question.levels { " levels" } else { "" };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} {:#x}{levels}", self.pid, question.va);
        }
        let text = ask.ask(text.trim_end())?;
        let mut answers = answers(&text);
        for question in batch {
            let (levels, answer) = answers
                .next()
                .ok_or_else(|| error!("an answer is missing"))??;
            if !self.pagemap.entry(question.va)?.same_place(question.before) {
                self.moved += 1;
                continue;
            }
            let known = Known {
                range: question.range,
                va: question.va,
                entry: question.before,
                memory: self.memory,
                zeros: self.zeros,
            };
            let mut result = known.judge(self.pid, &answer);
            if question.levels {
                let va = question.va as u64;
                result = result.and_then(|()| self.levels.check(va, &levels, &answer));
            } else if !levels.is_empty() {
                result = Err(error!("levels that nobody asked for"));
            }
            let count = self.counts.entry(&question.range.kind).or_default();
            count.checked += 1;
            if let Err(what) = result {
                count.mismatches += 1;
                // A systematic fault is clear from its first cases.
                if count.mismatches <= 10 {
                    println!("mismatch kind={} {what}: {answer:?}", question.range.kind);
                }
            }
        }
        match answers.next() {
            None => Ok(()),
            Some(more) => Err(error!("too many answers: {more:?}")),
        }
    }
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let questions = options.or("--questions", 1_000_000)?;
    let seed = options.or("--seed", 1)?;
    let file = options.or("--file", PathBuf::from("/proc/memintro/walk"))?;
    let pid: String = options.word()?;
    let ranges = Range::read_all()?;
    let folder = Path::new("/proc").join(&pid);
    let zeros = Zeros::open()?;
    let memory = Memory::read(&folder, Some(&zeros))?;
    let mut run = Run {
        pid: &pid,
        pagemap: Pagemap::open(&pid)?,
        memory: &memory,
        zeros: &zeros,
        levels: LevelCheck::new()?,
        random: Random::new(seed),
        counts: ranges
            .iter()
            .map(|range| (range.kind.as_str(), Count::default()))
            .collect(),
        moved: 0,
    };
    let mut ask = Conversation::open(&file)?;
    let mut left = questions;
    // In turn, so that each is asked about.
    let mut turn = ranges.iter().cycle();
    while left > 0 {
        // Of all sizes, one question included.
        let size = (1 + run.random.below(BATCH)).min(left);
        let batch: io::Result<Vec<_>> = turn
            .by_ref()
            .take(size)
            .map(|range| run.choose(range))
            .collect();
        run.batch(&mut ask, &batch?)?;
        left -= size;
    }

    if Memory::read(&folder, Some(&zeros))? != memory {
        bail!("the subject's memory changed meanwhile");
    }
    let mut total = Count::default();
    let mut every_kind = true;
    for (kind, count) in &run.counts {
        println!(
            "kind={kind} checked={} mismatches={}",
            count.checked, count.mismatches
        );
        every_kind &= count.checked > 0;
        total.checked += count.checked;
        total.mismatches += count.mismatches;
    }
    println!(
        "asked={} checked={} moved={} mismatches={} seed={}",
        questions, total.checked, run.moved, total.mismatches, seed
    );
    Ok(every_kind && total.mismatches == 0 && run.moved * 10 < questions)
}
