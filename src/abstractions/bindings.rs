// SPDX-License-Identifier: GPL-2.0

//! Declarations that the kernel's own bindings lack: procfs, and `src/helpers/helpers.h`.

pub(super) use kernel::bindings::*;

use crate::model::{
    addr::Pfn,
    frame::{
        FolioRun,
        Frame,
        Run, //
    },
    pgtable::{
        Entry,
        Paging, //
    },
    rows::MmStat, //
};
use kernel::prelude::*;

/// Mirrors `struct proc_ops`; `src/helpers/helpers.c` asserts that the offsets agree.
///
/// `__randomize_layout` changes nothing: Rust support excludes RANDSTRUCT.
#[derive(Zeroable)]
#[repr(C)]
pub(super) struct proc_ops {
    pub(super) proc_flags: c_uint,
    pub(super) proc_open: Option<unsafe extern "C" fn(*mut inode, *mut file) -> c_int>,
    pub(super) proc_read:
        Option<unsafe extern "C" fn(*mut file, *mut c_char, usize, *mut loff_t) -> isize>,
    pub(super) proc_read_iter: Option<unsafe extern "C" fn(*mut kiocb, *mut iov_iter) -> isize>,
    pub(super) proc_write:
        Option<unsafe extern "C" fn(*mut file, *const c_char, usize, *mut loff_t) -> isize>,
    pub(super) proc_lseek: Option<unsafe extern "C" fn(*mut file, loff_t, c_int) -> loff_t>,
    pub(super) proc_release: Option<unsafe extern "C" fn(*mut inode, *mut file) -> c_int>,
    pub(super) proc_poll:
        Option<unsafe extern "C" fn(*mut file, *mut poll_table_struct) -> __poll_t>,
    pub(super) proc_ioctl: Option<unsafe extern "C" fn(*mut file, c_uint, c_ulong) -> c_long>,
    #[cfg(CONFIG_COMPAT)]
    pub(super) proc_compat_ioctl:
        Option<unsafe extern "C" fn(*mut file, c_uint, c_ulong) -> c_long>,
    pub(super) proc_mmap: Option<unsafe extern "C" fn(*mut file, *mut vm_area_struct) -> c_int>,
    pub(super) proc_get_unmapped_area:
        Option<unsafe extern "C" fn(*mut file, c_ulong, c_ulong, c_ulong, c_ulong) -> c_ulong>,
}

/// No physical address; as in `src/helpers/helpers.h`.
pub(super) const MEMINTRO_NO_PA: u64 = u64::MAX;

/// No symbol has a longer text; as in `src/helpers/helpers.h`.
pub(super) const MEMINTRO_SYMBOL_MAX: usize = 768;

/// Mirrors `struct memintro_view`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub(super) struct memintro_view {
    pub(super) hugetlb_shift: u8,
    pub(super) hugetlb_level: u8,
    pub(super) special_is_zero: bool,
}

/// Mirrors `struct memintro_paging`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub(super) struct memintro_paging {
    pub(super) shift: [u8; 5],
    pub(super) entries: [u16; 5],
    pub(super) top: u8,
    pub(super) user_bits: u8,
    pub(super) kernel_bits: u8,
}

/// Mirrors `struct memintro_window`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct memintro_window {
    pub(super) name: *const c_char,
    pub(super) start: u64,
    pub(super) last: u64,
}

impl Default for memintro_window {
    /// An empty one.
    fn default() -> Self {
        memintro_window {
            name: core::ptr::null(),
            start: 1,
            last: 0,
        }
    }
}

/// Mirrors `struct memintro_vma_source`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(super) struct memintro_vma_source {
    pub(super) ino: u64,
    pub(super) pgoff: u64,
    pub(super) dev: u32,
    pub(super) generation: u32,
}

/// Mirrors `struct memintro_way`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct memintro_way {
    pub(super) table: *const c_void,
    pub(super) level: u32,
    pub(super) perm: u32,
}

/// Mirrors `struct memintro_path`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct memintro_path {
    pub(super) entry: [Entry; 5],
    pub(super) at: [*const c_void; 5],
}

/// Mirrors `struct memintro_area`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct memintro_area {
    pub(super) va: u64,
    pub(super) size: u64,
}

const _: () = {
    assert!(size_of::<Entry>() == 24);
    assert!(core::mem::offset_of!(Entry, flags) == 16);
    assert!(core::mem::offset_of!(Entry, raw_kind) == 20);
    assert!(core::mem::offset_of!(Entry, page_shift) == 21);
    assert!(core::mem::offset_of!(Entry, swap_type) == 22);
    assert!(size_of::<MmStat>() == 64);
    assert!(size_of::<Frame>() == 64);
    assert!(core::mem::offset_of!(Frame, traits) == 48);
    assert!(core::mem::offset_of!(Frame, order) == 60);
    assert!(size_of::<Run>() == 16);
    assert!(size_of::<FolioRun>() == 16);
    assert!(size_of::<memintro_view>() == 3);
    assert!(size_of::<memintro_paging>() == 20);
    assert!(core::mem::offset_of!(Paging, shift) == 0);
    assert!(core::mem::offset_of!(Paging, entries) == 6);
    assert!(size_of::<memintro_way>() == 16);
    assert!(size_of::<memintro_path>() == 160);
    assert!(size_of::<proc_ops>() == if cfg!(CONFIG_COMPAT) { 96 } else { 88 });
};

