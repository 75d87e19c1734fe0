// SPDX-License-Identifier: GPL-2.0

//! Memory of the module's own.

use super::{
    bindings,
    pgtable::untagged_addr, //
};
use kernel::prelude::*;

/// A piece of memory: where it begins, and its size in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    /// The address of the first byte, without a tag: one that the page tables know.
    pub(crate) va: u64,
    /// The size in bytes.
    pub(crate) size: u64,
}

impl Piece {
    /// Returns where a slice is.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        // CAST: addresses and sizes have 64 bits.
        Piece {
            va: untagged_addr(bytes.as_ptr().addr() as u64),
            size: bytes.len() as u64,
        }
    }
}

/// Memory that the module has without having allocated it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own {
    /// The module's code.
    pub(crate) text: Piece,
    /// The module's writable data.
    pub(crate) data: Piece,
    /// A per-cpu variable of the module, that of the first CPU.
    pub(crate) percpu: Piece,
    /// The kernel stack of the current task.
    pub(crate) stack: Piece,
}

/// Returns where the module's own memory is.
pub(crate) fn own(module: &'static ThisModule) -> Own {
    let mut raw = core::mem::MaybeUninit::<bindings::memintro_own_memory>::uninit();
    // SAFETY: The module is this one: its description stays while its code runs, and its memory was
    // laid out before. The function initialises all of the structure.
    let raw = unsafe {
        bindings::memintro_own_memory(module.as_ptr(), raw.as_mut_ptr());
        raw.assume_init()
    };
    // CAST: addresses have 64 bits.
    let piece = |start: *const c_void, size| Piece {
        va: untagged_addr(start.addr() as u64),
        size,
    };
    Own {
        text: piece(raw.text, raw.text_size),
        data: piece(raw.data, raw.data_size),
        percpu: piece(raw.percpu, raw.percpu_size),
        stack: piece(raw.stack, raw.stack_size),
    }
}
