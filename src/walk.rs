// SPDX-License-Identifier: GPL-2.0

//! `walk`: what is behind an address.
//!
//! `/sys/kernel/memintro/walk` holds one answer: a write asks, reads repeat the answer.

use crate::{
    abstractions::{
        file::{
            is_readable,
            Access,
            Capability, //
        },
        mm::{
            process_mm,
            MmExt, //
        },
        pgtable::{
            paging,
            untagged_addr,
            UserTables, //
        },
        sysfs::BinOperations,
        task::{
            find_by_pid,
            TaskExt, //
        },
    },
    model::{
        question::{
            WalkQuestion,
            Whose, //
        },
        text::Line,
        walk::{
            walk,
            Answer,
            Walk, //
        },
        words::{
            Errno,
            Refusal, //
        },
    },
};
use kernel::{
    current,
    fs::LocalFile,
    mm::MmWithUser,
    new_mutex,
    pid_namespace::PidNamespace,
    prelude::*,
    sync::{
        aref::ARef,
        rcu,
        Mutex, //
    },
};

/// Physical addresses of any process.
pub(crate) const ACCESS: Access = Access {
    capabilities: &[Capability::SysAdmin, Capability::SysPtrace],
    confidential: true,
};

/// Finds the memory of the process that a thread of `ns` with this ID belongs to.
fn find_mm(pid: i32, ns: &PidNamespace) -> Result<ARef<MmWithUser>, Refusal> {
    let task = find_by_pid(pid, ns).ok_or(Refusal::NoProcess)?;
    process_mm(&task).ok_or(if task.is_kernel_thread() {
        Refusal::KernelThread
    } else {
        Refusal::NoMemory
    })
}

/// Walks the page tables of a process.
///
/// Context: may sleep, to wait for the mmap lock.
///
/// # Errors
///
/// `EINTR` when the current task is killed while it waits.
fn walk_user(mm: &MmWithUser, va: u64) -> Result<Walk> {
    // CAST: addresses have 64 bits.
    let guard = mm.lock_vma(va as usize)?;
    let Some(vma) = guard.as_ref().and_then(|guard| guard.vma()) else {
        return Ok(Walk::NO_VMA);
    };
    let rcu = rcu::read_lock();
    Ok(walk(&UserTables::new(vma, &rcu), va))
}

/// The slot behind `/sys/kernel/memintro/walk`.
#[pin_data]
pub(crate) struct WalkSlot {
    #[pin]
    answer: Mutex<Option<Answer>>,
}

impl WalkSlot {
    /// Makes a slot without an answer.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(WalkSlot {
            answer <- new_mutex!(None),
        })
    }

    /// Answers a question of the current task.
    fn ask(question: &WalkQuestion) -> Result<Answer> {
        let Whose::Process(pid) = question.whose else {
            return Err(EINVAL);
        };
        let task = current!();
        let ns = task.active_pid_ns().ok_or(ESRCH)?;
        let mm = find_mm(pid, ns).map_err(to_error)?;
        Ok(walk_user(&mm, question.va)?.answer)
    }
}

/// Reads a question, and strips the tag of its address.
fn parse(from: &[u8]) -> Result<WalkQuestion, Refusal> {
    let mut question = WalkQuestion::parse(from)?;
    if question.levels {
        // The slot holds one value.
        return Err(Refusal::NotAQuestion);
    }
    question.va = untagged_addr(question.va);
    question.check_half(&paging().1)?;
    Ok(question)
}

fn to_error(refusal: Refusal) -> Error {
    match refusal.errno() {
        Errno::Einval => EINVAL,
        Errno::Eperm => EPERM,
        Errno::Esrch => ESRCH,
    }
}

impl BinOperations for WalkSlot {
    fn read(&self, file: &LocalFile, to: &mut [u8], pos: usize) -> Result<usize> {
        ACCESS.check(file)?;
        let answer = (*self.answer.lock()).ok_or(ENODATA)?;
        let mut line = Line::new();
        match answer {
            Ok(page) => line.hex(page.pa),
            Err(absent) => line.put(absent.why.as_str().as_bytes()),
        };
        line.end();
        let rest = line.as_bytes().get(pos..).unwrap_or(&[]);
        let count = rest.len().min(to.len());
        for (to, from) in to.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(count)
    }

    fn write(&self, file: &LocalFile, from: &[u8]) -> Result {
        // sysfs would read the answer from where the question ended.
        let question = if is_readable(file) {
            Err(EINVAL)
        } else {
            parse(from).map_err(to_error)
        };
        // Whoever may not ask gets no effect on the slot either, not even by a bad question.
        if let Err(denied) = ACCESS.check(file) {
            return Err(question.err().unwrap_or(denied));
        }
        let answer = question.and_then(|question| Self::ask(&question));
        *self.answer.lock() = answer.as_ref().ok().copied();
        answer.map(|_| ())
    }
}
