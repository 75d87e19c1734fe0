// SPDX-License-Identifier: GPL-2.0

//! `compare-walk PID [--file FILE] [--samples N] [--seed N] < RANGES`: asks
//! memintro what backs the pages of a process and compares with what the
//! kind of each range demands, and with `/proc/PID/pagemap`.
//!
//! RANGES is `subject`'s output. Every page is asked for at random offsets
//! inside it; of a range of more than N pages, N random ones and its borders.
//! Pagemap is read before and after: a page that moved meanwhile is asked
//! for again.
//!
//! The last lines are `kind=NAME checked=N mismatches=N` per kind and
//! `checked=N mismatches=N`; exit status 1 if anything differs.

use crate::prelude::*;
use crate::{
    ask::SysfsWalk,
    kinds::{self, Expect},
    sys::errno_name,
};

/// Asks about an address of a process.
type Ask<'a> = &'a mut dyn FnMut(&str, usize) -> io::Result<String>;

#[derive(Clone, Copy, Default)]
struct Count {
    checked: usize,
    mismatches: usize,
}

/// What the walk must say, given what pagemap says; `None`: nothing wrong
/// can be told of `answer`.
fn expected(expect: Expect, range: &Range, va: usize, entry: Entry, answer: &str) -> String {
    let from_pagemap = match entry.word() {
        _ if entry.frame().is_some() => entry.answer(va),
        "none" => "not-populated".to_owned(),
        word => word.to_owned(),
    };
    match expect {
        // No address must have become a word: the answer of a page that
        // pagemap calls empty would be wrong in two places at once.
        Expect::Frame if entry.frame().is_none() => "a page in pagemap".to_owned(),
        Expect::Word(_) if entry.frame().is_some() => "no page in pagemap".to_owned(),
        Expect::Frame | Expect::AsPagemap => from_pagemap,
        Expect::Word(word) => word.to_owned(),
        Expect::Physical(first) => format!("{:#x}", first + (va - range.start) as u64),
        Expect::Unknown => {
            let address = hex(answer).is_ok_and(|pa| pa % PAGE as u64 == (va % PAGE) as u64);
            if address || answer == "not-populated" {
                answer.to_owned()
            } else {
                format!("offset {:#x} or not-populated", va % PAGE)
            }
        }
    }
}

/// Asks for one address; says what differs.
fn check(
    ask: Ask<'_>,
    pagemap: &Pagemap,
    pid: &str,
    range: &Range,
    va: usize,
) -> io::Result<Result<(), String>> {
    let expect = kinds::find(&range.kind)
        .ok_or_else(|| error!("no such kind: {}", range.kind))?
        .expect;
    let wait = Wait::begin();
    while !wait.is_over() {
        let before = pagemap.entry(va)?;
        let answer = match ask(pid, va) {
            Ok(answer) => answer,
            Err(error) => errno_name(&error),
        };
        if !before.same_place(pagemap.entry(va)?) {
            continue;
        }
        let expected = expected(expect, range, va, before, &answer);
        if answer == expected {
            return Ok(Ok(()));
        }
        return Ok(Err(format!("expected {expected} got {answer}")));
    }
    Ok(Err("the page never stayed in its place".to_owned()))
}

/// The pages of a range to ask for.
fn pages(range: &Range, samples: usize, random: &mut Random) -> Vec<usize> {
    let count = range.len / PAGE;
    if count <= samples {
        return (0..count).map(|i| range.start + i * PAGE).collect();
    }
    let mut pages: Vec<_> = (0..samples)
        .map(|_| range.start + random.below(count) * PAGE)
        .collect();
    // The borders, outer ones and those between huge pages.
    let end = range.start + range.len;
    for border in (range.start..=end).step_by(PAGE_2M).take(64) {
        pages.extend([border.saturating_sub(PAGE), border]);
    }
    pages.extend([range.start, end - PAGE]);
    pages.retain(|page| (range.start..end).contains(page));
    pages
}

fn compare(
    pid: &str,
    samples: usize,
    seed: u64,
    ask: Ask<'_>,
    ranges: &[Range],
) -> io::Result<Count> {
    let pagemap = Pagemap::open(pid)?;
    let mut random = Random::new(seed);
    let mut counts = BTreeMap::<&str, Count>::new();
    for range in ranges {
        let count = counts.entry(&range.kind).or_default();
        let pages = pages(range, samples, &mut random);
        // A few pages are asked for at several places, many at one each.
        let each = 1 + 256 / pages.len();
        let mut questions: Vec<_> = pages
            .into_iter()
            .flat_map(|page| std::iter::repeat_n(page, each))
            .map(|page| page + random.below(PAGE))
            .collect();
        // The very first and last byte, whatever chance gave.
        questions.extend([range.start, range.start + range.len - 1]);
        for va in questions {
            count.checked += 1;
            if let Err(what) = check(ask, &pagemap, pid, range, va)? {
                count.mismatches += 1;
                // A systematic fault is clear from its first cases.
                if count.mismatches <= 10 {
                    println!("mismatch kind={} va={va:#x} {what}", range.kind);
                }
            }
        }
    }
    let mut total = Count::default();
    for (kind, count) in counts {
        println!(
            "kind={kind} checked={} mismatches={}",
            count.checked, count.mismatches
        );
        total.checked += count.checked;
        total.mismatches += count.mismatches;
    }
    Ok(total)
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let mut walk =
        SysfsWalk::open(&options.or("--file", PathBuf::from("/sys/kernel/memintro/walk"))?)?;
    let (samples, seed) = (options.or("--samples", 2048)?, options.or("--seed", 1)?);
    let total = compare(
        &options.word::<String>()?,
        samples,
        seed,
        &mut |pid, va| walk.ask(pid, va),
        &Range::read_all()?,
    )?;
    println!(
        "checked={} mismatches={} seed={seed}",
        total.checked, total.mismatches
    );
    Ok(total.checked > 0 && total.mismatches == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(kind: &str, wrong: u64) -> Count {
        let ranges: Vec<_> = kinds::find(kind)
            .unwrap()
            .make()
            .unwrap()
            .iter()
            .map(|area| Range {
                kind: kind.to_owned(),
                start: area.start,
                len: area.len,
            })
            .collect();
        // Answers from pagemap, `wrong` added to every address.
        let mut fake = |pid: &str, va: usize| {
            let frame = Pagemap::open(pid)?.entry(va)?.frame();
            Ok(frame.map_or("not-populated".to_owned(), |frame| {
                format!("{:#x}", frame * PAGE as u64 + (va % PAGE) as u64 + wrong)
            }))
        };
        super::compare("self", 64, 1, &mut fake, &ranges).unwrap()
    }

    #[test]
    fn right_answers_pass() {
        for kind in ["anon", "protnone", "untouched", "thp", "zero"] {
            let count = compare(kind, 0);
            assert!(count.checked > 16, "{kind}");
            assert_eq!(count.mismatches, 0, "{kind}");
        }
    }

    #[test]
    fn wrong_answers_are_told() {
        for (kind, wrong) in [("anon", 1), ("anon", 0x1000), ("outside", 0), ("guard", 0)] {
            let count = compare(kind, wrong);
            assert_eq!(count.mismatches, count.checked, "{kind}");
        }
    }
}
