// SPDX-License-Identifier: GPL-2.0

//! Address spaces of other processes.
//!
//! C headers: [`include/linux/mm.h`](srctree/include/linux/mm.h),
//! [`include/linux/sched/mm.h`](srctree/include/linux/sched/mm.h)

use super::{
    bindings,
    task::{
        find_by_pid,
        init_pid_ns,
        reschedule,
        PidType,
        TaskExt,
        Tasks, //
    },
};
use crate::model::rows::MmStat;
use core::ptr::NonNull;
use kernel::{
    mm::{
        MmWithUser,
        MmWithUserAsync, //
    },
    pid_namespace::PidNamespace,
    sync::{
        aref::ARef,
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
    types::NotThreadSafe,
};

/// How many threads of a process are checked in one RCU read-side critical section. Mostly the first
/// has what is searched for, or the second, where the first has exited.
const THREADS: usize = 4;

/// The threads of a process after one of them, or all, its leader first.
fn threads<'rcu>(
    process: &'rcu Task,
    after: Option<&'rcu Task>,
    _rcu: &'rcu rcu::Guard,
) -> impl Iterator<Item = &'rcu Task> + use<'rcu> {
    let mut last = after.map_or(core::ptr::null_mut(), Task::as_ptr);
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

/// A search for the memory of a process, which its threads share.
///
/// A leader that has exited has none, although its process lives on in other threads; theirs
/// counts. A traced process may have any number of exited threads, so the search is done in parts.
#[derive(Clone, Copy)]
struct Search {
    /// The ID of the last thread that was checked, in the initial namespace; 0 for none.
    last: Pid,
    /// How many threads may still be checked: a few more than there were. If the last one is gone
    /// when the search continues, it begins again.
    left: usize,
}

impl Search {
    fn new(process: &Task) -> Self {
        Search {
            last: 0,
            // CAST: a number of threads fits.
            left: 2 * process.threads() as usize + THREADS,
        }
    }

    /// Checks some threads; `mm_of` returns what is wanted from one that has memory.
    ///
    /// `None` while there are more threads.
    fn advance<R>(
        &mut self,
        process: &Task,
        rcu: &rcu::Guard,
        mut mm_of: impl FnMut(&Task) -> Option<R>,
    ) -> Option<Option<R>> {
        let last = find_by_pid(self.last, init_pid_ns(), rcu);
        let last = last.filter(|last| is_same_process(last, process));
        let mut checked = 0;
        for thread in threads(process, last, rcu).take(THREADS) {
            if let Some(found) = mm_of(thread) {
                return Some(Some(found));
            }
            checked += 1;
            self.last = thread.pid();
        }
        self.left = self.left.saturating_sub(checked);
        (checked < THREADS || self.left == 0).then_some(None)
    }
}

/// Returns whether two threads are of one process.
#[inline]
fn is_same_process(one: &Task, other: &Task) -> bool {
    // SAFETY: Both are valid; each has the field from before it has an ID until it is freed.
    unsafe { (*one.as_ptr()).signal == (*other.as_ptr()).signal }
}

/// Takes a reference to the users of a thread's address space, if it has one.
#[doc(alias = "get_task_mm")]
#[inline]
pub(crate) fn task_mm(task: &Task) -> Option<ARef<MmWithUserAsync>> {
    // SAFETY: The task is valid. The function takes its lock, and a reference to its mm.
    let mm = NonNull::new(unsafe { bindings::get_task_mm(task.as_ptr()) })?;
    // CAST: `MmWithUser` is a transparent wrapper of `struct mm_struct`.
    // SAFETY: `get_task_mm` has incremented `mm_users`; the reference takes that over.
    Some(MmWithUser::into_mmput_async(unsafe {
        ARef::from_raw(mm.cast())
    }))
}

/// Takes a reference to the users of the address space of the process that `task` belongs to.
///
/// `None` for kernel threads and for processes without an address space (exiting or zombie).
///
/// If this becomes the last reference, a kernel worker frees the memory, not the task that drops it:
/// that takes as long as the memory is large, and waits for I/O.
///
/// Context: process context, may sleep.
///
/// # Examples
///
/// ```
/// use crate::abstractions::mm::{is_mm_of, process_mm, task_mm};
/// use kernel::task::Task;
///
/// /// Returns whether a thread has the memory of its process: one that has exited has none.
/// fn has_memory(thread: &Task) -> bool {
///     let own = task_mm(thread).is_some();
///     process_mm(thread).is_some_and(|mm| own && is_mm_of(&mm, thread))
/// }
/// ```
pub(crate) fn process_mm(task: &Task) -> Option<ARef<MmWithUserAsync>> {
    if task.is_kernel_thread() {
        return None;
    }
    let mut search = Search::new(task);
    loop {
        if let Some(found) = search.advance(task, &rcu::read_lock(), task_mm) {
            return found;
        }
        reschedule();
    }
}

/// The memory of the processes of a namespace, in the order of their IDs.
///
/// # Examples
///
/// ```
/// use crate::abstractions::{
///     mm::{Memories, MmExt},
///     task::init_pid_ns,
/// };
/// use kernel::sync::rcu;
///
/// let mut memories = Memories::new(init_pid_ns());
/// let rcu = rcu::read_lock();
/// // Where there are thousands of processes, the lock is to be given up now and then.
/// while let Some(next) = memories.next(&rcu, |mm| (mm.heap_size(), mm.stat())) {
///     if let Some((pid, _process, (heap, _stat))) = next {
///         pr_info!("{pid} has a heap of {heap} bytes\n");
///     }
/// }
/// ```
pub(crate) struct Memories<'ns> {
    processes: Tasks<'ns>,
    /// The process whose memory is still searched for.
    search: Option<(Pid, Search)>,
}

