// SPDX-License-Identifier: GPL-2.0

//! Mapped memory: mmap, mprotect, madvise, mlock, mremap.

use std::ptr;

use crate::prelude::*;

/// A mapped range of this process. It is not unmapped on drop: a subject
/// keeps its memory until it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// The first address.
    pub start: usize,
    /// The length in bytes.
    pub len: usize,
}

impl Area {
    /// Maps `len` bytes of a file from `offset` on.
    pub fn map_at(len: usize, prot: i32, flags: i32, fd: RawFd, offset: i64) -> io::Result<Self> {
        Self::map_all(0, len, prot, flags, fd, offset)
    }

    /// Maps `len` bytes; `hint` is an address or 0, `fd` a file or -1.
    pub fn map(hint: usize, len: usize, prot: i32, flags: i32, fd: RawFd) -> io::Result<Self> {
        Self::map_all(hint, len, prot, flags, fd, 0)
    }

    fn map_all(
        hint: usize,
        len: usize,
        prot: i32,
        flags: i32,
        fd: RawFd,
        offset: i64,
    ) -> io::Result<Self> {
        // A fixed mapping could replace memory that Rust uses; only the
        // variant that refuses to is let through.
        assert!(flags & libc::MAP_FIXED == 0 || flags & libc::MAP_FIXED_NOREPLACE != 0);
        // SAFETY: without MAP_FIXED, a new mapping touches no memory in use.
        let start = unsafe { libc::mmap(hint as *mut _, len, prot, flags, fd, offset) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            start: start as usize,
            len,
        })
    }

    /// Maps private anonymous memory, not touched yet.
    pub fn anonymous(len: usize) -> io::Result<Self> {
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        Self::map(0, len, prot, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)
    }

    /// Maps private anonymous memory that starts at a multiple of `align`;
    /// the surplus around it is given back.
    pub fn aligned(len: usize, align: usize) -> io::Result<Self> {
        let whole = Self::anonymous(len + align)?;
        let start = whole.start.next_multiple_of(align);
        let head = start - whole.start;
        whole.part(0, head).unmap()?;
        whole.part(head + len, align - head).unmap()?;
        Ok(Self { start, len })
    }

    /// Maps shared anonymous memory that starts at a multiple of `align`,
    /// as does its place in the tmpfs file behind it: huge pages need both.
    pub fn aligned_shared(len: usize, align: usize) -> io::Result<Self> {
        let place = Self::aligned(len, align)?;
        place.unmap()?;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        Self::map(place.start, len, prot, flags, -1)
    }

    /// The part of `len` bytes from `offset` on.
    pub fn part(self, offset: usize, len: usize) -> Self {
        assert!(offset + len <= self.len);
        Self {
            start: self.start + offset,
            len,
        }
    }

    /// Writes to every base page, a different content to each, so that
    /// neither zero-page tricks nor compression make two of them alike.
    pub fn write(self) {
        for va in (self.start..self.start + self.len).step_by(PAGE) {
            // SAFETY: the caller mapped the area writable and no Rust object
            // lives in it; `va` is page-aligned, hence aligned for usize.
            unsafe { ptr::write_volatile(va as *mut usize, va ^ 0x5555) };
        }
    }

    /// Fills every byte with pseudo-random content, for pages that a
    /// compressing swap device must really store.
    pub fn fill_random(self) {
        let mut random = Random::new(self.start as u64);
        for va in (self.start..self.start + self.len).step_by(8) {
            // SAFETY: as in `write`.
            unsafe { ptr::write_volatile(va as *mut u64, random.next_u64()) };
        }
    }

    /// Fills every byte.
    pub fn fill(self, byte: u8) {
        // SAFETY: as in `write`.
        unsafe { ptr::write_bytes(self.start as *mut u8, byte, self.len) };
    }

    /// Reads a byte of every base page.
    pub fn read(self) {
        for va in (self.start..self.start + self.len).step_by(PAGE) {
            // SAFETY: the caller mapped the area readable.
            unsafe { ptr::read_volatile(va as *const u8) };
        }
    }

    /// Changes the protection.
    pub fn protect(self, prot: i32) -> io::Result<()> {
        // SAFETY: no Rust object lives in an `Area`.
        check(unsafe { libc::mprotect(self.start as *mut _, self.len, prot) }).map(drop)
    }

    /// Gives advice, which may drop or move the content.
    pub fn advise(self, advice: i32) -> io::Result<()> {
        // SAFETY: no Rust object lives in an `Area`.
        check(unsafe { libc::madvise(self.start as *mut _, self.len, advice) }).map(drop)
    }

    /// Keeps the pages in memory, populating what is not there yet.
    pub fn lock(self) -> io::Result<()> {
        // SAFETY: mlock changes no content.
        check(unsafe { libc::mlock(self.start as *const _, self.len) }).map(drop)
    }

    /// Moves the area, with its pages, to where `target` is mapped.
    pub fn move_to(self, target: Self) -> io::Result<Self> {
        let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
        // SAFETY: no Rust object lives in either `Area`.
        let start = unsafe {
            let to = target.start as *mut libc::c_void;
            libc::mremap(self.start as *mut _, self.len, self.len, flags, to)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            start: start as usize,
            len: self.len,
        })
    }

    /// Unmaps the area; an empty one is left alone.
    pub fn unmap(self) -> io::Result<()> {
        if self.len == 0 {
            return Ok(());
        }
        // SAFETY: no Rust object lives in an `Area`.
        check(unsafe { libc::munmap(self.start as *mut _, self.len) }).map(drop)
    }
}
