// SPDX-License-Identifier: GPL-2.0

//! The processor's counter.

use std::{
    io, thread,
    time::{Duration, Instant},
};

/// What the counter says now; 0 where it has no such counter.
#[cfg(target_arch = "x86_64")]
fn counter() -> u64 {
    // SAFETY: every processor of this architecture has the instruction.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(not(target_arch = "x86_64"))]
fn counter() -> u64 {
    0
}

/// The counter and the time, read so close together that nothing came between.
fn both() -> (u64, Instant) {
    let read = || {
        let before = Instant::now();
        let count = counter();
        (before.elapsed(), (count, before))
    };
    let all = (0..100).map(|_| read());
    all.min_by_key(|(took, _)| *took)
        .map_or_else(|| (0, Instant::now()), |(_, both)| both)
}

/// How often it ticks in a millisecond.
pub fn in_a_millisecond() -> io::Result<u64> {
    let (first, begun) = both();
    thread::sleep(Duration::from_millis(50));
    let (last, ended) = both();
    let ticks = u128::from(last.wrapping_sub(first));
    match ticks * 1_000_000 / (ended - begun).as_nanos().max(1) {
        0 => Err(io::Error::other("no counter")),
        count => Ok(count as u64),
    }
}
