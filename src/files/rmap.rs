// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/rmap`: who maps physical memory.
//!
//! Goes through the page tables of every process, or of the kernel. The kernel's own reverse map is
//! not open to modules, and knows neither of special mappings nor of the zero page.

use crate::{
    abstractions::{
        compat::local_interrupt_disable,
        kernel_pgtable::{
            region,
            step_kernel,
            KernelTables, //
        },
        layout::windows,
        mm::process_mm,
        pgtable::paging,
        pgtable_step::step_user,
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
        addr::{
            PhysAddr,
            VirtAddr, //
        },
        end,
        name::until_nul,
        question::PhysicalQuestion,
        rmap,
        text::{
            Line,
            LINE_MAX, //
        },
        walk::walk_twice,
        words::Refusal, //
    },
    protocol::{
        conversation::Progress,
        out::Out,
        reader::Reader,
        rows::Rows,
        waiting::{
            patience,
            Stop,
            Wait, //
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

/// How many programs a process may execute while its tables are read, before it counts as busy.
const PROGRAMS: u32 = 16;

/// The process whose tables are being read.
struct Process {
    /// Its PID in the namespace of the file; 0 if it has none there.
    pid: Pid,
    comm: [u8; TASK_COMM_LEN],
    /// Held by `mm_count` alone, which keeps no memory of the process.
    mm: ARef<Mm>,
    /// The next address to read.
    va: VirtAddr,
    /// Where a row may begin: after those that are written.
    floor: VirtAddr,
    /// How often a step is tried again while others hold what it needs.
    tries: u32,
    /// How many programs it has executed meanwhile.
    programs: u32,
    /// How many bytes of the range it maps.
    bytes: u64,
}

/// Which processes are being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Those of the file's namespace, whose mappings are listed.
    Inside,
    /// The others, whose mappings are counted.
    Outside,
}

/// The mappings in question, by process and by virtual address.
pub(crate) struct MappingRows {
    pass: Pass,
    /// The ID of the process that was read last, in the namespace of the pass.
    last: Pid,
    process: Option<Process>,
    totals: rmap::Totals,
    /// How often steps are tried again, for all processes that are left.
    tries: u32,
    /// The next address of the kernel to look at.
    next: VirtAddr,
}

impl MappingRows {
    /// Returns the namespace of the pass, given that of the file.
    fn all<'a>(&self, ns: &'a PidNamespace) -> &'a PidNamespace {
        match self.pass {
            Pass::Inside => ns,
            Pass::Outside => init_pid_ns(),
        }
    }

    /// Begins with the process that has the next ID, if it has memory.
    fn next_process(&mut self, ns: &PidNamespace) -> Progress {
        let next = {
            let rcu = rcu::read_lock();
            let mut tasks = Tasks::after(self.all(ns), PidType::Process, self.last);
            let next = tasks.next(&rcu);
            next.map(|(pid, task)| (pid, task.map(ARef::from)))
        };
        let Some((pid, task)) = next else {
            // The initial namespace contains every process.
            if self.pass == Pass::Outside || ns.as_ptr() == init_pid_ns().as_ptr() {
                return Progress::Complete;
            }
            self.pass = Pass::Outside;
            self.last = 0;
            return Progress::More;
        };
        self.last = pid;
        // Most often the ID of a thread.
        let Some(task) = task else {
            return Progress::More;
        };
        let pid = task.tgid_nr_ns(Some(ns));
        if self.pass == Pass::Outside && pid != 0 {
            return Progress::More;
        }
        // Only a count of the structure is kept: dropping `mm` gives its users up.
        self.process = process_mm(&task).map(|mm| Process {
            pid,
            comm: task.comm(),
            mm: ARef::from(&***mm),
            va: VirtAddr(0),
            floor: VirtAddr(0),
            // However many processes are stuck, some is left for the next.
            tries: self.tries / 2,
            programs: 0,
            bytes: 0,
        });
        Progress::More
    }

    /// Begins with the address space that a process has now: the last one is gone.
    fn restart(&mut self, process: Process, ns: &PidNamespace) {
        let task = {
            let rcu = rcu::read_lock();
            find_by_pid(self.last, self.all(ns), &rcu).map(ARef::from)
        };
        // A process that has exited maps nothing.
        let Some((task, mm)) = task.and_then(|task| process_mm(&task).map(|mm| (task, mm))) else {
            return;
        };
        if process.programs == PROGRAMS {
            self.totals.busy += 1;
            return;
        }
        self.process = Some(Process {
            comm: task.comm(),
            mm: ARef::from(&***mm),
            va: process.floor,
            programs: process.programs + 1,
            bytes: 0,
            ..process
        });
    }

    /// Ends with a process; what it maps of a range is a row.
    fn end_process(&mut self, out: &mut Out) -> Result {
        let Some(process) = self.process.as_ref().filter(|process| process.bytes > 0) else {
            self.process = None;
            return Ok(());
        };
        if self.pass == Pass::Outside {
            self.totals.outside += 1;
            self.totals.outside_bytes += process.bytes;
        } else {
            let (pid, comm) = (process.pid.unsigned_abs(), until_nul(&process.comm));
            out.line(|line| rmap::range_row(line, pid, process.bytes, comm))?;
            self.totals.rows += 1;
            self.totals.bytes += process.bytes;
        }
        self.process = None;
        Ok(())
    }

    /// Reads one table of the process.
    fn step(
        &mut self,
        question: &PhysicalQuestion,
        reader: &mut Reader<'_>,
        out: &mut Out,
    ) -> Result<(), Stop> {
        let Some(process) = &mut self.process else {
            return Ok(());
        };
        let Ok(mm) = reader.mm.users_of(&process.mm) else {
            if let Some(process) = self.process.take() {
                self.restart(process, reader.opener.ns);
            }
            return Ok(());
        };
        let wanted = match question {
            PhysicalQuestion::Page(pa) | PhysicalQuestion::Kernel(pa) => Some(*pa),
            PhysicalQuestion::Range(..) => None,
        };
        let buffer = reader.entries.get()?;
        let found = step_user(mm, process.va, VirtAddr::MAX, wanted, buffer);
        let Some(found) = found.map_err(|_busy_or_unstable| Stop::Busy)? else {
            return Ok(self.end_process(out)?);
        };
        let hits = || wanted.into_iter().flat_map(|pa| rmap::hits(&found, pa));
        // What this step counts has its row, whatever fails after it.
        out.reserve((hits().count() + 1) * rmap::ROW_MAX)?;
        if let PhysicalQuestion::Range(first, last) = question {
            process.bytes += rmap::bytes_in(&found, *first, *last);
        }
        for hit in hits() {
            if self.pass == Pass::Outside {
                self.totals.outside += 1;
                continue;
            }
            self.totals.rows += 1;
            process.floor = hit.va.next().unwrap_or(hit.va);
            let comm = until_nul(&process.comm);
            out.line(|line| rmap::row(line, process.pid.unsigned_abs(), &hit, comm))?;
        }
        match found.next() {
            Some(next) => process.va = next,
            None => self.end_process(out)?,
        }
        Ok(())
    }

    /// Reads one table of the kernel's.
    fn step_kernel(
        &mut self,
        pa: PhysAddr,
        reader: &mut Reader<'_>,
        out: &mut Out,
    ) -> Result<Progress, Stop> {
        // The shadow maps a few pages again and again: to look through it takes minutes.
        let shadow = windows().into_iter().find(|window| window.name == "kasan");
        if let Some(shadow) = shadow.filter(|it| (it.start..=it.last).contains(&self.next)) {
            self.next = shadow.last.wrapping_add(1);
        }
        let buffer = reader.entries.get()?;
        let found = step_kernel(self.next, VirtAddr::MAX, buffer)?;
        out.reserve((rmap::hits(&found, pa).count() + 1) * LINE_MAX)?;
        for hit in rmap::hits(&found, pa) {
            // The table may have been freed before it was read.
            let walked = {
                let irq = local_interrupt_disable();
                walk_twice(&KernelTables::new(&irq), hit.va, None)
            };
            if walked.is_ok_and(|page| page.pa == pa) {
                self.totals.rows += 1;
                out.line(|line| rmap::kernel_row(line, &hit, region(hit.va, Some(pa))))?;
            }
        }
        Ok(match found.next() {
            Some(next) => {
                self.next = next;
                Progress::More
            }
            None => Progress::Complete,
        })
    }
}

