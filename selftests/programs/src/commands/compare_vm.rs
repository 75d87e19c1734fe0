// SPDX-License-Identifier: GPL-2.0

//! `compare-vm [--proc FOLDER] [--at-least N]`: compares every row of
//! FOLDER/memintro/vm with what FOLDER (by default `/proc`) says in `status`
//! and `maps`.
//!
//! /proc is read before and after; a process is judged when both readings
//! agree. That is done again until enough of them could be judged. A row that /proc does
//! not have counts when it is there again: another process does not get its number.
//!
//! Prints what differs, the largest value of every column, and
//! `judged=N mismatches=N`. Exit status 1 if anything differs or fewer than N
//! processes could be judged.

use crate::prelude::*;
use crate::{
    maps,
    memory::has_ended,
    proc::{heap_bounds, numbers, status, Task},
    settle::{rows, settle, Outcome},
};

const HEAP: usize = 8;
const VMAS: usize = 10;

/// What /proc says of a process that has memory.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Process {
    task: Task,
    /// By the place in a row.
    columns: BTreeMap<usize, u64>,
    heap: (u64, u64),
}

impl Process {
    fn read(proc: &Path, pid: u32) -> Option<Self> {
        let folder = proc.join(pid.to_string());
        let mut task = Task::read(&folder, pid)?;
        // Whether it runs is not judged here.
        task.state.clear();
        task.switches = 0;
        // Where the first thread has ended, another one has the memory.
        let threads = folder.join("task");
        let thread = numbers(&threads)
            .into_iter()
            .find(|tid| !has_ended(&threads, &tid.to_string()))?;
        let folder = threads.join(thread.to_string());
        let status = status(&folder)?;
        let mut columns = BTreeMap::from([
            (1, status.vmsize?),
            (2, status.vmrss?),
            (3, status.rssanon?),
            (4, status.rssfile?),
            (5, status.rssshmem?),
            (6, status.vmswap?),
            (7, status.hugetlbpages?),
            (9, status.vmpte?),
        ]);
        columns.insert(VMAS, maps::maps(&folder).ok()?.len() as u64);
        let heap = heap_bounds(&threads, &Task::read(&folder, thread)?)?;
        Some(Self {
            task,
            columns,
            heap,
        })
    }
}

fn processes(proc: &Path) -> BTreeMap<u32, Process> {
    let pids = numbers(proc).into_iter();
    pids.filter_map(|pid| Some((pid, Process::read(proc, pid)?)))
        .collect()
}

/// What differs between a row and what /proc says.
fn difference(row: &[String], process: &Process) -> io::Result<Option<String>> {
    for (&place, &value) in &process.columns {
        if number(&row[place])? != value {
            let name = header("vm").split(' ').nth(place).unwrap_or_default();
            return Ok(Some(format!("{name} of {row:?}, but {value}")));
        }
    }
    let heap = number(&row[HEAP])?;
    if !(process.heap.0..=process.heap.1).contains(&heap) {
        return Ok(Some(format!("HEAP_B of {row:?}, but {:?}", process.heap)));
    }
    if number(&row[2])? != number(&row[3])? + number(&row[4])? + number(&row[5])? {
        return Ok(Some(format!("RSS_KB of {row:?} is no sum")));
    }
    let named = process.task.has_name(&row[11]);
    Ok((!named).then(|| format!("COMM of {row:?}")))
}

/// The largest value of each column, by its place.
type Largest = BTreeMap<usize, u64>;

fn compare(proc: &Path, largest: &mut Largest) -> io::Result<Outcome> {
    let before = processes(proc);
    let rows = rows(&proc.join("memintro/vm"), header("vm"))?;
    let after = processes(proc);
    largest.clear();
    Outcome::join(
        &before,
        rows,
        &after,
        Process::eq,
        |outcome, _, (process, _), row| {
            outcome.judged += 1;
            outcome.mismatches.extend(difference(row, process)?);
            for (place, field) in row.iter().enumerate().take(VMAS + 1) {
                let largest = largest.entry(place).or_default();
                *largest = number(field)?.max(*largest);
            }
            Ok(())
        },
    )
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let proc = options.or("--proc", PathBuf::from("/proc"))?;
    let at_least = options.or("--at-least", 1)?;
    options.end()?;
    let mut largest = Largest::new();
    let outcome = settle(at_least, || compare(&proc, &mut largest))?;
    for (name, value) in header("vm").split(' ').zip(largest.values()) {
        println!("largest {name}={value}");
    }
    println!(
        "judged={} mismatches={}",
        outcome.judged,
        outcome.mismatches.len()
    );
    Ok(outcome.mismatches.is_empty() && outcome.judged >= at_least)
}
