// SPDX-License-Identifier: GPL-2.0

//! The calls. Memory that they give the kernel is the fuzzer's buffer, or not
//! there; nothing is allocated, so that a child of a process with threads may
//! make them too.

use std::ffi::CStr;

use super::{text, uring, Fuzzer};
use crate::prelude::*;

/// One call; negative if it failed.
type Call = fn(&mut Fuzzer) -> i64;

macro_rules! calls {
    ($($call:ident)*) => { &[$((stringify!($call), $call)),*] };
}

/// All of them, by name; some more often than others.
pub const CALLS: &[(&str, Call)] = calls![
    open open close dup read read read pread readv preadv2 write write write write pwrite writev
    ask ask lseek ftruncate fallocate fcntl poll epoll ioctl mmap sendfile splice_from splice_to
    copy_file_range getdents stat advise flock io_uring fork
];

const FILES: [&CStr; 14] = [
    c"/proc/memintro/tasks",
    c"/proc/memintro/vm",
    c"/proc/memintro/heapmax",
    c"/proc/memintro/kstack",
    c"/proc/memintro/kmem",
    c"/proc/memintro/walk",
    c"/proc/memintro/vmas",
    c"/proc/memintro/extents",
    c"/proc/memintro/rmap",
    c"/proc/memintro/walk",
    c"/proc/memintro/extents",
    c"/sys/kernel/memintro/walk",
    c"/proc/memintro",
    c"/sys/kernel/memintro",
];

/// Makes a pipe whose ends never block.
pub fn new_pipe() -> io::Result<[i32; 2]> {
    let mut ends = [0; 2];
    // SAFETY: the array has room for two descriptors.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_NONBLOCK) })?;
    Ok(ends)
}

/// Makes an epoll descriptor.
pub fn new_epoll() -> io::Result<i32> {
    // SAFETY: the call takes only a number.
    check(unsafe { libc::epoll_create1(0) })
}

/// A call; arguments that are not given are 0.
fn raw(number: libc::c_long, args: &[u64]) -> i64 {
    let [a, b, c, d, e, f] = std::array::from_fn(|i| args.get(i).copied().unwrap_or(0));
    // SAFETY: callers give addresses within the fuzzer's buffer, where no Rust
    // object lives, and sizes that end in it or in the page behind it, which is
    // not accessible; or addresses where no process has memory.
    unsafe { libc::syscall(number, a, b, c, d, e, f) }
}

fn keep(this: &mut Fuzzer, fd: i64) -> i64 {
    if fd >= 0 {
        let place = this.random.below(super::SLOTS);
        let old = this.fds[place].swap(fd as i32, Ordering::Relaxed);
        if old >= 0 {
            raw(libc::SYS_close, &[old as u64]);
        }
    }
    fd
}

fn open(this: &mut Fuzzer) -> i64 {
    let file = this.random.pick(&FILES);
    let way = this.random.pick(&[
        libc::O_RDONLY,
        libc::O_WRONLY,
        libc::O_RDWR,
        libc::O_RDWR,
        libc::O_RDWR,
    ]);
    let more = this.random.pick(&[
        0,
        0,
        0,
        libc::O_NONBLOCK,
        libc::O_APPEND,
        libc::O_DIRECT,
        libc::O_TRUNC,
        libc::O_PATH,
        libc::O_SYNC,
        libc::O_NOATIME,
    ]);
    let flags = (way | more) as u64;
    let at = libc::AT_FDCWD as u64;
    let fd = raw(libc::SYS_openat, &[at, file.as_ptr() as u64, flags]);
    keep(this, fd)
}

fn close(this: &mut Fuzzer) -> i64 {
    let place = this.random.below(super::SLOTS);
    match this.fds[place].swap(-1, Ordering::Relaxed) {
        -1 => -1,
        fd => raw(libc::SYS_close, &[fd as u64]),
    }
}

