// SPDX-License-Identifier: GPL-2.0

//! `fuzz [--seconds N] [--longer N] [--workers N] [--module FILE] [--seed N]`: random system
//! calls on every file of memintro, by processes whose threads share their descriptors, which
//! are killed and restarted all the time. With `--module` it is unloaded and loaded again
//! now and then.
//!
//! A call that takes longer than ten seconds is shown, and has its process killed. A process
//! that is killed must be gone: else it hangs, and the exit status is 1.
//!
//! Goes on for up to `--longer` seconds more (default 0) if no worker was killed yet, the
//! module not reloaded, or a call that matters never succeeded. Where that stays so, the exit
//! status is 1, too.
//!
//! Prints how often each call was made and succeeded, and a line of figures.

use std::sync::atomic::AtomicI32;

use crate::prelude::*;
use calls::{Fuzzer, CALLS, SLOTS};

mod calls;
mod means;

const THREADS: usize = 3;
/// In milliseconds: a call of an emulated machine on a busy host may take long.
const SLOW: u64 = 10_000;
/// Calls of which each must succeed at least once.
const NEEDED: [&str; 6] = ["read", "write", "ask", "splice_from", "open", "sendfile"];

/// What the processes of a run share: how often each call was made and succeeded, and for each
/// thread what it does since when.
#[derive(Clone, Copy)]
struct Board {
    counts: &'static [AtomicU64],
    threads: &'static [AtomicU64],
    begun: Instant,
}

impl Board {
    fn new(threads: usize) -> io::Result<Self> {
        Ok(Self {
            counts: counters(2 * CALLS.len())?,
            threads: counters(threads)?,
            begun: Instant::now(),
        })
    }

    fn millis(self) -> u64 {
        self.begun.elapsed().as_millis() as u64
    }

    fn step(self, thread: usize, fuzzer: &mut Fuzzer) {
        let call = fuzzer.random.below(CALLS.len());
        let word = (self.millis() << 8) | call as u64 | 0x80;
        self.threads[thread].store(word, Ordering::Relaxed);
        let done = fuzzer.call(call);
        self.forget(thread);
        self.counts[2 * call].fetch_add(1, Ordering::Relaxed);
        self.counts[2 * call + 1].fetch_add(u64::from(done >= 0), Ordering::Relaxed);
    }

    /// Since how many milliseconds a thread is in a call, and in which.
    fn busy(self, thread: usize) -> Option<(u64, usize)> {
        match self.threads[thread].load(Ordering::Relaxed) {
            0 => None,
            word => {
                let millis = self.millis().saturating_sub(word >> 8);
                Some((millis, word as usize & 0x7f))
            }
        }
    }

    fn forget(self, thread: usize) {
        self.threads[thread].store(0, Ordering::Relaxed);
    }

    fn calls(self) -> BTreeMap<&'static str, (u64, u64)> {
        let mut all: BTreeMap<_, (u64, u64)> = BTreeMap::new();
        for ((name, _), counts) in CALLS.iter().zip(self.counts.chunks_exact(2)) {
            let sum = all.entry(*name).or_default();
            sum.0 += counts[0].load(Ordering::Relaxed);
            sum.1 += counts[1].load(Ordering::Relaxed);
        }
        all
    }
}

fn work(board: Board, first: usize, seed: u64) -> io::Result<()> {
    process::ignore_signals();
    let fds: &[AtomicI32] = Box::leak(Box::new([const { AtomicI32::new(-1) }; SLOTS]));
    let mut threads = Vec::new();
    for i in 0..THREADS {
        let mut fuzzer = Fuzzer::new(seed.wrapping_add(i as u64), fds)?;
        threads.push(thread::spawn(move || loop {
            board.step(first + i, &mut fuzzer);
        }));
    }
    threads.into_iter().for_each(|thread| drop(thread.join()));
    Ok(())
}

fn start(board: Board, place: usize, random: &mut Random) -> io::Result<(Pid, Instant)> {
    let seed = random.next_u64();
    let pid = process::fork_role("worker", || work(board, place * THREADS, seed))?;
    let until = Instant::now() + Duration::from_millis(300 + random.below(5000) as u64);
    Ok((pid, until))
}

/// Kills a worker; `false` if it does not end.
fn end(board: Board, place: usize, pid: Pid) -> bool {
    process::kill(pid);
    if !comes(|| process::try_reap(pid)) {
        return false;
    }
    (0..THREADS).for_each(|i| board.forget(place * THREADS + i));
    true
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let seconds = options.or("--seconds", 60)?;
    let longer = options.or("--longer", 0)?;
    let workers = options.or("--workers", 4)?;
    let seed = options.or("--seed", 1)?;
    println!("seed={seed}");
    let mut random = Random::new(seed);
    let board = Board::new(workers * THREADS)?;
    let uring = means::Ring::new().is_ok();

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
    let (mut hung, mut enough) = (false, false);
    while !hung && (Instant::now() < finish || !enough && Instant::now() < last) {
        thread::sleep(Duration::from_millis(20));
        for (place, (pid, until)) in running.iter_mut().enumerate() {
            let busy = (0..THREADS).filter_map(|i| board.busy(place * THREADS + i));
            let late = busy.max().filter(|(millis, _)| *millis > SLOW);
            if let Some((millis, call)) = late {
                slow += 1;
                println!("slow: {} for {millis} ms", CALLS[call].0);
            }
            if late.is_some() || Instant::now() > *until {
                hung |= !end(board, place, *pid);
                kills += 1;
                (*pid, *until) = start(board, place, &mut random)?;
            }
        }
        if let (Some(file), true) = (&file, Instant::now() > reload) {
            sys::unload()?;
            sys::load(file)?;
            reloads += 1;
            reload = Instant::now() + Duration::from_millis(500 + random.below(8000) as u64);
        }
        let all = board.calls();
        let useful = NEEDED.iter().all(|name| all[name].1 > 0);
        enough = kills > 0 && (reloads > 0 || file.is_none()) && useful;
    }
    let seconds = begun.elapsed().as_secs();
    for (place, (pid, _)) in running.iter().enumerate() {
        hung |= !end(board, place, *pid);
    }
    if hung {
        println!("wrong: a process that was killed does not end");
    }

    let all = board.calls();
    print!("calls:");
    for (name, (made, done)) in &all {
        print!(" {name}={made}/{done}");
    }
    println!();
    let made: u64 = all.values().map(|(made, _)| made).sum();
    let done: u64 = all.values().map(|(_, done)| done).sum();
    println!(
        "executions={made} succeeded={done} io_uring={uring} kills={kills} reloads={reloads} \
         slow={slow} seconds={seconds} workers={workers} seed={seed}"
    );
    Ok(!hung && enough)
}
