// SPDX-License-Identifier: GPL-2.0

//! Mapped memory: mmap, mprotect, madvise, mlock, mremap.

use rustix::{
    mm::{self, MprotectFlags, MremapFlags},
    process::set_virtual_memory_region_name,
};
use std::{ffi::c_void, os::fd::BorrowedFd, ptr};

use crate::prelude::*;

const PRIVATE: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
const SHARED: i32 = libc::MAP_SHARED | libc::MAP_ANONYMOUS;

/// A mapped range of this process. It is not unmapped on drop: a subject keeps its memory until
/// it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    pub start: usize,
    /// In bytes.
    pub len: usize,
}

impl Area {
    pub fn new(start: usize, len: usize) -> Self {
        Self { start, len }
    }

    pub fn of_file(file: impl AsFd, len: usize, prot: i32, flags: i32) -> io::Result<Self> {
        Self::of_file_at(0, file, 0, len, prot, flags)
    }

    pub fn of_file_at(
        hint: usize,
        file: impl AsFd,
        offset: u64,
        len: usize,
        prot: i32,
        flags: i32,
    ) -> io::Result<Self> {
        let file = Some((file.as_fd(), offset));
        Self::new(hint, len).mmap(file, prot, flags)
    }

    /// Maps `len` bytes of no file; `hint` is an address or 0.
    pub fn map(hint: usize, len: usize, prot: i32, flags: i32) -> io::Result<Self> {
        Self::new(hint, len).mmap(None, prot, flags)
    }

    /// Maps a file from `offset` on in place of the area: what was mapped there is gone.
    pub fn replace(self, file: &File, offset: u64, prot: i32, flags: i32) -> io::Result<()> {
        let file = Some((file.as_fd(), offset));
        self.mmap(file, prot, flags | libc::MAP_FIXED).map(drop)
    }

