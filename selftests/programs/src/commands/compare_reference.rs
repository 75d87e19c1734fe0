// SPDX-License-Identifier: GPL-2.0

//! `compare-reference [--addresses N]`: asks memintro about N random addresses of each region
//! of the kernel's half, mapped ones and holes, and compares with what the kernel's own
//! functions say before and after (`selftests/reference`). An address of which these two differ
//! is asked about again, as are those during which a process was started, whose stack comes and
//! goes.
//!
//! `compare-kernel [--samples N] START END`: compares `/proc/memintro/extents` of a range of
//! kernel addresses with what `/proc/memintro/walk` says of single ones: the first, the last
//! and another page of every row, both ends of every hole, and N random ones. The range is
//! asked for again afterwards: if the kernel changed it, or a process was started, whose stack
//! may have come and gone, all is done again.

use crate::prelude::*;

const PAGE: u64 = sys::PAGE as u64;

#[derive(Default)]
struct Count {
    mapped: usize,
    holes: usize,
    moved: usize,
    mismatches: usize,
    pages: BTreeSet<String>,
    /// How many addresses have a symbol of the kernel, and of a module.
    symbols: [usize; 2],
}

/// A random address of a region: half of them in or at the border of something mapped, the
/// others anywhere, by turns.
fn choose(
    turn: usize,
    range: &RangeInclusive<u64>,
    runs: &[RangeInclusive<u64>],
    random: &mut Random,
) -> u64 {
    let anywhere = |range: &RangeInclusive<u64>, random: &mut Random| {
        let size = range.end().wrapping_sub(*range.start()).wrapping_add(1);
        range.start() + random.u64(..) % size
    };
    let va = match (turn % 8, runs.len()) {
        (0..3, 1..) => anywhere(&runs[random.usize(..runs.len())], random),
        (3, 1..) => {
            let (first, last) = runs[random.usize(..runs.len())].clone().into_inner();
            random.pick(&[first, first.wrapping_sub(1), last, last.wrapping_add(1)])
        }
        (4, _) => [*range.start(), *range.end()][random.usize(..2)],
        _ => anywhere(range, random),
    };
    va.clamp(*range.start(), *range.end())
}

fn judge(region: &Region, va: u64, reply: Reply, value: u64, answer: &Line<'_>) -> io::Result<()> {
    answer.expect("pid", "kernel")?;
    answer.expect("va", &format!("{va:#x}"))?;
    answer.expect("region", region.at(reply.pa))?;
    // What only some architectures' functions tell.
    if let Some((level, _)) = reply.level.map(|level| LEVELS[LEVELS.len() - 1 - level]) {
        answer.expect("level", level)?;
    }
    if let Some(pa) = reply.pa {
        answer.expect("pa", &format!("{pa:#x}"))?;
        if let Some(level) = reply.level {
            answer.expect("page", ["4K", "2M", "1G"].get(level).unwrap_or(&""))?;
        }
        for name in ["accessed", "dirty", "global", "protnone", "soft-dirty"] {
            let right = answer.has_flag(name) == layout::has_flag(value, name);
            ensure!(right, "flags and {name} of {value:#x}");
        }
        let huge = answer.get("level") != "pte";
        answer.expect("cache", layout::cache(value, huge))?;
    } else {
        answer.expect("pa", "none")?;
        answer.expect("why", "not-mapped")?;
    }
    if let Some(pa) = reply.page_pa {
        answer.expect("pa", &format!("{pa:#x}"))?;
    }
    if let Some(pa) = reply.linear_pa {
        answer.expect("pa_linear", &format!("{pa:#x}"))?;
    }
    let agree = reply.pa == Some(answer.hex("pa_linear")?);
    answer.expect("agree", if agree { "yes" } else { "no" })
}

struct Run {
    symbols: Symbols,
    reference: Reference,
    conversation: Conversation,
    extents: Conversation,
    levels: LevelCheck,
    random: Random,
}

impl Run {
    /// Ranges of a region that are mapped, as the choice of addresses needs them.
    ///
    /// Where no function of the kernel tells of whole tables, they are memintro's own and those
    /// that kcore has.
    fn runs(&mut self, range: &RangeInclusive<u64>) -> io::Result<Vec<RangeInclusive<u64>>> {
        let first = self.reference.look_up(&[*range.start()])?[0];
        if first.level.is_some() {
            return self.reference.scan(range);
        }
        let (start, last) = (*range.start(), *range.end());
        let end = last.saturating_add(1);
        let text = self.extents.ask(&format!("kernel {start:#x}-{end:#x}"))?;
        let rows = Extents::parse(&text, Some((last - start) / 1024 + 1))?.rows;
        let rows = rows.iter().map(|row| row.start..=row.last);
        let kcore = Kcore::open()?;
        let segments = kcore.ranges();
        let segments = segments.map(|(first, end)| first.max(start)..=end.min(last));
        let all = rows.chain(segments.filter(|segment| segment != range));
        Ok(all.filter(|run| !run.is_empty()).collect())
    }

