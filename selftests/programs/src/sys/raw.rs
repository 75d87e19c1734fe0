// SPDX-License-Identifier: GPL-2.0

//! Reads and writes whose memory need not be there: the kernel finds out, or has the reader
//! wait for it; and userfaultfd: memory whose faults a process handles itself. (The crate of
//! that name needs libclang for each architecture, and has no poison.)

use rustix::mm::{userfaultfd, UserfaultfdFlags};

use crate::prelude::*;

/// No process has memory there.
pub const NOWHERE: usize = 0x10;

/// A page that can be used, and after it one that cannot.
#[derive(Clone, Copy)]
pub struct Edge(Area);

impl Edge {
    /// Maps the two pages; `prot` is what may be done with the second one.
    pub fn new(prot: i32) -> io::Result<Self> {
        let area = Area::anonymous(2 * PAGE)?;
        area.page(0).write();
        area.page(1).protect(prot)?;
        Ok(Self(area))
    }

    pub fn before(self, before: usize) -> usize {
        assert!(before <= PAGE);
        self.0.start + PAGE - before
    }

    /// The `count` bytes from `before` bytes before the edge on, which can be read.
    pub fn bytes(self, before: usize, count: usize) -> Vec<u8> {
        assert!(count <= before + PAGE);
        let start = self.before(before) as *const u8;
        // SAFETY: the caller knows that they can be read; no Rust object lives in the pages.
        unsafe { std::slice::from_raw_parts(start, count) }.to_vec()
    }

    pub fn put(self, bytes: &[u8]) -> usize {
        let start = self.before(bytes.len());
        // SAFETY: the first page is mapped, and the bytes fit at its end.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start as *mut u8, bytes.len()) };
        start
    }
}

fn count(n: isize) -> io::Result<usize> {
    Ok(Errno::result(n)? as usize)
}

/// One read(2) into memory that is of an [`Edge`], or is not there.
pub fn read(fd: RawFd, start: usize, len: usize) -> io::Result<usize> {
    // SAFETY: callers give no memory that Rust uses.
    count(unsafe { libc::read(fd, start as *mut _, len) })
}

pub fn pread(fd: RawFd, start: usize, len: usize, at: i64) -> io::Result<usize> {
    // SAFETY: as in `read`.
    count(unsafe { libc::pread(fd, start as *mut _, len, at) })
}

pub fn readv(fd: RawFd, pieces: &[[usize; 2]]) -> io::Result<usize> {
    // SAFETY: as in `read`; a piece is laid out as struct iovec.
    count(unsafe { libc::readv(fd, pieces.as_ptr().cast(), pieces.len() as _) })
}

/// One write(2) from memory that may not be there.
pub fn write(fd: RawFd, start: usize, len: usize) -> io::Result<usize> {
    // SAFETY: the kernel only reads the memory, or reports that it cannot.
    count(unsafe { libc::write(fd, start as *const _, len) })
}

pub fn writev(fd: RawFd, pieces: &[[usize; 2]]) -> io::Result<usize> {
    // SAFETY: as in `write`; a piece is laid out as struct iovec.
    count(unsafe { libc::writev(fd, pieces.as_ptr().cast(), pieces.len() as _) })
}

/// An edge after which is a page that userfaultfd does not deliver: who reads into it is held
/// in the middle of the kernel's copy.
pub struct Trap {
    pub edge: Edge,
    /// Tells when a reader is held.
    pub uffd: Uffd,
}

impl Trap {
    pub fn new() -> io::Result<Self> {
        let edge = Edge::new(READ_WRITE)?;
        let uffd = Uffd::register(edge.0.page(1), 0, MODE_MISSING)?;
        Ok(Self { edge, uffd })
    }

    /// One read(2) of `free` bytes, and of more, at the first of which it is held.
    pub fn read(&self, fd: RawFd, free: usize) -> io::Result<usize> {
        read(fd, self.edge.before(free), free + PAGE)
    }

    pub fn release(&self) -> io::Result<()> {
        self.uffd.zero(self.edge.0.page(1))
    }
}

// include/uapi/linux/userfaultfd.h
const UFFD_API: u64 = 0xaa;
/// Write protection of pages that are not there, by a marker.
pub const FEATURE_WP_UNPOPULATED: u64 = 1 << 13;
pub const FEATURE_POISON: u64 = 1 << 14;
pub const MODE_MISSING: u64 = 1;
pub const MODE_WP: u64 = 2;

pub struct Uffd(OwnedFd);

impl Uffd {
    pub fn register(area: Area, features: u64, mode: u64) -> io::Result<Self> {
        // SAFETY: nothing that Rust uses is in memory that it is told of.
        let uffd = Self(unsafe { userfaultfd(UserfaultfdFlags::CLOEXEC)? });
        uffd.call(0x3f, &mut [UFFD_API, features, 0])?;
        uffd.call(0x00, &mut [area.start as u64, area.len as u64, mode, 0])?;
        Ok(uffd)
    }

    /// Calls a request of that number, whose size is that of the words.
    fn call(&self, number: u64, words: &mut [u64]) -> io::Result<()> {
        let size = std::mem::size_of_val(words) as u64;
        let request = (3 << 30) | (size << 16) | (UFFD_API << 8) | number;
        ioctl(self.0.as_raw_fd(), request, words).map(drop)
    }

    pub fn protect(&self, area: Area, on: bool) -> io::Result<()> {
        self.call(0x06, &mut [area.start as u64, area.len as u64, on.into()])
    }

    pub fn poison(&self, area: Area) -> io::Result<()> {
        self.call(0x08, &mut [area.start as u64, area.len as u64, 0, 0])
    }

    /// Puts zero pages where pages are missing; or, of one page, a copy of another.
    pub fn zero(&self, area: Area) -> io::Result<()> {
        self.call(0x04, &mut [area.start as u64, area.len as u64, 0, 0])
    }

    pub fn copy(&self, area: Area, from: Area) -> io::Result<()> {
        let (to, from) = (area.start as u64, from.start as u64);
        self.call(0x03, &mut [to, from, area.len as u64, 0, 0])
    }

    pub fn wait(&self) -> io::Result<()> {
        // struct uffd_msg has 32 bytes.
        File::from(self.0.try_clone()?).read_exact(&mut [0; 32])
    }
}
