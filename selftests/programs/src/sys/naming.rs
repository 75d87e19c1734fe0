// SPDX-License-Identifier: GPL-2.0

//! Names of memory.

use std::{ffi::CStr, os::fd::FromRawFd};

use crate::prelude::*;

/// Names anonymous memory, as `PR_SET_VMA_ANON_NAME` does: at most 79 bytes.
pub fn name_area(area: Area, name: &CStr) -> io::Result<()> {
    const PR_SET_VMA: libc::c_int = 0x5356_4d41;
    const PR_SET_VMA_ANON_NAME: libc::c_ulong = 0;
    // SAFETY: the name is a C string, which the kernel copies.
    let ret = unsafe {
        libc::prctl(
            PR_SET_VMA,
            PR_SET_VMA_ANON_NAME,
            area.start,
            area.len,
            name.as_ptr(),
        )
    };
    check(ret).map(drop)
}

/// Makes a tmpfs file of `len` bytes without a place, but with a name.
pub fn named_memfd(name: &CStr, len: usize) -> io::Result<OwnedFd> {
    // SAFETY: the name is a C string; a returned descriptor is owned here.
    let fd = unsafe { OwnedFd::from_raw_fd(check(libc::memfd_create(name.as_ptr(), 0))?) };
    std::fs::File::from(fd.try_clone()?).set_len(len as u64)?;
    Ok(fd)
}
