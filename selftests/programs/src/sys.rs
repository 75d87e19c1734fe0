// SPDX-License-Identifier: GPL-2.0

//! System calls as safe functions: the only `unsafe` code of the programs,
//! beside the fork-like calls in [`process`].

use std::os::fd::FromRawFd;

use crate::prelude::*;

pub mod area;
pub mod capability;
pub mod counters;
pub mod heap;
pub mod module;
pub mod naming;
pub mod priority;
pub mod process;
pub mod raw;
pub mod trap;
pub mod uffd;

pub use area::Area;

/// The size of a base page.
pub const PAGE: usize = 4096;
/// The size of a page that arm64 may hold as one, of 16 base pages.
pub const PAGE_64K: usize = 64 << 10;
/// The same, of 16 huge pages.
pub const PAGE_32M: usize = 32 << 20;
/// The size of a huge page of the pmd level.
pub const PAGE_2M: usize = 2 << 20;
/// The size of a huge page of the pud level.
pub const PAGE_1G: usize = 1 << 30;

/// `MADV_COLLAPSE`, Linux 6.1.
pub const MADV_COLLAPSE: i32 = 25;
/// `MADV_GUARD_INSTALL`, Linux 6.13.
pub const MADV_GUARD_INSTALL: i32 = 102;

/// Turns the result of a C call that returns -1 on failure into a `Result`.
pub fn check(ret: libc::c_int) -> io::Result<libc::c_int> {
    if ret == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(ret)
    }
}

/// Makes a pipe: the end to read from and the end to write to.
pub fn pipe() -> io::Result<(File, File)> {
    let mut fds = [0; 2];
    // SAFETY: the array has room for two descriptors, owned here afterwards.
    unsafe {
        check(libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC))?;
        Ok((File::from_raw_fd(fds[0]), File::from_raw_fd(fds[1])))
    }
}

/// Makes a nameless tmpfs file of `len` bytes.
pub fn memfd(len: usize) -> io::Result<OwnedFd> {
    // SAFETY: the name is a C string; a returned descriptor is owned here.
    let fd = unsafe { OwnedFd::from_raw_fd(check(libc::memfd_create(c"subject".as_ptr(), 0))?) };
    File::from(fd.try_clone()?).set_len(len as u64)?;
    Ok(fd)
}

/// Makes a nameless file of `len` bytes in the pool of 2M pages.
pub fn huge_memfd(len: usize) -> io::Result<OwnedFd> {
    let flags = libc::MFD_HUGETLB | libc::MFD_HUGE_2MB;
    // SAFETY: the name is a C string; a returned descriptor is owned here.
    let fd = unsafe { OwnedFd::from_raw_fd(check(libc::memfd_create(c"pool".as_ptr(), flags))?) };
    File::from(fd.try_clone()?).set_len(len as u64)?;
    Ok(fd)
}

/// Opens a userfaultfd.
pub fn userfaultfd() -> io::Result<OwnedFd> {
    // SAFETY: the call takes only flags; a returned descriptor is owned here.
    unsafe {
        let fd = libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC);
        Ok(OwnedFd::from_raw_fd(check(fd as libc::c_int)?))
    }
}

/// Calls an ioctl whose argument is an array of 64-bit words.
///
/// All requests of userfaultfd are of that form; the request's own size
/// field is checked against the array.
pub fn ioctl(fd: RawFd, request: libc::c_ulong, words: &mut [u64]) -> io::Result<libc::c_int> {
    let size = (request >> 16) as usize & 0x3fff;
    assert_eq!(size, std::mem::size_of_val(words));
    // SAFETY: the kernel reads and writes `size` bytes, which `words` has.
    check(unsafe { libc::ioctl(fd, request as _, words.as_mut_ptr()) })
}

/// Where the data segment ends now.
pub fn program_break() -> usize {
    // SAFETY: an increment of 0 changes nothing.
    unsafe { libc::sbrk(0) as usize }
}

/// Moves the end of the data segment to `end`.
pub fn set_program_break(end: usize) -> io::Result<()> {
    // SAFETY: callers only ever raise the break above what the allocator
    // has, or lower it to a break that they set before.
    check(unsafe { libc::brk(end as *mut _) }).map(drop)
}

/// Writes to standard output without the allocator, whose use of the data
/// segment could move the break that is being reported.
pub fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    // SAFETY: pointer and length are those of a slice.
    let n = unsafe { libc::write(1, bytes.as_ptr().cast(), bytes.len()) };
    if n == bytes.len() as isize {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// One write(2) of exactly these bytes: `std` would go on after a short one.
pub fn write_once(fd: RawFd, bytes: &[u8], at: Option<i64>) -> io::Result<usize> {
    // SAFETY: pointer and length are those of a slice.
    let n = unsafe {
        match at {
            None => libc::write(fd, bytes.as_ptr().cast(), bytes.len()),
            Some(at) => libc::pwrite(fd, bytes.as_ptr().cast(), bytes.len(), at),
        }
    };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// Sets the effective user ID; root that becomes another user this way
/// loses the effective capabilities, and gets them back with 0.
pub fn set_effective_uid(uid: u32) -> io::Result<()> {
    // SAFETY: the call takes only a number.
    check(unsafe { libc::seteuid(uid) }).map(drop)
}

/// Reads the time by a call that the vDSO answers, so that its data page
/// gets mapped.
pub fn touch_vdso() {
    // SAFETY: an all-zero timespec is a valid value.
    let mut now: libc::timespec = unsafe { std::mem::zeroed() };
    // SAFETY: `now` is valid for the write.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
}

/// The name of an error number, as the kernel's headers have it.
pub fn errno_name(error: &io::Error) -> String {
    let name = match error.raw_os_error() {
        Some(libc::EPERM) => "EPERM",
        Some(libc::ENOENT) => "ENOENT",
        Some(libc::ESRCH) => "ESRCH",
        Some(libc::EINTR) => "EINTR",
        Some(libc::EIO) => "EIO",
        Some(libc::EBADF) => "EBADF",
        Some(libc::EAGAIN) => "EAGAIN",
        Some(libc::ENOMEM) => "ENOMEM",
        Some(libc::EACCES) => "EACCES",
        Some(libc::EFAULT) => "EFAULT",
        Some(libc::EBUSY) => "EBUSY",
        Some(libc::ENODEV) => "ENODEV",
        Some(libc::EINVAL) => "EINVAL",
        Some(libc::EFBIG) => "EFBIG",
        Some(libc::ENOSPC) => "ENOSPC",
        Some(libc::ESPIPE) => "ESPIPE",
        Some(libc::ERANGE) => "ERANGE",
        Some(libc::ENODATA) => "ENODATA",
        Some(libc::EOVERFLOW) => "EOVERFLOW",
        Some(libc::EOPNOTSUPP) => "EOPNOTSUPP",
        Some(other) => return format!("errno-{other}"),
        None => return error.to_string(),
    };
    name.to_owned()
}
