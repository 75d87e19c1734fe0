// SPDX-License-Identifier: GPL-2.0

//! Counters that a process shares with those that it forks.

use crate::prelude::*;

/// Makes counters, all 0, that stay with this process and its children.
pub fn counters(count: usize) -> io::Result<&'static [AtomicU64]> {
    let len = (count * 8).next_multiple_of(PAGE);
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    let area = Area::map(0, len, prot, libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1)?;
    // SAFETY: the area is new, zeroed, aligned to a page, has room for the
    // counters and is never unmapped; all processes use them as atomics.
    Ok(unsafe { std::slice::from_raw_parts(area.start as *const AtomicU64, count) })
}
