// SPDX-License-Identifier: GPL-2.0

//! Who runs first.

use std::io;

use super::check;

/// Has this process, and threads that it starts, run before others; for root.
pub fn raise_priority() -> io::Result<()> {
    // SAFETY: the call takes only numbers.
    check(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -15) }).map(drop)
}