fn dup(this: &mut Fuzzer) -> i64 {
    let fd = this.fd() as u64;
    let new = raw(libc::SYS_dup, &[fd]);
    keep(this, new)
}

/// `fd`, an address and a size.
fn where_to(this: &mut Fuzzer) -> [u64; 3] {
    let size = this.size();
    [this.fd() as u64, this.address(size) as u64, size as u64]
}

fn read(this: &mut Fuzzer) -> i64 {
    let [fd, at, size] = where_to(this);
    raw(libc::SYS_read, &[fd, at, size])
}

fn pread(this: &mut Fuzzer) -> i64 {
    let [fd, at, size] = where_to(this);
    raw(libc::SYS_pread64, &[fd, at, size, this.offset() as u64])
}

/// A vector of up to four pieces.
fn vector(this: &mut Fuzzer) -> ([libc::iovec; 4], u64) {
    let mut all = [libc::iovec {
        iov_base: std::ptr::null_mut(),
        iov_len: 0,
    }; 4];
    for piece in &mut all {
        let size = this.size();
        piece.iov_base = this.address(size) as *mut _;
        piece.iov_len = size;
    }
    (all, this.random.below(5) as u64)
}

fn readv(this: &mut Fuzzer) -> i64 {
    let (pieces, count) = vector(this);
    let fd = this.fd() as u64;
    raw(libc::SYS_readv, &[fd, pieces.as_ptr() as u64, count])
}

fn preadv2(this: &mut Fuzzer) -> i64 {
    let (pieces, count) = vector(this);
    let (fd, offset) = (this.fd() as u64, this.offset() as u64);
    let flags = this.random.pick(&[0, 1, 2, 4, 8, 0x10, 0x20, 0x80]);
    raw(
        libc::SYS_preadv2,
        &[fd, pieces.as_ptr() as u64, count, offset, 0, flags],
    )
}

/// Puts questions into the buffer: where, and how many bytes.
fn questions(this: &mut Fuzzer) -> (u64, u64) {
    let start = this.buffer.start;
    // SAFETY: the first pages of the buffer are mapped, only this thread and
    // the kernel use them, and the kernel only during calls.
    let memory = unsafe { std::slice::from_raw_parts_mut(start as *mut u8, 8 * PAGE) };
    let len = text::questions(&mut this.random, memory);
    (start as u64, len as u64)
}

fn write(this: &mut Fuzzer) -> i64 {
    let (at, len) = questions(this);
    let fd = this.fd() as u64;
    raw(libc::SYS_write, &[fd, at, len])
}

fn pwrite(this: &mut Fuzzer) -> i64 {
    let [fd, at, size] = where_to(this);
    raw(libc::SYS_pwrite64, &[fd, at, size, this.offset() as u64])
}

fn writev(this: &mut Fuzzer) -> i64 {
    questions(this);
    let (pieces, count) = vector(this);
    let fd = this.fd() as u64;
    raw(libc::SYS_writev, &[fd, pieces.as_ptr() as u64, count])
}

/// A question and a read of its answer.
fn ask(this: &mut Fuzzer) -> i64 {
    let (at, len) = questions(this);
    let fd = this.fd() as u64;
    if raw(libc::SYS_write, &[fd, at, len]) < 0 {
        return -1;
    }
    let size = this.size();
    let to = this.address(size) as u64;
    raw(libc::SYS_read, &[fd, to, size as u64])
}

fn lseek(this: &mut Fuzzer) -> i64 {
    let (fd, offset) = (this.fd() as u64, this.offset() as u64);
    let whence = this.random.below(7) as u64;
    raw(libc::SYS_lseek, &[fd, offset, whence])
}

fn ftruncate(this: &mut Fuzzer) -> i64 {
    let (fd, size) = (this.fd() as u64, this.offset() as u64);
    raw(libc::SYS_ftruncate, &[fd, size])
}

