// SPDX-License-Identifier: GPL-2.0

//! `stall [--rounds N] [--samples N] [--limit US]`: how much longer mmap+munmap, mprotect and
//! page faults of a process take while somebody examines it, and how long the mmap lock is held
//! for that.
//!
//! Rounds alternate: the examiner asks about the process that is measured, and about a twin
//! with the same memory, so that both load the machine alike, and only the locks differ. Of
//! each kind a round has N samples, and N rounds are of either sort. What is compared is the
//! median of the rounds' 99.9th percentiles: where the machine is an emulated one, the host
//! takes a processor away now and then, and the worst of all samples says only that.
//! No more than the limit (1000 us) may be added, nor the lock be held for longer.
//!
//! A mapping that exists is looked at under its own lock, which has no trace event: that this is
//! short is what mprotect and faults measure.

use crate::prelude::*;

const KINDS: [&str; 3] = ["mmap+munmap", "mprotect", "fault"];
/// Memory that is only there: many mappings, and full page tables.
const PIECES: usize = 1000;
const DENSE: usize = 32 << 20;
const PAGES: usize = 16;
/// Rounds in which the locks are traced.
const TRACES: usize = 5;
/// Words that the processes share: the number of the round that is to be measured, and of the
/// last one that is over; whom the examiner asks about, 0 to wait; how many answers there were.
const ROUND: usize = 0;
const DONE: usize = 1;
const WHOM: usize = 2;
const ASKED: usize = 3;
/// Who may be asked about: the one that is measured, and its twin. At such a place is the
/// number of the process, at the next an address of memory that it uses; 0 until that is there.
const EXAMINED: usize = 4;
const ALONE: usize = 6;

/// The value below which `of` of 1000 samples are; sorts them.
fn quantile(samples: &mut [u64], of: usize) -> u64 {
    samples.sort_unstable();
    let place = (samples.len() * of).div_ceil(1000).max(1) - 1;
    samples.get(place).copied().unwrap_or(0)
}

fn median(samples: &mut [u64]) -> u64 {
    quantile(samples, 500)
}

#[derive(Clone, Copy)]
struct Shared {
    words: &'static [AtomicU64],
    /// Nanoseconds: samples of the first kind, then of the next.
    samples: &'static [AtomicU64],
}

fn nanos<T>(act: impl FnOnce() -> io::Result<T>) -> io::Result<u64> {
    let begun = Instant::now();
    act()?;
    Ok(begun.elapsed().as_nanos() as u64)
}

impl Shared {
    fn get(self, place: usize) -> u64 {
        self.words[place].load(Ordering::SeqCst)
    }

    fn set(self, place: usize, value: u64) {
        self.words[place].store(value, Ordering::SeqCst);
    }

    /// Maps what is only there, and returns what is used; tells both to who asks.
    fn furnish(self, subject: usize) -> io::Result<Area> {
        Area::anonymous(PIECES * PAGE)?.write().break_up()?;
        Area::anonymous(DENSE)?.huge_pages(false)?.write();
        let area = Area::anonymous(PAGES * PAGE)?.huge_pages(false)?.write();
        self.set(subject, u64::from(id()));
        self.set(subject + 1, area.start as u64);
        Ok(area)
    }

    /// The process that is examined: it uses memory, and measures how long that takes.
    fn measure(self) -> io::Result<()> {
        process::run_on(0)?;
        let area = self.furnish(EXAMINED)?;
        let page = area.page(0);
        let count = self.samples.len() / KINDS.len();
        loop {
            let round = self.get(ROUND);
            if round == self.get(DONE) {
                thread::sleep(Duration::from_millis(2));
                continue;
            }
            for i in 0..count {
                let mapped = nanos(|| Area::anonymous(PAGES * PAGE)?.unmap())?;
                let protected = nanos(|| area.protect(libc::PROT_READ))?;
                area.protect(READ_WRITE)?;
                page.advise(libc::MADV_DONTNEED)?;
                let touched = nanos(|| Ok(page.write()))?;
                for (kind, time) in [mapped, protected, touched].into_iter().enumerate() {
                    self.samples[kind * count + i].store(time, Ordering::Relaxed);
                }
            }
            self.set(DONE, round);
        }
    }

