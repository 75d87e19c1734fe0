// SPDX-License-Identifier: GPL-2.0

//! `compare-reference [--addresses N] [--seed N]`: asks memintro about N random
//! addresses of each region of the kernel's half, mapped ones and holes, and
//! compares with what the kernel's own functions say before and after
//! (`selftests/reference`). An address of which these two differ is counted
//! and not judged.
//!
//! Prints `region=NAME mapped=N holes=N moved=N mismatches=N pages=...` for
//! each region; exit status 1 if anything differs, or a region was not judged.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write,
    io,
    ops::RangeInclusive,
    path::Path,
    process::ExitCode,
    time::SystemTime,
};

use memintro_selftests::{
    ask::Conversation,
    levels::{LevelCheck, LEVELS},
    line::{answers, Line},
    random::Random,
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
/// something mapped, the others anywhere.
fn choose(range: &RangeInclusive<u64>, runs: &[RangeInclusive<u64>], random: &mut Random) -> u64 {
    let anywhere = |range: &RangeInclusive<u64>, random: &mut Random| {
        let size = range.end().wrapping_sub(*range.start()).wrapping_add(1);
        range.start() + random.next_u64() % size
    };
    let va = match (random.below(8), runs.len()) {
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

/// Says what is wrong with an answer.
fn judge(region: &Region, va: u64, reply: Reply, answer: &Line<'_>) -> Result<(), String> {
    let (level, _) = LEVELS[LEVELS.len() - 1 - reply.level];
    let mut want = vec![
        ("pid", "kernel".to_owned()),
        ("va", format!("{va:#x}")),
        ("region", region.name.clone()),
        ("level", level.to_owned()),
    ];
    let flag = |bits: u64, name| match answer.has_flag(name) == (reply.value & bits != 0) {
        true => Ok(()),
        false => Err(format!("flags and {name} of {:#x}", reply.value)),
    };
    match reply.pa() {
        Some(pa) => {
            want.push(("pa", format!("{pa:#x}")));
            let page = ["4K", "2M", "1G"].get(reply.level).copied();
            want.push(("page", page.unwrap_or_default().to_owned()));
            flag(1 << 5, "accessed")?;
            // The second one is a shadow stack's, kept by software.
            flag((1 << 6) | (1 << 58), "dirty")?;
            flag(1 << 8, "global")?;
            flag(0, "protnone")?;
            flag(0, "soft-dirty")?;
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
        if answer.get(key) != want {
            return Err(format!("{key}={} expected {want}", answer.get(key)));
        }
    }
    Ok(())
}

struct Run {
    reference: Reference,
    conversation: Conversation,
    levels: LevelCheck,
    random: Random,
}

impl Run {
    fn batch(&mut self, region: &Region, addresses: &[u64], count: &mut Count) -> io::Result<()> {
        let mut text = String::new();
        for va in addresses {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "kernel {va:#x} levels");
        }
        let before = self.reference.look_up(addresses)?;
        let text = self.conversation.ask(text.trim_end())?;
        let after = self.reference.look_up(addresses)?;
        let mut answers = answers(&text);
        for (i, &va) in addresses.iter().enumerate() {
            let (levels, answer) = answers
                .next()
                .ok_or_else(|| io::Error::other("an answer is missing"))?
                .map_err(io::Error::other)?;
            let reply = before[i];
            if reply != after[i] {
                count.moved += 1;
                continue;
            }
            match reply.pa() {
                Some(_) => count.mapped += 1,
                None => count.holes += 1,
            }
            count.pages.insert(answer.get("page").to_owned());
            let value = levels.last().map_or("", |line| line.get("value"));
            let result = judge(region, va, reply, &answer)
                .and_then(|()| self.levels.check(va, &levels, &answer))
                .and_then(|()| match value == format!("{:#x}", reply.value) {
                    true => Ok(()),
                    false => Err(format!("value={value} expected {:#x}", reply.value)),
                });
            if let Err(what) = result {
                count.mismatches += 1;
                if count.mismatches <= 10 {
                    println!("mismatch {what}: {answer:?} {reply:x?}");
                }
            }
        }
        Ok(())
    }
}

fn run(addresses: usize, seed: u64) -> io::Result<bool> {
    let mut run = Run {
        reference: Reference::open()?,
        conversation: Conversation::open(Path::new("/proc/memintro/walk"))?,
        levels: LevelCheck::new()?,
        random: Random::new(seed),
    };
    let first = if run.levels.has_five() {
        0xff00_0000_0000_0000
    } else {
        0xffff_8000_0000_0000
    };
    let regions = regions(first)?;
    let gaps = regions
        .iter()
        .filter(|region| region.name == "other")
        .count();
    let mut counts = BTreeMap::<&str, Count>::new();
    for region in &regions {
        let runs = run.reference.scan(&region.range)?;
        let share = if region.name == "other" { gaps } else { 1 };
        let count = counts.entry(&region.name).or_default();
        let mut left = addresses.div_ceil(share);
        while left > 0 {
            let size = left.min(MOST);
            let batch: Vec<_> = (0..size)
                .map(|_| choose(&region.range, &runs, &mut run.random))
                .collect();
            run.batch(region, &batch, count)?;
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
        let empty = count.mapped == 0 && *name != "other";
        fine &= count.mismatches == 0 && !empty && count.moved * 10 < judged;
    }
    println!("seed={seed}");
    Ok(fine)
}

fn options() -> Option<(usize, u64)> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let mut options = (10_000, now.map_or(0, |now| now.as_secs()));
    let mut args = env::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next()?;
        match name.as_str() {
            "--addresses" => options.0 = value.parse().ok()?,
            "--seed" => options.1 = value.parse().ok()?,
            _ => return None,
        }
    }
    Some(options)
}

fn main() -> ExitCode {
    let Some((addresses, seed)) = options() else {
        eprintln!("usage: compare-reference [--addresses N] [--seed N]");
        return ExitCode::from(2);
    };
    match run(addresses, seed) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("compare-reference: {error}");
            ExitCode::FAILURE
        }
    }
}
