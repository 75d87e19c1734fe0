// SPDX-License-Identifier: GPL-2.0

//! Tasks: finding them, and what can be read from one that is not the current one.
//!
//! C headers: [`include/linux/sched.h`](srctree/include/linux/sched.h),
//! [`include/linux/pid.h`](srctree/include/linux/pid.h)

use super::{
    bindings,
    pgtable::untagged_addr, //
};
use crate::model::addr::VirtAddr;
use core::ptr::NonNull;
use kernel::{
    cred::Credential,
    pid_namespace::PidNamespace,
    sync::{
        atomic::{
            atomic_load,
            Relaxed, //
        },
        rcu, //
    },
    task::{
        Pid,
        Task, //
    },
};

/// The size of a task's name, its final NUL included.
pub(crate) const TASK_COMM_LEN: usize = bindings::TASK_COMM_LEN as usize;

/// Returns the PID namespace that contains all others.
#[inline]
pub(crate) fn init_pid_ns() -> &'static PidNamespace {
    // SAFETY: The namespace is static data of the kernel, and never freed.
    unsafe { PidNamespace::from_ptr(&raw const bindings::init_pid_ns) }
}

/// What a PID is looked up as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum PidType {
    /// Any thread.
    Thread = bindings::pid_type_PIDTYPE_PID,
    /// The leader of a thread group: a process.
    Process = bindings::pid_type_PIDTYPE_TGID,
}

/// Returns the task that has `pid` as its ID of this type.
///
/// # Safety
///
/// `pid` must be NULL or valid for the duration of the guard.
#[inline]
unsafe fn pid_task(pid: *mut bindings::pid, pid_type: PidType, _rcu: &rcu::Guard) -> Option<&Task> {
    // SAFETY: The caller promises that `pid` is NULL or valid.
    let task = NonNull::new(unsafe { bindings::pid_task(pid, pid_type as bindings::pid_type) })?;
    // CAST: `Task` is a transparent wrapper of `struct task_struct`.
    // SAFETY: A task that is attached to its PID inside an RCU read-side critical section has a
    // usage count above zero, and is not freed, before the section ends: release_task() gives its
    // count up through call_rcu() (put_task_struct_rcu_user()). `&Task` lives no longer than the
    // guard.
    Some(unsafe { task.cast().as_ref() })
}

/// Finds the task with an ID in a PID namespace.
///
/// # Examples
///
/// ```
/// use crate::abstractions::task::{find_by_pid, init_pid_ns, TaskExt};
/// use kernel::{sync::{aref::ARef, rcu}, task::Task};
///
/// let rcu = rcu::read_lock();
/// if let Some(task) = find_by_pid(1, init_pid_ns(), &rcu) {
///     pr_info!("init has {} threads\n", task.threads());
///     // To keep it for longer than the guard:
///     let _task: ARef<Task> = task.into();
/// }
/// ```
#[doc(alias = "find_task_by_pid_ns")]
#[inline]
pub(crate) fn find_by_pid<'rcu>(
    pid: Pid,
    ns: &PidNamespace,
    rcu: &'rcu rcu::Guard,
) -> Option<&'rcu Task> {
    // SAFETY: The namespace is valid, and the RCU read lock, which the lookup needs, is held. It
    // keeps the `struct pid` valid until the guard is dropped.
    unsafe {
        pid_task(
            bindings::find_pid_ns(pid, ns.as_ptr()),
            PidType::Thread,
            rcu,
        )
    }
}

/// The tasks of a PID namespace, in the order of their IDs.
///
/// A task that has its ID throughout is returned exactly once, whatever others do meanwhile: the
/// position is an ID, not a pointer. A process keeps its ID; a thread that executes a program takes its
/// leader's, and so may be seen twice, by its old and its new ID, or not as itself.
///
/// # Examples
///
/// ```
/// use crate::abstractions::task::{being_killed, init_pid_ns, reschedule, PidType, Tasks};
/// use kernel::{prelude::*, sync::rcu};
///
/// let mut processes = Tasks::new(init_pid_ns(), PidType::Process);
/// let mut count = 0;
/// while let Some((_pid, process)) = processes.next(&rcu::read_lock()) {
///     count += usize::from(process.is_some());
///     if being_killed() {
///         return Err(EINTR);
///     }
///     reschedule();
/// }
/// // From an ID on, and back to one.
/// let mut rest = Tasks::after(init_pid_ns(), PidType::Thread, 1);
/// rest.go_back_to(1);
/// # Ok::<(), Error>(())
/// ```
pub(crate) struct Tasks<'ns> {
    ns: &'ns PidNamespace,
    pid_type: PidType,
    next: Pid,
}

