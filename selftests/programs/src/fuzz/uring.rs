// SPDX-License-Identifier: GPL-2.0

//! io_uring with bare system calls: one request at a time.

use std::{os::fd::BorrowedFd, sync::atomic::AtomicU32};

use crate::prelude::*;

// include/uapi/linux/io_uring.h
const ENTRIES: u32 = 4;
const OFFSET_SQES: u64 = 0x1000_0000;
const GETEVENTS: u32 = 1;
const SQE: usize = 64;
const CQE: usize = 16;
/// Waits until a file is ready.
pub const POLL: u8 = 6;
/// Opcodes that are tried: nop, fsync, poll, sync_file_range, fallocate, read,
/// write, fadvise. Vectors could hold any address.
pub const OPCODES: [u8; 10] = [0, 3, POLL, 8, 17, 22, 22, 23, 23, 24];

/// `struct io_uring_params`; the offsets of the queues begin at word 10.
#[repr(C)]
#[derive(Default)]
struct Params {
    words: [u32; 30],
}

/// A ring.
pub struct Uring {
    fd: i32,
    rings: Area,
    requests: Area,
    params: Params,
}

impl Uring {
    /// Makes one; fails where the kernel has none, or has them switched off.
    pub fn new() -> io::Result<Self> {
        let mut params = Params::default();
        // SAFETY: `params` is valid for reads and writes.
        let fd = unsafe { libc::syscall(libc::SYS_io_uring_setup, ENTRIES, &mut params) } as i32;
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        let word = |place: usize| params.words[place] as usize;
        let (sq, cq) = (word(10 + 6) + 4 * word(0), word(20 + 5) + CQE * word(1));
        let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
        // SAFETY: the descriptor is open, and this thread's alone.
        let ring = unsafe { BorrowedFd::borrow_raw(fd) };
        let map = |offset, len| Area::of_file_at(0, ring, offset, len, READ_WRITE, flags);
        Ok(Self {
            fd,
            rings: map(0, sq.max(cq))?,
            requests: map(OFFSET_SQES, SQE * word(0))?,
            params,
        })
    }

    fn word(&self, offset: u32) -> &AtomicU32 {
        // SAFETY: the kernel gave the offset of an aligned word of its rings,
        // which are mapped for as long as the process lives.
        unsafe { &*((self.rings.start + offset as usize) as *const AtomicU32) }
    }

    /// Makes one request, waits for it, and returns its result.
    pub fn call(
        &self,
        opcode: u8,
        fd: i32,
        offset: u64,
        address: u64,
        len: u32,
        flags: u32,
    ) -> i64 {
        let mut words = [0u64; SQE / 8];
        words[0] = u64::from(opcode) | ((fd as u32 as u64) << 32);
        words[1] = offset;
        words[2] = address;
        words[3] = u64::from(len) | (u64::from(flags) << 32);
        let (sq_tail, sq_mask) = (self.params.words[11], self.params.words[12]);
        let tail = self.word(sq_tail).load(Ordering::Acquire);
        let place = tail & self.word(sq_mask).load(Ordering::Relaxed);
        // SAFETY: the place is within the requests, which only this thread
        // writes, and the kernel reads only in the call below.
        unsafe {
            let to = (self.requests.start + place as usize * SQE) as *mut [u64; SQE / 8];
            to.write(words);
        }
        let array = self.params.words[16] + 4 * place;
        self.word(array).store(place, Ordering::Relaxed);
        self.word(sq_tail)
            .store(tail.wrapping_add(1), Ordering::Release);
        // SAFETY: all addresses that the request has were chosen by the caller
        // to be its buffer, or bad.
        let ret =
            unsafe { libc::syscall(libc::SYS_io_uring_enter, self.fd, 1, 1, GETEVENTS, 0, 0) };
        if ret < 0 {
            return ret;
        }
        let (cq_head, cq_mask) = (self.params.words[20], self.params.words[22]);
        let head = self.word(cq_head).load(Ordering::Acquire);
        let place = head & self.word(cq_mask).load(Ordering::Relaxed);
        let result = self.params.words[25] + place * CQE as u32 + 8;
        let result = self.word(result).load(Ordering::Acquire) as i32;
        self.word(cq_head)
            .store(head.wrapping_add(1), Ordering::Release);
        i64::from(result)
    }
}