    /// Asks about addresses, and returns those that could not be judged.
    fn batch(
        &mut self,
        region: &Region,
        addresses: &[u64],
        count: &mut Count,
    ) -> io::Result<Vec<u64>> {
        let started = tasks_started()?;
        let mut moved = Vec::new();
        let mut lines = addresses.iter().map(|va| format!("kernel {va:#x} levels"));
        let before = self.reference.look_up(addresses)?;
        let text = self.conversation.ask(&lines.join("\n"))?;
        let after = self.reference.look_up(addresses)?;
        if tasks_started()? != started {
            return Ok(addresses.to_vec());
        }
        let mut answers = answers(&text);
        for (i, &va) in addresses.iter().enumerate() {
            let answer = answers.next();
            let (levels, answer) = answer.ok_or_else(|| error!("an answer is missing"))??;
            let reply = before[i];
            if reply != after[i] {
                moved.push(va);
                continue;
            }
            if reply.pa.is_some() {
                count.mapped += 1;
                count.pages.insert(answer.get("page").to_owned());
            } else {
                count.holes += 1;
            }
            let value = levels.last().map_or(Ok(0), |line| line.hex("value"));
            let result = value.and_then(|value| {
                judge(region, va, reply, value, &answer)?;
                self.symbols.judge(va, &answer)?;
                if answer.get("symbol") != "-" {
                    let module = answer.get("module") != "-";
                    count.symbols[usize::from(module)] += 1;
                }
                self.levels.check(va, &levels, &answer)?;
                let known = reply.value.unwrap_or(value);
                ensure!(known == value, "value={value:#x} expected {known:#x}");
                Ok(())
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
    options.end()?;
    let mut run = Run {
        symbols: Symbols::read()?,
        reference: Reference::open()?,
        conversation: Conversation::of("walk")?,
        extents: Conversation::of("extents")?,
        levels: LevelCheck::new()?,
        random: Random::with_seed(1),
    };
    let regions = regions(!0 << run.levels.mode.bits)?;
    let is_gap = |region: &&Region| region.name == "other";
    let gaps = regions.iter().filter(is_gap).count();
    let mut counts = BTreeMap::<&str, Count>::new();
    for region in &regions {
        let runs = run.runs(&region.range)?;
        let share = if region.name == "other" { gaps } else { 1 };
        let count = counts.entry(&region.name).or_default();
        let mut left = addresses.div_ceil(share);
        while left > 0 {
            let size = left.min(MOST);
            let batch = (0..size).map(|i| choose(i, &region.range, &runs, &mut run.random));
            let mut batch: Vec<_> = batch.collect();
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
        let [mapped, holes, moved] = [count.mapped, count.holes, count.moved];
        let (mismatches, [symbols, of_modules]) = (count.mismatches, count.symbols);
        print!("region={name} mapped={mapped} holes={holes} moved={moved} mismatches={mismatches}");
        println!(
            " symbols={symbols} of_modules={of_modules} pages={}",
            count.pages.iter().join(",")
        );
        // On arm64 modules mostly find a place near the kernel's image.
        let may_be_empty = *name == "other" || *name == "modules" && cfg!(target_arch = "aarch64");
        let empty = mapped == 0 && !may_be_empty || mapped + holes == 0;
        fine &= mismatches == 0 && !empty && moved == 0;
    }
    Ok(fine)
}

/// What must be asked about: every end, and something in between.
fn places(rows: &[Row], start: u64, last: u64, samples: usize, random: &mut Random) -> Vec<u64> {
    let mut places = Vec::new();
    let mut hole = start;
    for row in rows {
        if hole < row.start {
            places.extend([hole, row.start - 1]);
        }
        let inside = row.start + random.u64(..) % (row.last - row.start);
        places.extend([row.start, row.last, inside]);
        hole = row.last.wrapping_add(1);
    }
    if hole != 0 && hole <= last {
        places.extend([hole, last]);
    }
    places.extend((0..samples).map(|_| start + random.u64(..) % (last - start)));
    places
}

fn difference(walk: &mut Conversation, rows: &[Row], va: u64) -> io::Result<Option<String>> {
    let keys = walk.walk("kernel", va)?;
    let next = rows.partition_point(|row| row.last < va);
    let row = rows.get(next).filter(|row| row.start <= va);
    let right = match row {
        None => keys.get("pa") == "none" && keys.get("why") == "not-mapped",
        Some(row) => {
            let pa = format!("{:#x}", row.pa + (va - row.start));
            keys.get("pa") == pa && keys.get("page") == row.page && keys.get("perm") == row.perm
        }
    };
    Ok((!right).then(|| format!("{va:#x}: {row:x?}, but walk says {keys:?}")))
}

pub fn kernel(options: &mut Options) -> io::Result<bool> {
    let mut random = Random::with_seed(1);
    let samples = options.or("--samples", 100)?;
    let (start, end): (String, String) = (options.word()?, options.word()?);
    let question = format!("kernel {start}-{end}");
    let (start, end) = (parse_hex(&start)?, parse_hex(&end)?);
    // The end of the range is known when the last page is part of it.
    let start = start / PAGE * PAGE;
    let last = if end == u64::MAX { end } else { end - 1 } | (PAGE - 1);
    let wait = Wait::begin();
    let (mut extents, mut walk) = (Conversation::of("extents")?, Conversation::of("walk")?);
    let mut text = extents.ask(&question)?;
    let (Extents { rows, end }, walked, mismatches) = loop {
        let started = tasks_started()?;
        let all = Extents::parse(&text, Some((last - start) / 1024 + 1))?;
        let places = places(&all.rows, start, last, samples, &mut random);
        let mut mismatches = Vec::new();
        for va in &places {
            mismatches.extend(difference(&mut walk, &all.rows, *va)?);
        }
        let again = extents.ask(&question)?;
        if again == text && started == tasks_started()? || wait.is_over() {
            break (all, places.len(), mismatches);
        }
        text = again;
    };
    let (rows, wrong) = (rows.len(), show(&mismatches));
    let (kb, hole_kb) = (end.get("kb"), end.get("hole_kb"));
    println!("walked={walked} rows={rows} kb={kb} hole_kb={hole_kb} mismatches={wrong}");
    Ok(wrong == 0)
}
