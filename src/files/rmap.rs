// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/rmap`: who maps a physical address.
//!
//! Goes through the page tables of every process. The kernel's own reverse map is not open to
//! modules, and knows neither of special mappings nor of the zero page.

use crate::{
    abstractions::{
        mm::process_mm,
        pgtable::{
            step_user,
            UserStep, //
        },
        task::{
            find_by_pid,
            init_pid_ns,
            PidType,
            TaskExt,
            Tasks,
            TASK_COMM_LEN, //
        },
    },
    model::{
        name::until_nul,
        question::parse_physical,
        rmap,
        words::Refusal, //
    },
    protocol::{
        access::Access,
        conversation::{
            patience,
            Conversation,
            Out,
            Reader,
            Stop, //
        },
    },
};
use kernel::{
    mm::Mm,
    pid_namespace::PidNamespace,
    prelude::*,
    sync::{
        aref::ARef,
        rcu, //
    },
    task::Pid,
};

/// The conversation.
pub(crate) struct RmapConversation;

/// How many programs a process may execute while it is looked at, before it is left alone.
const PROGRAMS: u32 = 16;

/// The process whose tables are looked at.
struct Process {
    /// Its ID in the namespace of the file; 0 if it has none there.
    pid: Pid,
    comm: [u8; TASK_COMM_LEN],
    /// Held by `mm_count` alone, which keeps no memory of the process.
    mm: ARef<Mm>,
    /// The next address to look at.
    va: u64,
    /// Where a row may begin: after those that are written.
    floor: u64,
    /// How often a step is tried again while others hold what it needs.
    tries: u32,
    /// How many programs it has executed meanwhile.
    programs: u32,
}

/// Which processes are being looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Those of the file's namespace, whose mappings are listed.
    Inside,
    /// The others, whose mappings are counted.
    Outside,
    /// All are done.
    Over,
}

/// An answer in the making.
pub(crate) struct RmapAnswer {
    /// `None` if the question could not be read.
    pa: Option<u64>,
    /// Why the answer is refused or given up.
    refusal: Option<Refusal>,
    pass: Pass,
    /// The ID of the process that was looked at last, in the namespace of the pass.
    last: Pid,
    process: Option<Process>,
    header_written: bool,
    rows: u64,
    outside: u64,
    /// How many processes could not be looked at.
    busy: u64,
    /// How often steps are tried again, for all processes that are left.
    tries: u32,
}