fn fallocate(this: &mut Fuzzer) -> i64 {
    let (fd, mode) = (this.fd() as u64, this.random.below(128) as u64);
    let (from, len) = (this.offset() as u64, this.offset() as u64);
    raw(libc::SYS_fallocate, &[fd, mode, from, len])
}

fn fcntl(this: &mut Fuzzer) -> i64 {
    // Not those that wait for a lock, nor those that choose who gets signals.
    let command = this.random.pick(&[
        libc::F_GETFD,
        libc::F_GETFL,
        libc::F_SETFL,
        libc::F_SETFL,
        libc::F_GETLK,
        libc::F_SETLK,
        libc::F_GETLEASE,
        libc::F_SETLEASE,
        libc::F_GETPIPE_SZ,
        libc::F_ADD_SEALS,
        libc::F_GET_SEALS,
    ]);
    let any = this.word();
    let argument = match command {
        libc::F_SETFL => any & (libc::O_NONBLOCK | libc::O_APPEND | libc::O_DIRECT) as u64,
        libc::F_GETLK | libc::F_SETLK => this.address(64) as u64,
        _ => any,
    };
    let fd = this.fd() as u64;
    raw(libc::SYS_fcntl, &[fd, command as u64, argument])
}

fn poll(this: &mut Fuzzer) -> i64 {
    let mut polled = libc::pollfd {
        fd: this.fd(),
        events: this.word() as i16,
        revents: 0,
    };
    let wait = libc::timespec {
        tv_sec: 0,
        tv_nsec: 1_000_000 * this.random.below(2) as i64,
    };
    let (at, wait) = (&raw mut polled as u64, &raw const wait as u64);
    // Not every architecture has poll().
    raw(libc::SYS_ppoll, &[at, 1, wait])
}

fn epoll(this: &mut Fuzzer) -> i64 {
    let mut event = libc::epoll_event {
        events: this.word() as u32,
        u64: 0,
    };
    let (epoll, how) = (this.epoll as u64, 1 + this.random.below(3) as u64);
    let (fd, at) = (this.fd() as u64, &raw mut event as u64);
    let done = raw(libc::SYS_epoll_ctl, &[epoll, how, fd, at]);
    raw(libc::SYS_epoll_pwait, &[epoll, at, 1]);
    done
}

fn ioctl(this: &mut Fuzzer) -> i64 {
    let any = this.word();
    // FIONREAD, FIOASYNC, TCGETS, FIGETBSZ, FS_IOC_GETFLAGS, BLKGETSIZE.
    let request = this
        .random
        .pick(&[0x541b, 0x5452, 0x5401, 2, 0x8008_6601, 0x1260, any]);
    let (fd, at) = (this.fd() as u64, this.address(PAGE) as u64);
    raw(libc::SYS_ioctl, &[fd, request, at])
}

fn mmap(this: &mut Fuzzer) -> i64 {
    let (len, prot) = (this.size() as u64, this.random.below(8) as u64);
    let kind = this.random.pick(&[libc::MAP_SHARED, libc::MAP_PRIVATE, 3]) as u64;
    let (fd, offset) = (this.fd() as u64, (this.offset() as u64) & !0xfff);
    let at = raw(libc::SYS_mmap, &[0, len, prot, kind, fd, offset]);
    if at > 0 {
        raw(libc::SYS_munmap, &[at as u64, len]);
    }
    at
}

/// Empties the pipe.
fn drain(this: &mut Fuzzer) {
    let (fd, at) = (this.pipe[0] as u64, this.buffer.start as u64);
    raw(libc::SYS_read, &[fd, at, super::BUFFER as u64]);
}

fn sendfile(this: &mut Fuzzer) -> i64 {
    let (from, size) = (this.fd() as u64, this.size() as u64);
    let other = this.fd();
    let to = this.random.pick(&[this.pipe[1], this.pipe[1], other]) as u64;
    let mut offset = this.offset();
    let at = this.random.pick(&[0, 0, &raw mut offset as u64]);
    let done = raw(libc::SYS_sendfile, &[to, from, at, size]);
    drain(this);
    done
}

