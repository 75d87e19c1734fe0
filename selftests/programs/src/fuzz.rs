// SPDX-License-Identifier: GPL-2.0

//! Random system calls on the files of memintro; for the program of this name.

use std::sync::atomic::AtomicI32;

use uring::Uring;

use crate::prelude::*;
use crate::sys::raw::NOWHERE;

pub mod calls;
pub mod text;
pub mod uring;

/// Descriptors that the threads of a process share.
pub const SLOTS: usize = 16;
/// A buffer that calls read and write; after it is nothing.
pub const BUFFER: usize = 64 * PAGE;

/// What the processes of a run share: how often each call was made and
/// succeeded, and for each thread what it does since when.
#[derive(Clone, Copy)]
pub struct Board {
    counts: &'static [AtomicU64],
    threads: &'static [AtomicU64],
    begun: Instant,
}

impl Board {
    /// Makes a board for this many threads.
    pub fn new(threads: usize) -> io::Result<Self> {
        Ok(Self {
            counts: counters(2 * calls::CALLS.len())?,
            threads: counters(threads)?,
            begun: Instant::now(),
        })
    }

    fn millis(self) -> u64 {
        self.begun.elapsed().as_millis() as u64
    }

    /// How often a call was made, and how often it did something.
    pub fn count(self, call: usize) -> (u64, u64) {
        let get = |place: usize| self.counts[place].load(Ordering::Relaxed);
        (get(2 * call), get(2 * call + 1))
    }

    /// Since how many milliseconds a thread is in a call, and in which.
    pub fn busy(self, thread: usize) -> Option<(u64, usize)> {
        match self.threads[thread].load(Ordering::Relaxed) {
            0 => None,
            word => Some((
                self.millis().saturating_sub(word >> 8),
                word as usize & 0xff,
            )),
        }
    }

    /// Forgets what a thread that was killed did.
    pub fn forget(self, thread: usize) {
        self.threads[thread].store(0, Ordering::Relaxed);
    }
}

/// One thread that makes calls.
pub struct Fuzzer {
    board: Board,
    thread: usize,
    /// What decides.
    pub random: Random,
    /// The descriptors; -1 where none is open.
    pub fds: &'static [AtomicI32],
    /// Memory for the calls.
    pub buffer: Area,
    /// Both ends of a pipe that never blocks.
    pub pipe: [i32; 2],
    /// An epoll descriptor.
    pub epoll: i32,
    /// A ring, if the kernel gives one.
    pub uring: Option<Uring>,
}

impl Fuzzer {
    /// Makes one, which says on `board` at `thread` what it does.
    pub fn new(
        board: Board,
        thread: usize,
        seed: u64,
        fds: &'static [AtomicI32],
    ) -> io::Result<Self> {
        let buffer = Area::anonymous(BUFFER + PAGE)?;
        buffer.part(BUFFER, PAGE).protect(libc::PROT_NONE)?;
        Ok(Self {
            board,
            thread,
            random: Random::new(seed),
            fds,
            buffer: buffer.part(0, BUFFER),
            pipe: calls::new_pipe()?,
            epoll: calls::new_epoll()?,
            uring: Uring::new().ok(),
        })
    }

    /// Makes one call.
    pub fn step(&mut self) {
        let call = self.random.below(calls::CALLS.len());
        let word = (self.board.millis() << 8) | call as u64 | 0x80;
        self.board.threads[self.thread].store(word, Ordering::Relaxed);
        let done = calls::CALLS[call].1(self);
        self.board.forget(self.thread);
        let counts = self.board.counts;
        counts[2 * call].fetch_add(1, Ordering::Relaxed);
        counts[2 * call + 1].fetch_add(u64::from(done >= 0), Ordering::Relaxed);
    }

    /// Some descriptor, which another thread may close at any time.
    pub fn fd(&mut self) -> i32 {
        self.fds[self.random.below(SLOTS)].load(Ordering::Relaxed)
    }

    /// A size, mostly small.
    pub fn size(&mut self) -> usize {
        let most = self.random.pick(&[1, 16, 300, PAGE, BUFFER]);
        match self.random.below(200) {
            0 => usize::MAX >> 1,
            1 => 0,
            _ => 1 + self.random.below(most),
        }
    }

    /// Where `size` bytes are, or at times are not.
    pub fn address(&mut self, size: usize) -> usize {
        match self.random.below(16) {
            0 => NOWHERE,
            1 => usize::MAX - PAGE + 1,
            // Ends behind the last page.
            2 => self.buffer.start + BUFFER - size.min(BUFFER) / 2,
            _ => self.buffer.start + self.random.below(BUFFER - size.min(BUFFER - 1)),
        }
    }

    /// An offset in a file.
    pub fn offset(&mut self) -> i64 {
        let any = self.random.next_u64() as i64;
        self.random
            .pick(&[0, 0, 1, 17, 4096, -1, i64::MAX, any, any & 0xffff])
    }

    /// Any number, mostly with few bits.
    pub fn word(&mut self) -> u64 {
        let any = self.random.next_u64();
        any >> self.random.below(64)
    }
}