    fn mmap(self, file: Option<(BorrowedFd<'_>, u64)>, prot: i32, flags: i32) -> io::Result<Self> {
        let (fd, offset) = file.map_or((-1, 0), |(fd, offset)| (fd.as_raw_fd(), offset as i64));
        // SAFETY: a mapping without MAP_FIXED touches no memory in use; one that has it is of
        // `replace`, or refuses to replace what is there, and no Rust object lives in an
        // `Area`.
        let start = unsafe { libc::mmap(self.ptr(), self.len, prot, flags, fd, offset) };
        let start = Errno::result(start)?;
        Ok(Self::new(start as usize, self.len))
    }

    pub fn anonymous(len: usize) -> io::Result<Self> {
        Self::map(0, len, READ_WRITE, PRIVATE)
    }

    pub fn shared(len: usize) -> io::Result<Self> {
        Self::map(0, len, READ_WRITE, SHARED)
    }

    pub fn at(start: usize, len: usize, prot: i32) -> io::Result<Self> {
        Self::map(start, len, prot, PRIVATE | libc::MAP_FIXED_NOREPLACE)
    }

    pub fn shared_at(start: usize, len: usize) -> io::Result<Self> {
        Self::map(start, len, READ_WRITE, SHARED | libc::MAP_FIXED_NOREPLACE)
    }

    /// Maps private anonymous memory that starts at a multiple of `align` and may be larger
    /// than memory is; the surplus around it is unmapped.
    pub fn aligned(len: usize, align: usize) -> io::Result<Self> {
        let whole = Self::map(0, len + align, READ_WRITE, PRIVATE | libc::MAP_NORESERVE)?;
        let head = whole.start.next_multiple_of(align) - whole.start;
        whole.part(0, head).unmap()?;
        whole.part(head + len, align - head).unmap()?;
        Ok(whole.part(head, len))
    }

    /// Maps shared anonymous memory that starts at a multiple of `align`, as does its place in
    /// the tmpfs file behind it: huge pages need both.
    pub fn aligned_shared(len: usize, align: usize) -> io::Result<Self> {
        let place = Self::aligned(len, align)?;
        place.unmap()?;
        Self::shared_at(place.start, len)
    }

    pub fn part(self, offset: usize, len: usize) -> Self {
        assert!(offset + len <= self.len);
        Self::new(self.start + offset, len)
    }

    pub fn page(self, number: usize) -> Self {
        self.part(number * PAGE, PAGE)
    }

    pub fn end(self) -> usize {
        self.start + self.len
    }

    pub fn pages(self) -> impl Iterator<Item = usize> {
        (self.start..self.end()).step_by(PAGE)
    }

    fn ptr(self) -> *mut c_void {
        self.start as *mut _
    }

    /// Writes to every base page, a different content to each, so that neither zero-page tricks
    /// nor compression make two of them alike.
    pub fn write(self) -> Self {
        for va in self.pages() {
            // SAFETY: the caller mapped the area writable and no Rust object lives in it; `va`
            // is page-aligned, hence aligned for usize.
            unsafe { ptr::write_volatile(va as *mut usize, va ^ 0x5555) };
        }
        self
    }

    /// Fills every byte with pseudo-random content, for pages that a compressing swap device
    /// must really store.
    pub fn fill_random(self) {
        let mut random = Random::with_seed(self.start as u64);
        for va in (self.start..self.end()).step_by(8) {
            // SAFETY: as in `write`.
            unsafe { ptr::write_volatile(va as *mut u64, random.u64(..)) };
        }
    }

    pub fn fill(self, byte: u8) {
        // SAFETY: as in `write`.
        unsafe { ptr::write_bytes(self.start as *mut u8, byte, self.len) };
    }

    pub fn read(self) -> Self {
        for va in self.pages() {
            // SAFETY: the caller mapped the area readable.
            unsafe { ptr::read_volatile(va as *const u8) };
        }
        self
    }

    pub fn protect(self, prot: i32) -> io::Result<Self> {
        let prot = MprotectFlags::from_bits_retain(prot as u32);
        // SAFETY: no Rust object lives in an `Area`.
        unsafe { mm::mprotect(self.ptr(), self.len, prot) }?;
        Ok(self)
    }

    /// Lets every second page only be read: each is a mapping then.
    pub fn break_up(self) -> io::Result<Self> {
        for page in (0..self.len / PAGE).step_by(2) {
            self.page(page).protect(libc::PROT_READ)?;
        }
        Ok(self)
    }

    /// Gives advice, which may drop or move the content; rustix does not have all.
    pub fn advise(self, advice: i32) -> io::Result<Self> {
        // SAFETY: no Rust object lives in an `Area`.
        check(unsafe { libc::madvise(self.ptr(), self.len, advice) })?;
        Ok(self)
    }

    /// Asks for huge pages, or for none. A kernel that has none, as one for real time,
    /// knows no such advice.
    pub fn huge_pages(self, wanted: bool) -> io::Result<Self> {
        let advice = [libc::MADV_NOHUGEPAGE, libc::MADV_HUGEPAGE][usize::from(wanted)];
        match self.advise(advice) {
            Err(_) if !Path::new("/sys/kernel/mm/transparent_hugepage").exists() => Ok(self),
            result => result,
        }
    }

    /// Keeps the pages in memory, populating what is not there yet.
    pub fn lock(self) -> io::Result<Self> {
        // SAFETY: mlock changes no content.
        unsafe { mm::mlock(self.ptr(), self.len) }?;
        Ok(self)
    }

    pub fn move_to(self, target: Self) -> io::Result<Self> {
        let (len, flags) = (self.len, MremapFlags::MAYMOVE);
        // SAFETY: no Rust object lives in either `Area`.
        let start = unsafe { mm::mremap_fixed(self.ptr(), len, len, flags, target.ptr())? };
        Ok(Self::new(start as usize, len))
    }

    /// Names anonymous memory, as `PR_SET_VMA_ANON_NAME` does: at most 79 bytes.
    pub fn name(self, name: &CStr) -> io::Result<()> {
        // SAFETY: the area is mapped, and its bytes are not read.
        let bytes = unsafe { std::slice::from_raw_parts(self.start as *const u8, self.len) };
        Ok(set_virtual_memory_region_name(bytes, Some(name))?)
    }

    /// Unmaps the area; an empty one is left alone.
    pub fn unmap(self) -> io::Result<()> {
        if self.len == 0 {
            return Ok(());
        }
        // SAFETY: no Rust object lives in an `Area`.
        unsafe { mm::munmap(self.ptr(), self.len) }.map_err(io::Error::from)
    }
}
