// SPDX-License-Identifier: GPL-2.0

//! `hold-mmap-lock gap|over|queue`: a process whose mmap lock nobody gets, until the
//! end of standard input. No right is needed for that but to mount a FUSE file system.
//!
//! - `gap`: it maps a file of a FUSE file system whose server does not answer a write
//!   that another process makes, and holds the lock for writing;
//! - `over`: the same, and the mapping replaces a part of another one, whose own lock is
//!   taken as well;
//! - `queue`: somebody reads a page of its memory that has to come from that server, and
//!   holds the lock for reading; it maps memory, and waits to hold it for writing. Who
//!   comes then has to wait as well.
//!
//! Prints `pid PID`; `witness PID`, a process that waits for the lock and does not get it;
//! addresses: `page` of a page that it has, `gap` where it has no mapping, and `over` and
//! `beside` the page where another mapping comes and those next to it; then `ready`.

use std::{env, os::unix::fs::MetadataExt};

use crate::{
    prelude::*,
    sys::fuse::{self, Cache},
};

/// The mapping that is replaced in part.
const PAGES: usize = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Gap,
    Over,
    Queue,
}

/// The memory of the stuck process, the same in those that forked from the same one.
#[derive(Clone, Copy)]
struct Places {
    page: Area,
    hole: Area,
    over: Area,
    whole: Area,
}

impl Places {
    fn make() -> io::Result<Self> {
        let page = Area::anonymous(3 * PAGE)?;
        let hole = page.part(PAGE, PAGE);
        let whole = Area::anonymous(PAGES * PAGE)?;
        whole.huge_pages(false)?;
        page.write();
        whole.write();
        hole.unmap()?;
        Ok(Self {
            page: page.part(0, PAGE),
            hole,
            over: whole.part(PAGES / 2 * PAGE, PAGE),
            whole,
        })
    }
}

fn open(path: &Path) -> io::Result<File> {
    let file = File::options().read(true).write(true).open(path)?;
    // The kernel asks for the size then.
    match file.metadata()?.size() {
        0 => Err(io::Error::other("not the FUSE file system's file")),
        _ => Ok(file),
    }
}

/// Waits until a process sleeps uninterruptibly in a function of the kernel. (What the
/// kernel shows of its stack begins with who called the scheduler or took a lock.)
fn wait_for(pid: Pid, function: &str) -> io::Result<()> {
    let mut stack = String::new();
    for _ in 0..6000 {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        stack = fs::read_to_string(format!("/proc/{pid}/stack"))?;
        let state = stat.rsplit(") ").next().unwrap_or_default();
        let first = stack.lines().next().unwrap_or_default();
        if state.starts_with('D') && first.contains(function) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Err(io::Error::other(format!(
        "{pid} never came to {function}, but to\n{stack}"
    )))
}

/// A process that ends with an error when `run` does, and says so.
fn role(name: &str, run: impl FnOnce() -> io::Result<()>) -> io::Result<Pid> {
    process::fork_tied(|| {
        if let Err(error) = run() {
            eprintln!("hold-mmap-lock: {name}: {error}");
        }
    })
}

/// One byte, when the other end has written it.
fn wait_byte(from: &mut File) -> io::Result<()> {
    from.read_exact(&mut [0])
}

/// Waits until the server has left a request unanswered; returns what it said of itself.
struct Server {
    pid: Pid,
    left: File,
}

fn start_server(path: &Path, cache: Cache) -> io::Result<Server> {
    let device = fuse::mount(path)?;
    let (left, mut tell) = sys::pipe()?;
    // The server alone keeps the device open: the file system ends with it.
    let pid = role("server", || {
        fuse::serve(device, cache, || {
            let _ = tell.write(b"x");
        })
    })?;
    Ok(Server { pid, left })
}

fn hold(way: Way, path: &Path, all: &mut Vec<Pid>) -> io::Result<()> {
    let cache = match way {
        Way::Queue => Cache::Yes,
        _ => Cache::No,
    };
    let mut server = start_server(path, cache)?;
    all.push(server.pid);
    let places = Places::make()?;
    let (mut told, mut tell) = sys::pipe()?;
    let (mut mapped, mut tell_mapped) = sys::pipe()?;

    let holder = role("holder", || {
        let file = open(path)?;
        let area = match way {
            Way::Queue => Area::of_file(&file, 2 * PAGE, libc::PROT_READ, libc::MAP_SHARED)?,
            _ => places.page,
        };
        tell_mapped.write_all(&area.start.to_ne_bytes())?;
        wait_byte(&mut told)?;
        match way {
            Way::Gap => Area::of_file(&file, 2 * PAGE, READ_WRITE, libc::MAP_SHARED).map(drop),
            Way::Over => places.over.replace(&file, 0, READ_WRITE, libc::MAP_SHARED),
            Way::Queue => Area::anonymous(2 * PAGE).map(drop),
        }?;
        Err(io::Error::other("got the lock"))
    })?;
    all.push(holder);
    drop(tell_mapped);
    let mut start = [0; 8];
    mapped.read_exact(&mut start)?;

    let other = role("other", || match way {
        Way::Queue => {
            let memory = File::open(format!("/proc/{holder}/mem"))?;
            memory
                .read_at(&mut [0], usize::from_ne_bytes(start) as u64)
                .map(drop)
        }
        _ => open(path)?.write_at(&[0x55; PAGE], 0).map(drop),
    })?;
    all.push(other);
    wait_byte(&mut server.left)?;
    tell.write_all(b"x")?;
    match way {
        Way::Queue => wait_for(holder, "vm_mmap_pgoff")?,
        _ => wait_for(holder, "fuse_file_cached_io_open")?,
    }

    // Reads memory of the process, for which the kernel takes that lock.
    let witness = role("witness", || {
        fs::read(format!("/proc/{holder}/cmdline")).map(drop)
    })?;
    all.push(witness);
    wait_for(witness, "__access_remote_vm")?;

    let Places {
        page,
        hole,
        over,
        whole,
    } = places;
    let lines = [
        format!("pid {holder}\nwitness {witness}"),
        format!("page {:#x}\ngap {:#x}", page.start, hole.start),
        format!("over {:#x}", over.start),
        format!("beside {:#x} {:#x}", over.start - PAGE, over.start + PAGE),
        format!("whole {:#x}-{:#x}\n", whole.start, whole.start + whole.len),
    ];
    crate::options::hold(&lines.join("\n")).map(drop)
}

fn hold_until_end(way: Way) -> io::Result<()> {
    fuse::own_mounts()?;
    let path = env::temp_dir().join(format!("memintro-fuse.{}", std::process::id()));
    File::create(&path)?;
    let mut all = Vec::new();
    let held = hold(way, &path, &mut all);
    // The server first: then all the others can end.
    for pid in all {
        process::kill(pid);
        process::reap(pid);
    }
    // It is not mounted where others would remove it.
    let _ = fuse::unmount(&path);
    let _ = fs::remove_file(&path);
    held
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let way: String = options.word()?;
    options.end()?;
    let way = match way.as_str() {
        "gap" => Way::Gap,
        "over" => Way::Over,
        "queue" => Way::Queue,
        _ => return Err(misuse("gap, over or queue")),
    };
    hold_until_end(way).map(|()| true)
}