impl<'ns> Tasks<'ns> {
    /// Begins at the lowest ID.
    #[inline]
    pub(crate) fn new(ns: &'ns PidNamespace, pid_type: PidType) -> Self {
        Self::after(ns, pid_type, 0)
    }

    /// Begins after an ID.
    pub(crate) fn after(ns: &'ns PidNamespace, pid_type: PidType, last: Pid) -> Self {
        Tasks {
            ns,
            pid_type,
            // An ID is below PID_MAX_LIMIT, far from overflow.
            next: last.saturating_add(1),
        }
    }

    /// Goes back to an ID that was returned.
    #[inline]
    pub(crate) fn go_back_to(&mut self, pid: Pid) {
        self.next = pid;
    }

    /// Returns the next ID that is in use in the namespace, with the task that has it as one of this
    /// type, if there is one.
    ///
    /// Between two tasks there may be any number of IDs: those of a process's threads, for example.
    /// So the caller decides how many to read in one RCU read-side critical section.
    #[doc(alias = "find_ge_pid")]
    pub(crate) fn next<'rcu>(
        &mut self,
        rcu: &'rcu rcu::Guard,
    ) -> Option<(Pid, Option<&'rcu Task>)> {
        // SAFETY: The namespace is valid, and the RCU read lock, which its table of IDs needs, is
        // held.
        let pid = unsafe { bindings::find_ge_pid(self.next, self.ns.as_ptr()) };
        if pid.is_null() {
            return None;
        }
        // SAFETY: RCU keeps the `struct pid` valid (put_pid() frees it by call_rcu()); it was just
        // found in this namespace.
        let nr = unsafe { bindings::pid_nr_ns(pid, self.ns.as_ptr()) };
        self.next = nr.saturating_add(1);
        // SAFETY: As above.
        Some((nr, unsafe { pid_task(pid, self.pid_type, rcu) }))
    }
}

/// Gives way to other tasks where it is time to.
///
/// Context: process context, may sleep.
#[doc(alias = "cond_resched")]
#[inline]
pub(crate) fn reschedule() {
    bindings::memintro_cond_resched();
}

/// Returns whether the current task is being killed.
#[doc(alias = "fatal_signal_pending")]
#[inline]
pub(crate) fn being_killed() -> bool {
    bindings::memintro_fatal_signal_pending()
}

/// Sleeps for a jiffy, or until a signal comes.
///
/// Context: process context, may sleep.
///
/// # Examples
///
/// ```
/// use crate::abstractions::task::nap;
/// use kernel::{current, prelude::*};
///
/// fn wait_until(mut is_so: impl FnMut() -> bool) -> Result {
///     while !is_so() {
///         nap();
///         if current!().signal_pending() {
///             return Err(ERESTARTSYS);
///         }
///     }
///     Ok(())
/// }
/// ```
#[doc(alias = "schedule_timeout_interruptible")]
#[inline]
pub(crate) fn nap() {
    // SAFETY: An FFI call without requirements but the context.
    unsafe { bindings::schedule_timeout_interruptible(1) };
}

/// What can be read from any task.
///
/// # Examples
///
/// ```
/// use crate::abstractions::task::{init_pid_ns, KernelStack, TaskExt, TASK_COMM_LEN};
/// use kernel::{prelude::*, sync::rcu, task::Task};
///
/// fn show(task: &Task) {
///     let rcu = rcu::read_lock();
///     let comm: [u8; TASK_COMM_LEN] = task.comm();
///     let (state, threads) = (task.state() as char, task.threads());
///     pr_info!("{comm:?} is in state {state}, with {threads} threads\n");
///     pr_info!("a child of {}\n", task.ppid(init_pid_ns()));
///     if !task.is_kernel_thread() {
///         pr_info!("of user {}\n", task.cred(&rcu).euid().into_uid_in_current_ns());
///     }
///     let KernelStack { stack, size, .. } = task.kernel_stack();
///     if let Some(stack) = stack {
///         pr_info!("{size} bytes at {:x}\n", stack.0);
///     }
/// }
/// ```
pub(crate) trait TaskExt {
    /// Returns the task's own name, NUL-padded. It may be torn while the task renames itself.
    #[doc(alias = "get_task_comm")]
    fn comm(&self) -> [u8; TASK_COMM_LEN];

