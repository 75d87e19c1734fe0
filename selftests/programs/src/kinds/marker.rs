// SPDX-License-Identifier: GPL-2.0

//! Entries that are neither a page nor empty: guards, poison, userfaultfd.

use std::{
    io,
    os::fd::{AsRawFd, IntoRawFd, RawFd},
};

use crate::sys::{self, process, Area, MADV_GUARD_INSTALL, PAGE};

const LEN: usize = 16 * PAGE;

// include/uapi/linux/userfaultfd.h
const UFFD_API: u64 = 0xaa;
const FEATURE_WP_UNPOPULATED: u64 = 1 << 13;
const FEATURE_POISON: u64 = 1 << 14;
const REGISTER_MODE_MISSING: u64 = 1;
const REGISTER_MODE_WP: u64 = 2;
const WRITEPROTECT_MODE_WP: u64 = 1;

/// `_IOWR(0xaa, nr, size)`.
const fn request(nr: u64, size: u64) -> libc::c_ulong {
    (3 << 30) | (size << 16) | (UFFD_API << 8) | nr
}

const API: libc::c_ulong = request(0x3f, 24);
const REGISTER: libc::c_ulong = request(0x00, 32);
const WRITEPROTECT: libc::c_ulong = request(0x06, 24);
const POISON: libc::c_ulong = request(0x08, 32);

pub fn guard() -> io::Result<Vec<Area>> {
    let area = Area::anonymous(LEN)?;
    // Installing a guard drops what was there.
    area.write();
    area.advise(MADV_GUARD_INSTALL)?;
    Ok(vec![area])
}

/// Hands an area to a new userfaultfd, which stays open with the process.
fn register(area: Area, feature: u64, mode: u64) -> io::Result<RawFd> {
    let fd = sys::userfaultfd()?;
    sys::ioctl(fd.as_raw_fd(), API, &mut [UFFD_API, feature, 0])?;
    let mut words = [area.start as u64, area.len as u64, mode, 0];
    sys::ioctl(fd.as_raw_fd(), REGISTER, &mut words)?;
    Ok(fd.into_raw_fd())
}

fn write_protected(area: Area) -> io::Result<Vec<Area>> {
    let fd = register(area, FEATURE_WP_UNPOPULATED, REGISTER_MODE_WP)?;
    let mut words = [area.start as u64, area.len as u64, WRITEPROTECT_MODE_WP];
    sys::ioctl(fd, WRITEPROTECT, &mut words)?;
    Ok(vec![area])
}

/// Write-protected before it was touched: there is a marker and no page.
pub fn uffd_marker() -> io::Result<Vec<Area>> {
    write_protected(Area::anonymous(LEN)?)
}

pub fn uffd_protected() -> io::Result<Vec<Area>> {
    let area = Area::anonymous(LEN)?;
    area.write();
    area.lock()?;
    write_protected(area)
}

pub fn poison() -> io::Result<Vec<Area>> {
    let area = Area::anonymous(LEN)?;
    let fd = register(area, FEATURE_POISON, REGISTER_MODE_MISSING)?;
    let mut words = [area.start as u64, area.len as u64, 0, 0];
    sys::ioctl(fd, POISON, &mut words)?;
    Ok(vec![area])
}

/// Takes a page of the machine's memory out of use until it is rebooted.
pub fn hwpoison() -> io::Result<Vec<Area>> {
    let area = Area::anonymous(3 * PAGE)?;
    area.write();
    let page = area.part(PAGE, PAGE);
    // The kernel tells this process of its loss.
    process::survive_sigbus();
    page.advise(libc::MADV_HWPOISON)?;
    Ok(vec![page])
}