#[allow(
    improper_ctypes,
    reason = "without lockdep, struct lock_class_key is empty in C too"
)]
unsafe extern "C" {
    pub(super) fn proc_mkdir(
        name: *const c_char,
        parent: *mut proc_dir_entry,
    ) -> *mut proc_dir_entry;
    pub(super) fn proc_create_data(
        name: *const c_char,
        mode: umode_t,
        parent: *mut proc_dir_entry,
        ops: *const proc_ops,
        data: *mut c_void,
    ) -> *mut proc_dir_entry;
    pub(super) fn proc_remove(entry: *mut proc_dir_entry);

    pub(super) fn memintro_paging(paging: *mut memintro_paging);
    pub(super) fn memintro_view(vma: *mut vm_area_struct, view: *mut memintro_view);
    pub(super) fn memintro_empty_entries(
        level: c_uint,
        table: *const c_void,
        first: c_uint,
        count: c_uint,
    ) -> c_uint;
    pub(super) fn memintro_read_entries(
        view: *const memintro_view,
        level: c_uint,
        table: *const c_void,
        first: c_uint,
        count: c_uint,
        entries: *mut Entry,
    ) -> c_uint;
    pub(super) fn memintro_read_entry(
        view: *const memintro_view,
        level: c_uint,
        table: *const c_void,
        index: c_uint,
        entry: *mut Entry,
    ) -> *const c_void;
    pub(super) fn memintro_descend(
        view: *const memintro_view,
        shape: *const Paging,
        va: u64,
        way: *mut memintro_way,
    );
    pub(super) fn memintro_walk(
        view: *const memintro_view,
        shape: *const Paging,
        va: u64,
        way: *mut memintro_way,
        path: *mut memintro_path,
        entry: *mut Entry,
    ) -> bool;
    pub(super) fn memintro_read_value(level: c_uint, table: *const c_void, index: c_uint) -> u64;
    pub(super) fn memintro_points_to(
        table: *const c_void,
        first: c_uint,
        count: c_uint,
        pfn: Pfn,
    ) -> bool;
    pub(super) fn memintro_read_kernel_entries(
        level: c_uint,
        table: *const c_void,
        first: c_uint,
        count: c_uint,
        entries: *mut Entry,
    );
    pub(super) safe fn memintro_kernel_table_at(pa: u64) -> *mut c_void;
    pub(super) safe fn memintro_kernel_pgd() -> *mut c_void;
    pub(super) safe fn memintro_pa_linear(va: u64) -> u64;
    pub(super) safe fn memintro_region(va: u64, pa: u64) -> *const c_char;

    pub(super) fn memintro_windows(to: *mut memintro_window, room: c_uint);
    pub(super) fn memintro_image(text: *mut u64, data: *mut u64);
    pub(super) fn memintro_symbol(va: u64, text: *mut u8) -> c_uint;

    pub(super) safe fn memintro_watch_memory() -> c_int;
    pub(super) safe fn memintro_unwatch_memory();
    pub(super) fn memintro_read_page(pfn: u64, to: *mut Frame) -> bool;
    pub(super) fn memintro_count_pages(pfn: u64, last: u64, runs: *mut Run, room: c_uint)
        -> c_uint;
    pub(super) safe fn memintro_node_ids() -> c_uint;
    pub(super) fn memintro_count_folios(
        pfn: u64,
        last: u64,
        runs: *mut FolioRun,
        room: c_uint,
    ) -> c_uint;
    pub(super) fn memintro_folios_behind(
        entries: *const Entry,
        count: c_uint,
        runs: *mut FolioRun,
        room: c_uint,
    ) -> c_uint;

    pub(super) safe fn memintro_untagged_addr(va: u64) -> u64;
    pub(super) fn memintro_mm_stat(mm: *mut mm_struct, stat: *mut MmStat);
    pub(super) fn memintro_vma_source(vma: *const vm_area_struct, source: *mut memintro_vma_source);
    pub(super) fn memintro_vma_name(vma: *mut vm_area_struct, name: *mut u8, size: usize) -> usize;
    pub(super) fn memintro_own_memory(module: *mut module, areas: *mut memintro_area);

    pub(super) fn memintro_next_thread(
        process: *mut task_struct,
        thread: *mut task_struct,
    ) -> *mut task_struct;
    pub(super) fn memintro_task_state(task: *mut task_struct) -> u8;
    pub(super) fn memintro_task_comm(task: *mut task_struct, comm: *mut u8);
    pub(super) fn memintro_task_ppid(task: *mut task_struct, ns: *mut pid_namespace) -> pid_t;
    pub(super) fn memintro_task_lock(task: *mut task_struct);
    pub(super) fn memintro_task_unlock(task: *mut task_struct);
    pub(super) fn memintro_task_sp(task: *const task_struct) -> c_ulong;
    pub(super) fn memintro_task_on_cpu(task: *const task_struct) -> bool;
    pub(super) safe fn memintro_thread_size() -> c_ulong;

    pub(super) fn memintro_pde_data(file: *const file) -> *const c_void;
    pub(super) fn memintro_proc_pid_ns(file: *const file) -> *mut pid_namespace;
    pub(super) fn memintro_file_is_readable(file: *const file) -> bool;
    pub(super) safe fn memintro_kptr_restricted() -> bool;
    pub(super) safe fn memintro_cond_resched();
    pub(super) safe fn memintro_fatal_signal_pending() -> bool;
    #[cfg(before_7_3)]
    pub(super) safe fn memintro_local_irq_save() -> c_ulong;
    #[cfg(before_7_3)]
    pub(super) fn memintro_local_irq_restore(flags: c_ulong);
}
