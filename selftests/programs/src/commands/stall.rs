// SPDX-License-Identifier: GPL-2.0

//! `stall [--rounds N] [--samples N] [--limit US]`: how much longer mmap+munmap,
//! mprotect and page faults of a process take while somebody examines it, and
//! how long the mmap lock is held for that.
//!
//! Rounds alternate: the examiner asks about the process that is measured, and
//! about a twin with the same memory, so that both load the machine alike, and
//! only the locks differ. Of each kind a round has N samples, and N rounds are
//! of either sort. What is compared is the median of the rounds' 99.9th
//! percentiles: where the machine is an emulated one, the host takes a processor
//! away now and then, and the worst of all samples says only that.
//!
//! Prints a line for each kind, one for the lock, and a verdict. Exit status 1
//! if more than the limit (1000 us) was added, or the lock held for longer.

use crate::prelude::*;
use crate::stall::{
    examiner::{self, Subject},
    median, quantile,
    target::{self, Shared, KINDS},
    trace::Trace,
};

const TRACES: usize = 5;
const ALONE: u64 = 2;
const EXAMINED: u64 = 1;

/// What the rounds of one sort gave, for each kind.
#[derive(Default)]
struct Rounds {
    p999: [Vec<u64>; KINDS.len()],
    medians: [Vec<u64>; KINDS.len()],
    most: [u64; KINDS.len()],
}

impl Rounds {
    fn add(&mut self, shared: Shared) {
        let count = shared.samples.len() / KINDS.len();
        for (kind, samples) in shared.samples.chunks_exact(count).enumerate() {
            let load = |sample: &std::sync::atomic::AtomicU64| sample.load(Ordering::Relaxed);
            let mut samples: Vec<_> = samples.iter().map(load).collect();
            self.p999[kind].push(quantile(&mut samples, 999));
            self.medians[kind].push(quantile(&mut samples, 500));
            self.most[kind] = self.most[kind].max(quantile(&mut samples, 1000));
        }
    }
}

fn wait(what: &str, is_done: impl Fn() -> bool) -> io::Result<()> {
    let begun = Instant::now();
    while !is_done() {
        ensure!(
            begun.elapsed() <= Duration::from_secs(300),
            "{what} takes too long"
        );
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn round(shared: Shared) -> io::Result<()> {
    let number = shared.round.fetch_add(1, Ordering::SeqCst) + 1;
    wait("a round", || shared.done.load(Ordering::SeqCst) == number)
}

fn us(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let rounds = options.or("--rounds", 10)?;
    let count = options.or("--samples", 10_000)?;
    let limit = options.or("--limit", 1000.0)?;

    let words = counters(8)?;
    let [round_word, done, measured_pid, measured, twin_pid, twin, whom, asked] = words else {
        bail!("counters");
    };
    let shared = Shared {
        round: round_word,
        done,
        samples: counters(KINDS.len() * count)?,
    };
    let subjects = [(measured_pid, measured), (twin_pid, twin)];
    let subjects = subjects.map(|(pid, place)| Subject { pid, place });
    let last = thread::available_parallelism()?.get() - 1;
    let mut all = Vec::new();
    all.push(process::fork_tied(|| {
        let _ = process::run_on(0);
        target::run(subjects[0], shared)
    })?);
    all.push(process::fork_tied(|| target::twin(subjects[1]))?);
    let ready = |subject: &Subject| subject.place.load(Ordering::SeqCst) != 0;
    wait("the memory", || subjects.iter().all(ready))?;
    let examiner = process::fork_tied(|| {
        let _ = process::run_on(last);
        examiner::run(&subjects, whom, asked)
    })?;
    all.push(examiner);

    let (mut alone, mut examined) = (Rounds::default(), Rounds::default());
    let mut answers = [0; 2];
    for number in 0..2 * rounds {
        let (who, sort) = match number % 2 {
            0 => (ALONE, &mut alone),
            _ => (EXAMINED, &mut examined),
        };
        whom.store(who, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(100));
        let before = asked.load(Ordering::Relaxed);
        round(shared)?;
        answers[number % 2] += asked.load(Ordering::Relaxed) - before;
        sort.add(shared);
    }
    let mut fine = answers[1] > 0;
    for (kind, name) in KINDS.iter().enumerate() {
        let (a, b) = (
            median(&mut alone.p999[kind]),
            median(&mut examined.p999[kind]),
        );
        let added = us(b) - us(a);
        fine &= added < limit;
        println!(
            "{name}: samples={} p999_us={:.0}->{:.0} added_us={added:.0} median_us={:.1}->{:.1} \
             most_us={:.0}->{:.0}",
            rounds * count,
            us(a),
            us(b),
            us(median(&mut alone.medians[kind])),
            us(median(&mut examined.medians[kind])),
            us(alone.most[kind]),
            us(examined.most[kind]),
        );
    }

    let (mut longest, mut p999, mut holds) = (Vec::new(), Vec::new(), 0);
    for _ in 0..TRACES {
        let trace = Trace::of(examiner)?;
        round(shared)?;
        // It takes few other locks: those for faults of its own.
        let mut found: Vec<_> = trace.end()?.into_values().collect();
        found.sort_by_key(Vec::len);
        let mut found = found.pop().unwrap_or_default();
        holds += found.len();
        longest.push(quantile(&mut found, 1000));
        p999.push(quantile(&mut found, 999));
    }
    let most = longest.iter().copied().max().unwrap_or(0);
    let longest = median(&mut longest);
    println!(
        "mmap lock: holds={holds} longest_us={longest} (median of {TRACES} rounds; of all {most}) \
         p999_us={}",
        median(&mut p999)
    );
    fine &= holds > 0 && (longest as f64) < limit;
    println!(
        "answers={}/{} rounds={rounds} limit_us={limit} verdict={}",
        answers[0],
        answers[1],
        if fine { "ok" } else { "too-long" }
    );
    process::end(&all);
    Ok(fine)
}
