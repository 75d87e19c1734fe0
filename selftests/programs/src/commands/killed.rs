// SPDX-License-Identifier: GPL-2.0

//! `kill-readers [--kills N] [--seconds N]`: kills readers of every file, some of which share
//! their descriptor with this process: first of each file one that is held in the middle of a
//! read, then N (and more, for so many seconds) at random moments.
//!
//! A killed reader must end at once, and take with it only what it had read: who goes on with
//! the same descriptor gets the rest to the last byte, and the next question its answer.
//! `middle` counts the answers and tables of which a killed reader had taken a part.
//!
//! `last-user TRACE`: kills processes while another one, `asking`, looks at their memory, until
//! some were given up last by somebody else than themselves. TRACE is a trace of exit_mmap().
//! Prints `asking=N others=N`: how often the asking one, and anybody else but the process
//! itself, had to tear the memory down. Exit status 1 if the asking one did.
//!
//! All run on one processor, and whoever is to be first has a real-time priority: who asks
//! stops in the middle of what it does when this one wakes up, and goes on only after the
//! process that was killed has ended.

use crate::prelude::*;

const PIECES: usize = 1024;
const FREE: usize = 10;

#[derive(Default)]
struct Count {
    kills: usize,
    middle: usize,
    slowest: Duration,
    wrong: Wrong,
}

impl Count {
    /// Counts a reader that was held: it must have had a part of what there was.
    fn held(&mut self, name: &str, middle: bool) {
        self.middle += usize::from(middle);
        must!(self.wrong, middle, "{name}: held, but not in the middle");
    }

    /// Has a child do something, forever, and kills it after some time.
    fn kill(
        &mut self,
        what: &str,
        random: &mut Random,
        act: impl Fn() -> io::Result<()>,
    ) -> io::Result<()> {
        // From before its first call to well in an answer; at times later.
        let most = random.pick(&[300, 3000, 30000]);
        let child = process::fork_tied(|| {
            while act().is_ok() {}
            // What fails here has been read to its end.
            process::sleep_for_ever()
        })?;
        thread::sleep(random.micros(most));
        self.end(what, child)
    }

    fn kill_held(&mut self, what: &str, file: &File) -> io::Result<()> {
        let (mut told, tell) = sys::pipe()?;
        let child = process::fork_tied(|| {
            let fd = file.as_raw_fd();
            let Ok(trap) = Trap::new() else { return };
            thread::scope(|scope| {
                scope.spawn(|| trap.uffd.wait().and_then(|()| (&tell).write_all(b".")));
                let _ = trap.read(fd, FREE);
                process::exit_now()
            })
        })?;
        drop(tell);
        told.read_exact(&mut [0])?;
        self.end(what, child)
    }

    fn end(&mut self, what: &str, child: Pid) -> io::Result<()> {
        let killed = Instant::now();
        process::kill(child);
        if !comes(|| process::try_reap(child)) {
            let stack = fs::read_to_string(format!("/proc/{child}/stack"));
            bail!("a reader of {what} does not die: {stack:?}");
        }
        self.kills += 1;
        self.slowest = self.slowest.max(killed.elapsed());
        Ok(())
    }
}

/// One read; an error at the end, as nothing is left to be killed in.
fn read_on(mut file: &File, size: usize) -> io::Result<()> {
    match file.read(&mut vec![0; size])? {
        0 => Err(error!("the end")),
        _ => Ok(()),
    }
}

