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

use std::{env, os::unix::fs::MetadataExt};

use crate::{prelude::*, sys::fuse};

/// The mapping that is replaced in part.
const PAGES: usize = 16;

/// The memory of the stuck process, the same in those that forked from the same one: two
/// pages, and nothing between; and the mapping that is replaced in part.
fn memory() -> io::Result<(Area, Area)> {
    let pages = Area::anonymous(3 * PAGE)?;
    let whole = Area::anonymous(PAGES * PAGE)?;
    whole.huge_pages(false)?;
    pages.write();
    whole.write();
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
    let open_flags = if queue { fuse::CACHED } else { fuse::DIRECT };
    let device = fuse::mount(path)?;
    // Says when it has left a request unanswered. The server alone keeps the device open: the
    // file system ends with it.
    let (mut left, mut tell_left) = sys::pipe()?;
    all.push(process::fork_role("server", || {
        fuse::serve(device, open_flags, || {
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
    crate::options::hold(&lines.join("\n")).map(drop)
}

fn hold_until_end(way: &str) -> io::Result<()> {
    fuse::own_mounts()?;
    let path = env::temp_dir().join(format!("memintro-fuse.{}", std::process::id()));
    File::create(&path)?;
    let mut all = Vec::new();
    let held = hold(way, &path, &mut all);
    // The server first: then all the others can end.
    all.iter().for_each(|pid| process::end(&[*pid]));
    // It is not mounted where others would remove it.
    let _ = fuse::unmount(&path);
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
