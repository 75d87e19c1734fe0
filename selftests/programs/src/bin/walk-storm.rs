// SPDX-License-Identifier: GPL-2.0

//! `walk-storm [--conversations N] [--seconds N] [--slots N] [--seed N]`: N
//! conversations at once about one process that maps, unmaps, moves, protects,
//! collapses, swaps out and copies its memory all the time.
//!
//! An answer is wrong if it gives an address, and pagemap gave the same other
//! address before and after (or no page at all), and the process had not
//! enough time between to move the page away and back (see `churn`). A word in
//! place of an address is counted; it is wrong of pages that are left alone.
//!
//! Prints what was done and asked; exit status 1 if an answer was wrong, or
//! nothing could be judged.

use std::{
    env,
    fmt::Write,
    io,
    path::Path,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use memintro_selftests::{
    ask::Conversation,
    churn::{churn, Slot, NAMES, PAGES, STILL},
    line::answers,
    pagemap::Pagemap,
    random::Random,
    sys::{counters::counters, priority::raise_priority, process, PAGE},
    witness::{operations, Count, Seen},
};

/// Questions of a batch, all about one slot.
const BATCH: usize = 12;

struct Options {
    conversations: usize,
    seconds: u64,
    slots: usize,
    seed: u64,
}

struct Asker<'a> {
    pid: String,
    counters: &'a [AtomicU64],
    pagemap: Pagemap,
    conversation: Conversation,
    random: Random,
    count: Count,
}

impl Asker<'_> {
    fn ask(&mut self, number: usize) -> io::Result<()> {
        let slot = Slot::new(number);
        let pages: Vec<_> = (0..BATCH)
            .map(|i| match i {
                0 if slot.has_still() => self.random.below(STILL),
                _ => self.random.below(PAGES),
            })
            .collect();
        let mut text = String::new();
        for page in &pages {
            let va = slot.start() + page * PAGE;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} {va:#x}", self.pid);
        }
        let entry = |page: &usize| self.pagemap.entry(slot.start() + page * PAGE);
        let begun = self.counters[number].load(Ordering::SeqCst);
        let before = pages.iter().map(entry).collect::<io::Result<Vec<_>>>()?;
        let text = self.conversation.ask(text.trim_end())?;
        let after = pages.iter().map(entry).collect::<io::Result<Vec<_>>>()?;
        let ended = self.counters[number].load(Ordering::SeqCst);
        let mut answers = answers(&text);
        for (i, page) in pages.iter().enumerate() {
            let (_, answer) = answers
                .next()
                .ok_or_else(|| io::Error::other("an answer is missing"))?
                .map_err(io::Error::other)?;
            let seen = Seen {
                before: before[i],
                after: after[i],
                operations: operations(begun, ended),
                still: slot.has_still() && *page < STILL,
            };
            self.count.judge(seen, &answer);
        }
        Ok(())
    }
}

/// The process that is asked about.
fn target(options: &Options, counters: &[AtomicU64], done: &[AtomicU64], ready: &AtomicU64) {
    process::die_with_parent();
    // Otherwise the many askers leave it no time.
    let _ = raise_priority();
    let slots: Vec<_> = (0..options.slots).map(Slot::new).collect();
    if let Some(error) = slots.iter().find_map(|slot| slot.set_up().err()) {
        eprintln!("walk-storm: the memory cannot be set up: {error}");
        process::exit_now();
    }
    ready.store(1, Ordering::SeqCst);
    thread::scope(|scope| {
        for (i, slots) in slots.chunks(options.slots.div_ceil(3)).enumerate() {
            scope.spawn(move || churn(slots, counters, done, options.seed + i as u64));
        }
    });
}

fn run(options: &Options) -> io::Result<bool> {
    let shared = counters(options.slots + NAMES.len() + 1)?;
    let (ready, shared) = shared.split_at(1);
    let (done, counters) = shared.split_at(NAMES.len());
    let pid = process::fork(|| target(options, counters, done, &ready[0]))?;
    let begun = Instant::now();
    while ready[0].load(Ordering::SeqCst) == 0 {
        if begun.elapsed() > Duration::from_secs(60) {
            return Err(io::Error::other("the target does not get ready"));
        }
        thread::sleep(Duration::from_millis(20));
    }

    let end = Instant::now() + Duration::from_secs(options.seconds);
    let work = |i: usize| -> io::Result<Count> {
        let mut asker = Asker {
            pid: pid.to_string(),
            counters,
            pagemap: Pagemap::open(&pid.to_string())?,
            conversation: Conversation::open(Path::new("/proc/memintro/walk"))?,
            random: Random::new(options.seed + 1000 + i as u64),
            count: Count::default(),
        };
        while Instant::now() < end {
            let number = asker.random.below(options.slots);
            asker.ask(number)?;
        }
        Ok(asker.count)
    };
    let mut total = Count::default();
    let counts: Vec<_> = thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..options.conversations)
            .map(|i| scope.spawn(move || work(i)))
            .collect();
        threads.into_iter().map(|thread| thread.join()).collect()
    });
    process::kill(pid);
    process::reap(pid);
    for count in counts {
        total.add(count.map_err(|_| io::Error::other("a thread died"))??);
    }

    for (name, done) in NAMES.iter().zip(done) {
        println!("done={} {name}", done.load(Ordering::SeqCst));
    }
    for (word, count) in &total.words {
        println!("word={word} {count}");
    }
    for what in total.wrong.iter().take(20) {
        println!("wrong: {what}");
    }
    println!(
        "conversations={} asked={} judged={} still={} wrong={} seed={}",
        options.conversations,
        total.asked,
        total.judged,
        total.still,
        total.wrong.len(),
        options.seed
    );
    let active = done.iter().all(|done| done.load(Ordering::SeqCst) > 0);
    let judged = total.judged > total.asked / 10 && total.still > 0;
    Ok(active && judged && total.wrong.is_empty())
}

fn options() -> Option<Options> {
    let mut options = Options {
        conversations: 64,
        seconds: 60,
        slots: 12,
        seed: u64::from(std::process::id()),
    };
    let mut args = env::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next()?;
        match name.as_str() {
            "--conversations" => options.conversations = value.parse().ok()?,
            "--seconds" => options.seconds = value.parse().ok()?,
            "--slots" => options.slots = value.parse().ok().filter(|slots| *slots >= 3)?,
            "--seed" => options.seed = value.parse().ok()?,
            _ => return None,
        }
    }
    Some(options)
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("usage: walk-storm [--conversations N] [--seconds N] [--slots N] [--seed N]");
        return ExitCode::from(2);
    };
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("walk-storm: {error}");
            ExitCode::FAILURE
        }
    }
}