/// Has a reader of a file killed, and reads on; whether that was in the middle.
fn shared(
    source: Source,
    count: &mut Count,
    kill: impl FnOnce(&mut Count, &File) -> io::Result<()>,
) -> io::Result<bool> {
    let (name, mut file, expected) = (source.name, source.file, source.expected);
    kill(count, &file)?;
    let rest = read_all(&file, 65536)?;
    // A process that was killed has no place in the answer of `rmap`.
    let right = name == "rmap" || expected.ends_with(&rest);
    let text = format!("{name}: the rest is no end of the answer");
    count.wrong.unless(right, text);
    if header(name).is_empty() {
        file.write_all(b"?\n")?;
        let answer = String::from_utf8_lossy(&read_all(&file, 65536)?).into_owned();
        let text = format!("{name}: the next question: {answer:?}");
        count.wrong.unless(answer.contains("error=EINVAL"), text);
    }
    Ok(!rest.is_empty() && rest.len() < expected.len())
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let kills = options.or("--kills", 100)?;
    let seconds = options.or("--seconds", 0)?;
    let mut random = Random::with_seed(1);
    let mut count = Count::default();

    // A process that rests, with many small mappings, so that answers are long.
    let area = Area::anonymous(PIECES * PAGE)?;
    let pid = process::fork_resting(|| area.lock()?.break_up())?;
    let tables = TABLES.map(|(name, _)| (name, String::new()));
    let all = [&tables[..], &long_questions(pid, area)].concat();
    for (name, questions) in &all {
        let source = Source::of(name, questions)?;
        let middle = shared(source, &mut count, |count, file| {
            count.kill_held(name, file)
        })?;
        count.held(name, middle);
    }
    let until = Instant::now() + Duration::from_secs(seconds);
    let enough = count.kills + kills;
    while count.kills < enough || Instant::now() < until {
        let (name, questions) = &all[random.usize(..all.len())];
        let most = random.pick(&[64, 4096]);
        let size = 1 + random.usize(..most);
        if random.usize(..5) < 2 {
            // For oneself.
            let read = || Source::of(name, questions).map(drop);
            count.kill(name, &mut random, read)?;
            continue;
        }
        let middle = shared(Source::of(name, questions)?, &mut count, |count, file| {
            count.kill(name, &mut random, || read_on(file, size))
        })?;
        count.middle += usize::from(middle);
    }
    process::end(&[pid]);
    let Count { kills, middle, .. } = count;
    let slowest = count.slowest.as_millis();
    println!("kills={kills} middle={middle} slowest_ms={slowest}");
    Ok(count.wrong.0 == 0)
}

const PAGE_TABLES: usize = 64;

fn ask(pid: &AtomicU64, asked: &AtomicU64) -> io::Result<()> {
    process::run_first(0)?;
    process::set_name(c"asking");
    loop {
        let pid = pid.load(Ordering::SeqCst);
        let mut extents = Conversation::open(format!("{PROC}/extents"))?;
        extents.ask(&format!("{pid} totals"))?;
        asked.store(pid, Ordering::SeqCst);
    }
}

fn target(ready: &AtomicU64) -> io::Result<()> {
    process::set_name(c"asked");
    let area = Area::anonymous(PAGE_TABLES * PAGE_HUGE)?.huge_pages(false)?;
    (0..PAGE_TABLES).for_each(|table| _ = area.part(table * PAGE_HUGE, PAGE).write());
    ready.store(u64::from(id()), Ordering::SeqCst);
    process::sleep_for_ever()
}

/// Who tore memory down that was not its own: the asking one, and others.
fn others(trace: &str) -> io::Result<(usize, usize)> {
    let text = fs::read_to_string(trace)?;
    let lines = text.lines().map(str::trim_start).collect_vec();
    let of = |name: &str| lines.iter().filter(|line| line.starts_with(name)).count();
    Ok((of("asking-"), of("kworker/")))
}

pub fn last_user(options: &mut Options) -> io::Result<bool> {
    let trace: String = options.word()?;
    options.end()?;
    let words = counters(2)?;
    let (pid, asked) = (&words[0], &words[1]);
    process::run_on(0)?;
    process::run_first(2)?;
    let asking = process::fork_role("asking one", || ask(pid, asked))?;
    let mut random = Random::with_seed(1);
    let wait = Wait::begin();
    let (mut readers, mut elsewhere) = (0, 0);
    while readers + elsewhere < 3 && !wait.is_over() {
        let child = process::fork_role("target", || {
            process::run_first(1).and_then(|()| target(pid))
        })?;
        let is_asked = || asked.load(Ordering::SeqCst) == child as u64;
        ensure!(comes(is_asked), "nothing is asked about it");
        thread::sleep(random.micros(2000));
        process::kill(child);
        process::reap(child);
        // Who asks goes on, and so does whom it left the work to.
        thread::sleep(Duration::from_millis(20));
        (readers, elsewhere) = others(&trace)?;
    }
    process::end(&[asking]);
    println!("asking={readers} others={elsewhere}");
    Ok(readers == 0 && elsewhere > 0)
}
