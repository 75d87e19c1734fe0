// SPDX-License-Identifier: GPL-2.0

//! `hold-mmap-lock gap|over|queue`: a process whose mmap lock nobody gets, until the end of
//! standard input. No right is needed for that but to mount a FUSE file system.
//!
//! - `gap`: it maps a file of a FUSE file system whose server does not answer a write that
//!   another process makes, and holds the lock for writing;
//! - `over`: the same, and the mapping replaces a part of another one, whose own lock is taken
//!   as well;
//! - `queue`: somebody reads a page of its memory that has to come from that server, and holds
//!   the lock for reading; it maps memory, and waits to hold it for writing. Who comes then has
//!   to wait as well.
//!
//! Prints `pid PID`; `witness PID`, a process that waits for the lock and does not get it;
//! addresses: `page` of a page that it has, `gap` where it has no mapping, and `over` and
//! `beside` the page where another mapping comes and those next to it; then `ready`.
//!
//! The memory is of a file system of one file, whose server answers no read and no write.
//!
//! Protocol: include/uapi/linux/fuse.h. The root of the file system is the file.

use rustix::{
    mount::{mount_change, MountFlags, MountPropagationFlags, UnmountFlags},
    thread::{unshare_unsafe, UnshareFlags},
};
use std::os::unix::fs::MetadataExt;

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
const CACHED: u32 = 0;
const DIRECT: u32 = 1 | (1 << 6);

/// Has this process, and those that it forks, see mounts of its own.
fn own_mounts() -> io::Result<()> {
    // SAFETY: no file descriptor is shared less than before.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS)? };
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    Ok(mount_change("/", private)?)
}

/// Mounts such a file system over a file, and returns the server's end. All requests fail once
/// nobody has it open.
fn mount(over: &Path) -> io::Result<File> {
    let device = read_write("/dev/fuse")?;
    let fd = device.as_raw_fd();
    let options = format!("fd={fd},rootmode=100000,user_id=0,group_id=0");
    let options = CString::new(options)?;
    rustix::mount::mount("fuse", over, "fuse", MountFlags::empty(), &*options)?;
    Ok(device)
}

fn unmount(from: &Path) -> io::Result<()> {
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
fn serve(mut device: File, open_flags: u32, mut left: impl FnMut()) -> io::Result<()> {
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

/// The mapping that is replaced in part.
const PAGES: usize = 16;

/// The memory of the stuck process, the same in those that forked from the same one: two
/// pages, and nothing between; and the mapping that is replaced in part.
fn memory() -> io::Result<(Area, Area)> {
    let pages = Area::anonymous(3 * PAGE)?.write();
    let whole = Area::anonymous(PAGES * PAGE)?.huge_pages(false)?.write();
    pages.page(1).unmap()?;
    Ok((pages, whole))
}

fn open(path: &Path) -> io::Result<File> {
    let file = read_write(path)?;
    // The kernel asks for the size then.
    let size = file.metadata()?.size();
    ensure!(size > 0, "not the FUSE file system's file");
    Ok(file)
}

/// Waits until a process sleeps uninterruptibly in a function of the kernel. (What the kernel
/// shows of its stack begins with who called the scheduler or took a lock; one for real time
/// shows its locks too.)
fn wait_for(pid: Pid, function: &str) -> io::Result<()> {
    let mut stack = String::new();
    let came = comes(|| {
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}"));
        let stat = read("stat").unwrap_or_default();
        stack = read("stack").unwrap_or_default();
        let state = stat.rsplit(") ").next().unwrap_or_default();
        let first = stack
            .lines()
            .find(|line| !line.contains("rt_mutex"))
            .unwrap_or_default();
        state.starts_with('D') && first.contains(function)
    });
    ensure!(came, "{pid} never came to {function}, but to\n{stack}");
    Ok(())
}

fn hold(way: &str, path: &Path, all: &mut Vec<Pid>) -> io::Result<()> {
    let queue = way == "queue";
    let open_flags = if queue { CACHED } else { DIRECT };
    let device = mount(path)?;
    // Says when it has left a request unanswered. The server alone keeps the device open: the
    // file system ends with it.
    let (mut left, mut tell_left) = sys::pipe()?;
    all.push(process::fork_role("server", || {
        serve(device, open_flags, || {
            let _ = tell_left.write(b"x");
        })
    })?);
    let (pages, whole) = memory()?;
    let over = whole.page(PAGES / 2);
    let (mut told, mut tell) = sys::pipe()?;
    let (mut mapped, mut tell_mapped) = sys::pipe()?;

    let holder = process::fork_role("holder", || {
        let file = open(path)?;
        let area = match queue {
            true => Area::of_file(&file, 2 * PAGE, libc::PROT_READ, libc::MAP_SHARED)?,
            false => pages,
        };
        tell_mapped.write_all(&area.start.to_ne_bytes())?;
        told.read_exact(&mut [0])?;
        match way {
            "gap" => Area::of_file(&file, 2 * PAGE, READ_WRITE, libc::MAP_SHARED).map(drop),
            "over" => over.replace(&file, 0, READ_WRITE, libc::MAP_SHARED),
            _ => Area::anonymous(2 * PAGE).map(drop),
        }?;
        Err(error!("got the lock"))
    })?;
    all.push(holder);
    drop(tell_mapped);
    let mut start = [0; 8];
    mapped.read_exact(&mut start)?;

    let other = process::fork_role("other", || {
        if !queue {
            return open(path)?.write_at(&[0x55; PAGE], 0).map(drop);
        }
        let memory = File::open(format!("/proc/{holder}/mem"))?;
        let from = u64::from_ne_bytes(start);
        memory.read_at(&mut [0], from).map(drop)
    })?;
    all.push(other);
    left.read_exact(&mut [0])?;
    tell.write_all(b"x")?;
    wait_for(
        holder,
        ["fuse_file_cached_io_open", "vm_mmap_pgoff"][usize::from(queue)],
    )?;

    // Reads memory of the process, for which the kernel takes that lock.
    let witness = process::fork_role("witness", || {
        fs::read(format!("/proc/{holder}/cmdline")).map(drop)
    })?;
    all.push(witness);
    wait_for(witness, "__access_remote_vm")?;

    let lines = [
        format!("pid {holder}\nwitness {witness}"),
        format!("page {:#x}", pages.start),
        format!("gap {:#x}\nover {:#x}", pages.page(1).start, over.start),
        format!("beside {:#x} {:#x}", over.start - PAGE, over.end()),
        format!("whole {:#x}-{:#x}\n", whole.start, whole.end()),
    ];
    crate::hold(&lines.join("\n")).map(drop)
}

fn hold_until_end(way: &str) -> io::Result<()> {
    own_mounts()?;
    let path = env::temp_dir().join(format!("memintro-fuse.{}", id()));
    File::create(&path)?;
    let mut all = Vec::new();
    let held = hold(way, &path, &mut all);
    // The server first: then all the others can end.
    all.iter().for_each(|pid| process::end(&[*pid]));
    // It is not mounted where others would remove it.
    let _ = unmount(&path);
    let _ = fs::remove_file(&path);
    held
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let way: String = options.word()?;
    options.end()?;
    if !["gap", "over", "queue"].contains(&&*way) {
        return Err(misuse("gap, over or queue"));
    }
    hold_until_end(&way).map(|()| true)
}
