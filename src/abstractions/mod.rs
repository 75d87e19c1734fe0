// SPDX-License-Identifier: GPL-2.0

//! What `rust/kernel` does not have yet.
//!
//! All unsafe code of memintro is below this module. Each file is named and shaped like those of
//! `rust/kernel`, so that it can go there.

pub(crate) mod bindings;
pub(crate) mod compat;
pub(crate) mod file;
pub(crate) mod kernel_pgtable;
pub(crate) mod layout;
pub(crate) mod mm;
pub(crate) mod own;
pub(crate) mod page;
pub(crate) mod pgtable;
pub(crate) mod pgtable_step;
pub(crate) mod proc_fs;
pub(crate) mod security;
pub(crate) mod sysfs;
pub(crate) mod task;
pub(crate) mod vma;
