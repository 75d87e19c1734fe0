// SPDX-License-Identifier: GPL-2.0

//! Kernel modules: loaded and unloaded without another program.

use std::ffi::CStr;

use crate::prelude::*;

/// Loads a module from a file.
pub fn load(path: &str) -> io::Result<()> {
    let file = File::open(path)?;
    // SAFETY: the parameters are an empty C string.
    let ret = unsafe { libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), c"".as_ptr(), 0) };
    check(ret as libc::c_int).map(drop)
}

/// Unloads a module; fails where it is in use.
pub fn unload(name: &CStr) -> io::Result<()> {
    // SAFETY: the name is a C string.
    let ret = unsafe { libc::syscall(libc::SYS_delete_module, name.as_ptr(), libc::O_NONBLOCK) };
    check(ret as libc::c_int).map(drop)
}