impl RmapAnswer {
    /// Returns the namespace of the pass, given that of the file.
    fn all<'a>(&self, ns: &'a PidNamespace) -> &'a PidNamespace {
        match self.pass {
            Pass::Inside => ns,
            Pass::Outside | Pass::Over => init_pid_ns(),
        }
    }

    /// Turns to the next process that has memory.
    fn next_process(&mut self, ns: &PidNamespace) {
        let next = {
            let rcu = rcu::read_lock();
            let mut tasks = Tasks::after(self.all(ns), PidType::Process, self.last);
            let next = tasks.next(&rcu);
            next.map(|(pid, task)| (pid, task.map(ARef::from)))
        };
        let Some((pid, task)) = next else {
            self.last = 0;
            self.pass = match self.pass {
                // The initial namespace contains every process.
                Pass::Inside if ns.as_ptr() != init_pid_ns().as_ptr() => Pass::Outside,
                _ => Pass::Over,
            };
            return;
        };
        self.last = pid;
        // Most often the ID of a thread.
        let Some(task) = task else {
            return;
        };
        let pid = task.tgid_nr_ns(Some(ns));
        if self.pass == Pass::Outside && pid != 0 {
            return;
        }
        // Only a count of the structure is kept: dropping `mm` gives its users up.
        self.process = process_mm(&task).map(|mm| Process {
            pid,
            comm: task.comm(),
            mm: ARef::from(&***mm),
            va: 0,
            floor: 0,
            // However many processes are stuck, some is left for the next.
            tries: self.tries / 2,
            programs: 0,
        });
    }

    /// Turns to the memory that a process has now: what it had is gone.
    fn look_again(&mut self, process: Process, ns: &PidNamespace) {
        let task = {
            let rcu = rcu::read_lock();
            find_by_pid(self.last, self.all(ns), &rcu).map(ARef::from)
        };
        // A process that has exited maps nothing.
        let Some((task, mm)) = task.and_then(|task| process_mm(&task).map(|mm| (task, mm))) else {
            return;
        };
        if process.programs == PROGRAMS {
            self.busy += 1;
            return;
        }
        self.process = Some(Process {
            comm: task.comm(),
            mm: ARef::from(&***mm),
            va: process.floor,
            programs: process.programs + 1,
            ..process
        });
    }

    /// Looks at one table of the process.
    fn step(&mut self, pa: u64, reader: &mut Reader<'_>, out: &mut Out) -> Result<(), Stop> {
        let Some(process) = &mut self.process else {
            return Ok(());
        };
        let Ok(mm) = reader.visit.users(&process.mm) else {
            if let Some(process) = self.process.take() {
                self.look_again(process, reader.file.pid_ns());
            }
            return Ok(());
        };
        let buffer = reader.entries.get()?;
        let found = match step_user(mm, process.va, u64::MAX, Some(pa), buffer)? {
            UserStep::Found(found) => found,
            UserStep::Over => {
                self.process = None;
                return Ok(());
            }
            UserStep::Unstable => return Err(Stop::Busy),
        };
        if self.pass == Pass::Inside {
            out.reserve(rmap::hits(&found, pa).count() * rmap::ROW_MAX)?;
        }
        for hit in rmap::hits(&found, pa) {
            if self.pass == Pass::Outside {
                self.outside += 1;
                continue;
            }
            self.rows += 1;
            process.floor = hit.va.saturating_add(1);
            let comm = until_nul(&process.comm);
            out.line(|line| rmap::row(line, process.pid.unsigned_abs(), &hit, comm))?;
        }
        match found.next() {
            Some(next) => process.va = next,
            None => self.process = None,
        }
        Ok(())
    }
}

impl Conversation for RmapConversation {
    const ACCESS: Access = Access::ANY_PROCESS;
    const USAGE: &'static str = "0xPHYSICAL-ADDRESS";

    type Answer = RmapAnswer;

    fn begin(_reader: &mut Reader<'_>, question: &[u8]) -> RmapAnswer {
        let pa = parse_physical(question);
        RmapAnswer {
            pa: pa.ok(),
            refusal: pa.err(),
            pass: Pass::Inside,
            last: 0,
            process: None,
            header_written: false,
            rows: 0,
            outside: 0,
            busy: 0,
            tries: 2 * patience(),
        }
    }

    fn refuse(answer: &mut RmapAnswer, refusal: Refusal) {
        answer.refusal = Some(refusal);
    }

    fn busy(answer: &mut RmapAnswer, _tries: u32) -> bool {
        match &mut answer.process {
            Some(process) if process.tries > 0 => {
                process.tries -= 1;
                answer.tries -= 1;
                true
            }
            _ => {
                answer.busy += 1;
                answer.process = None;
                false
            }
        }
    }

    fn proceed(
        answer: &mut RmapAnswer,
        reader: &mut Reader<'_>,
        out: &mut Out,
    ) -> Result<bool, Stop> {
        let pa = match (answer.pa, answer.refusal) {
            (Some(pa), None) => pa,
            (pa, refusal) => {
                let refusal = refusal.unwrap_or(Refusal::NotAQuestion);
                out.line(|line| rmap::end_with(line, pa, refusal))?;
                return Ok(true);
            }
        };
        if !answer.header_written {
            out.line(rmap::header)?;
            answer.header_written = true;
        }
        if answer.process.is_some() {
            answer.step(pa, reader, out)?;
        } else if answer.pass == Pass::Over {
            out.line(|line| rmap::end(line, pa, answer.rows, answer.outside, answer.busy))?;
            return Ok(true);
        } else {
            answer.next_process(reader.file.pid_ns());
        }
        Ok(false)
    }
}
