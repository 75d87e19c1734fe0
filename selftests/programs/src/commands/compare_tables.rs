// SPDX-License-Identifier: GPL-2.0

//! `compare-tasks`, `compare-vm`, `compare-kstack` `[--proc DIRECTORY] [--at-least N]`: compare
//! every row of a table in DIRECTORY/memintro with what DIRECTORY (by default `/proc`) says.
//!
//! /proc is read before and after; a task is judged when both readings agree. That is done
//! again until N could be judged, and what was in motion has settled: a task may have come and
//! gone, but not another one with its number.

use crate::prelude::*;

/// The rows of a table, by the number in their first column.
type Rows = BTreeMap<u32, Vec<String>>;

#[derive(Default)]
struct Outcome {
    judged: usize,
    mismatches: Vec<String>,
    /// What is wrong if it is so again: tasks change, come and go.
    in_motion: BTreeMap<u32, String>,
}

fn rows(proc: &Path, table: &str) -> io::Result<Rows> {
    let mut rows = Rows::new();
    for row in Table::read(&proc.join("memintro").join(table), header(table))?.rows {
        let id = number(&row[0])? as u32;
        let ascends = rows.last_key_value().is_none_or(|(&last, _)| last < id);
        ensure!(ascends, "{id} is out of order");
        rows.insert(id, row);
    }
    Ok(rows)
}

impl Outcome {
    /// Has `judge` look at the row of each task that was the same before and after.
    fn join<T: Debug>(
        before: &BTreeMap<u32, T>,
        mut rows: Rows,
        after: &BTreeMap<u32, T>,
        same: impl Fn(&T, &T) -> bool,
        mut judge: impl FnMut(&mut Self, u32, (&T, &T), &[String]) -> io::Result<()>,
    ) -> io::Result<Self> {
        let mut outcome = Self::default();
        for (&id, old) in before {
            let row = rows.remove(&id);
            let Some(new) = after.get(&id).filter(|new| same(old, new)) else {
                continue;
            };
            match row {
                Some(row) => judge(&mut outcome, id, (old, new), &row)?,
                None => outcome.mismatches.push(format!("no row for {old:?}")),
            }
        }
        // A row that /proc had neither before nor after is a task that came and went, or one
        // that does not exist: the next rounds tell.
        rows.retain(|id, _| !after.contains_key(id));
        let unknown = |(id, row)| (id, format!("/proc has no {row:?}"));
        outcome.in_motion.extend(rows.into_iter().map(unknown));
        Ok(outcome)
    }
}

/// Compares until enough could be judged, and what was in motion has settled: a mistake is made
/// again. Prints what is wrong; says whether all is fine, and how much there was.
fn settle(
    options: &mut Options,
    mut compare: impl FnMut(&Path) -> io::Result<Outcome>,
) -> io::Result<(bool, String)> {
    let proc = options.or("--proc", PathBuf::from("/proc"))?;
    let at_least = options.or("--at-least", 1)?;
    options.end()?;
    let mut outcome = compare(&proc)?;
    let (wait, mut rounds) = (Wait::begin(), 1..8);
    while outcome.mismatches.is_empty()
        && (outcome.judged < at_least && !wait.is_over()
            || !outcome.in_motion.is_empty() && rounds.next().is_some())
    {
        let suspects = outcome.in_motion;
        outcome = compare(&proc)?;
        let again = |task: &u32, _: &mut String| suspects.contains_key(task);
        outcome.in_motion.retain(again);
    }
    outcome.mismatches.extend(outcome.in_motion.into_values());
    let (judged, wrong) = (outcome.judged, show(&outcome.mismatches));
    let line = format!("judged={judged} mismatches={wrong}");
    Ok((wrong == 0 && judged >= at_least, line))
}

/// Whether a row has the columns that cannot change while a process sleeps.
fn is_of(row: &[String], task: &Task) -> bool {
    row[1] == task.ppid.to_string()
        && row[2] == task.uid.to_string()
        && row[4] == task.threads.to_string()
        && task.has_name(&row[5])
}

