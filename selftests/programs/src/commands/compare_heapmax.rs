// SPDX-License-Identifier: GPL-2.0

//! `compare-heapmax [--proc FOLDER]`: checks FOLDER/memintro/heapmax against
//! the heaps that FOLDER (by default `/proc`) shows.
//!
//! /proc shows where each heap starts, exactly (field 47 of stat), but its
//! end only rounded up to a page (`[heap]` in maps). So each heap is known to
//! within a page: the row must lie in its own process's bounds, and no other
//! process may be larger for certain. What is exact is tested with `heap`,
//! a process that reports its own break.
//!
//! `--largest` prints instead the upper bound of the largest heap in bytes.

use crate::prelude::*;
use crate::proc::{heap_bounds, processes, Task};

fn largest(proc: &Path) -> u64 {
    processes(proc)
        .values()
        .filter_map(|task| heap_bounds(proc, task))
        .map(|(_, high)| high)
        .max()
        .unwrap_or(0)
}

/// The bounds of all heaps, by process.
fn heaps(proc: &Path) -> BTreeMap<u32, (Task, (u64, u64))> {
    processes(proc)
        .into_iter()
        .filter_map(|(pid, task)| Some((pid, (task.clone(), heap_bounds(proc, &task)?))))
        .collect()
}

/// A heap only grows here, so it was at least what it was before, and at most what it
/// was after.
fn compare(proc: &Path) -> io::Result<Vec<String>> {
    let before = heaps(proc);
    let table = Table::read(&proc.join("memintro/heapmax"), header("heapmax"))?;
    let after = heaps(proc);
    let [row] = &table.rows[..] else {
        return Ok(vec![format!("{} rows", table.rows.len())]);
    };
    let (pid, heap) = (number(&row[0])? as u32, number(&row[1])?);
    let mut wrong = Vec::new();
    for (task, (low, high)) in before.values() {
        let Some((later, (_, most))) = after.get(&task.pid) else {
            continue;
        };
        if later.start != task.start {
            continue;
        }
        if task.pid == pid {
            if !(low..=most).contains(&&heap) || !task.has_name(&row[2]) {
                wrong.push(format!("row {row:?}, but {task:?} has {low} to {most}"));
            }
        } else if *low > heap || (low == high && *low == heap && task.pid < pid) {
            wrong.push(format!("row {row:?}, but {task:?} has at least {low}"));
        }
    }
    // One that has just come, or is about to end, may have it.
    if !before.contains_key(&pid) && !after.contains_key(&pid) {
        wrong.push(format!("no process has a heap and is {row:?}"));
    }
    Ok(wrong)
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let proc = options.or("--proc", PathBuf::from("/proc"))?;
    if options.flag("--largest") {
        println!("{}", largest(&proc));
        return Ok(true);
    }
    options.end()?;
    let wrong = compare(&proc)?;
    println!("{}", wrong.join("\n"));
    Ok(wrong.is_empty())
}
