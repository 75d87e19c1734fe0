// SPDX-License-Identifier: GPL-2.0

//! Address spaces of other processes.
//!
//! C headers: [`include/linux/mm.h`](srctree/include/linux/mm.h),
//! [`include/linux/sched/mm.h`](srctree/include/linux/sched/mm.h)

use super::{
    bindings,
    task::TaskExt, //
};
use core::ptr::NonNull;
use kernel::{
    mm::{
        MmWithUser,
        MmWithUserAsync, //
    },
    sync::{
        aref::ARef,
        atomic::{
            atomic_load,
            Relaxed, //
        },
        rcu, //
    },
    task::Task,
    types::NotThreadSafe,
};

/// The threads of a process, its leader first.
fn threads<'rcu>(
    process: &'rcu Task,
    _rcu: &'rcu rcu::Guard,
) -> impl Iterator<Item = &'rcu Task> + use<'rcu> {
    let mut last = core::ptr::null_mut();
    core::iter::from_fn(move || {
        // SAFETY: The process is valid, and so is its `signal` with the list of threads, which is
        // freed only with it; `last` is NULL or a thread of it. A thread that exits leaves the list
        // by list_del_rcu(), so RCU keeps it, and its way on, until the guard is dropped.
        last = unsafe { bindings::memintro_next_thread(process.as_ptr(), last) };
        // CAST: `Task` is a transparent wrapper of `struct task_struct`.
        // SAFETY: As above; the reference lives no longer than the guard.
        NonNull::new(last).map(|thread| unsafe { thread.cast().as_ref() })
    })
}

/// Returns the address space of the process that `task` belongs to.
///
/// A leader that has exited has none, although its process lives on in other threads; theirs
/// counts. `None` for kernel threads and for processes that have given their memory back.
///
/// Should its other users go meanwhile, a kernel worker takes it down, not whoever drops it: that
/// takes as long as the memory is large, and waits for I/O.
///
/// Context: any but hard interrupts.
#[doc(alias = "get_task_mm")]
pub(crate) fn process_mm(task: &Task) -> Option<ARef<MmWithUserAsync>> {
    if task.is_kernel_thread() {
        return None;
    }
    let mm_of = |task: &Task| {
        // SAFETY: The task is valid. The function takes its lock, and a reference to its mm.
        let mm = NonNull::new(unsafe { bindings::get_task_mm(task.as_ptr()) })?;
        // CAST: `MmWithUser` is a transparent wrapper of `struct mm_struct`.
        // SAFETY: `get_task_mm` has incremented `mm_users`; the reference takes that over.
        Some(MmWithUser::into_mmput_async(unsafe {
            ARef::from_raw(mm.cast())
        }))
    };
    mm_of(task).or_else(|| {
        let rcu = rcu::read_lock();
        let mm = threads(task, &rcu).find_map(mm_of);
        mm
    })
}

/// Returns whether `mm` is the address space of this task now.
pub(crate) fn is_mm_of(mm: &MmWithUser, task: &Task) -> bool {
    // SAFETY: The task is valid. It may change the field meanwhile, so the load is atomic, as
    // READ_ONCE() in C. What it points at is not looked at; that nobody else has this address is
    // ensured by the count of users behind `mm`.
    let its = unsafe { atomic_load(&raw mut (*task.as_ptr()).mm, Relaxed) };
    // A kernel thread may borrow one.
    its == mm.as_raw() && !task.is_kernel_thread()
}

/// Calls `read` with the address space of a process, if it has one, without taking a reference.
///
/// Context: any but hard interrupts; `read` runs under a spinlock and must not sleep.
pub(crate) fn with_process_mm<R>(
    process: &Task,
    rcu: &rcu::Guard,
    read: impl FnOnce(&MmWithUser) -> R,
) -> Option<R> {
    if process.is_kernel_thread() {
        return None;
    }
    let mut read = Some(read);
    threads(process, rcu).find_map(|thread| {
        let locked = TaskLock::new(thread);
        let mm = locked.mm()?;
        read.take().map(|read| read(mm))
    })
}

/// The lock of a task's `mm` and a few other fields (`task_lock()`), held.
///
/// # Invariants
///
/// The lock of the task is held by the current thread.
struct TaskLock<'a>(&'a Task, NotThreadSafe);

impl<'a> TaskLock<'a> {
    fn new(task: &'a Task) -> Self {
        // SAFETY: The task is valid.
        unsafe { bindings::memintro_task_lock(task.as_ptr()) };
        // INVARIANT: The lock was just taken.
        TaskLock(task, NotThreadSafe)
    }

    fn mm(&self) -> Option<&MmWithUser> {
        // SAFETY: `mm` is changed under the task's lock only, which is held.
        let mm = NonNull::new(unsafe { (*self.0.as_ptr()).mm })?;
        // SAFETY: The task's own reference in `mm_users` is given up only after `mm` was set to
        // NULL under the lock (exit_mm(), exec_mmap()); the returned reference ends with the lock.
        Some(unsafe { MmWithUser::from_raw(mm.as_ptr()) })
    }
}

impl Drop for TaskLock<'_> {
    fn drop(&mut self) {
        // SAFETY: The lock is held by the type invariant.
        unsafe { bindings::memintro_task_unlock(self.0.as_ptr()) };
    }
}

/// What can be read from an address space without its locks.
pub(crate) trait MmExt {
    /// Returns the size of the heap, `brk - start_brk`, in bytes.
    ///
    /// 0 for a pair that is being changed and does not fit together.
    fn heap_size(&self) -> u64;

    /// Returns what the address space amounts to, from exact counters.
    fn stat(&self) -> MmStat;
}

impl MmExt for MmWithUser {
    fn heap_size(&self) -> u64 {
        let mm = self.as_raw();
        // SAFETY: The mm is valid. brk() and prctl() may write the fields meanwhile, so the loads
        // are atomic, as READ_ONCE() in C.
        let (brk, start) = unsafe {
            (
                atomic_load(&raw mut (*mm).__bindgen_anon_1.brk, Relaxed),
                atomic_load(&raw mut (*mm).__bindgen_anon_1.start_brk, Relaxed),
            )
        };
        // CAST: both have 64 bits.
        brk.saturating_sub(start) as u64
    }

    fn stat(&self) -> MmStat {
        let mut stat = bindings::memintro_mm_stat::default();
        // SAFETY: The mm is valid by the count of users behind `self`, and with it its counters,
        // which __mmdrop() frees; the structure may be written.
        unsafe { bindings::memintro_mm_stat(self.as_raw(), &mut stat) };
        MmStat {
            total_vm: stat.total_vm,
            anon: stat.anon,
            file: stat.file,
            shmem: stat.shmem,
            swap: stat.swap,
            hugetlb: stat.hugetlb,
            page_tables: stat.pgtables,
            mappings: stat.map_count,
        }
    }
}

/// What an address space amounts to: bytes, but for the number of mappings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MmStat {
    /// The size of all mappings.
    pub(crate) total_vm: u64,
    /// Resident anonymous memory.
    pub(crate) anon: u64,
    /// Resident memory of files.
    pub(crate) file: u64,
    /// Resident shared memory.
    pub(crate) shmem: u64,
    /// Anonymous memory in swap.
    pub(crate) swap: u64,
    /// hugetlb memory.
    pub(crate) hugetlb: u64,
    /// The page tables themselves.
    pub(crate) page_tables: u64,
    /// How many mappings there are.
    pub(crate) mappings: u64,
}