/// A state is judged where the task did not leave a CPU between the two readings.
pub fn tasks(options: &mut Options) -> io::Result<bool> {
    let lasting = |task: &Task| {
        let mut task = task.clone();
        (task.state, task.switches) = Default::default();
        // What a kernel worker works on is part of its name in /proc.
        task.comm.retain(|_| !task.kernel);
        task
    };
    let same = |old: &Task, new: &Task| old.start == new.start;
    let (fine, line) = settle(options, |proc| {
        let before = processes(proc);
        let rows = rows(proc, "tasks")?;
        let judge = |outcome: &mut Outcome, pid, (old, new): (&Task, &Task), row: &[String]| {
            if lasting(old) != lasting(new) {
                return Ok(());
            }
            outcome.judged += 1;
            let text = format!("row {row:?}, but {old:?}");
            if !(is_of(row, old) || is_of(row, new)) {
                outcome.mismatches.push(text);
            } else if row[3] != old.state && old.rested_until(new) {
                outcome.in_motion.insert(pid, text);
            }
            Ok(())
        };
        Outcome::join(&before, rows, &processes(proc), same, judge)
    })?;
    println!("{line}");
    Ok(fine)
}

const HEAP: usize = 8;
const VMAS: usize = 10;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Process {
    task: Task,
    columns: BTreeMap<usize, u64>,
    heap: (u64, u64),
}

impl Process {
    fn read(proc: &Path, pid: u32) -> Option<Self> {
        let directory = proc.join(pid.to_string());
        let mut task = Task::read(&directory, pid)?;
        // Whether it runs is not judged here.
        (task.state, task.switches) = Default::default();
        // Where the first thread has ended, another one has the memory.
        let threads = directory.join("task");
        let mut all = numbers(&threads).into_iter();
        let thread = all.find(|tid| !has_ended(&threads, &tid.to_string()))?;
        let directory = threads.join(thread.to_string());
        let status = status(&directory)?;
        let columns = BTreeMap::from([
            (1, status.vmsize?),
            (2, status.vmrss?),
            (3, status.rssanon?),
            (4, status.rssfile?),
            (5, status.rssshmem?),
            (6, status.vmswap?),
            (7, status.hugetlbpages?),
            (9, status.vmpte?),
            (VMAS, maps(&directory).ok()?.len() as u64),
        ]);
        let heap = heap_bounds(&threads, &Task::read(&directory, thread)?)?;
        Some(Self {
            task,
            columns,
            heap,
        })
    }

    fn all(proc: &Path) -> BTreeMap<u32, Self> {
        let pids = numbers(proc).into_iter();
        pids.filter_map(|pid| Some((pid, Self::read(proc, pid)?)))
            .collect()
    }

    fn judge(&self, row: &[String]) -> io::Result<()> {
        for (&place, &value) in &self.columns {
            let name = header("vm").split(' ').nth(place).unwrap_or_default();
            ensure!(number(&row[place])? == value, "{name}, not {value}");
        }
        let heap = (self.heap.0..=self.heap.1).contains(&number(&row[HEAP])?);
        ensure!(heap, "HEAP_B, not {:?}", self.heap);
        let sum = number(&row[3])? + number(&row[4])? + number(&row[5])?;
        ensure!(number(&row[2])? == sum, "RSS_KB, no sum");
        ensure!(self.task.has_name(&row[11]), "COMM");
        Ok(())
    }
}

/// With `status` and `maps`. Prints the largest value of every column, too.
pub fn vm(options: &mut Options) -> io::Result<bool> {
    let mut largest = BTreeMap::new();
    let (fine, line) = settle(options, |proc| {
        let before = Process::all(proc);
        let rows = rows(proc, "vm")?;
        largest.clear();
        let judge = |outcome: &mut Outcome, _, (process, _): (&Process, &_), row: &[String]| {
            outcome.judged += 1;
            if let Err(what) = process.judge(row) {
                outcome.mismatches.push(format!("{what} of {row:?}"));
            }
            for (place, field) in row.iter().enumerate().take(VMAS + 1) {
                let largest = largest.entry(place).or_default();
                *largest = number(field)?.max(*largest);
            }
            Ok(())
        };
        Outcome::join(&before, rows, &Process::all(proc), Process::eq, judge)
    })?;
    for (name, value) in header("vm").split(' ').zip(largest.values()) {
        println!("largest {name}={value}");
    }
    println!("{line}");
    Ok(fine)
}

