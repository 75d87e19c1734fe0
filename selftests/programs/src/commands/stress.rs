// SPDX-License-Identifier: GPL-2.0

//! `stress --module FILE [--seconds N] [--longer N] [--askers N] [--targets N]
//! [--cgroup FOLDER] [--stuck PID] [--seed N]`: many processes that read every file of memintro,
//! about processes whose memory never rests, while others that read are killed and
//! the module is unloaded and loaded again.
//!
//! An address is wrong if pagemap gave the same other one (or no page at all)
//! before and after, and the process had not enough time between to move the
//! page away and back. Pages that are left alone must always be answered
//! rightly. Rows must be well formed and ascend, words be those promised; an
//! unloaded module may fail with EIO, ENODEV or ENOENT, and nothing else may.
//!
//! The process with the number PID is asked about as well, and neither verified nor ended.
//!
//! Goes on for up to `--longer` seconds more (default 0) if something that is to be
//! done was not done yet: a slow machine asks few questions.
//!
//! Prints what was wrong, the words, and a line of figures. Exit status 1 if
//! anything was wrong, an asker made no step any more, or something that
//! was to be done was never done.

use crate::prelude::*;
use crate::{
    churn::NAMES,
    patience::PATIENCE,
    stress::{
        ask::Asker,
        tally::{Tally, ROUNDS},
        targets, uneasy, Churned, World, SLOTS,
    },
};

const FORKERS: usize = 2;
const BOARD: usize = 48;
/// Rounds of the askers between two reloads, at least: an unload waits for those who
/// read, and on a slow machine it would be all that they ever meet.
const BETWEEN: u64 = 32;
/// What must be done at least once, besides each round. The last needs a cgroup.
const NEEDED: [&str; 9] = words("verified still rows reloads gone kills forks execs oom_kills");

/// Starts the processes that are verified, and waits for their memory.
fn churners(count: usize, seed: u64) -> io::Result<Vec<Churned>> {
    let done = counters(NAMES.len())?;
    let mut churned = Vec::new();
    let begun = Instant::now();
    for i in 0..count {
        let shared = counters(1 + SLOTS)?;
        let (ready, counters) = shared.split_at(1);
        let seed = seed + 100 * i as u64;
        let pid = process::fork_tied(|| targets::churner(seed, counters, done, &ready[0]))?;
        while ready[0].load(Ordering::SeqCst) == 0 {
            ensure!(begun.elapsed() <= PATIENCE, "a target does not get ready");
            thread::sleep(Duration::from_millis(20));
        }
        churned.push(Churned { pid, counters });
    }
    Ok(churned)
}

fn start(all: &mut Vec<process::Pid>, run: impl FnOnce()) -> io::Result<process::Pid> {
    let pid = process::fork_tied(run)?;
    all.push(pid);
    Ok(pid)
}

/// Kills and starts anew one who asks, for ever.
fn killer(world: &World, seed: u64, heart: usize) -> ! {
    let mut random = Random::new(seed);
    loop {
        world.tally.beat(heart);
        let seed = random.next_u64();
        let child = process::fork_tied(|| Asker::new(world.clone(), seed, heart).work());
        thread::sleep(Duration::from_micros(random.below(200_000) as u64));
        if let Ok(child) = child {
            process::end(&[child]);
            world.tally.add("kills", 1);
        }
    }
}

/// Unloads the module and loads it again.
fn reload(file: &str, random: &mut Random, tally: Tally) -> io::Result<()> {
    sys::unload()?;
    thread::sleep(Duration::from_millis(random.below(20) as u64));
    sys::load(file)?;
    tally.add("reloads", 1);
    Ok(())
}

/// Which of these was never done.
fn never<'a>(names: &[&'a str], tally: Tally) -> Vec<&'a str> {
    let mut names = names.to_vec();
    names.retain(|name| tally.get(name) == 0);
    names
}

