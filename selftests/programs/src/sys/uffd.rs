// SPDX-License-Identifier: GPL-2.0

//! userfaultfd: memory whose faults a process handles itself. (The crate of that name
//! needs libclang for each architecture, and has no poison.)

use rustix::mm::{userfaultfd, UserfaultfdFlags};

use super::ioctl;
use crate::prelude::*;

// include/uapi/linux/userfaultfd.h
const UFFD_API: u64 = 0xaa;
/// Write protection of pages that are not there, by a marker.
pub const FEATURE_WP_UNPOPULATED: u64 = 1 << 13;
/// `UFFDIO_POISON`.
pub const FEATURE_POISON: u64 = 1 << 14;
/// Faults of missing pages are handled.
pub const MODE_MISSING: u64 = 1;
/// Faults of write-protected pages are handled.
pub const MODE_WP: u64 = 2;

/// An open userfaultfd.
pub struct Uffd(OwnedFd);

impl Uffd {
    /// Opens one and hands it an area.
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

    /// Write-protects an area, or lifts that.
    pub fn protect(&self, area: Area, on: bool) -> io::Result<()> {
        self.call(
            0x06,
            &mut [area.start as u64, area.len as u64, u64::from(on)],
        )
    }

    /// Makes every access to missing pages an error.
    pub fn poison(&self, area: Area) -> io::Result<()> {
        self.call(0x08, &mut [area.start as u64, area.len as u64, 0, 0])
    }

    /// Puts zero pages where pages are missing.
    pub fn zero(&self, area: Area) -> io::Result<()> {
        self.call(0x04, &mut [area.start as u64, area.len as u64, 0, 0])
    }

    /// Puts a copy of `from` where pages are missing.
    pub fn copy(&self, area: Area, from: Area) -> io::Result<()> {
        let (to, from) = (area.start as u64, from.start as u64);
        self.call(0x03, &mut [to, from, area.len as u64, 0, 0])
    }

    /// Waits until somebody touches a page that is missing.
    pub fn wait(&self) -> io::Result<()> {
        // struct uffd_msg has 32 bytes.
        File::from(self.0.try_clone()?).read_exact(&mut [0; 32])
    }

    /// Leaves it open for as long as the process lives.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}
