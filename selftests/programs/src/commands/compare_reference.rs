// SPDX-License-Identifier: GPL-2.0

//! `compare-reference [--addresses N] [--seed N]`: asks memintro about N random
//! addresses of each region of the kernel's half, mapped ones and holes, and
//! compares with what the kernel's own functions say before and after
//! (`selftests/reference`). An address of which these two differ is asked about again,
//! as are those during which a process was started, whose stack comes and goes.
//!
//! Prints `region=NAME mapped=N holes=N moved=N mismatches=N pages=...` for
//! each region; exit status 1 if anything differs, or a region was not judged.

use std::{fmt::Write, ops::RangeInclusive};

use crate::prelude::*;
use crate::{
    extents::Extents,
    kcore::Kcore,
    layout::{self, LEVELS},
    levels::LevelCheck,
    proc,
    reference::{regions, Reference, Region, Reply, MOST},
};

#[derive(Default)]
struct Count {
    mapped: usize,
    holes: usize,
    moved: usize,
    mismatches: usize,
    pages: BTreeSet<String>,
}

/// A random address of a region: half of them in or at the border of
/// something mapped, the others anywhere, by turns.
fn choose(
    turn: usize,
    range: &RangeInclusive<u64>,
    runs: &[RangeInclusive<u64>],
    random: &mut Random,
) -> u64 {
    let anywhere = |range: &RangeInclusive<u64>, random: &mut Random| {
        let size = range.end().wrapping_sub(*range.start()).wrapping_add(1);
        range.start() + random.next_u64() % size
    };
    let va = match (turn % 8, runs.len()) {
        (0..3, 1..) => anywhere(&runs[random.below(runs.len())], random),
        (3, 1..) => {
            let run = &runs[random.below(runs.len())];
            let borders = [
                *run.start(),
                run.start().wrapping_sub(1),
                *run.end(),
                run.end().wrapping_add(1),
            ];
            borders[random.below(4)]
        }
        (4, _) => [*range.start(), *range.end()][random.below(2)],
        _ => anywhere(range, random),
    };
    va.clamp(*range.start(), *range.end())
}

/// Says what is wrong with an answer; `value` is the entry that it ended at.
fn judge(region: &Region, va: u64, reply: Reply, value: u64, answer: &Line<'_>) -> io::Result<()> {
    let mut want = vec![
        ("pid", "kernel".to_owned()),
        ("va", format!("{va:#x}")),
        ("region", region.at(reply.pa()).to_owned()),
    ];
    // What only some architectures' functions tell.
    if let Some((level, _)) = reply.level().map(|level| LEVELS[LEVELS.len() - 1 - level]) {
        want.push(("level", level.to_owned()));
    }
    match reply.pa() {
        Some(pa) => {
            want.push(("pa", format!("{pa:#x}")));
            if let Some(level) = reply.level() {
                let page = ["4K", "2M", "1G"].get(level).copied();
                want.push(("page", page.unwrap_or_default().to_owned()));
            }
            for name in ["accessed", "dirty", "global", "protnone", "soft-dirty"] {
                if answer.has_flag(name) != layout::has_flag(value, name) {
                    bail!("flags and {name} of {value:#x}");
                }
            }
        }
        None => want.extend([("pa", "none".to_owned()), ("why", "not-mapped".to_owned())]),
    }
    if let Some(pa) = reply.page_pa() {
        want.push(("pa", format!("{pa:#x}")));
    }
    if let Some(pa) = reply.linear_pa() {
        want.push(("pa_linear", format!("{pa:#x}")));
    }
    let agree = reply.pa() == Some(answer.hex("pa_linear")?);
    want.push(("agree", if agree { "yes" } else { "no" }.to_owned()));
    for (key, want) in want {
        answer.expect(key, &want)?;
    }
    Ok(())
}

struct Run {
    reference: Reference,
    conversation: Conversation,
    extents: Conversation,
    levels: LevelCheck,
    random: Random,
}

