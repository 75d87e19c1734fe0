// SPDX-License-Identifier: GPL-2.0

//! System calls that no crate has as safe functions: the only `unsafe` code of the programs,
//! beside the calls that are made at random.

pub use nix::errno::Errno;
use rustix::{
    fs::{memfd_create, MemfdFlags},
    pipe::{pipe_with, PipeFlags},
    system::{delete_module, finit_module},
    thread::{capabilities, set_capabilities, CapabilitySet},
};

use crate::prelude::*;

pub mod area;
pub mod process;
pub mod raw;

pub use area::Area;

/// The size of a base page: programs are built for one, `MEMINTRO_PAGES=16K` for another than
/// 4K.
pub const PAGE: usize = match option_env!("MEMINTRO_PAGES") {
    None => 4 << 10,
    Some(name) => match name.as_bytes() {
        b"4K" => 4 << 10,
        b"16K" => 16 << 10,
        _ => panic!("MEMINTRO_PAGES is 4K or 16K"),
    },
};
/// The size of a huge page, one entry of the pmd level.
pub const PAGE_HUGE: usize = PAGE * PAGE / 8;
/// The size of a page that arm64 may hold as one, of several base pages.
pub const PAGE_RUN: usize = if PAGE == 4 << 10 { 64 << 10 } else { 2 << 20 };
// The sizes of hugetlb pages: of a run of 4K pages; of a huge page, or of a run of 16K pages; of a
// run of huge pages, or of a huge page of 16K kernels; of an entry of the pud level, or of a run
// of such huge pages.
pub const PAGE_64K: usize = 64 << 10;
pub const PAGE_2M: usize = 2 << 20;
pub const PAGE_32M: usize = 32 << 20;
pub const PAGE_1G: usize = 1 << 30;

pub const READ_WRITE: i32 = libc::PROT_READ | libc::PROT_WRITE;
pub const MADV_COLLAPSE: i32 = 25;
pub const MADV_GUARD_INSTALL: i32 = 102;

pub fn check(ret: libc::c_int) -> io::Result<libc::c_int> {
    Ok(Errno::result(ret)?)
}

pub fn is_fault(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EFAULT)
}

pub fn pipe() -> io::Result<(File, File)> {
    let (from, to) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok((from.into(), to.into()))
}

/// Makes a file of `len` bytes without a place, but with a name: of tmpfs, or of the pool that
/// `flags` name.
pub fn memfd(name: &CStr, flags: u32, len: usize) -> io::Result<File> {
    let flags = MemfdFlags::from_bits_retain(flags);
    let file = File::from(memfd_create(name, flags)?);
    file.set_len(len as u64)?;
    Ok(file)
}

/// Calls an ioctl whose argument is an array of 64-bit words: the request's own size field is
/// checked against the array.
pub fn ioctl(fd: RawFd, request: u64, words: &mut [u64]) -> io::Result<libc::c_int> {
    let size = (request >> 16) as usize & 0x3fff;
    assert_eq!(size, std::mem::size_of_val(words));
    // SAFETY: the kernel reads and writes `size` bytes, which `words` has.
    check(unsafe { libc::ioctl(fd, request as _, words.as_mut_ptr()) })
}

/// Makes counters, all 0, that stay with this process and its children.
pub fn counters(count: usize) -> io::Result<&'static [AtomicU64]> {
    let area = Area::shared((count * 8).next_multiple_of(PAGE))?;
    // SAFETY: the area is new, zeroed, aligned to a page, has room for the counters and is
    // never unmapped; all processes use them as atomics.
    Ok(unsafe { std::slice::from_raw_parts(area.start as *const AtomicU64, count) })
}

pub fn program_break() -> usize {
    // SAFETY: an increment of 0 changes nothing.
    unsafe { libc::sbrk(0) as usize }
}

pub fn set_program_break(end: usize) -> io::Result<()> {
    // SAFETY: callers only ever raise the break above what the allocator has, or lower it to a
    // break that they set before.
    check(unsafe { libc::brk(end as *mut _) }).map(drop)
}

/// Grows the heap, keeps it, and locks all memory of this process.
///
/// Where the kernel fails allocations on purpose, none of them is to be a page fault of the
/// program that asks for it.
pub fn settle_heap() -> io::Result<()> {
    // SAFETY: the options take only numbers.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
    }
    drop(std::hint::black_box(vec![1u8; 64 << 20]));
    Ok(rustix::mm::mlockall(rustix::mm::MlockAllFlags::CURRENT)?)
}

pub fn without_syslog<T>(act: impl FnOnce() -> T) -> io::Result<T> {
    let sets = capabilities(None)?;
    let was_there = sets.effective.contains(CapabilitySet::SYSLOG);
    ensure!(was_there, "it was not there");
    let mut fewer = sets;
    fewer.effective.remove(CapabilitySet::SYSLOG);
    set_capabilities(None, fewer)?;
    let result = act();
    set_capabilities(None, sets)?;
    Ok(result)
}

pub fn load(path: &str) -> io::Result<()> {
    Ok(finit_module(File::open(path)?, c"", 0)?)
}

pub fn unload() -> io::Result<()> {
    Ok(delete_module(c"memintro", libc::O_NONBLOCK)?)
}

pub fn counter() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every processor of this architecture has the instruction.
    return unsafe { core::arch::x86_64::_rdtsc() };
    #[cfg(not(target_arch = "x86_64"))]
    0
}

/// The name of an error number, as the kernel's headers have it.
pub fn errno_name(error: &io::Error) -> String {
    let name = error.raw_os_error().map(Errno::from_raw);
    name.map_or_else(|| error.to_string(), |name| format!("{name:?}"))
}
