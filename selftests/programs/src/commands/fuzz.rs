// SPDX-License-Identifier: GPL-2.0

//! `fuzz [--seconds N] [--longer N] [--workers N] [--module FILE] [--seed N]`:
//! random system calls on every file of memintro, by processes whose threads share
//! their descriptors, which are killed and started anew all the time. With
//! `--module` it is unloaded and loaded again now and then.
//!
//! A call that takes longer than ten seconds is shown, and has its process
//! killed. A process that is killed must be gone: else it hangs, and the exit
//! status is 1.
//!
//! Goes on for up to `--longer` seconds more (default 0) if no worker was killed yet,
//! the module not reloaded, or a call that matters never succeeded. Where that stays
//! so, the exit status is 1, too.
//!
//! Prints how often each call was made and succeeded, and a line of figures.

use std::sync::atomic::AtomicI32;

use crate::fuzz::{calls::CALLS, Board, Fuzzer, SLOTS};
use crate::prelude::*;

const THREADS: usize = 3;
/// In milliseconds: a call of an emulated machine on a busy host may take long.
const SLOW: u64 = 10_000;
/// Calls of which each must succeed at least once.
const NEEDED: [&str; 6] = ["read", "write", "ask", "splice_from", "open", "sendfile"];

struct Worker {
    pid: process::Pid,
    until: Instant,
}

/// What a worker does, until it is killed.
fn work(board: Board, first: usize, seed: u64) -> io::Result<()> {
    process::ignore_signals();
    let fds: &[AtomicI32] = Box::leak(Box::new([const { AtomicI32::new(-1) }; SLOTS]));
    let start = |i: usize| -> io::Result<Fuzzer> {
        Fuzzer::new(board, first + i, seed.wrapping_add(i as u64), fds)
    };
    let fuzzers = (0..THREADS).map(start).collect::<io::Result<Vec<_>>>()?;
    let threads = fuzzers.into_iter().map(|mut fuzzer| {
        thread::spawn(move || loop {
            fuzzer.step();
        })
    });
    threads
        .collect::<Vec<_>>()
        .into_iter()
        .for_each(|thread| drop(thread.join()));
    Ok(())
}

fn start(board: Board, place: usize, random: &mut Random) -> io::Result<Worker> {
    let seed = random.next_u64();
    let pid = process::fork_tied(|| {
        if let Err(error) = work(board, place * THREADS, seed) {
            println!("wrong: a worker cannot start: {error}");
        }
    })?;
    let until = Instant::now() + Duration::from_millis(300 + random.below(5000) as u64);
    Ok(Worker { pid, until })
}

/// Kills a worker; `false` if it does not end.
fn end(board: Board, place: usize, pid: process::Pid) -> bool {
    process::kill(pid);
    if !patience::until(|| process::try_reap(pid)) {
        return false;
    }
    (0..THREADS).for_each(|i| board.forget(place * THREADS + i));
    true
}

/// How often each call was made and succeeded.
fn calls(board: Board) -> BTreeMap<&'static str, (u64, u64)> {
    let mut all: BTreeMap<_, (u64, u64)> = BTreeMap::new();
    for (place, (name, _)) in CALLS.iter().enumerate() {
        let (made, done) = board.count(place);
        let sum = all.entry(*name).or_default();
        *sum = (sum.0 + made, sum.1 + done);
    }
    all
}

/// Whether each call that matters succeeded.
fn useful(board: Board) -> bool {
    let all = calls(board);
    NEEDED.iter().all(|name| all[name].1 > 0)
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let seconds = options.or("--seconds", 60)?;
    let longer = options.or("--longer", 0)?;
    let workers = options.or("--workers", 4)?;
    let seed = options.or("--seed", 1)?;
    println!("seed={seed}");
    let mut random = Random::new(seed);
    let board = Board::new(workers * THREADS)?;
    let uring = crate::fuzz::uring::Uring::new();
    let uring = uring.map_or_else(|error| format!("none:{error}"), |_| "yes".to_owned());

    let mut running = Vec::new();
    for place in 0..workers {
        running.push(start(board, place, &mut random)?);
    }
    let begun = Instant::now();
    let finish = begun + Duration::from_secs(seconds);
    let last = finish + Duration::from_secs(longer);
    let mut reload = begun + Duration::from_secs(3);
    let file = options.get::<String>("--module")?;
    let (mut kills, mut reloads, mut slow) = (0, 0, 0);
    let mut hung = false;
    let mut enough = false;
    while !hung && (Instant::now() < finish || !enough && Instant::now() < last) {
        thread::sleep(Duration::from_millis(20));
        for (place, worker) in running.iter_mut().enumerate() {
            let busy = (0..THREADS).filter_map(|i| board.busy(place * THREADS + i));
            let late = busy.max().filter(|(millis, _)| *millis > SLOW);
            if let Some((millis, call)) = late {
                slow += 1;
                println!("slow: {} for {millis} ms", CALLS[call & 0x7f].0);
            }
            if late.is_some() || Instant::now() > worker.until {
                hung |= !end(board, place, worker.pid);
                kills += 1;
                *worker = start(board, place, &mut random)?;
            }
        }
        if let (Some(file), true) = (&file, Instant::now() > reload) {
            sys::unload()?;
            sys::load(file)?;
            reloads += 1;
            reload = Instant::now() + Duration::from_millis(500 + random.below(8000) as u64);
        }
        enough = kills > 0 && (reloads > 0 || file.is_none()) && useful(board);
    }
    let seconds = begun.elapsed().as_secs();
    for (place, worker) in running.iter().enumerate() {
        hung |= !end(board, place, worker.pid);
    }
    if hung {
        println!("wrong: a process that was killed does not end");
    }

    let all = calls(board);
    let each = all
        .iter()
        .map(|(name, (made, done))| format!("{name}={made}/{done}"));
    println!("calls: {}", each.collect::<Vec<_>>().join(" "));
    let made: u64 = all.values().map(|(made, _)| made).sum();
    let done: u64 = all.values().map(|(_, done)| done).sum();
    println!(
        "executions={made} succeeded={done} io_uring={uring} kills={kills} reloads={reloads} \
         slow={slow} seconds={seconds} workers={workers} seed={seed}"
    );
    Ok(!hung && enough)
}