impl<'ns> Memories<'ns> {
    /// Begins at the lowest ID.
    pub(crate) fn new(ns: &'ns PidNamespace) -> Self {
        Memories {
            processes: Tasks::new(ns, PidType::Process),
            search: None,
        }
    }

    /// Checks the next ID, or some more threads of the same process; returns `None` after the last.
    ///
    /// Where memory is found, `read` is called with it, without taking a reference, and the process
    /// is returned with what that returned.
    ///
    /// Context: any but hard interrupts; `read` runs under a spinlock and must not sleep.
    pub(crate) fn next<'rcu, R>(
        &mut self,
        rcu: &'rcu rcu::Guard,
        read: impl FnOnce(&MmWithUser) -> R,
    ) -> Option<Option<(Pid, &'rcu Task, R)>> {
        let (pid, process) = self.processes.next(rcu)?;
        let search = self.search.take().filter(|(of, _)| *of == pid);
        let Some(process) = process.filter(|process| !process.is_kernel_thread()) else {
            return Some(None);
        };
        let mut search = search.map_or_else(|| Search::new(process), |(_, search)| search);
        let mut read = Some(read);
        let found = search.advance(process, rcu, |thread| {
            let locked = TaskLock::new(thread);
            let mm = locked.mm()?;
            read.take().map(|read| read(mm))
        });
        if found.is_none() {
            self.processes.go_back_to(pid);
            self.search = Some((pid, search));
        }
        Some(found.flatten().map(|found| (pid, process, found)))
    }
}

/// Returns whether `mm` is the address space of this task now.
#[inline]
pub(crate) fn is_mm_of(mm: &MmWithUser, task: &Task) -> bool {
    // SAFETY: The task is valid. It may change the field meanwhile, so the load is atomic, as
    // READ_ONCE() in C. The pointer is not followed; that no other address space is at this address is
    // ensured by the count of users behind `mm`.
    let its = unsafe { atomic_load(&raw mut (*task.as_ptr()).mm, Relaxed) };
    // A kernel thread may borrow one.
    its == mm.as_raw() && !task.is_kernel_thread()
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

    #[inline]
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
    #[inline]
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

    #[inline]
    fn stat(&self) -> MmStat {
        let mut stat = MmStat::default();
        // SAFETY: The mm is valid by the count of users behind `self`, and with it its counters,
        // which __mmdrop() frees; the structure may be written.
        unsafe { bindings::memintro_mm_stat(self.as_raw(), &mut stat) };
        stat
    }
}
