// SPDX-License-Identifier: GPL-2.0

//! Address spaces of other processes.
//!
//! C headers: [`include/linux/mm.h`](srctree/include/linux/mm.h),
//! [`include/linux/sched/mm.h`](srctree/include/linux/sched/mm.h)

use super::{
    bindings,
    task::TaskExt, //
};
use crate::model::vmas::Perm;
use core::ptr::NonNull;
use kernel::{
    mm::{
        virt::{
            flags,
            VmaRef, //
        },
        MmWithUser, //
    },
    prelude::*,
    sync::{
        aref::ARef,
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
/// Context: any but hard interrupts. Dropping what is returned may sleep.
#[doc(alias = "get_task_mm")]
pub(crate) fn process_mm(task: &Task) -> Option<ARef<MmWithUser>> {
    if task.is_kernel_thread() {
        return None;
    }
    let mm_of = |task: &Task| {
        // SAFETY: The task is valid. The function takes its lock, and a reference to its mm.
        let mm = NonNull::new(unsafe { bindings::get_task_mm(task.as_ptr()) })?;
        // CAST: `MmWithUser` is a transparent wrapper of `struct mm_struct`.
        // SAFETY: `get_task_mm` has incremented `mm_users`; the reference takes that over.
        Some(unsafe { ARef::from_raw(mm.cast()) })
    };
    mm_of(task).or_else(|| {
        let rcu = rcu::read_lock();
        let mm = threads(task, &rcu).find_map(mm_of);
        mm
    })
}

/// Returns whether `mm` is the address space of this task now.
pub(crate) fn is_mm_of(mm: &MmWithUser, task: &Task) -> bool {
    // SAFETY: The task is valid. It may change the field meanwhile, so the load must not be split
    // or repeated: volatile, as READ_ONCE() in C. What it points at is not looked at; that nobody
    // else has this address is ensured by the count of users behind `mm`.
    let its = unsafe { (&raw const (*task.as_ptr()).mm).read_volatile() };
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

    /// Takes the mmap lock for reading.
    ///
    /// # Errors
    ///
    /// `EINTR` when the current task is killed while it waits.
    fn mmap_read_lock_killable(&self) -> Result<MmapReadGuard<'_>>;

    /// Returns what the address space amounts to, from exact counters.
    fn stat(&self) -> MmStat;

    /// Calls `read` with the first mapping that ends after `va`, locked for reading: by its own
    /// lock if that is free, else by the mmap lock.
    ///
    /// Returns `None` where there is no such mapping.
    ///
    /// Context: may sleep; `read` must not wait for other processes.
    ///
    /// # Errors
    ///
    /// `EINTR` when the current task is killed while it waits.
    #[doc(alias = "find_vma")]
    fn with_vma_from<R>(&self, va: usize, read: impl FnOnce(&VmaRef) -> R) -> Result<Option<R>>;
}

impl MmExt for MmWithUser {
    fn heap_size(&self) -> u64 {
        let mm = self.as_raw();
        // SAFETY: The mm is valid. brk() and prctl() may write the fields meanwhile, so the loads
        // must not be split or repeated: volatile, as READ_ONCE() in C.
        let (brk, start) = unsafe {
            (
                (&raw const (*mm).__bindgen_anon_1.brk).read_volatile(),
                (&raw const (*mm).__bindgen_anon_1.start_brk).read_volatile(),
            )
        };
        // CAST: both have 64 bits.
        brk.saturating_sub(start) as u64
    }

    fn mmap_read_lock_killable(&self) -> Result<MmapReadGuard<'_>> {
        // SAFETY: The mm is valid by the count of users behind `self`.
        kernel::error::to_result(unsafe {
            bindings::memintro_mmap_read_lock_killable(self.as_raw())
        })?;
        // INVARIANT: The lock was just taken.
        Ok(MmapReadGuard {
            mm: self,
            _not_send: NotThreadSafe,
        })
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

    fn with_vma_from<R>(&self, va: usize, read: impl FnOnce(&VmaRef) -> R) -> Result<Option<R>> {
        if let Some(vma) = self.lock_vma_under_rcu(va) {
            return Ok(Some(read(&vma)));
        }
        let guard = self.mmap_read_lock_killable()?;
        Ok(guard.find_vma(va).map(read))
    }
}

/// The mmap lock of an address space, held for reading.
///
/// As [`kernel::mm::MmapReadGuard`], which has no killable constructor.
///
/// # Invariants
///
/// The current thread holds the lock.
pub(crate) struct MmapReadGuard<'a> {
    mm: &'a MmWithUser,
    _not_send: NotThreadSafe,
}

impl MmapReadGuard<'_> {
    /// Returns the first mapping that ends after `va`.
    pub(crate) fn find_vma(&self, va: usize) -> Option<&VmaRef> {
        // SAFETY: The mm is valid and its lock is held by the type invariant.
        let vma = NonNull::new(unsafe { bindings::find_vma(self.mm.as_raw(), va) })?;
        // SAFETY: Mappings leave the tree with the mmap lock held for writing, and are freed after
        // that; the reference borrows from the guard.
        Some(unsafe { VmaRef::from_raw(vma.as_ptr()) })
    }
}

impl Drop for MmapReadGuard<'_> {
    fn drop(&mut self) {
        // SAFETY: The lock is held by the type invariant.
        unsafe { bindings::mmap_read_unlock(self.mm.as_raw()) };
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

/// The longest name of a mapping, in bytes.
pub(crate) const VMA_NAME_MAX: usize = bindings::PATH_MAX as usize;

/// What can be read from a mapping that is locked for reading.
pub(crate) trait VmaExt {
    /// Returns what the mapping allows.
    fn perm(&self) -> Perm;

    /// Writes the name that `/proc/PID/maps` shows, and returns it.
    #[doc(alias = "get_vma_name")]
    fn name<'a>(&self, buffer: &'a mut [u8]) -> &'a [u8];
}

impl VmaExt for VmaRef {
    fn perm(&self) -> Perm {
        let flags = self.flags();
        Perm {
            read: flags & flags::READ != 0,
            write: flags & flags::WRITE != 0,
            exec: flags & flags::EXEC != 0,
            shared: flags & flags::MAYSHARE != 0,
        }
    }

    fn name<'a>(&self, buffer: &'a mut [u8]) -> &'a [u8] {
        // SAFETY: A `&VmaRef` exists under a lock of the mapping only. That keeps its file, its
        // operations and its name: all are changed with the lock held for writing, and put by
        // remove_vma() after that. The buffer has the size that is passed.
        let length = unsafe {
            bindings::memintro_vma_name(self.as_ptr(), buffer.as_mut_ptr(), buffer.len())
        };
        buffer.get(..length).unwrap_or(&[])
    }
}
