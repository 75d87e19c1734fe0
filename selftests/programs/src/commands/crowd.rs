// SPDX-License-Identifier: GPL-2.0

//! `crowd N`: a process of N threads besides its first, all of which have ended, and that
//! is not waited for: this one traces each of them. Prints `dead PID`, then `ready`; all
//! are gone at the end of standard input.

use crate::{prelude::*, sys::steps};

/// What a thread that only sleeps needs.
const STACK: usize = 64 << 10;

pub fn run(options: &mut Options) -> io::Result<bool> {
    let count: usize = options.word()?;
    options.end()?;
    let (mut started, mut tell) = sys::pipe()?;
    let pid = process::fork_tied(|| {
        for _ in 0..count {
            let thread = thread::Builder::new().stack_size(STACK);
            if let Err(error) = thread.spawn(|| process::sleep_for_ever()) {
                eprintln!("crowd: {error}");
                return;
            }
        }
        let _ = tell.write_all(b"x");
        process::sleep_for_ever()
    })?;
    drop(tell);
    started.read_exact(&mut [0])?;
    let mut threads = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let name = thread?.file_name();
        threads.push(number(&name.to_string_lossy())? as Pid);
    }
    ensure!(threads.len() > count, "{} threads", threads.len());
    for thread in &threads {
        steps::seize(*thread)?;
    }
    process::kill(pid);
    // The last one of them ends when all have.
    for thread in threads {
        let state = format!("/proc/{pid}/task/{thread}/stat");
        let dead = || fs::read_to_string(&state).is_ok_and(|stat| stat.contains(") Z "));
        ensure!(patience::until(dead), "{thread} did not end");
    }
    hold(&format!("dead {pid}\n"))
}
