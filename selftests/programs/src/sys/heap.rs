// SPDX-License-Identifier: GPL-2.0

//! A heap that is there, so that using it makes no page fault.

use crate::prelude::*;

const LEN: usize = 64 << 20;

/// Grows the heap, keeps it, and locks all memory of this process.
///
/// Where the kernel fails allocations on purpose, none of them is to be a page
/// fault of the program that asks for it.
pub fn settle() -> io::Result<()> {
    // SAFETY: the options take only numbers.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
    }
    drop(std::hint::black_box(vec![1u8; LEN]));
    // SAFETY: the call changes no content.
    check(unsafe { libc::mlockall(libc::MCL_CURRENT) }).map(drop)
}