impl Run {
    /// Ranges of a region that are mapped, as the choice of addresses needs them.
    ///
    /// Where no function of the kernel tells of whole tables, they are memintro's
    /// own and those that kcore has.
    fn runs(&mut self, range: &RangeInclusive<u64>) -> io::Result<Vec<RangeInclusive<u64>>> {
        if self.reference.knows_levels(*range.start())? {
            return self.reference.scan(range);
        }
        let (start, last) = (*range.start(), *range.end());
        let text = self
            .extents
            .ask(&format!("kernel {start:#x}-{:#x}", last.saturating_add(1)))?;
        let rows = Extents::parse(&text, Some((last - start) / 1024 + 1))?.rows;
        let rows = rows.iter().map(|row| row.start..=row.last);
        let kcore = Kcore::open()?;
        let segments = kcore
            .ranges()
            .map(|(first, end)| first.max(start)..=end.min(last))
            .filter(|segment| segment != range);
        Ok(rows.chain(segments).filter(|run| !run.is_empty()).collect())
    }

    /// Asks about addresses, and returns those that could not be judged.
    fn batch(
        &mut self,
        region: &Region,
        addresses: &[u64],
        count: &mut Count,
    ) -> io::Result<Vec<u64>> {
        let started = proc::started()?;
        let mut moved = Vec::new();
        let mut text = String::new();
        for va in addresses {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "kernel {va:#x} levels");
        }
        let before = self.reference.look_up(addresses)?;
        let text = self.conversation.ask(text.trim_end())?;
        let after = self.reference.look_up(addresses)?;
        if proc::started()? != started {
            return Ok(addresses.to_vec());
        }
        let mut answers = answers(&text);
        for (i, &va) in addresses.iter().enumerate() {
            let (levels, answer) = answers
                .next()
                .ok_or_else(|| error!("an answer is missing"))??;
            let reply = before[i];
            if reply != after[i] {
                moved.push(va);
                continue;
            }
            match reply.pa() {
                Some(_) => count.mapped += 1,
                None => count.holes += 1,
            }
            count.pages.insert(answer.get("page").to_owned());
            let value = levels.last().map_or(Ok(0), |line| line.hex("value"));
            let result = value.and_then(|value| {
                judge(region, va, reply, value, &answer)?;
                self.levels.check(va, &levels, &answer)?;
                match reply.value() {
                    Some(known) if known != value => {
                        Err(error!("value={value:#x} expected {known:#x}"))
                    }
                    _ => Ok(()),
                }
            });
            if let Err(what) = result {
                count.mismatches += 1;
                if count.mismatches <= 10 {
                    println!("mismatch {what}: {answer:?} {reply:x?}");
                }
            }
        }
        Ok(moved)
    }
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let addresses = options.or("--addresses", 10_000usize)?;
    let seed = options.or("--seed", 1)?;
    options.end()?;
    let mut run = Run {
        reference: Reference::open()?,
        conversation: Conversation::of("walk")?,
        extents: Conversation::of("extents")?,
        levels: LevelCheck::new()?,
        random: Random::new(seed),
    };
    let regions = regions(run.levels.mode().kernel_first())?;
    let gaps = regions
        .iter()
        .filter(|region| region.name == "other")
        .count();
    let mut counts = BTreeMap::<&str, Count>::new();
    for region in &regions {
        let runs = run.runs(&region.range)?;
        let share = if region.name == "other" { gaps } else { 1 };
        let count = counts.entry(&region.name).or_default();
        let mut left = addresses.div_ceil(share);
        while left > 0 {
            let size = left.min(MOST);
            let mut batch: Vec<_> = (0..size)
                .map(|i| choose(i, &region.range, &runs, &mut run.random))
                .collect();
            let wait = Wait::begin();
            while !batch.is_empty() && !wait.is_over() {
                batch = run.batch(region, &batch, count)?;
            }
            count.moved += batch.len();
            left -= size;
        }
    }
    let mut fine = counts.len() > 1;
    for (name, count) in &counts {
        let judged = count.mapped + count.holes;
        let pages: Vec<_> = count
            .pages
            .iter()
            .filter(|page| !page.is_empty())
            .cloned()
            .collect();
        println!(
            "region={name} mapped={} holes={} moved={} mismatches={} pages={}",
            count.mapped,
            count.holes,
            count.moved,
            count.mismatches,
            pages.join(",")
        );
        // On arm64 modules mostly find a place near the kernel's image.
        let may_be_empty = *name == "other" || *name == "modules" && cfg!(target_arch = "aarch64");
        let empty = count.mapped == 0 && !may_be_empty;
        fine &= count.mismatches == 0 && !empty && count.moved == 0 && judged > 0;
    }
    println!("seed={seed}");
    Ok(fine)
}
