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

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{
    proc::{self, Task},
    table::{number, Table},
};

const HEADER: &str = "PID PPID UID STATE THREADS COMM";
const ROUNDS: usize = 8;

struct Outcome {
    judged: usize,
    mismatches: Vec<String>,
    /// Processes that differ in the state alone, or that /proc does not have.
    in_motion: BTreeMap<u32, String>,
}

/// Reads the table; the PIDs must ascend.
fn rows(proc: &Path) -> io::Result<BTreeMap<u32, Vec<String>>> {
    let table = Table::read(&proc.join("memintro/tasks"), HEADER)?;
    let mut rows = BTreeMap::new();
    for row in table.rows {
        let pid = number(&row[0])? as u32;
        if rows.last_key_value().is_some_and(|(&last, _)| last >= pid) {
            return Err(io::Error::other(format!("PID {pid} out of order")));
        }
        rows.insert(pid, row);
    }
    Ok(rows)
}

/// The columns that cannot change while a process sleeps.
fn same(row: &[String], task: &Task) -> bool {
    row[1] == task.ppid.to_string()
        && row[2] == task.uid.to_string()
        && row[4] == task.threads.to_string()
        && task.has_name(&row[5])
}

fn compare(proc: &Path) -> io::Result<Outcome> {
    let before = proc::processes(proc);
    let mut rows = rows(proc)?;
    let after = proc::processes(proc);
    let mut outcome = Outcome {
        judged: 0,
        mismatches: Vec::new(),
        in_motion: BTreeMap::new(),
    };
    for (pid, old) in &before {
        let row = rows.remove(pid);
        let Some(new) = after.get(pid).filter(|new| new.start == old.start) else {
            continue;
        };
        let Some(row) = row else {
            outcome.mismatches.push(format!("no row for {old:?}"));
            continue;
        };
        // What a kernel worker works on is part of its name in /proc.
        let lasting = |task: &Task| Task {
            comm: if old.kernel {
                Vec::new()
            } else {
                task.comm.clone()
            },
            state: String::new(),
            switches: 0,
            ..task.clone()
        };
        if lasting(old) != lasting(new) {
            continue;
        }
        outcome.judged += 1;
        if !(same(&row, old) || same(&row, new)) {
            outcome.mismatches.push(format!("row {row:?}, but {old:?}"));
        } else if row[3] != old.state && old.rested_until(new) {
            outcome
                .in_motion
                .insert(*pid, format!("row {row:?}, but {old:?}"));
        }
    }
    // A row that /proc had neither before nor after is a process that came
    // and went, or one that does not exist: the next rounds tell.
    for (pid, row) in rows {
        if !after.contains_key(&pid) {
            outcome
                .in_motion
                .insert(pid, format!("/proc has no {row:?}"));
        }
    }
    Ok(outcome)
}

fn run(proc: &Path, at_least: usize) -> io::Result<bool> {
    let mut outcome = compare(proc)?;
    for _ in 1..ROUNDS {
        if !outcome.mismatches.is_empty() || outcome.in_motion.is_empty() {
            break;
        }
        // A mistake is made again. One that was just about to leave the CPU has left it.
        let suspects = outcome.in_motion;
        outcome = compare(proc)?;
        outcome
            .in_motion
            .retain(|task, _| suspects.contains_key(task));
    }
    outcome.mismatches.extend(outcome.in_motion.into_values());
    for mismatch in outcome.mismatches.iter().take(20) {
        println!("{mismatch}");
    }
    println!(
        "judged={} mismatches={}",
        outcome.judged,
        outcome.mismatches.len()
    );
    Ok(outcome.mismatches.is_empty() && outcome.judged >= at_least)
}

pub fn main() -> ExitCode {
    let args: Vec<_> = crate::options::args().skip(1).collect();
    let mut proc = PathBuf::from("/proc");
    let mut at_least = 1;
    for pair in args.chunks(2) {
        match pair {
            [name, value] if name == "--proc" => proc = value.into(),
            [name, value] if name == "--at-least" => at_least = value.parse().unwrap_or(usize::MAX),
            _ => {
                eprintln!("usage: compare-tasks [--proc FOLDER] [--at-least N]");
                return ExitCode::from(2);
            }
        }
    }
    match run(&proc, at_least) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("compare-tasks: {error}");
            ExitCode::FAILURE
        }
    }
}
