// SPDX-License-Identifier: GPL-2.0

//! `compare-tasks [--proc FOLDER] [--at-least N]`: compares every row of
//! FOLDER/memintro/tasks with what FOLDER (by default `/proc`) says.
//!
//! /proc is read before and after; a process is judged when both readings
//! agree, and its state when it did not leave a CPU between them. A row that /proc
//! does not have is looked at again: a process may have come and gone, but not
//! another one with its number.
//!
//! Prints what differs, then `judged=N mismatches=N`. Exit status 1 if
//! anything differs or fewer than N processes could be judged.

use crate::prelude::*;
use crate::{
    proc::{self, Task},
    settle::{rows, settle, Outcome},
};

/// The columns that cannot change while a process sleeps.
fn same(row: &[String], task: &Task) -> bool {
    row[1] == task.ppid.to_string()
        && row[2] == task.uid.to_string()
        && row[4] == task.threads.to_string()
        && task.has_name(&row[5])
}

fn compare(proc: &Path) -> io::Result<Outcome> {
    let before = proc::processes(proc);
    let rows = rows(&proc.join("memintro/tasks"), header("tasks"))?;
    let after = proc::processes(proc);
    // What a kernel worker works on is part of its name in /proc.
    let lasting = |task: &Task| Task {
        comm: if task.kernel {
            Vec::new()
        } else {
            task.comm.clone()
        },
        state: String::new(),
        switches: 0,
        ..task.clone()
    };
    let lasts = |old: &Task, new: &Task| old.start == new.start;
    Outcome::join(
        &before,
        rows,
        &after,
        lasts,
        |outcome, pid, (old, new), row| {
            if lasting(old) != lasting(new) {
                return Ok(());
            }
            outcome.judged += 1;
            let text = format!("row {row:?}, but {old:?}");
            if !(same(row, old) || same(row, new)) {
                outcome.mismatches.push(text);
            } else if row[3] != old.state && old.rested_until(new) {
                outcome.in_motion.insert(pid, text);
            }
            Ok(())
        },
    )
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let proc = options.or("--proc", PathBuf::from("/proc"))?;
    let at_least = options.or("--at-least", 1)?;
    options.end()?;
    let outcome = settle(at_least, || compare(&proc))?;
    println!(
        "judged={} mismatches={}",
        outcome.judged,
        outcome.mismatches.len()
    );
    Ok(outcome.mismatches.is_empty() && outcome.judged >= at_least)
}