impl Rows for MappingRows {
    const USAGE: &'static str = "0xPHYSICAL-ADDRESS | 0xSTART-0xEND | 0xPHYSICAL-ADDRESS kernel";

    type Question = PhysicalQuestion;

    fn begin(question: &PhysicalQuestion, reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        if let PhysicalQuestion::Kernel(_) = question {
            reader.opener.check_kernel_addresses()?;
        }
        Ok(MappingRows {
            pass: Pass::Inside,
            last: 0,
            process: None,
            totals: rmap::Totals::default(),
            tries: 2 * patience(),
            next: paging().1.kernel(),
        })
    }

    fn header(question: &PhysicalQuestion, line: &mut Line<'_>) {
        rmap::header(question, line);
    }

    fn proceed(
        &mut self,
        question: &PhysicalQuestion,
        reader: &mut Reader<'_>,
        out: &mut Out,
    ) -> Result<Progress, Stop> {
        if let PhysicalQuestion::Kernel(pa) = question {
            return self.step_kernel(*pa, reader, out);
        }
        if self.process.is_none() {
            return Ok(self.next_process(reader.opener.ns));
        }
        self.step(question, reader, out)?;
        Ok(Progress::More)
    }

    fn end(&mut self, question: &PhysicalQuestion, out: &mut Out) -> Result {
        out.line(|line| {
            end::begin(line, question);
            self.totals.put(line, question);
            line.end();
        })
    }

    fn wait(&mut self, _tries: u32) -> Wait {
        match &mut self.process {
            Some(process) if process.tries > 0 => {
                process.tries -= 1;
                self.tries -= 1;
                Wait::Again
            }
            _ => {
                self.totals.busy += 1;
                self.process = None;
                Wait::Skip
            }
        }
    }
}
