// SPDX-License-Identifier: GPL-2.0

//! userfaultfd: memory whose faults a process handles itself.

use super::{ioctl, userfaultfd};
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

/// `_IOWR(0xaa, nr, size)`.
const fn request(nr: u64, size: u64) -> libc::c_ulong {
    (3 << 30) | (size << 16) | (UFFD_API << 8) | nr
}

const API: libc::c_ulong = request(0x3f, 24);
const REGISTER: libc::c_ulong = request(0x00, 32);
const COPY: libc::c_ulong = request(0x03, 40);
const ZEROPAGE: libc::c_ulong = request(0x04, 32);
const WRITEPROTECT: libc::c_ulong = request(0x06, 24);
const POISON: libc::c_ulong = request(0x08, 32);

/// An open userfaultfd.
pub struct Uffd(OwnedFd);

impl Uffd {
    /// Opens one and hands it an area.
    pub fn register(area: Area, features: u64, mode: u64) -> io::Result<Self> {
        let uffd = Self(userfaultfd()?);
        uffd.call(API, &mut [UFFD_API, features, 0])?;
        uffd.call(REGISTER, &mut [area.start as u64, area.len as u64, mode, 0])?;
        Ok(uffd)
    }

    fn call(&self, request: libc::c_ulong, words: &mut [u64]) -> io::Result<()> {
        ioctl(self.0.as_raw_fd(), request, words).map(drop)
    }

    /// Write-protects an area, or lifts that.
    pub fn protect(&self, area: Area, on: bool) -> io::Result<()> {
        let mut words = [area.start as u64, area.len as u64, u64::from(on)];
        self.call(WRITEPROTECT, &mut words)
    }

    /// Makes every access to missing pages an error.
    pub fn poison(&self, area: Area) -> io::Result<()> {
        self.call(POISON, &mut [area.start as u64, area.len as u64, 0, 0])
    }

    /// Puts zero pages where pages are missing.
    pub fn zero(&self, area: Area) -> io::Result<()> {
        self.call(ZEROPAGE, &mut [area.start as u64, area.len as u64, 0, 0])
    }

    /// Puts a copy of `from` where pages are missing.
    pub fn copy(&self, area: Area, from: Area) -> io::Result<()> {
        let (to, from) = (area.start as u64, from.start as u64);
        self.call(COPY, &mut [to, from, area.len as u64, 0, 0])
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
