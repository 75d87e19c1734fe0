// SPDX-License-Identifier: GPL-2.0

//! `contiguous`: how long the physical runs of a process are, as a histogram.

use std::collections::BTreeMap;

use super::process;
use crate::{
    cli::ContiguousArgs,
    human::{count, many, percent, size, wrap},
    lines::{Answer, Extent, Keys},
    look::{self, Look, FAINT, GOOD, STRONG},
    physical::{runs, Run},
    Result,
};

/// Asks extents, and draws a histogram of runs.
pub fn run(args: &ContiguousArgs, look: &Look) -> Result<bool> {
    let mut question = args.pid.clone();
    if let Some(range) = &args.range {
        question += &format!(" {range}");
    }
    let text = process::ask("extents", &question)?;
    let answer = Answer::parse(&text)?;
    let runs = runs(&Extent::all(&answer)?);
    let mut title = process::titled(answer.end.get("pid").unwrap_or(&args.pid));
    if let Some(range) = &args.range {
        title += &format!(", {range}");
    }
    look::print(&draw(&title, &runs, &answer.end, look))?;
    Ok(true)
}

/// All of it; `end` is what the module says of the same.
pub fn draw(title: &str, runs: &[Run], end: &Keys<'_>, look: &Look) -> String {
    let mut out = format!("{}\n\n", look.paint(STRONG, title));
    let total: u64 = runs.iter().map(Run::kb).sum();
    // By the power of two that a run has at least.
    let mut lengths: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for run in runs {
        let (number, kb) = lengths.entry(run.kb().max(1).ilog2()).or_default();
        *number += 1;
        *kb += run.kb();
    }
    let most = lengths
        .values()
        .map(|(_, kb)| *kb)
        .max()
        .unwrap_or(0)
        .max(1);
    let width = look.width.saturating_sub(37).clamp(8, 100);
    let heads = format!(
        "{:<12} {:>9} {:>7} {:>5} OF THE MEMORY",
        "LENGTH", "RUNS", "MEMORY", "PART"
    );
    out += &format!("{}\n", look.paint(FAINT, heads));
    for (power, (number, kb)) in &lengths {
        let cells = (u128::from(*kb) * width as u128).div_ceil(u128::from(most)) as usize;
        out += &format!(
            "{:<12} {:>9} {:>7} {:>5} {}\n",
            format!("{}..", size(1 << power)),
            count(*number),
            size(*kb),
            percent(*kb, total),
            look.paint(GOOD, look.or("█", "#").repeat(cells))
        );
    }
    out.push('\n');
    out + &wrap(&words(runs, total, end), look.width, 0) + "\n"
}

fn words(runs: &[Run], total: u64, end: &Keys<'_>) -> String {
    let Some(largest) = runs.iter().max_by_key(|run| run.kb()) else {
        return "No page is there.".to_owned();
    };
    let mut text = format!(
        "{} in {}; the longest has {}, from {:#x} on, at {:#x}.",
        size(total),
        many(runs.len() as u64, "run", "runs"),
        size(largest.kb()),
        largest.start,
        largest.pa
    );
    // Half of the memory is in runs of this length or longer.
    let mut lengths: Vec<_> = runs.iter().map(Run::kb).collect();
    lengths.sort_unstable();
    let mut sum = 0;
    let half = lengths.iter().rev().find(|kb| {
        sum += **kb;
        sum * 2 >= total
    });
    if let Some(half) = half.filter(|_| runs.len() > 1) {
        text += &format!(" Half of the memory is in runs of {} or more.", size(*half));
    }
    let zero = end.number("zero_kb").unwrap_or(0);
    let hole = end.number("hole_kb").unwrap_or(0);
    if zero > 0 {
        text += &format!(" {} of the zero page are in no run.", size(zero));
    }
    if hole > 0 {
        text += &format!(" {} have no page.", size(hole));
    }
    if runs.len() == 1 && zero == 0 && end.number("hole_kb") == Some(0) {
        text += " It is one physical piece.";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(kb: u64) -> Run {
        Run {
            start: 0x1000,
            end: 0x1000 + (kb << 10),
            pa: 0x5000,
        }
    }

    fn drawn(runs: &[Run], end: &str, width: usize) -> String {
        let end = Keys::parse(end).unwrap();
        draw("process 1", runs, &end, &Look::plain(width, true))
    }

    #[test]
    fn runs_are_counted_by_length() {
        let runs = [run(4), run(4), run(12), run(2048)];
        for width in [60, 80, 200] {
            let text = drawn(&runs, "pid=1 zero_kb=8 hole_kb=-", width);
            assert!(text.lines().all(|line| line.len() <= width), "{text}");
            for part in [
                "4K..",
                "8K..",
                "2M..",
                "99%",
                "2M in 4 runs",
                "runs of 2M or more",
                "8K of the zero",
            ] {
                assert!(text.contains(part), "{part}\n{text}");
            }
            assert!(!text.contains("16K.."));
        }
    }

    #[test]
    fn one_piece_is_said_to_be_one() {
        let one = |end| drawn(&[run(64)], end, 80).replace('\n', " ");
        assert!(one("pid=1 hole_kb=0 zero_kb=0").contains("one physical piece"));
        assert!(!one("pid=1 hole_kb=4 zero_kb=0").contains("one physical piece"));
        assert!(!one("pid=1 hole_kb=- zero_kb=0").contains("one physical piece"));
        assert!(drawn(&[], "pid=1 hole_kb=0 zero_kb=0", 80).contains("No page"));
    }
}
