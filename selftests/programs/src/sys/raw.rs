// SPDX-License-Identifier: GPL-2.0

//! Reads and writes whose memory need not be there: the kernel finds out.

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
        area.page(1).protect(prot)?;
        Ok(Self(area))
    }

    /// The address `before` bytes before the edge.
    pub fn before(self, before: usize) -> usize {
        assert!(before <= PAGE);
        self.0.start + PAGE - before
    }

    /// The `count` bytes before the edge, from `before` bytes before it on.
    pub fn bytes(self, before: usize, count: usize) -> Vec<u8> {
        assert!(count <= before);
        let start = self.before(before) as *const u8;
        // SAFETY: these bytes are in the first page, which is mapped and was
        // zeroed; no Rust object lives in it.
        unsafe { std::slice::from_raw_parts(start, count) }.to_vec()
    }

    /// Puts bytes right before the edge, and returns their address.
    pub fn put(self, bytes: &[u8]) -> usize {
        let start = self.before(bytes.len());
        // SAFETY: the first page is mapped, and the bytes fit at its end.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start as *mut u8, bytes.len()) };
        start
    }
}

fn count(n: isize) -> io::Result<usize> {
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// One read(2) into memory that is of an [`Edge`], or is not there.
pub fn read(fd: RawFd, start: usize, len: usize) -> io::Result<usize> {
    // SAFETY: callers give no memory that Rust uses.
    count(unsafe { libc::read(fd, start as *mut _, len) })
}

/// One pread(2), as `read`.
pub fn pread(fd: RawFd, start: usize, len: usize, at: i64) -> io::Result<usize> {
    // SAFETY: as in `read`.
    count(unsafe { libc::pread(fd, start as *mut _, len, at) })
}

/// One readv(2), as `read`.
pub fn readv(fd: RawFd, pieces: &[(usize, usize)]) -> io::Result<usize> {
    let pieces = vector(pieces);
    // SAFETY: as in `read`; the vector is valid.
    count(unsafe { libc::readv(fd, pieces.as_ptr(), pieces.len() as _) })
}

/// One write(2) from memory that may not be there.
pub fn write(fd: RawFd, start: usize, len: usize) -> io::Result<usize> {
    // SAFETY: the kernel only reads the memory, or reports that it cannot.
    count(unsafe { libc::write(fd, start as *const _, len) })
}

/// One writev(2), as `write`.
pub fn writev(fd: RawFd, pieces: &[(usize, usize)]) -> io::Result<usize> {
    let pieces = vector(pieces);
    // SAFETY: as in `write`; the vector is valid.
    count(unsafe { libc::writev(fd, pieces.as_ptr(), pieces.len() as _) })
}

fn vector(pieces: &[(usize, usize)]) -> Vec<libc::iovec> {
    let piece = |&(start, len): &(usize, usize)| libc::iovec {
        iov_base: start as *mut _,
        iov_len: len,
    };
    pieces.iter().map(piece).collect()
}
