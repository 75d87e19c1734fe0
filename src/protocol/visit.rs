// SPDX-License-Identifier: GPL-2.0

//! The address space that a read looks at.
//!
//! To find an address space and to take part in it costs more than a walk in it. Questions side by
//! side are mostly about the same process, and long answers take many steps: so a read keeps what
//! it looked at last, for the next question or step.

use crate::{
    abstractions::{
        mm::{
            is_mm_of,
            process_mm,
            task_mm, //
        },
        task::{
            find_by_pid,
            TaskExt, //
        },
    },
    model::words::Refusal, //
};
use kernel::{
    mm::{
        Mm,
        MmWithUser,
        MmWithUserAsync, //
    },
    pid_namespace::PidNamespace,
    sync::{
        aref::ARef,
        rcu, //
    },
    task::Pid,
};

/// How often an address space is looked at before it is let go of.
///
/// A process that ends meanwhile gives its memory back only then. Each look is at a table or two.
const LOOKS: u32 = 64;

/// The address space that a read looks at.
///
/// Whoever has one must not wait, neither for the reader, as copying to its memory may, nor for the
/// process: either can take for ever, and meanwhile the memory of a process that is killed could
/// not be freed.
pub(crate) struct Visit {
    mm: Option<ARef<MmWithUserAsync>>,
    /// How many more looks `mm` is kept for.
    looks: u32,
}

impl Visit {
    /// Begins without an address space.
    pub(crate) const fn new() -> Self {
        Visit { mm: None, looks: 0 }
    }

    /// Lets go of the address space.
    pub(crate) fn leave(&mut self) {
        self.mm = None;
    }

    /// Returns the address space.
    fn get(&self) -> Result<&MmWithUser, Refusal> {
        self.mm.as_deref().map(|mm| &**mm).ok_or(Refusal::NoMemory)
    }

    /// Keeps the address space for one more look if `is_it`; else lets go of it.
    fn keep(&mut self, is_it: impl FnOnce(&MmWithUser) -> bool) -> bool {
        let keep = self.looks > 0 && self.get().is_ok_and(is_it);
        if keep {
            self.looks -= 1;
        } else {
            self.leave();
            self.looks = LOOKS - 1;
        }
        keep
    }

    /// Takes part in `mm`, unless its users have all given it up.
    pub(crate) fn users(&mut self, mm: &Mm) -> Result<&MmWithUser, Refusal> {
        if !self.keep(|kept| kept.as_raw() == mm.as_raw()) {
            self.mm = mm.mmget_not_zero().map(MmWithUser::into_mmput_async);
        }
        self.get()
    }

    /// Takes part in the memory that the process has now to which a thread of `ns` with this ID
    /// belongs.
    ///
    /// Context: process context, may sleep.
    pub(crate) fn process(&mut self, pid: Pid, ns: &PidNamespace) -> Result<&MmWithUser, Refusal> {
        let still = |kept: &MmWithUser| {
            let rcu = rcu::read_lock();
            find_by_pid(pid, ns, &rcu).is_some_and(|task| is_mm_of(kept, task))
        };
        if !self.keep(still) {
            let exited = {
                let rcu = rcu::read_lock();
                let task = find_by_pid(pid, ns, &rcu).ok_or(Refusal::NoProcess)?;
                if task.is_kernel_thread() {
                    return Err(Refusal::KernelThread);
                }
                self.mm = task_mm(task);
                self.mm.is_none().then(|| ARef::from(task))
            };
            // A thread that has exited may have any number of others.
            if let Some(task) = exited {
                self.mm = process_mm(&task);
            }
        }
        self.get()
    }
}
