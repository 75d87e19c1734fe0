// SPDX-License-Identifier: GPL-2.0

//! Memory that holds who reads into it in the middle of the kernel's copy.

use super::{
    raw,
    uffd::{self, Uffd},
};
use crate::prelude::*;

/// A page that is there, and after it one that userfaultfd does not deliver.
pub struct Trap {
    area: Area,
    uffd: Uffd,
}

impl Trap {
    /// Maps the two pages.
    pub fn new() -> io::Result<Self> {
        let area = Area::anonymous(2 * PAGE)?;
        area.page(0).write();
        let uffd = Uffd::register(area.page(1), 0, uffd::MODE_MISSING)?;
        Ok(Self { area, uffd })
    }

    /// One read(2) of `free` bytes, and of more, at the first of which it is held.
    pub fn read(&self, fd: RawFd, free: usize) -> io::Result<usize> {
        assert!(free <= PAGE);
        raw::read(fd, self.area.start + PAGE - free, free + PAGE)
    }

    /// Waits until a reader is held.
    pub fn wait(&self) -> io::Result<()> {
        self.uffd.wait()
    }

    /// Lets the reader go on.
    pub fn release(&self) -> io::Result<()> {
        self.uffd.zero(self.area.page(1))
    }

    /// What a read with `free` that gave `count` bytes has put here.
    pub fn bytes(&self, free: usize, count: usize) -> Vec<u8> {
        assert!(free <= PAGE && count <= free + PAGE);
        let start = (self.area.start + PAGE - free) as *const u8;
        // SAFETY: these bytes are in the two pages, both of which are there after a
        // read; no Rust object lives in them.
        unsafe { std::slice::from_raw_parts(start, count) }.to_vec()
    }
}
