// SPDX-License-Identifier: GPL-2.0

//! `fuzz [--seconds N] [--longer N] [--workers N] [--module FILE] [--seed N]`: random system
//! calls on every file of memintro, by processes whose threads share their descriptors, which
//! are killed and restarted all the time. With `--module` it is unloaded and loaded again
//! now and then.
//!
//! A process that is killed must be gone: else it hangs, and the exit status is 1.
//!
//! Goes on for up to `--longer` seconds more (default 0) if no worker was killed yet, the
//! module not reloaded, or a call that matters never succeeded. Where that stays so, the exit
//! status is 1, too.
//!
//! Prints how often each call was made and succeeded, and a line of figures.

use crate::prelude::*;
use calls::{Fuzzer, CALLS, SLOTS};

mod calls;
mod means;

const THREADS: u64 = 3;
/// Calls of which each must succeed at least once.
const NEEDED: [&str; 6] = ["read", "write", "ask", "splice_from", "open", "sendfile"];

/// How often each call was made, and succeeded; all processes of a run share it.
type Counts = &'static [AtomicU64];

fn calls(counts: Counts) -> BTreeMap<&'static str, (u64, u64)> {
    let mut all: BTreeMap<_, (u64, u64)> = BTreeMap::new();
    for ((name, _), counts) in CALLS.iter().zip(counts.chunks_exact(2)) {
        let sum = all.entry(*name).or_default();
        sum.0 += counts[0].load(Ordering::Relaxed);
        sum.1 += counts[1].load(Ordering::Relaxed);
    }
    all
}

fn work(counts: Counts, seed: u64) -> io::Result<()> {
    process::ignore_signals();
    let fds: &[AtomicI32] = Box::leak(Box::new([const { AtomicI32::new(-1) }; SLOTS]));
    for i in 0..THREADS {
        let mut fuzzer = Fuzzer::new(seed.wrapping_add(i), fds)?;
        thread::spawn(move || loop {
            let call = fuzzer.random.usize(..CALLS.len());
            counts[2 * call].fetch_add(1, Ordering::Relaxed);
            let done = fuzzer.call(call);
            counts[2 * call + 1].fetch_add(u64::from(done >= 0), Ordering::Relaxed);
        });
    }
    process::sleep_for_ever()
}

fn start(counts: Counts, random: &mut Random) -> io::Result<(Pid, Instant)> {
    let seed = random.u64(..);
    let pid = process::fork_role("worker", || work(counts, seed))?;
    let until = Instant::now() + Duration::from_millis(300 + random.usize(..5000) as u64);
    Ok((pid, until))
}

fn end(pid: Pid) -> bool {
    process::kill(pid);
    comes(|| process::try_reap(pid))
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let seconds = options.or("--seconds", 60)?;
    let longer = options.or("--longer", 0)?;
    let workers = options.or("--workers", 4)?;
    let seed = options.or("--seed", 1)?;
    println!("seed={seed}");
    let mut random = Random::with_seed(seed);
    let counts = counters(2 * CALLS.len())?;
    let uring = means::Ring::new().is_ok();

    let mut running = Vec::new();
    for _ in 0..workers {
        running.push(start(counts, &mut random)?);
    }
    let begun = Instant::now();
    let finish = begun + Duration::from_secs(seconds);
    let last = finish + Duration::from_secs(longer);
    let mut reload = begun + Duration::from_secs(3);
    let file = options.get::<String>("--module")?;
    let (mut kills, mut reloads) = (0, 0);
    let (mut hung, mut enough) = (false, false);
    while !hung && (Instant::now() < finish || !enough && Instant::now() < last) {
        thread::sleep(Duration::from_millis(20));
        for (pid, until) in &mut running {
            if Instant::now() > *until {
                hung |= !end(*pid);
                kills += 1;
                (*pid, *until) = start(counts, &mut random)?;
            }
        }
        if let (Some(file), true) = (&file, Instant::now() > reload) {
            sys::unload()?;
            sys::load(file)?;
            reloads += 1;
            reload = Instant::now() + Duration::from_millis(500 + random.usize(..8000) as u64);
        }
        let all = calls(counts);
        let useful = NEEDED.iter().all(|name| all[name].1 > 0);
        enough = kills > 0 && (reloads > 0 || file.is_none()) && useful;
    }
    let seconds = begun.elapsed().as_secs();
    for (pid, _) in running {
        hung |= !end(pid);
    }
    if hung {
        println!("wrong: a process that was killed does not end");
    }

    let all = calls(counts);
    let line = |(name, (made, done)): (&&str, &(u64, u64))| format!("{name}={made}/{done}");
    println!("calls: {}", all.iter().map(line).join(" "));
    let made: u64 = all.values().map(|(made, _)| made).sum();
    let done: u64 = all.values().map(|(_, done)| done).sum();
    println!(
        "executions={made} succeeded={done} io_uring={uring} kills={kills} reloads={reloads} \
         seconds={seconds} workers={workers} seed={seed}"
    );
    Ok(!hung && enough)
}
