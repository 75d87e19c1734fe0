// SPDX-License-Identifier: GPL-2.0

//! `spawn N [OPTION...]`: starts N sleeping processes, prints `live PID` for
//! each, then, when all of them rest, `ready`, and kills them at the end of standard
//! input.
//!
//! Their names are odd ones (blanks, newlines, quotes, bytes that are no
//! text), some run as other users, some are stopped. Options:
//! - `--plain`: all alike, named `spawn`, sharing one memory: for large N;
//! - `--threads T`: one more process, with T threads beside its first;
//! - `--zombies Z`: Z processes that ended and are not waited for
//!   (`zombie PID`);
//! - `--zombie-leader`: a process whose first thread ended while another
//!   lives (`zombie-leader PID TID`);
//! - `--blocked`: a process in uninterruptible sleep (`live PID`);
//! - `--churn C`: C processes that start and reap short-lived ones, one
//!   after the other (`live PID`).

use std::{
    ffi::CStr,
    sync::{mpsc, Arc, Barrier},
};

use crate::prelude::*;
use crate::proc;

/// Names that a table must survive; the kernel keeps 15 bytes.
const NAMES: [&CStr; 16] = [
    c"plain",
    c"two words",
    c" leading",
    c"trailing ",
    c"new\nline",
    c"\nS 1 2 3",
    c"back\\slash",
    c"quote\"'`",
    c"tab\there",
    c"\xff\x80\x01\x7f",
    c"gr\xc3\xbc\xc3\x9fe",
    c"",
    c"-",
    c"denied",
    c"123456789012345",
    c") R 1 1 (",
];

/// The processes started so far.
struct Family {
    /// Where children say that they are set up: the read and write end.
    ready: (File, File),
    pids: Vec<Pid>,
    /// The states of the threads of those that do nothing, once they rest.
    resting: Vec<(Pid, &'static str)>,
    lines: String,
}

impl Family {
    /// Starts a process that tells its number, by `tell`, when it is set up.
    fn start(&mut self, child: impl FnOnce(&dyn Fn(Pid))) -> io::Result<(Pid, Pid)> {
        let pid = process::fork(|| {
            child(&|told: Pid| {
                // A failure shows as a child that never gets ready.
                let _ = (&self.ready.1).write_all(&told.to_ne_bytes());
            });
        })?;
        self.pids.push(pid);
        let mut told = [0; 4];
        self.ready.0.read_exact(&mut told)?;
        Ok((pid, Pid::from_ne_bytes(told)))
    }

    fn start_live(&mut self, child: impl FnOnce(&dyn Fn(Pid))) -> io::Result<Pid> {
        let (pid, _) = self.start(|tell| {
            process::die_with_parent();
            child(tell);
        })?;
        self.lines += &format!("live {pid}\n");
        Ok(pid)
    }

    fn start_plain(&mut self) -> io::Result<()> {
        let pid = process::start_sharing_memory()?;
        self.pids.push(pid);
        self.resting.push((pid, "S"));
        self.lines += &format!("live {pid}\n");
        Ok(())
    }

    fn start_odd(&mut self, i: usize) -> io::Result<()> {
        let stopped = i % 11 == 5;
        let (pid, _) = self.start(|tell| {
            process::set_name(NAMES[i % NAMES.len()]);
            // Real and effective user differ, so that they cannot be mixed up.
            if i % 5 == 1 && process::set_users(1000, 2000 + (i % 7) as u32).is_err() {
                process::exit_now();
            }
            process::die_with_parent();
            tell(0);
            if stopped {
                process::signal(std::process::id() as Pid, rustix::process::Signal::STOP);
            }
            process::sleep_for_ever();
        })?;
        if stopped {
            process::wait_and_leave(pid, true)?;
        }
        self.resting.push((pid, if stopped { "T" } else { "S" }));
        self.lines += &format!("live {pid}\n");
        Ok(())
    }

    fn start_zombie(&mut self, i: usize) -> io::Result<()> {
        let (pid, _) = self.start(|tell| {
            process::set_name(NAMES[i % NAMES.len()]);
            tell(0);
        })?;
        process::wait_and_leave(pid, false)?;
        self.lines += &format!("zombie {pid}\n");
        Ok(())
    }

    fn start_zombie_leader(&mut self) -> io::Result<()> {
        let (pid, tid) = self.start(|tell| {
            process::set_name(c"leader gone");
            thread::scope(|scope| {
                let (send, receive) = mpsc::channel();
                scope.spawn(move || {
                    let _ = send.send(rustix::thread::gettid().as_raw_nonzero().get());
                    process::sleep_for_ever();
                });
                tell(receive.recv().unwrap_or(0));
                process::exit_thread();
            });
        })?;
        self.resting.push((pid, "ZS"));
        self.lines += &format!("zombie-leader {pid} {tid}\n");
        Ok(())
    }

    /// Waits until all that do nothing rest: one that said it was set up may still run.
    fn rest(&self) -> io::Result<()> {
        for (pid, states) in &self.resting {
            if !patience::until(|| proc::states(*pid) == *states) {
                let now = proc::states(*pid);
                bail!("{pid} is {now}, not {states}");
            }
        }
        Ok(())
    }
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let (plain, leader) = (options.flag("--plain"), options.flag("--zombie-leader"));
    let blocked = options.flag("--blocked");
    let (threads, churn) = (options.or("--threads", 0)?, options.or("--churn", 0)?);
    let zombies = options.or("--zombies", 0)?;
    let count = options.word()?;
    options.end()?;
    let mut family = Family {
        ready: sys::pipe()?,
        pids: Vec::new(),
        resting: Vec::new(),
        lines: String::new(),
    };
    for i in 0..count {
        if plain {
            family.start_plain()?;
        } else {
            family.start_odd(i)?;
        }
    }
    for i in 0..zombies {
        family.start_zombie(i)?;
    }
    if leader {
        family.start_zombie_leader()?;
    }
    if threads > 0 {
        let pid = family.start_live(|tell| {
            let named = Arc::new(Barrier::new(threads + 1));
            for i in 0..threads {
                let name = NAMES[i % NAMES.len()];
                let named = Arc::clone(&named);
                thread::spawn(move || {
                    process::set_name(name);
                    named.wait();
                    process::sleep_for_ever();
                });
            }
            named.wait();
            tell(0);
            process::sleep_for_ever();
        })?;
        let states = "S".repeat(threads + 1).leak();
        family.resting.push((pid, states));
    }
    if blocked {
        let pid = family.start_live(|tell| {
            let _ = process::fork_and_block(|| {
                process::die_with_parent();
                tell(0);
                process::sleep_for_ever();
            });
        })?;
        family.resting.push((pid, "D"));
    }
    for _ in 0..churn {
        family.start_live(|tell| {
            tell(0);
            loop {
                if let Ok(pid) = process::fork(|| {}) {
                    process::reap(pid);
                }
            }
        })?;
    }
    family.rest()?;

    hold(&family.lines)?;
    process::end(&family.pids);
    Ok(true)
}
