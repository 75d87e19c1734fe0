// SPDX-License-Identifier: GPL-2.0

//! `stress --module FILE [--seconds N] [--longer N] [--askers N] [--targets N] [--cgroup
//! DIRECTORY] [--stuck PID] [--seed N]`: many processes that read every file of memintro, about
//! processes whose mappings change constantly, while others that read are killed and the module is
//! unloaded and loaded again.
//!
//! An address is wrong if pagemap gave the same other one (or no page at all) before and after,
//! and the process had not enough time between to move the page away and back. Pages that are
//! left alone must always be answered rightly. Rows must be well formed and ascend, words be
//! those promised; an unloaded module may fail with EIO, ENODEV or ENOENT, and nothing else
//! may.
//!
//! The process with the number PID is asked about as well, and neither verified nor ended.
//!
//! Goes on for up to `--longer` seconds more (default 0) if something that is to be done was
//! not done yet: a slow machine asks few questions.
//! It is wrong, too, if an asker makes no step any more.

use crate::prelude::*;
use ask::Asker;
use tally::ROUNDS;

mod ask;
mod tally;
mod targets;

/// The slots of each process that churns (see [`targets`]).
pub const SLOTS: usize = 6;

#[derive(Clone, Copy)]
pub struct Churned {
    pub pid: Pid,
    pub counters: &'static [AtomicU64],
}

/// What all processes of a run share.
#[derive(Clone)]
pub struct World {
    pub churned: Vec<Churned>,
    /// One that is busy forever.
    pub stuck: Option<u32>,
}

/// Rounds of the askers between two reloads, at least: an unload waits for those who read, and
/// on a slow machine it would be all that they ever meet.
const BETWEEN: u64 = 32;
/// What must be done at least once, besides each round. The last needs a cgroup.
const NEEDED: [&str; 9] = words! {
    "verified" "still" "rows" "reloads" "gone" "kills" "forks" "execs" "oom_kills"
};

fn start(all: &mut Vec<Pid>, run: impl FnOnce()) -> io::Result<Pid> {
    let pid = process::fork_tied(run)?;
    all.push(pid);
    Ok(pid)
}

fn killer(world: &World, seed: u64, heart: usize) -> ! {
    let mut random = Random::with_seed(seed);
    loop {
        tally::heart(heart).fetch_add(1, Ordering::Relaxed);
        let seed = random.u64(..);
        let child = process::fork_tied(|| Asker::new(world.clone(), seed, heart).work());
        thread::sleep(random.micros(200_000));
        if let Ok(child) = child {
            process::end(&[child]);
            tally::add("kills", 1);
        }
    }
}

fn never<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let is_never = |name: &&str| tally::get(name) == 0;
    names.iter().copied().filter(is_never).collect()
}

/// Watches the askers, and reloads the module, until `end`, or until `last` while something of
/// `needed` was not done. The first module stays until each round was done once.
fn watch(
    file: &str,
    (end, last): (Instant, Instant),
    needed: &[&str],
    hearts: &[Pid],
) -> io::Result<bool> {
    let mut random = Random::with_seed(1);
    let mut seen: Vec<_> = hearts.iter().map(|_| (0, Instant::now())).collect();
    let mut next = Instant::now() + Duration::from_secs(2);
    let rounds = || -> u64 { ROUNDS.iter().map(|name| tally::get(name)).sum() };
    let mut enough = 0;
    while Instant::now() < end || (Instant::now() < last && !never(needed).is_empty()) {
        thread::sleep(Duration::from_millis(100));
        let due = Instant::now() > next && rounds() >= enough;
        if due && never(&ROUNDS).is_empty() {
            sys::unload()?;
            thread::sleep(random.micros(20_000));
            sys::load(file)?;
            tally::add("reloads", 1);
            enough = rounds() + BETWEEN;
            next = Instant::now() + Duration::from_millis(500 + random.usize(..4000) as u64);
        }
        for (heart, (beats, when)) in seen.iter_mut().enumerate() {
            let now = tally::heart(heart).load(Ordering::Relaxed);
            if now != *beats {
                (*beats, *when) = (now, Instant::now());
            } else if when.elapsed() > PATIENCE {
                let stack = fs::read_to_string(format!("/proc/{}/stack", hearts[heart]));
                println!("stalled: {stack:?}");
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
    let file: Option<String> = options.get("--module")?;
    let file = file.ok_or_else(|| misuse("--module is missing"))?;
    let seconds = options.or("--seconds", 60)?;
    let longer = options.or("--longer", 0)?;
    let askers = options.or("--askers", 12)?;
    let targets = options.or("--targets", 2)?;
    let seed = options.or("--seed", 1)?;
    let cgroup = options.get::<String>("--cgroup")?;
    println!("seed={seed}");

    tally::all();
    let churned = (0..targets).map(|i| targets::churner(seed + 100 * i));
    let churned: Vec<_> = churned.try_collect()?;
    let mut all = churned.iter().map(|target| target.pid).collect_vec();
    let stuck = options.get("--stuck")?;
    let world = World { churned, stuck };
    options.end()?;
    start(&mut all, || targets::forker(seed + 200))?;
    start(&mut all, || targets::forker(seed + 201))?;
    start(&mut all, || targets::merged(seed + 300))?;
    start(&mut all, || targets::pooled(seed + 310))?;
    start(&mut all, || targets::handled(seed + 320))?;
    if let Some(cgroup) = &cgroup {
        start(&mut all, || targets::hog(cgroup, seed + 330))?;
    }
    let mut hearts = Vec::new();
    for heart in 0..askers {
        let asker = Asker::new(world.clone(), seed + 1000 + heart as u64, heart);
        hearts.push(start(&mut all, || asker.work())?);
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
    let alive = watch(&file, (end, last), &needed, &hearts)?;
    let seconds = begun.elapsed().as_secs();
    tally::over().store(1, Ordering::SeqCst);
    process::end(&all);
    println!(
        "{} seconds={seconds} askers={askers} targets={targets} seed={seed}",
        tally::all()
    );
    let never = never(&needed);
    if !never.is_empty() {
        println!("never: {}", never.join(" "));
    }
    Ok(alive && never.is_empty() && tally::get("wrong") == 0)
}
