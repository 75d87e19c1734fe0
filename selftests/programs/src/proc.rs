// SPDX-License-Identifier: GPL-2.0

//! What `/proc` says of processes and threads.

use crate::prelude::*;
use crate::table::escape;

/// `PF_KTHREAD`, include/linux/sched.h.
const PF_KTHREAD: u64 = 0x0020_0000;

/// What `/proc` says of a process, or of one of its threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its number.
    pub pid: u32,
    /// Its parent's number.
    pub ppid: u32,
    /// Its effective user.
    pub uid: u32,
    /// The letter of its state.
    pub state: String,
    /// The number of its threads.
    pub threads: u32,
    /// Its name, as it is.
    pub comm: Vec<u8>,
    /// Whether it is a kernel thread.
    pub kernel: bool,
    /// When it started: with the number, this tells tasks apart.
    pub start: u64,
    /// Where its heap starts; 0 for a kernel thread.
    pub start_brk: u64,
    /// How often it has left a CPU.
    pub switches: u64,
}

impl Task {
    /// Reads the files of one task; `None` where it ended meanwhile.
    pub fn read(folder: &Path, pid: u32) -> Option<Self> {
        let stat = fs::read(folder.join("stat")).ok()?;
        let status = fs::read(folder.join("status")).ok()?;
        let mut comm = fs::read(folder.join("comm")).ok()?;
        comm.pop();

        // The name may hold anything, parentheses and newlines too; what
        // follows the last one has no name in it.
        let tail = &stat[stat.iter().rposition(|&byte| byte == b')')? + 1..];
        let fields: Vec<_> = std::str::from_utf8(tail).ok()?.split_whitespace().collect();
        // proc(5) counts from 1, and the state is its field 3.
        let field = |n: usize| -> Option<u64> { fields.get(n - 3)?.parse().ok() };

        // The first line of status has the name, which is escaped there.
        let status = String::from_utf8_lossy(&status);
        let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
        Some(Self {
            pid,
            ppid: field(4)? as u32,
            uid: uids.split_whitespace().nth(1)?.parse().ok()?,
            state: (*fields.first()?).to_owned(),
            threads: field(20)? as u32,
            comm,
            kernel: field(9)? & PF_KTHREAD != 0,
            start: field(22)?,
            start_brk: field(47).unwrap_or(0),
            switches: status
                .lines()
                .filter_map(|line| line.split_once("voluntary_ctxt_switches:"))
                .filter_map(|(_, count)| count.trim().parse::<u64>().ok())
                .sum(),
        })
    }

    /// Whether the task did nothing between two readings: it is in the same state, and
    /// did not leave a CPU meanwhile.
    pub fn rested_until(&self, later: &Self) -> bool {
        (&self.state, self.switches) == (&later.state, later.switches)
    }

    /// Whether a COMM of memintro's is this task's own name.
    ///
    /// For a kernel thread, /proc may show more than the 15 bytes that the
    /// task has: the rest of a long name, or what a worker works on.
    pub fn has_name(&self, column: &str) -> bool {
        let shown = escape(&self.comm);
        if shown == column {
            return true;
        }
        match shown.strip_prefix(column) {
            Some(rest) if self.kernel => column.len() == 15 || rest.starts_with(['+', '-']),
            _ => false,
        }
    }
}

/// How many processes and threads were started since boot.
pub fn started() -> io::Result<u64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let mut lines = stat.lines();
    lines
        .find_map(|line| line.strip_prefix("processes ")?.parse().ok())
        .ok_or_else(|| error!("no count of processes in /proc/stat"))
}

/// The letters of the states of a process's threads, by their numbers.
pub fn states(pid: i32) -> String {
    let folder = Path::new("/proc").join(pid.to_string()).join("task");
    let state = |tid: u32| {
        let stat = fs::read(folder.join(tid.to_string()).join("stat")).ok()?;
        let name = stat.iter().rposition(|&byte| byte == b')')?;
        stat.get(name + 2).copied().map(char::from)
    };
    numbers(&folder).into_iter().filter_map(state).collect()
}

/// The numbers that name entries of a folder, ascending.
fn numbers(folder: &Path) -> Vec<u32> {
    let mut numbers: Vec<u32> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers
}

/// All processes of a procfs mount.
pub fn processes(proc: &Path) -> BTreeMap<u32, Task> {
    numbers(proc)
        .into_iter()
        .filter_map(|pid| Some((pid, Task::read(&proc.join(pid.to_string()), pid)?)))
        .collect()
}

/// All threads of a procfs mount, each with the number of its process.
pub fn threads(proc: &Path) -> BTreeMap<u32, (u32, Task)> {
    let mut threads = BTreeMap::new();
    for pid in numbers(proc) {
        let folder = proc.join(pid.to_string()).join("task");
        for tid in numbers(&folder) {
            if let Some(task) = Task::read(&folder.join(tid.to_string()), tid) {
                threads.insert(tid, (pid, task));
            }
        }
    }
    threads
}

/// Between which sizes a process's heap must lie, judged by its maps.
///
/// The end of `[heap]` is the break rounded up to a page. Without such a
/// mapping the heap is empty, or lies within the program's last page.
pub fn heap_bounds(proc: &Path, task: &Task) -> Option<(u64, u64)> {
    let maps = fs::read(proc.join(task.pid.to_string()).join("maps")).ok()?;
    if maps.is_empty() {
        return None;
    }
    let maps = String::from_utf8_lossy(&maps);
    let end = maps
        .lines()
        .filter(|line| line.ends_with(" [heap]"))
        .filter_map(|line| {
            let (_, end) = line.split_once(' ')?.0.split_once('-')?;
            u64::from_str_radix(end, 16).ok()
        })
        .max();
    match end {
        Some(end) => {
            let high = end.checked_sub(task.start_brk)?;
            Some((high.saturating_sub(4095), high))
        }
        None => Some((0, 4095)),
    }
}