    /// The process that examines: one question after the other about one of the subjects.
    fn examine(self) -> io::Result<()> {
        process::run_on(thread::available_parallelism()?.get() - 1)?;
        // Whose page it is does not matter: `rmap` looks at all tables of all.
        let own = Pagemap::open("self")?.entry(&raw const self as usize)?;
        let pa = own.frame().unwrap_or(1) * PAGE as u64;
        let [walk, vmas, extents, rmap, ..] = CONVERSATIONS.map(Conversation::of);
        let (mut walk, mut vmas, mut extents, mut rmap) = (walk?, vmas?, extents?, rmap?);
        for turn in (0..6).cycle() {
            let whom = self.get(WHOM) as usize;
            if whom == 0 {
                thread::sleep(Duration::from_millis(2));
                continue;
            }
            let (pid, place) = (self.get(whom), self.get(whom + 1) as usize);
            // Every fourth where nothing is mapped: there is no lock but that of all memory.
            let line = |i: usize| match i % 4 {
                0 => format!("{pid} {:#x}", 0x1000 + i * PAGE),
                _ => format!("{pid} {:#x}", place + i % 16 * PAGE),
            };
            match turn {
                0 => walk.ask(&(0..200).map(line).join("\n")),
                1 => vmas.ask(&format!("{pid}")),
                2 => vmas.ask(&format!("{pid} totals")),
                3 => extents.ask(&format!("{pid}")),
                4 => extents.ask(&format!("{pid} totals")),
                _ => rmap.ask(&format!("{pa:#x}")),
            }?;
            self.words[ASKED].fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }

    fn round(self) -> io::Result<()> {
        let number = self.get(ROUND) + 1;
        self.set(ROUND, number);
        let is_over = || self.get(DONE) == number;
        ensure!(comes(is_over), "a round takes too long");
        Ok(())
    }
}

/// The samples of the rounds of one sort, by kind and round.
type Rounds = [Vec<Vec<u64>>; KINDS.len()];

/// The median, over rounds, of what `of` of 1000 samples are below, in microseconds.
fn us(rounds: &mut [Vec<u64>], of: usize) -> f64 {
    let mut all: Vec<_> = rounds.iter_mut().map(|round| quantile(round, of)).collect();
    median(&mut all) as f64 / 1000.0
}

const INSTANCE: &str = "/sys/kernel/tracing/instances/memintro-stall";
const EVENTS: [&str; 2] = ["mmap_lock_acquire_returned", "mmap_lock_released"];

/// How long a process holds mmap locks while something is done, from the kernel's own trace
/// events: of each mm's, for reading, in microseconds.
fn traced(pid: Pid, act: impl FnOnce() -> io::Result<()>) -> io::Result<Vec<Vec<u64>>> {
    let set = |file: &str, value: &str| fs::write(format!("{INSTANCE}/{file}"), value);
    if !Path::new(INSTANCE).exists() {
        fs::create_dir(INSTANCE)?;
    }
    set("buffer_size_kb", "16384")?;
    set("trace", "")?;
    for event in EVENTS {
        let event = format!("events/mmap_lock/{event}");
        set(&format!("{event}/filter"), &format!("common_pid == {pid}"))?;
        set(&format!("{event}/enable"), "1")?;
    }
    set("tracing_on", "1")?;
    act()?;
    set("tracing_on", "0")?;
    let text = fs::read_to_string(format!("{INSTANCE}/trace"))?;
    fs::remove_dir(INSTANCE)?;
    Ok(holds(&text).into_values().collect())
}

/// Pairs the events of a trace. What was lost, or begun before, has no pair.
fn holds(text: &str) -> BTreeMap<String, Vec<u64>> {
    let mut all: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut since = HashMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<_> = line.split_whitespace().collect();
        let Some(place) = words.iter().position(|word| word.starts_with("mmap_lock_")) else {
            continue;
        };
        let time = words[place - 1].trim_end_matches(':').replace('.', "");
        let (Ok(time), Some(mm)) = (time.parse::<u64>(), words.get(place + 1)) else {
            continue;
        };
        if words[place].starts_with("mmap_lock_acquire") {
            if words.contains(&"success=true") {
                since.insert(*mm, time);
            }
        } else if let Some(begun) = since.remove(mm) {
            let holds = all.entry((*mm).to_owned()).or_default();
            holds.push(time.saturating_sub(begun));
        }
    }
    all
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let rounds = options.or("--rounds", 10)?;
    let count = options.or("--samples", 10_000)?;
    let limit = options.or("--limit", 1000.0)?;