    /// Returns the letter of the task's state.
    #[doc(alias = "task_state_to_char")]
    fn state(&self) -> u8;

    /// Returns whether this is a kernel thread.
    fn is_kernel_thread(&self) -> bool;

    /// Returns the ID of the parent's process in `ns`, 0 if it has none there.
    #[doc(alias = "task_ppid_nr_ns")]
    fn ppid(&self, ns: &PidNamespace) -> Pid;

    /// Returns the number of threads of the task's process.
    #[doc(alias = "get_nr_threads")]
    fn threads(&self) -> u32;

    /// Returns the credentials that the task has now.
    #[doc(alias = "__task_cred")]
    fn cred<'rcu>(&'rcu self, rcu: &'rcu rcu::Guard) -> &'rcu Credential;

    /// Returns the task's kernel stack.
    fn kernel_stack(&self) -> KernelStack;
}

/// Where a task's kernel stack is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KernelStack {
    /// The lowest address; `None` once the stack is freed.
    pub(crate) stack: Option<VirtAddr>,
    /// The stack pointer that was saved when the task last left a CPU; `None` while it is on one.
    pub(crate) sp: Option<VirtAddr>,
    /// The size in bytes.
    pub(crate) size: u64,
}

// A `&Task` is a count that somebody holds, or borrows from the RCU guard under which it was found;
// either keeps the structure (free_task() runs after both). What else a field points to is said at
// its use. Fields that the task itself changes meanwhile are loaded once.
impl TaskExt for Task {
    #[inline]
    fn comm(&self) -> [u8; TASK_COMM_LEN] {
        let mut comm = [0; TASK_COMM_LEN];
        // SAFETY: The task is valid, and its name is part of it; the buffer has the size that is
        // written.
        unsafe { bindings::memintro_task_comm(self.as_ptr(), comm.as_mut_ptr()) };
        comm
    }

    #[inline]
    fn state(&self) -> u8 {
        // SAFETY: The task is valid.
        unsafe { bindings::memintro_task_state(self.as_ptr()) }
    }

    #[inline]
    fn is_kernel_thread(&self) -> bool {
        // SAFETY: The task is valid. Some of its flags change meanwhile, so the load is atomic.
        let flags = unsafe { atomic_load(&raw mut (*self.as_ptr()).flags, Relaxed) };
        flags & bindings::PF_KTHREAD != 0
    }

    #[inline]
    fn ppid(&self, ns: &PidNamespace) -> Pid {
        // SAFETY: The task and the namespace are valid; task_ppid_nr_ns() takes the RCU read lock,
        // which keeps the parent and its IDs.
        unsafe { bindings::memintro_task_ppid(self.as_ptr(), ns.as_ptr()) }
    }

    #[inline]
    fn threads(&self) -> u32 {
        // SAFETY: The task is valid, and its `signal` is freed only with it (free_task()). The count
        // changes meanwhile, so the load is atomic, as READ_ONCE() in C.
        let count = unsafe { atomic_load(&raw mut (*(*self.as_ptr()).signal).nr_threads, Relaxed) };
        count.unsigned_abs()
    }

    #[inline]
    fn cred<'rcu>(&'rcu self, _rcu: &'rcu rcu::Guard) -> &'rcu Credential {
        // SAFETY: The task is valid. It may change the field meanwhile; rcu_dereference() is such a
        // load. The RCU read lock keeps the credentials: put_cred() frees them through RCU.
        unsafe { Credential::from_ptr(atomic_load(&raw mut (*self.as_ptr()).real_cred, Relaxed)) }
    }

    fn kernel_stack(&self) -> KernelStack {
        let task = self.as_ptr();
        // The stack pointer of a task that comes to a CPU or leaves one meanwhile says nothing.
        // SAFETY: The task is valid for these four; only its own fields are read, the stack is not.
        let (ran, sp, runs, stack) = unsafe {
            (
                bindings::memintro_task_on_cpu(task),
                bindings::memintro_task_sp(task),
                bindings::memintro_task_on_cpu(task),
                atomic_load(&raw mut (*task).stack, Relaxed),
            )
        };
        KernelStack {
            // CAST: addresses have 64 bits.
            stack: NonNull::new(stack)
                .map(|stack| untagged_addr(VirtAddr(stack.addr().get() as u64))),
            sp: (!ran && !runs).then_some(untagged_addr(VirtAddr(sp as u64))),
            size: bindings::memintro_thread_size() as u64,
        }
    }
}
