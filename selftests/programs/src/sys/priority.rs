// SPDX-License-Identifier: GPL-2.0

//! Who runs first.

use crate::prelude::*;

/// Has this process, and threads that it starts, run before others; for root.
pub fn raise_priority() -> io::Result<()> {
    // SAFETY: the call takes only numbers.
    check(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -15) }).map(drop)
}

/// Has this process run on one processor only.
pub fn run_on(cpu: usize) -> io::Result<()> {
    // SAFETY: an all-zero set is a valid value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set has room for this number, which `CPU_SET` checks; the
    // call only reads it.
    unsafe {
        libc::CPU_SET(cpu, &mut set);
        check(libc::sched_setaffinity(0, size_of_val(&set), &set)).map(drop)
    }
}
