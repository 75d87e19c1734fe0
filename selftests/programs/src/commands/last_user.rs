// SPDX-License-Identifier: GPL-2.0

//! `last-user TRACE`: kills processes while another one, `asking`, looks at their memory, until
//! some were given up last by somebody else than themselves. TRACE is a trace of exit_mmap().
//! Prints `asking=N others=N`: how often the asking one, and anybody else but the process
//! itself, had to tear the memory down. Exit status 1 if the asking one did.
//!
//! All run on one processor, and whoever is to be first has a real-time priority: who asks
//! stops in the middle of what it does when this one wakes up, and goes on only after the
//! process that was killed has ended.

use std::ffi::CStr;

use crate::prelude::*;

const ASKING: &CStr = c"asking";
const TARGET: &CStr = c"asked";
/// Tables that each process has.
const TABLES: usize = 64;

fn ask(pid: &AtomicU64, asked: &AtomicU64) -> io::Result<()> {
    process::run_first(0)?;
    process::set_name(ASKING);
    loop {
        let pid = pid.load(Ordering::SeqCst);
        let mut extents = Conversation::open(format!("{PROC}/extents"))?;
        extents.ask(&format!("{pid} totals"))?;
        asked.store(pid, Ordering::SeqCst);
    }
}

fn target(ready: &AtomicU64) -> io::Result<()> {
    process::set_name(TARGET);
    let area = Area::anonymous(TABLES * sys::PAGE_HUGE)?;
    area.huge_pages(false)?;
    for table in 0..TABLES {
        area.part(table * sys::PAGE_HUGE, PAGE).write();
    }
    ready.store(u64::from(std::process::id()), Ordering::SeqCst);
    process::sleep_for_ever()
}

/// Who tore memory down that was not its own: the asking one, and others.
fn others(trace: &str) -> io::Result<(usize, usize)> {
    let text = fs::read_to_string(trace)?;
    let count = |name: &str| {
        let of = |line: &&str| line.trim_start().starts_with(name);
        text.lines().filter(of).count()
    };
    Ok((count("asking-"), count("kworker/")))
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let trace: String = options.word()?;
    options.end()?;
    let words = counters(2)?;
    let (pid, asked) = (&words[0], &words[1]);
    process::run_on(0)?;
    process::run_first(2)?;
    let asking = process::fork_role("asking one", || ask(pid, asked))?;
    let mut random = Random::new(1);
    let wait = Wait::begin();
    let (mut readers, mut elsewhere) = (0, 0);
    while readers + elsewhere < 3 && !wait.is_over() {
        let child = process::fork_role("target", || {
            process::run_first(1)?;
            target(pid)
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