fn splice_from(this: &mut Fuzzer) -> i64 {
    let (from, to, size) = (this.fd() as u64, this.pipe[1] as u64, this.size() as u64);
    let mut offset = this.offset();
    let at = this.random.pick(&[0, 0, &raw mut offset as u64]);
    let flags = this.random.below(16) as u64;
    let done = raw(libc::SYS_splice, &[from, at, to, 0, size, flags]);
    if this.random.below(4) != 0 {
        drain(this);
    }
    done
}

fn splice_to(this: &mut Fuzzer) -> i64 {
    let (at, len) = questions(this);
    raw(libc::SYS_write, &[this.pipe[1] as u64, at, len]);
    let (from, to, size) = (this.pipe[0] as u64, this.fd() as u64, this.size() as u64);
    let mut offset = this.offset();
    let at = this.random.pick(&[0, 0, &raw mut offset as u64]);
    raw(libc::SYS_splice, &[from, 0, to, at, size, 2])
}

fn copy_file_range(this: &mut Fuzzer) -> i64 {
    let (from, to, size) = (this.fd() as u64, this.fd() as u64, this.size() as u64);
    raw(libc::SYS_copy_file_range, &[from, 0, to, 0, size])
}

fn getdents(this: &mut Fuzzer) -> i64 {
    let [fd, at, size] = where_to(this);
    raw(libc::SYS_getdents64, &[fd, at, size])
}

fn stat(this: &mut Fuzzer) -> i64 {
    let (fd, at) = (this.fd() as u64, this.buffer.start as u64);
    let number = this.random.pick(&[libc::SYS_fstat, libc::SYS_fstatfs]);
    raw(number, &[fd, at])
}

fn advise(this: &mut Fuzzer) -> i64 {
    let number = this.random.pick(&[
        libc::SYS_fadvise64,
        libc::SYS_readahead,
        libc::SYS_sync_file_range,
        libc::SYS_fsync,
        libc::SYS_fdatasync,
    ]);
    let (fd, from, len) = (this.fd() as u64, this.offset() as u64, this.size() as u64);
    raw(number, &[fd, from, len, this.random.below(8) as u64])
}

fn flock(this: &mut Fuzzer) -> i64 {
    let how = this
        .random
        .pick(&[libc::LOCK_SH, libc::LOCK_EX, libc::LOCK_UN]);
    raw(
        libc::SYS_flock,
        &[this.fd() as u64, (how | libc::LOCK_NB) as u64],
    )
}

fn io_uring(this: &mut Fuzzer) -> i64 {
    let opcode = this.random.pick(&uring::OPCODES);
    let (len, fd) = (this.size() as u32, this.fd());
    let address = this.address(len as usize) as u64;
    let offset = this.offset() as u64;
    // What a poll waits for is always there.
    let flags = match opcode {
        uring::POLL => (libc::POLLIN | libc::POLLOUT) as u32,
        _ => this.random.pick(&[0, 0, 0, 8]),
    };
    match &this.uring {
        Some(uring) => uring.call(opcode, fd, offset, address, len, flags),
        None => -1,
    }
}

/// A child makes a few calls on the same descriptors, then ends.
fn fork(this: &mut Fuzzer) -> i64 {
    if this.random.below(8) != 0 {
        return -1;
    }
    let parent = std::process::id();
    // SAFETY: the child makes only calls that neither allocate nor take a lock.
    match unsafe { libc::fork() } {
        0 => {
            // It may wait in one of the calls for ever.
            process::tie_to(parent);
            // A ring belongs to the parent, and is not mapped here.
            this.uring = None;
            for _ in 0..8 {
                let call = [read, write, pread, splice_from, lseek, close][this.random.below(6)];
                call(this);
            }
            process::exit_now()
        }
        pid => {
            if this.random.below(2) == 0 {
                process::kill(pid);
            }
            raw(libc::SYS_wait4, &[pid as u64])
        }
    }
}