/// Judges the columns of a stack; whether a sleeper has lost its stack pointer.
fn judge_stack(row: &[String], sleeping: bool) -> io::Result<bool> {
    let (stack, sp, used) = (&row[3], &row[4], &row[6]);
    let size = number(&row[5])? as usize;
    if stack == "-" {
        let freed = sp == "-" && used == "-" && !sleeping;
        ensure!(freed, "no stack, but a stack pointer, or asleep");
        return Ok(false);
    }
    let stack = parse_hex(stack)? as usize;
    let whole = size.is_power_of_two() && size >= 8192 && stack % size == 0;
    ensure!(whole, "size or alignment");
    ensure!(stack >> 63 == 1, "not a kernel address");
    if sp == "-" || used == "-" {
        ensure!(sp == used, "one of SP and USED_B without the other");
        return Ok(sleeping);
    }
    let from_top = (stack + size).wrapping_sub(parse_hex(sp)? as usize);
    ensure!((1..=size).contains(&from_top), "SP outside the stack");
    let same = *used == from_top.to_string();
    ensure!(same, "USED_B is not STACK + SIZE_B - SP");
    // A sleeper has at least the frames of a system call below the top.
    let likely = from_top % 8 == 0 && (!sleeping || from_top >= 64);
    ensure!(likely, "SP unlikely");
    Ok(false)
}

/// The start of every area in vmallocinfo; empty where it hides them: hashed pointers are below
/// 2^32, hidden ones are 0.
fn vmalloc_areas() -> BTreeSet<u64> {
    let text = fs::read_to_string("/proc/vmallocinfo").unwrap_or_default();
    let start = |line: &str| parse_hex(line.split_once('-')?.0).ok();
    let starts: BTreeSet<_> = text.lines().filter_map(start).collect();
    let shown = starts.iter().all(|start| start >> 63 == 1);
    Some(starts).filter(|_| shown).unwrap_or_default()
}

/// Every thread that lives throughout must have one row, with the process, state and name of
/// /proc. Of a thread that sleeps, STACK <= SP < STACK + SIZE_B, and USED_B is the distance
/// from SP to the top; no two stacks overlap; STACK is a multiple of SIZE_B. Where
/// /proc/vmallocinfo shows addresses (kptr_restrict=1 on some kernels), each stack must be one
/// of its areas.
pub fn kstack(options: &mut Options) -> io::Result<bool> {
    let (mut sleeping, mut vmalloc) = (0, 0);
    let same = |old: &(u32, Task), new: &(u32, Task)| old.1.start == new.1.start;
    let (fine, line) = settle(options, |proc| {
        (sleeping, vmalloc) = (0, 0);
        let before = threads(proc);
        let mut areas = vmalloc_areas();
        let rows = rows(proc, "kstack")?;
        if !areas.is_empty() {
            areas.append(&mut vmalloc_areas());
        }
        // The stack of a thread that just ended may serve a new one.
        let (mut stacks, mut twice) = (BTreeSet::new(), Vec::new());
        for (&tid, row) in &rows {
            if row[3] != "-" && !stacks.insert(row[3].clone()) {
                twice.push((tid, format!("a stack twice: {row:?}")));
            }
        }
        let judge = |outcome: &mut Outcome, tid, pair: (&_, &_), row: &[String]| {
            let ((pid, old), (_, new)): (&(u32, Task), &(u32, Task)) = pair;
            outcome.judged += 1;
            let named = old.has_name(&row[7]) || new.has_name(&row[7]);
            let right = row[1] == pid.to_string() && named;
            must!(outcome.mismatches, right, "row {row:?}, but {old:?}");
            let mut moving = |what: String| drop(outcome.in_motion.insert(tid, what));
            if row[2] != old.state && old.rested_until(new) {
                moving(format!("row {row:?}, but {old:?}"));
            }
            let sleeps = ["S", "D", "I", "T", "t"].contains(&row[2].as_str());
            sleeping += usize::from(sleeps);
            let judged = judge_stack(row, sleeps);
            // It may have woken between the reading of state and pointer.
            if judged.as_ref().is_ok_and(|lost| *lost) && old.rested_until(new) {
                moving(format!("asleep without a stack pointer: {row:?}"));
            }
            if let (false, Ok(stack)) = (areas.is_empty(), parse_hex(&row[3])) {
                vmalloc += 1;
                if !areas.contains(&stack) {
                    moving(format!("not in vmallocinfo: {row:?}"));
                }
            }
            if let Err(what) = judged {
                outcome.mismatches.push(format!("{what}: {row:?}"));
            }
            Ok(())
        };
        let mut outcome = Outcome::join(&before, rows, &threads(proc), same, judge)?;
        outcome.in_motion.extend(twice);
        Ok(outcome)
    })?;
    println!("{line} sleeping={sleeping} vmalloc={vmalloc}");
    Ok(fine && sleeping > 0)
}
