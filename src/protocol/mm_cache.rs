// SPDX-License-Identifier: GPL-2.0

//! The address space that was used last.
//!
//! To find an address space and to take a reference to its users costs more than a walk in it.
//! Questions side by side are mostly about the same process, and long answers take many steps: so a
//! read keeps the address space of the last step for the next.

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

/// How often an address space is used before its reference is given up.
///
/// The memory of a process that ends meanwhile is freed only then. Each use reads a table or two.
const USES: u32 = 64;

/// A cache of one address space.
///
/// It holds a reference in `mm_users`: whoever has one must not wait, neither for the reader, as
/// copying to its memory may, nor for the process: either can take for ever, and meanwhile the
/// memory of a process that is killed could not be freed.
pub(crate) struct MmCache {
    mm: Option<ARef<MmWithUserAsync>>,
    /// How many more times `mm` is used.
    uses: u32,
}

impl MmCache {
    /// Begins without an address space.
    pub(crate) const fn new() -> Self {
        MmCache { mm: None, uses: 0 }
    }

    /// Gives up the reference.
    pub(crate) fn clear(&mut self) {
        self.mm = None;
    }

    /// Returns the address space.
    fn get(&self) -> Result<&MmWithUser, Refusal> {
        self.mm.as_deref().map(|mm| &**mm).ok_or(Refusal::NoMemory)
    }

    /// Keeps the address space for one more use if `is_it`; else gives it up.
    fn keep(&mut self, is_it: impl FnOnce(&MmWithUser) -> bool) -> bool {
        let keep = self.uses > 0 && self.get().is_ok_and(is_it);
        if keep {
            self.uses -= 1;
        } else {
            self.clear();
            self.uses = USES - 1;
        }
        keep
    }

    /// Returns an address space, unless all its users have given it up.
    #[doc(alias = "mmget_not_zero")]
    pub(crate) fn users_of(&mut self, mm: &Mm) -> Result<&MmWithUser, Refusal> {
        if !self.keep(|kept| kept.as_raw() == mm.as_raw()) {
            self.mm = mm.mmget_not_zero().map(MmWithUser::into_mmput_async);
        }
        self.get()
    }

    /// Returns the address space that the process has now to which a thread of `ns` with this ID
    /// belongs.
    ///
    /// Context: process context, may sleep.
    pub(crate) fn of_process(
        &mut self,
        pid: Pid,
        ns: &PidNamespace,
    ) -> Result<&MmWithUser, Refusal> {
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
