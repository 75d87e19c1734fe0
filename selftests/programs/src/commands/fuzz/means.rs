// SPDX-License-Identifier: GPL-2.0

//! What calls are made with: questions, most of them good ones, and other bytes; and io_uring,
//! one request at a time.

use io_uring::{squeue, IoUring};
use std::{io::Cursor, mem::transmute};

use crate::prelude::*;

/// Fills memory with one question or a few, and returns their length.
///
/// Nothing is allocated: the caller may be a child of a process with threads.
pub fn questions(random: &mut Random, memory: &mut [u8]) -> usize {
    let most = random.pick(&[1, 1, 2, 3, 40]);
    let mut to = Cursor::new(&mut *memory);
    for _ in 0..most {
        // What does not fit is cut off.
        let _ = question(random, &mut to);
    }
    let len = to.position() as usize;
    if random.usize(..6) == 0 && len > 0 {
        for _ in 0..1 + random.usize(..4) {
            memory[random.usize(..len)] = random.u64(..) as u8;
        }
    }
    match random.usize(..5) {
        0 => random.usize(..len + 1),
        _ => len,
    }
}

fn question(random: &mut Random, to: &mut impl Write) -> io::Result<()> {
    let (any, own) = (random.u64(..), u64::from(id()));
    let pid = random.pick(&[own, own, own, 1, 2, 0, own + 1, any % 300, any]);
    // The stack is here.
    let near = &raw const any as u64 & !0xfff;
    let (linear, vmalloc) = (0xffff_8880_0000_0000, 0xffff_c900_0000_0000);
    let some = [near, near, any >> 17, any >> 30, any, 0, u64::MAX];
    let [linear, vmalloc] = [linear, vmalloc].map(|start| start | (any >> 34));
    let ends = [0x7fff_ffff_f000, 1 << 47, linear, vmalloc];
    let va = match random.usize(..11) {
        place @ 0..7 => some[place],
        place => ends[place - 7],
    };
    let size = random.u64(..) >> 24;
    let end = va.saturating_add(size >> random.usize(..40));
    // All kernel memory would take minutes.
    let near_end = va.saturating_add(size >> 12);
    let tails = words! { "\n" "\n" " totals\n" " totals\n" " levels\n" "" "  \n" };
    let tail = random.pick(&tails);
    match random.usize(..10) {
        0 => write!(to, "{pid}{tail}"),
        1 | 2 => write!(to, "{pid} {va:#x}{tail}"),
        3 => write!(to, "{pid} {va:#x}-{end:#x}{tail}"),
        4 => write!(to, "kernel {va:#x}-{near_end:#x}{tail}"),
        5 => write!(to, "kernel {va:#x}{tail}"),
        6 => write!(to, "{:#x}{tail}", va & 0xffff_ffff_f000),
        7 => write!(to, "{va:x}-{end:x}{tail}"),
        8 => writeln!(to, "{va:#x}-{end:#x} totals"),
        _ => to.write_all(&[b'1'; 300][..random.usize(..300)]),
    }
}

pub struct Ring(IoUring);

impl Ring {
    /// Makes one; fails where the kernel has none, or has them switched off.
    pub fn new() -> io::Result<Self> {
        IoUring::new(4).map(Self)
    }

    /// Makes one request, of a kind that `what` chooses, waits for it, and returns its result.
    /// Vectors are left out: they could hold any address.
    pub fn call(&mut self, what: usize, fd: i32, at: u64, len: u32, offset: u64, flag: i32) -> i64 {
        // NOP, FSYNC, POLL_ADD, SYNC_FILE_RANGE, FALLOCATE, FADVISE, READ, WRITE. What a poll
        // waits for is always there: POLLIN | POLLOUT.
        let operation = [0, 3, 6, 8, 17, 24, 22, 22, 23, 23][what % 10];
        let flags = if operation == 6 { 5 } else { flag as u32 };
        let low = operation | (u64::from(fd as u32) << 32);
        let high = u64::from(len) | (u64::from(flags) << 32);
        // SAFETY: struct io_uring_sqe, include/uapi/linux/io_uring.h, has 64 bytes, of any value.
        let request: squeue::Entry = unsafe { transmute([low, offset, at, high, 0, 0, 0, 0]) };
        // SAFETY: all addresses that the request has were chosen by the caller to be its
        // buffer, or bad.
        if unsafe { self.0.submission().push(&request) }.is_err() {
            return -1;
        }
        if let Err(error) = self.0.submit_and_wait(1) {
            return -i64::from(error.raw_os_error().unwrap_or(1));
        }
        let done = self.0.completion().next();
        done.map_or(-1, |done| done.result().into())
    }
}
