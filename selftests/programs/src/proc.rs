// SPDX-License-Identifier: GPL-2.0

//! What `/proc` says of processes and threads.

use procfs::{
    process::{Stat, Status},
    FromBufRead, FromRead,
};

use crate::prelude::*;

/// `PF_KTHREAD`, include/linux/sched.h.
const PF_KTHREAD: u32 = 0x0020_0000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub pid: u32,
    pub ppid: u32,
    pub uid: u32,
    pub state: String,
    pub threads: u32,
    pub comm: Vec<u8>,
    pub kernel: bool,
    /// When it started: with the number, this tells tasks apart.
    pub start: u64,
    /// Where its heap starts; 0 for a kernel thread.
    pub start_brk: u64,
    /// How often it has left a CPU.
    pub switches: u64,
}

fn stat(directory: &Path) -> Option<Stat> {
    Stat::from_read(File::open(directory.join("stat")).ok()?).ok()
}

/// The file `status` of a task; in the name, bytes that are no text do not matter.
pub fn status(directory: &Path) -> Option<Status> {
    let text = fs::read(directory.join("status")).ok()?;
    Status::from_buf_read(String::from_utf8_lossy(&text).as_bytes()).ok()
}

impl Task {
    /// Reads the files of one task; `None` where it ended meanwhile.
    pub fn read(directory: &Path, pid: u32) -> Option<Self> {
        let (stat, status) = (stat(directory)?, status(directory)?);
        // The crate's name is text, and the task's may be none.
        let mut comm = fs::read(directory.join("comm")).ok()?;
        comm.pop();
        Some(Self {
            pid,
            ppid: stat.ppid as u32,
            uid: status.euid,
            state: stat.state.to_string(),
            threads: stat.num_threads as u32,
            comm,
            kernel: stat.flags & PF_KTHREAD != 0,
            start: stat.starttime,
            start_brk: stat.start_brk.unwrap_or(0),
            switches: status.voluntary_ctxt_switches? + status.nonvoluntary_ctxt_switches?,
        })
    }

    /// Whether the task did nothing between two readings: it is in the same state, and did not
    /// leave a CPU meanwhile.
    pub fn rested_until(&self, later: &Self) -> bool {
        (&self.state, self.switches) == (&later.state, later.switches)
    }

    /// Whether a COMM of memintro's is this task's own name.
    ///
    /// For a kernel thread, /proc may show more than the 15 bytes that the task has: the rest
    /// of a long name, or what a worker works on.
    pub fn has_name(&self, column: &str) -> bool {
        let shown = escape(&self.comm);
        let longer = |rest: &str| column.len() == 15 || rest.starts_with(['+', '-']);
        shown == column || self.kernel && shown.strip_prefix(column).is_some_and(longer)
    }
}

/// How many processes and threads were started since boot.
pub fn tasks_started() -> io::Result<u64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let processes = |line: &str| line.strip_prefix("processes ")?.parse().ok();
    let count = stat.lines().find_map(processes);
    count.ok_or_else(|| error!("no count of processes in /proc/stat"))
}

/// The letters of the states of a process's threads, by their numbers.
pub fn states_of(pid: i32) -> String {
    let directory = Path::new("/proc").join(pid.to_string()).join("task");
    let state = |tid: u32| Some(stat(&directory.join(tid.to_string()))?.state);
    numbers(&directory).into_iter().filter_map(state).collect()
}

/// The numbers that name entries of a directory, ascending.
pub fn numbers(directory: &Path) -> Vec<u32> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let number = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    entries.filter_map(number).sorted_unstable().collect()
}

pub fn processes(proc: &Path) -> BTreeMap<u32, Task> {
    let pids = numbers(proc).into_iter();
    pids.filter_map(|pid| Some((pid, Task::read(&proc.join(pid.to_string()), pid)?)))
        .collect()
}

/// All threads of a procfs mount, each with the number of its process.
pub fn threads(proc: &Path) -> BTreeMap<u32, (u32, Task)> {
    let mut threads = BTreeMap::new();
    for pid in numbers(proc) {
        let directory = proc.join(pid.to_string()).join("task");
        for tid in numbers(&directory) {
            if let Some(task) = Task::read(&directory.join(tid.to_string()), tid) {
                threads.insert(tid, (pid, task));
            }
        }
    }
    threads
}

/// Between which sizes a process's heap must lie, judged by its maps.
///
/// The end of `[heap]` is the break rounded up to a page. Without such a mapping the heap is
/// empty, or lies within the program's last page.
pub fn heap_bounds(proc: &Path, task: &Task) -> Option<(u64, u64)> {
    let maps = maps(&proc.join(task.pid.to_string())).ok()?;
    if maps.is_empty() {
        return None;
    }
    let heaps = maps.iter().filter(|mapping| mapping.name == b"[heap]");
    let end = heaps.map(|mapping| mapping.end).max();
    let high = end.map_or(Some(4095), |end| end.checked_sub(task.start_brk))?;
    Some((high.saturating_sub(4095), high))
}