    let shared = Shared {
        words: counters(8)?,
        samples: counters(KINDS.len() * count)?,
    };
    let measured = process::fork_role("target", || shared.measure())?;
    let twin = process::fork_role("twin", || {
        shared.furnish(ALONE)?;
        process::sleep_for_ever()
    })?;
    let ready = comes(|| shared.get(EXAMINED + 1) != 0 && shared.get(ALONE + 1) != 0);
    ensure!(ready, "the memory takes too long");
    let examiner = process::fork_role("examiner", || shared.examine())?;

    let (mut alone, mut examined) = (Rounds::default(), Rounds::default());
    let mut answers = [0; 2];
    for number in 0..2 * rounds {
        let (who, sort) = match number % 2 {
            0 => (ALONE, &mut alone),
            _ => (EXAMINED, &mut examined),
        };
        shared.set(WHOM, who as u64);
        thread::sleep(Duration::from_millis(100));
        let before = shared.get(ASKED);
        shared.round()?;
        answers[number % 2] += shared.get(ASKED) - before;
        for (rounds, samples) in sort.iter_mut().zip(shared.samples.chunks_exact(count)) {
            let load = |sample: &AtomicU64| sample.load(Ordering::Relaxed);
            rounds.push(samples.iter().map(load).collect());
        }
    }
    let mut fine = answers[1] > 0;
    for ((name, alone), examined) in KINDS.iter().zip(&mut alone).zip(&mut examined) {
        let samples = rounds * count;
        let (before, after) = (us(alone, 999), us(examined, 999));
        let (middle, middle_after) = (us(alone, 500), us(examined, 500));
        let added = after - before;
        fine &= added < limit;
        print!("{name}: samples={samples} p999_us={before:.0}->{after:.0} added_us={added:.0} ");
        println!("median_us={middle:.1}->{middle_after:.1}");
    }

    let (mut longest, mut p999, mut holds) = (Vec::new(), Vec::new(), 0);
    for _ in 0..TRACES {
        // It takes few other locks: those for faults of its own.
        let found = traced(examiner, || shared.round())?.into_iter();
        let mut found = found.max_by_key(Vec::len).unwrap_or_default();
        holds += found.len();
        longest.push(quantile(&mut found, 1000));
        p999.push(quantile(&mut found, 999));
    }
    let most = longest.iter().copied().max().unwrap_or(0);
    let (longest, p999) = (median(&mut longest), median(&mut p999));
    println!(
        "mmap lock: holds={holds} longest_us={longest} (median of {TRACES} rounds; of all {most}) \
         p999_us={p999}"
    );
    fine &= holds > 0 && (longest as f64) < limit;
    let verdict = if fine { "ok" } else { "too-long" };
    println!("answers={answers:?} rounds={rounds} limit_us={limit} verdict={verdict}");
    process::end(&[measured, twin, examiner]);
    Ok(fine)
}
