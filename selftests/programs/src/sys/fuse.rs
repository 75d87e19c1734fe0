// SPDX-License-Identifier: GPL-2.0

//! A file system of one file, whose server answers no read and no write.
//!
//! Protocol: include/uapi/linux/fuse.h. The root of the file system is the file.

use rustix::{
    mount::{mount_change, MountFlags, MountPropagationFlags, UnmountFlags},
    thread::{unshare_unsafe, UnshareFlags},
};
use std::ffi::CString;

use crate::prelude::*;

// Requests, and the sizes of what is sent and received.
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const WRITE: u32 = 16;
const RELEASE: u32 = 18;
const INIT: u32 = 26;
const FORGET: u32 = 2;
const INTERRUPT: u32 = 36;
const BATCH_FORGET: u32 = 42;
const IN_HEADER: usize = 40;
const BUFFER: usize = 64 << 10;

const ROOT: u64 = 1;
/// Past what anybody here writes: no write makes the file larger.
const SIZE: u64 = 16 << 20;

/// Version 7.40 has everything that is used here.
const VERSION: [u32; 2] = [7, 40];
const INIT_EXT: u32 = 1 << 30;
/// `FUSE_DIRECT_IO_ALLOW_MMAP`, in the upper half.
const ALLOW_MMAP: u32 = 1 << (36 - 32);

/// What `open` says of the file: pages are cached, and read when they are touched; or each
/// write goes to the server, several at a time (FOPEN_DIRECT_IO and
/// FOPEN_PARALLEL_DIRECT_WRITES), and whoever maps the file waits for them.
pub const CACHED: u32 = 0;
pub const DIRECT: u32 = 1 | (1 << 6);

/// Has this process, and those that it forks, see mounts of its own.
pub fn own_mounts() -> io::Result<()> {
    // SAFETY: no file descriptor is shared less than before.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS)? };
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    Ok(mount_change("/", private)?)
}

/// Mounts such a file system over a file, and returns the server's end. All requests fail once
/// nobody has it open.
pub fn mount(over: &Path) -> io::Result<File> {
    let device = read_write("/dev/fuse")?;
    let fd = device.as_raw_fd();
    let options = format!("fd={fd},rootmode=100000,user_id=0,group_id=0");
    let options = CString::new(options)?;
    rustix::mount::mount("fuse", over, "fuse", MountFlags::empty(), &*options)?;
    Ok(device)
}

pub fn unmount(from: &Path) -> io::Result<()> {
    Ok(rustix::mount::unmount(from, UnmountFlags::DETACH)?)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
    u32::from_ne_bytes(word.unwrap_or_default())
}

fn attributes() -> Vec<u8> {
    // Inode and size; blocks and times; their nanoseconds, mode, links, the rest.
    let long = [ROOT, SIZE, 0, 0, 0, 0];
    let short = [0, 0, 0, libc::S_IFREG | 0o600, 1, 0, 0, 0, 4096, 0];
    let long = long.iter().flat_map(|word: &u64| word.to_ne_bytes());
    let short = short.iter().flat_map(|word: &u32| word.to_ne_bytes());
    long.chain(short).collect()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// Serves until the file system is gone. Calls `left` for each read and write, which gets no
/// answer.
pub fn serve(mut device: File, open_flags: u32, mut left: impl FnMut()) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let n = match device.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => n,
            Err(error) => match error.raw_os_error() {
                Some(libc::ENODEV) => return Ok(()),
                Some(libc::EINTR | libc::EAGAIN | libc::ENOENT) => continue,
                _ => return Err(error),
            },
        };
        let request = &buffer[..n];
        ensure!(n >= IN_HEADER, "a short request");
        let answer = match word(request, 4) {
            READ | WRITE => {
                left();
                continue;
            }
            FORGET | BATCH_FORGET | INTERRUPT => continue,
            INIT => {
                let [major, minor] = VERSION;
                // Read-ahead, flags; background requests; the largest write; times, pages; more
                // flags; the rest.
                let mut answer = words(&[major, minor, 0, INIT_EXT, 0, 4096, 1, 0, ALLOW_MMAP]);
                answer.resize(64, 0);
                Ok(answer)
            }
            GETATTR => Ok([vec![0; 16], attributes()].concat()),
            // No handle, flags, no file behind it.
            OPEN => Ok(words(&[0, 0, open_flags, 0])),
            RELEASE => Ok(Vec::new()),
            _ => Err(libc::ENOSYS),
        };
        let error = *answer.as_ref().err().unwrap_or(&0);
        let answer = answer.unwrap_or_default();
        let header = words(&[16 + answer.len() as u32, (-error) as u32]);
        let reply = [&header, &request[8..16], &answer].concat();
        match device.write(&reply) {
            Err(error) if error.raw_os_error() != Some(libc::ENOENT) => return Err(error),
            _ => (),
        }
    }
}
