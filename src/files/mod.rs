// SPDX-License-Identifier: GPL-2.0

//! The files that users see, a module each.
#![deny(unsafe_code)]

pub(crate) mod extents;
pub(crate) mod heapmax;
pub(crate) mod kmem;
pub(crate) mod kstack;
pub(crate) mod layout;
pub(crate) mod page;
pub(crate) mod rmap;
pub(crate) mod tables;
pub(crate) mod tasks;
pub(crate) mod vm;
pub(crate) mod vmas;
pub(crate) mod walk;
pub(crate) mod walk_slot;
