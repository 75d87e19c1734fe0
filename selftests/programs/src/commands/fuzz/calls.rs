// SPDX-License-Identifier: GPL-2.0

//! The calls. Memory that they give the kernel is the fuzzer's buffer, or not there; nothing is
//! allocated, so that a child of a process with threads may make them too.

use super::means::{self, Ring};
use crate::prelude::*;
use Arg::*;
use Call::{Own, Plain};

/// Descriptors that the threads of a process share.
pub const SLOTS: usize = 16;
/// A buffer that calls read and write; after it is nothing.
const BUFFER: usize = 64 * PAGE;

pub enum Arg {
    Zero,
    Fd,
    /// An address, and how much is to be there.
    At,
    Size,
    Buffer,
    /// Questions in the buffer, and how many bytes they have.
    Question,
    Length,
    /// Pieces of memory with questions in them; the number follows.
    Vector,
    Here,
    Name,
    /// How it is opened.
    Way,
    Offset,
    /// Where an offset stands, or 0.
    OffsetAt,
    Pipe,
    PipeEnd,
    PipeOrFd,
    Epoll,
    Word,
    Below(usize),
    Pick(&'static [u64]),
    /// One of these, or any number.
    OneOf(&'static [u64]),
}

pub enum Call {
    /// One of the system calls of these numbers.
    Plain(&'static [libc::c_long], &'static [Arg]),
    /// Negative if it failed.
    Own(fn(&mut Fuzzer) -> i64),
}

macro_rules! call {
    ($name:ident) => { (stringify!($name), Own($name)) };
    ($name:ident $($number:ident)|+ ($($arg:expr),+)) => {
        (stringify!($name), Plain(&[$(libc::$number),+], &[$($arg),+]))
    };
}

macro_rules! calls {
    ($({ $($item:tt)+ })+) => { &[$(call!($($item)+)),+] };
}

/// All of them, by name; some more often than others.
pub const CALLS: &[(&str, Call)] = calls! {
    { open SYS_openat(Here, Name, Way) }
    { open SYS_openat(Here, Name, Way) }
    { dup SYS_dup(Fd) }
    { close }
    { read SYS_read(Fd, At, Size) }
    { read SYS_read(Fd, At, Size) }
    { read SYS_read(Fd, At, Size) }
    { pread SYS_pread64(Fd, At, Size, Offset) }
    { readv SYS_readv(Fd, Vector, Below(5)) }
    { preadv2 SYS_preadv2(Fd, Vector, Below(5), Offset, Zero, Pick(FLAGS)) }
    { write SYS_write(Fd, Question, Length) }
    { write SYS_write(Fd, Question, Length) }
    { write SYS_write(Fd, Question, Length) }
    { write SYS_write(Fd, Question, Length) }
    { pwrite SYS_pwrite64(Fd, At, Size, Offset) }
    { writev SYS_writev(Fd, Vector, Below(5)) }
    { ask } { ask }
    { lseek SYS_lseek(Fd, Offset, Below(7)) }
    { ftruncate SYS_ftruncate(Fd, Offset) }
    { fallocate SYS_fallocate(Fd, Below(128), Offset, Offset) }
    // Not those that wait for a lock, nor those that choose who gets signals.
    { fcntl SYS_fcntl(Fd, Pick(COMMANDS), Word) }
    { fcntl SYS_fcntl(Fd, Pick(LOCK_COMMANDS), At) }
    { fcntl SYS_fcntl(Fd, Pick(&[libc::F_SETFL as u64]), Pick(STATUS)) }
    { poll }
    { epoll SYS_epoll_ctl(Epoll, Below(4), Fd, At) }
    { epoll SYS_epoll_pwait(Epoll, Buffer, Pick(&[1])) }
    { ioctl SYS_ioctl(Fd, OneOf(REQUESTS), At) }
    { mmap }
    { sendfile SYS_sendfile(PipeOrFd, Fd, OffsetAt, Size) }
    { splice_from SYS_splice(Fd, OffsetAt, Pipe, Zero, Size, Below(16)) }
    { splice_to }
    { copy_file_range SYS_copy_file_range(Fd, Zero, Fd, Zero, Size) }
    { getdents SYS_getdents64(Fd, At, Size) }
    { stat SYS_fstat | SYS_fstatfs(Fd, Buffer) }
    { advise SYS_fadvise64 | SYS_readahead | SYS_sync_file_range | SYS_fsync |
        SYS_fdatasync(Fd, Offset, Size, Below(8)) }
    { flock SYS_flock(Fd, Pick(LOCKS)) }
    { io_uring } { fork }
};

/// Of preadv2(): RWF_HIPRI and so on.
const FLAGS: &[u64] = &[0, 1, 2, 4, 8, 0x10, 0x20, 0x80];
/// FIONREAD, FIOASYNC, TCGETS, FIGETBSZ, FS_IOC_GETFLAGS, BLKGETSIZE.
const REQUESTS: &[u64] = &[0x541b, 0x5452, 0x5401, 2, 0x8008_6601, 0x1260];
/// F_GETFD, F_GETFL, F_SETLEASE, F_GETLEASE, F_GETPIPE_SZ, F_ADD_SEALS, F_GET_SEALS.
const COMMANDS: &[u64] = &[1, 3, 1024, 1025, 1032, 1033, 1034];
const LOCK_COMMANDS: &[u64] = &[5, 6];
/// O_NONBLOCK, O_APPEND, O_DIRECT where the numbers are x86's.
const STATUS: &[u64] = &[0, 0x800, 0x400, 0x4000];
/// LOCK_SH, LOCK_EX, LOCK_UN, each with LOCK_NB.
const LOCKS: &[u64] = &[5, 6, 12];

const FILES: [&CStr; 17] = words! {
    c"/proc/memintro/tasks" c"/proc/memintro/vm" c"/proc/memintro/heapmax"
    c"/proc/memintro/kstack" c"/proc/memintro/kmem" c"/proc/memintro/walk" c"/proc/memintro/vmas"
    c"/proc/memintro/extents" c"/proc/memintro/rmap" c"/proc/memintro/walk"
    c"/proc/memintro/extents" c"/sys/kernel/memintro/walk" c"/proc/memintro"
    c"/sys/kernel/memintro" c"/proc/memintro/page" c"/proc/memintro/tables"
    c"/proc/memintro/layout"
};

pub struct Fuzzer {
    pub random: Random,
    /// The descriptors; -1 where none is open.
    fds: &'static [AtomicI32],
    buffer: Area,
    /// Both ends of a pipe that never blocks.
    pipe: [i32; 2],
    epoll: i32,
    /// A ring, if the kernel gives one.
    uring: Option<Ring>,
}

/// A call; arguments that are not given are 0.
fn raw(number: libc::c_long, args: &[u64]) -> i64 {
    let [a, b, c, d, e, f] = std::array::from_fn(|i| args.get(i).copied().unwrap_or(0));
    // SAFETY: callers give addresses within the fuzzer's buffer, where no Rust object lives,
    // and sizes that end in it or in the page behind it, which is not accessible; or addresses
    // where no process has memory.
    unsafe { libc::syscall(number, a, b, c, d, e, f) }
}

impl Fuzzer {
    pub fn new(seed: u64, fds: &'static [AtomicI32]) -> io::Result<Self> {
        let buffer = Area::anonymous(BUFFER + PAGE)?;
        buffer.part(BUFFER, PAGE).protect(libc::PROT_NONE)?;
        let (from, to) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::NONBLOCK)?;
        // SAFETY: the call takes only a number.
        let epoll = check(unsafe { libc::epoll_create1(0) })?;
        let (random, buffer) = (Random::with_seed(seed), buffer.part(0, BUFFER));
        let (pipe, uring) = ([from.into_raw_fd(), to.into_raw_fd()], Ring::new().ok());
        Ok(Self {
            random,
            fds,
            buffer,
            pipe,
            epoll,
            uring,
        })
    }

    pub fn call(&mut self, place: usize) -> i64 {
        match &CALLS[place].1 {
            Own(call) => call(self),
            Plain(numbers, args) => self.plain(numbers, args),
        }
    }

    fn plain(&mut self, numbers: &[libc::c_long], args: &[Arg]) -> i64 {
        let size = self.size();
        let (mut offset, mut length) = (self.offset(), 0);
        // Of struct iovec: where, and how much.
        let mut pieces = [[0; 2]; 4];
        let mut words = [0; 6];
        for (word, arg) in words.iter_mut().zip(args) {
            *word = match arg {
                Zero => 0,
                Fd => self.fd() as u64,
                At => self.address(size) as u64,
                Size => size as u64,
                Buffer => self.buffer.start as u64,
                Question => {
                    length = self.questions();
                    self.buffer.start as u64
                }
                Length => length,
                Vector => {
                    self.questions();
                    for piece in &mut pieces {
                        let size = self.size();
                        *piece = [self.address(size), size];
                    }
                    pieces.as_ptr() as u64
                }
                Here => libc::AT_FDCWD as u64,
                Name => self.random.pick(&FILES).as_ptr() as u64,
                Way => self.way(),
                Offset => self.offset() as u64,
                Word => self.word(),
                OffsetAt => self.random.pick(&[0, 0, &raw mut offset as u64]),
                Pipe => self.pipe[1] as u64,
                PipeEnd => self.pipe[0] as u64,
                Epoll => self.epoll as u64,
                PipeOrFd => {
                    let other = self.fd();
                    self.random.pick(&[self.pipe[1], self.pipe[1], other]) as u64
                }
                Below(bound) => self.random.usize(..*bound) as u64,
                Pick(some) => self.random.pick(some),
                OneOf(some) => match self.random.usize(..some.len() + 1) {
                    0 => self.word(),
                    place => some[place - 1],
                },
            };
        }
        let number = self.random.pick(numbers);
        let done = raw(number, &words);
        if args.iter().any(|arg| matches!(arg, Name)) || number == libc::SYS_dup {
            self.keep(done);
        }
        // Mostly it is empty again after that.
        if args.iter().any(|arg| matches!(arg, Pipe | PipeOrFd)) && self.random.usize(..4) != 0 {
            let (fd, at) = (self.pipe[0] as u64, self.buffer.start as u64);
            raw(libc::SYS_read, &[fd, at, BUFFER as u64]);
        }
        done
    }

    fn fd(&mut self) -> i32 {
        self.fds[self.random.usize(..SLOTS)].load(Ordering::Relaxed)
    }

    fn size(&mut self) -> usize {
        let most = self.random.pick(&[1, 16, 300, PAGE, BUFFER]);
        match self.random.usize(..200) {
            0 => usize::MAX >> 1,
            1 => 0,
            _ => 1 + self.random.usize(..most),
        }
    }

    /// Where `size` bytes are, or at times are not.
    fn address(&mut self, size: usize) -> usize {
        match self.random.usize(..16) {
            0 => NOWHERE,
            1 => usize::MAX - PAGE + 1,
            // Ends behind the last page.
            2 => self.buffer.start + BUFFER - size.min(BUFFER) / 2,
            _ => self.buffer.start + self.random.usize(..BUFFER - size.min(BUFFER - 1)),
        }
    }

    fn offset(&mut self) -> i64 {
        let any = self.random.u64(..) as i64;
        let some = [0, 0, 1, 17, 4096, -1, i64::MAX, any, any & 0xffff];
        self.random.pick(&some)
    }

    fn way(&mut self) -> u64 {
        let (read, write, both) = (libc::O_RDONLY, libc::O_WRONLY, libc::O_RDWR);
        let way = self.random.pick(&[read, write, both, both, both]);
        let (path, sync) = (libc::O_PATH, libc::O_SYNC | libc::O_NOATIME);
        let (append, direct) = (libc::O_APPEND, libc::O_DIRECT | libc::O_TRUNC);
        let more = [0, 0, 0, libc::O_NONBLOCK, append, direct, path, sync];
        (way | self.random.pick(&more)) as u64
    }

    fn word(&mut self) -> u64 {
        self.random.u64(..) >> self.random.usize(..64)
    }

    /// Puts questions into the buffer: how many bytes.
    fn questions(&mut self) -> u64 {
        let start = self.buffer.start as *mut u8;
        // SAFETY: the first pages of the buffer are mapped, only this thread and the kernel use
        // them, and the kernel only during calls.
        let memory = unsafe { std::slice::from_raw_parts_mut(start, 8 * PAGE) };
        means::questions(&mut self.random, memory) as u64
    }

    fn keep(&mut self, fd: i64) {
        let place = self.random.usize(..SLOTS);
        if fd >= 0 {
            let old = self.fds[place].swap(fd as i32, Ordering::Relaxed);
            raw(libc::SYS_close, &[old as u64]);
        }
    }
}

fn close(this: &mut Fuzzer) -> i64 {
    let place = this.random.usize(..SLOTS);
    let fd = this.fds[place].swap(-1, Ordering::Relaxed);
    raw(libc::SYS_close, &[fd as u64])
}

fn ask(this: &mut Fuzzer) -> i64 {
    let (len, fd) = (this.questions(), this.fd() as u64);
    if raw(libc::SYS_write, &[fd, this.buffer.start as u64, len]) < 0 {
        return -1;
    }
    let size = this.size();
    let to = this.address(size) as u64;
    raw(libc::SYS_read, &[fd, to, size as u64])
}

fn poll(this: &mut Fuzzer) -> i64 {
    // struct pollfd: descriptor, events; struct timespec: seconds, nanoseconds.
    let mut polled = [this.fd(), this.word() as u16 as i32];
    let wait = [0, 1_000_000 * this.random.u64(..2)];
    // Not every architecture has poll().
    raw(
        libc::SYS_ppoll,
        &[&raw mut polled as u64, 1, &raw const wait as u64],
    )
}

fn mmap(this: &mut Fuzzer) -> i64 {
    let (len, prot) = (this.size() as u64, this.random.usize(..8) as u64);
    let kind = this.random.pick(&[libc::MAP_SHARED, libc::MAP_PRIVATE, 3]) as u64;
    let (fd, offset) = (this.fd() as u64, (this.offset() as u64) & !0xfff);
    let at = raw(libc::SYS_mmap, &[0, len, prot, kind, fd, offset]);
    if at > 0 {
        raw(libc::SYS_munmap, &[at as u64, len]);
    }
    at
}

fn splice_to(this: &mut Fuzzer) -> i64 {
    let (to, len) = (this.pipe[1] as u64, this.questions());
    raw(libc::SYS_write, &[to, this.buffer.start as u64, len]);
    let args = [PipeEnd, Zero, Fd, OffsetAt, Size, Pick(&[2])];
    this.plain(&[libc::SYS_splice], &args)
}

fn io_uring(this: &mut Fuzzer) -> i64 {
    let (what, len, fd) = (this.random.usize(..10), this.size(), this.fd());
    let at = this.address(len) as u64;
    let (offset, flag) = (this.offset() as u64, this.random.pick(&[0, 0, 0, 8]));
    match &mut this.uring {
        Some(ring) => ring.call(what, fd, at, len as u32, offset, flag),
        None => -1,
    }
}

/// A child makes a few calls on the same descriptors, then ends.
fn fork(this: &mut Fuzzer) -> i64 {
    if this.random.usize(..8) != 0 {
        return -1;
    }
    let parent = id();
    // SAFETY: the child makes only calls that neither allocate nor take a lock.
    match unsafe { libc::fork() } {
        0 => {
            // It may wait in one of the calls forever.
            process::tie_to(parent);
            for _ in 0..8 {
                let names = ["read", "write", "pread", "splice_from", "lseek", "close"];
                let name = this.random.pick(&names);
                let place = CALLS.iter().position(|it| it.0 == name);
                place.map(|place| this.call(place));
            }
            process::exit_now()
        }
        pid => {
            if this.random.usize(..2) == 0 {
                process::kill(pid);
            }
            raw(libc::SYS_wait4, &[pid as u64])
        }
    }
}