/// Watches the askers, and reloads the module, until `end`, or until `last` while
/// something of `needed` was not done. The first module stays until each round was
/// done once.
fn watch(
    file: &str,
    (end, last): (Instant, Instant),
    needed: &[&str],
    hearts: &[process::Pid],
    random: &mut Random,
    tally: Tally,
) -> io::Result<bool> {
    let mut seen: Vec<_> = hearts.iter().map(|_| (0, Instant::now())).collect();
    let mut next = Instant::now() + Duration::from_secs(2);
    let rounds = || -> u64 { ROUNDS.iter().map(|name| tally.get(name)).sum() };
    let mut enough = 0;
    while Instant::now() < end || (Instant::now() < last && !never(needed, tally).is_empty()) {
        thread::sleep(Duration::from_millis(100));
        let due = Instant::now() > next && rounds() >= enough;
        if due && never(&ROUNDS, tally).is_empty() {
            reload(file, random, tally)?;
            enough = rounds() + BETWEEN;
            next = Instant::now() + Duration::from_millis(500 + random.below(4000) as u64);
        }
        for (heart, (beats, when)) in seen.iter_mut().enumerate() {
            if tally.beats(heart) != *beats {
                (*beats, *when) = (tally.beats(heart), Instant::now());
            } else if when.elapsed() > PATIENCE {
                let stack = std::fs::read_to_string(format!("/proc/{}/stack", hearts[heart]));
                println!("stalled: {}", stack.unwrap_or_default());
                return Ok(false);
            }
        }
    }
    Ok(true)
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    if options.flag("--nap") {
        thread::sleep(Duration::from_millis(20));
        return Ok(true);
    }
    let file: String = options
        .get("--module")?
        .ok_or_else(|| misuse("--module is missing"))?;
    let seconds = options.or("--seconds", 60)?;
    let longer = options.or("--longer", 0)?;
    let askers = options.or("--askers", 12)?;
    let targets = options.or("--targets", 2)?;
    let seed = options.or("--seed", 1)?;
    let cgroup = options.get::<String>("--cgroup")?;
    let stuck = options.get("--stuck")?;
    options.end()?;
    println!("seed={seed}");

    let tally = Tally::new()?;
    let churned = churners(targets, seed)?;
    let mut all: Vec<_> = churned.iter().map(|target| target.pid).collect();
    let world = World {
        tally,
        churned,
        board: counters(BOARD)?,
        stuck: u64::from(stuck.is_some()),
    };
    if let Some(pid) = stuck {
        world.board[BOARD - 1].store(pid, Ordering::Relaxed);
    }
    for i in 0..FORKERS {
        start(&mut all, || {
            targets::forker(&world, seed + 200 + i as u64, 10 * i)
        })?;
    }
    start(&mut all, || uneasy::merged(&world, seed + 300, 24))?;
    start(&mut all, || uneasy::pooled(&world, seed + 310, 28))?;
    start(&mut all, || uneasy::handled(&world, seed + 320, 32))?;
    if let Some(cgroup) = &cgroup {
        start(&mut all, || targets::hog(&world, cgroup, seed + 330, 36))?;
    }
    let mut hearts = Vec::new();
    for heart in 0..askers {
        let seed = seed + 1000 + heart as u64;
        hearts.push(start(&mut all, || {
            Asker::new(world.clone(), seed, heart).work()
        })?);
    }
    for heart in askers..askers + 2 {
        let seed = seed + 2000 + heart as u64;
        hearts.push(start(&mut all, || killer(&world, seed, heart))?);
    }

    // Many are busy; this one must get its turn.
    rustix::process::setpriority_process(None, -15)?;
    let without = usize::from(cgroup.is_none());
    let needed = [&ROUNDS, &NEEDED[..NEEDED.len() - without]].concat();
    let begun = Instant::now();
    let end = begun + Duration::from_secs(seconds);
    let last = end + Duration::from_secs(longer);
    let mut random = Random::new(seed);
    let alive = watch(&file, (end, last), &needed, &hearts, &mut random, tally)?;
    let seconds = begun.elapsed().as_secs();
    tally.end();
    process::end(&all);
    println!("{tally} seconds={seconds} askers={askers} targets={targets} seed={seed}");
    let never = never(&needed, tally);
    if !never.is_empty() {
        println!("never: {}", never.join(" "));
    }
    Ok(alive && never.is_empty() && tally.get("wrong") == 0)
}
