// SPDX-License-Identifier: GPL-2.0

//! Processes that keep something until the end of standard input, after they have printed what
//! it is, and `ready`.
//!
//! - `hog [--size MIB] [--pieces N] [--sparse] [--at 0xADDRESS] [--map FILE]`: anonymous memory,
//!   written to; N mappings of one page each from ADDRESS on, every second one read-only, so
//!   that answers are long, or with `--sparse` left out of core dumps, and only some pages written
//!   to, which is much faster for many; FILE, mapped and touched, so that its file system is in use.
//! - `heap BYTES`: a heap of exactly BYTES, as brk(2) and /proc define it: the break that
//!   sbrk(2) reports, less the start that field 47 of /proc/self/stat gives. Prints `heap PID
//!   BYTES`.
//! - `lazy SIZE`: SIZE bytes (`64K`, `64M`, `1024G`) that it does not touch. Prints `lazy PID
//!   START LENGTH`, and does what standard input says: `read N` reads a byte of each of the
//!   first N pages, `write N` writes to them, `free N` gives them back, `quit`; prints the line
//!   again. It touches no memory but the pages that it is told to.
//! - `crowd N`: a process of N threads besides its first, all of which have ended, and that is
//!   not waited for: this one traces each of them. Prints `dead PID`.
//!
//! `spawn N [OPTION...]`: starts N sleeping processes, prints `live PID` for each, then, when
//! all of them rest, `ready`, and kills them at the end of standard input. Their names are odd
//! ones (blanks, newlines, quotes, bytes that are no text), some run as other users, some are
//! stopped. Options:
//! - `--plain`: all alike, named `spawn`, sharing one memory: for large N;
//! - `--threads T`: one more process, with T threads beside its first;
//! - `--zombies Z`: Z processes that ended and are not waited for (`zombie PID`);
//! - `--zombie-leader`: a process whose first thread ended while another lives (`zombie-leader
//!   PID TID`);
//! - `--blocked`: a process in uninterruptible sleep;
//! - `--churn C`: C processes that start and reap short-lived ones, one after the other.

use std::sync::{mpsc, Arc, Barrier};

use crate::prelude::*;

pub fn hog(options: &mut Options) -> io::Result<bool> {
    let (size, pieces) = (options.or("--size", 0)?, options.or("--pieces", 0)?);
    let at = parse_hex(&options.or("--at", "0x3000000000".to_owned())?)? as usize;
    let map = options.get::<String>("--map")?;
    let sparse = options.flag("--sparse");
    options.end()?;
    if size > 0 {
        Area::anonymous(size << 20)?.write();
    }
    if pieces > 0 {
        let all = Area::at(at, pieces * PAGE, READ_WRITE)?;
        if sparse {
            // Mappings are split fastest while nothing is in them.
            all.huge_pages(false)?;
            for page in (0..pieces).step_by(2) {
                all.page(page).advise(libc::MADV_DONTDUMP)?;
            }
            for page in (0..pieces).step_by(16) {
                all.page(page).write();
            }
        } else {
            all.write().break_up()?;
        }
    }
    if let Some(path) = &map {
        let file = File::open(path)?;
        let len = file.metadata()?.len() as usize;
        Area::of_file(&file, len, libc::PROT_READ, libc::MAP_SHARED)?.read();
    }
    hold("")
}

pub fn heap(options: &mut Options) -> io::Result<bool> {
    let bytes: usize = options.word()?;
    let task = Task::read(Path::new("/proc/self"), id()).ok_or(io::ErrorKind::NotFound)?;
    let end = task.start_brk as usize + bytes;
    let line = format!("heap {} {bytes}\nready\n", id()).into_bytes();
    let mut input = [0; 64];
    let mut stdin = io::stdin().lock();

    // From here on the allocator is not used: it might move the break.
    ensure!(end >= sys::program_break(), "the allocator has more");
    sys::set_program_break(end)?;
    ensure!(sys::program_break() == end, "the break is elsewhere");
    // One write, without the allocator.
    let n = rustix::io::write(rustix::stdio::stdout(), &line)?;
    ensure!(n == line.len(), "a short write");
    while stdin.read(&mut input)? != 0 {}
    ensure!(sys::program_break() == end, "the break has moved");
    Ok(true)
}

fn size(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches(|unit: char| unit.is_ascii_uppercase());
    let unit = &text[digits.len()..];
    let units = ["", "K", "M", "G"];
    let shift = 10 * units.iter().position(|other| *other == unit)?;
    let bytes = digits.parse::<usize>().ok()?.checked_mul(1 << shift)?;
    (bytes > 0).then(|| bytes.next_multiple_of(PAGE))
}

fn act(line: &str, area: Area) -> Option<()> {
    let (verb, pages) = line.split_once(' ')?;
    let len = pages.parse::<usize>().ok()?.checked_mul(PAGE)?;
    let part = (len <= area.len).then(|| area.part(0, len))?;
    match verb {
        "read" => part.read(),
        "write" => part.write(),
        "free" => part.advise(libc::MADV_DONTNEED).ok()?,
        _ => return None,
    };
    Some(())
}

/// Does what the lines of `input` say, and writes each to `output`.
fn obey(input: File, mut output: &File, area: Area) -> io::Result<()> {
    let mut input = BufReader::with_capacity(256, input);
    let mut line = String::with_capacity(256);
    while input.read_line(&mut line)? != 0 && line.trim_end() != "quit" {
        let done = act(line.trim_end(), area).map_or("read N, write N, free N, quit\n", |()| &line);
        output.write_all(done.as_bytes())?;
        line.clear();
    }
    Ok(())
}

pub fn lazy(options: &mut Options) -> io::Result<bool> {
    let len = size(&options.word::<String>()?).ok_or_else(|| misuse("what size?"))?;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // Where a page is touched, a page must come, not 512.
    let area = Area::map(0, len, READ_WRITE, flags)?.huge_pages(false)?;

    // A rehearsal brings in the code and the stack that the acts need.
    let (read, mut write) = sys::pipe()?;
    write.write_all(b"read 0\nwrite 0\nfree 0\nquit\n")?;
    obey(read, &write, area)?;

    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let text = format!("lazy {} {:#x} {:#x}\nready\n", id(), area.start, area.len);
    (&output).write_all(text.as_bytes())?;
    obey(input, &output, area).map(|()| true)
}

const STACK: usize = 64 << 10;

pub fn crowd(options: &mut Options) -> io::Result<bool> {
    let count: usize = options.word()?;
    options.end()?;
    let (mut started, mut tell) = sys::pipe()?;
    let pid = process::fork_tied(|| {
        for _ in 0..count {
            let thread = thread::Builder::new().stack_size(STACK);
            thread
                .spawn(|| process::sleep_for_ever())
                .expect("a thread");
        }
        let _ = tell.write_all(b"x");
        process::sleep_for_ever()
    })?;
    drop(tell);
    started.read_exact(&mut [0])?;
    let threads = numbers(Path::new(&format!("/proc/{pid}/task")));
    ensure!(threads.len() > count, "{} threads", threads.len());
    for thread in &threads {
        // When it ends it is not waited for, and so is there for as long as this process.
        let thread = nix::unistd::Pid::from_raw(*thread as Pid);
        nix::sys::ptrace::seize(thread, nix::sys::ptrace::Options::empty())?;
    }
    process::kill(pid);
    // The last one of them ends when all have.
    let dead = || states_of(pid).bytes().all(|state| state == b'Z');
    ensure!(comes(dead), "they did not end: {}", states_of(pid));
    hold(&format!("dead {pid}\n"))
}

/// Names that a table must survive; the kernel keeps 15 bytes.
const NAMES: [&CStr; 16] = words! {
    c"plain" c"two words" c" leading" c"trailing " c"new\nline" c"\nS 1 2 3" c"back\\slash"
    c"quote\"'`" c"tab\there" c"\xff\x80\x01\x7f" c"gr\xc3\xbc\xc3\x9fe" c"" c"-" c"denied"
    c"123456789012345" c") R 1 1 ("
};

fn set_users(real: u32, effective: u32) -> nix::Result<()> {
    nix::unistd::setresuid(real.into(), effective.into(), effective.into())
}

struct Family {
    /// Where children say that they are set up: the read and write end.
    ready: (File, File),
    pids: Vec<Pid>,
    /// The states of the threads of those that do nothing, once they rest.
    resting: Vec<(Pid, String)>,
    lines: String,
}

impl Family {
    /// Starts a process that tells a number, by `tell`, when it is set up.
    fn start(&mut self, child: impl FnOnce(&dyn Fn(Pid))) -> io::Result<(Pid, Pid)> {
        let pid = process::fork(|| {
            child(&|told: Pid| {
                // A failure shows as a child that never gets ready.
                let _ = (&self.ready.1).write_all(&told.to_ne_bytes());
            });
        })?;
        self.pids.push(pid);
        let mut told = [0; 4];
        self.ready.0.read_exact(&mut told)?;
        Ok((pid, Pid::from_ne_bytes(told)))
    }

    /// One that lives; `states` where it is to rest.
    fn add_live(&mut self, pid: Pid, states: &str) {
        self.resting.push((pid, states.to_owned()));
        self.lines += &format!("live {pid}\n");
    }

    fn start_live(&mut self, states: &str, child: impl FnOnce(&dyn Fn(Pid))) -> io::Result<()> {
        let (pid, _) = self.start(|tell| {
            process::die_with_parent();
            child(tell);
        })?;
        self.add_live(pid, states);
        Ok(())
    }

    fn start_odd(&mut self, i: usize) -> io::Result<()> {
        let stopped = i % 11 == 5;
        let (pid, _) = self.start(|tell| {
            process::set_name(NAMES[i % NAMES.len()]);
            // Real and effective user differ, so that they cannot be mixed up.
            if i % 5 == 1 && set_users(1000, 2000 + (i % 7) as u32).is_err() {
                process::exit_now();
            }
            process::die_with_parent();
            tell(0);
            if stopped {
                process::signal(id() as Pid, rustix::process::Signal::STOP);
            }
            process::sleep_for_ever();
        })?;
        if stopped {
            process::wait_and_leave(pid, true)?;
        }
        self.add_live(pid, if stopped { "T" } else { "S" });
        Ok(())
    }

    fn start_zombie(&mut self, i: usize) -> io::Result<()> {
        let (pid, _) = self.start(|tell| {
            process::set_name(NAMES[i % NAMES.len()]);
            tell(0);
        })?;
        process::wait_and_leave(pid, false)?;
        self.lines += &format!("zombie {pid}\n");
        Ok(())
    }

    fn start_zombie_leader(&mut self) -> io::Result<()> {
        let (pid, tid) = self.start(|tell| {
            process::set_name(c"leader gone");
            thread::scope(|scope| {
                let (send, receive) = mpsc::channel();
                scope.spawn(move || {
                    let _ = send.send(rustix::thread::gettid().as_raw_nonzero().get());
                    process::sleep_for_ever();
                });
                tell(receive.recv().unwrap_or(0));
                process::exit_thread();
            });
        })?;
        self.resting.push((pid, "ZS".to_owned()));
        self.lines += &format!("zombie-leader {pid} {tid}\n");
        Ok(())
    }

    fn start_threads(&mut self, threads: usize) -> io::Result<()> {
        self.start_live(&"S".repeat(threads + 1), |tell| {
            let named = Arc::new(Barrier::new(threads + 1));
            for i in 0..threads {
                let named = Arc::clone(&named);
                thread::spawn(move || {
                    process::set_name(NAMES[i % NAMES.len()]);
                    named.wait();
                    process::sleep_for_ever();
                });
            }
            named.wait();
            tell(0);
            process::sleep_for_ever();
        })
    }
}

pub fn spawn(options: &mut Options) -> io::Result<bool> {
    let (plain, leader) = (options.flag("--plain"), options.flag("--zombie-leader"));
    let blocked = options.flag("--blocked");
    let (threads, churn) = (options.or("--threads", 0)?, options.or("--churn", 0)?);
    let zombies = options.or("--zombies", 0)?;
    let count = options.word()?;
    options.end()?;
    let (pids, resting, lines, ready) = (vec![], vec![], String::new(), sys::pipe()?);
    let mut family = Family {
        ready,
        pids,
        resting,
        lines,
    };
    for i in 0..count {
        if plain {
            let pid = process::start_sharing_memory()?;
            family.pids.push(pid);
            family.add_live(pid, "S");
        } else {
            family.start_odd(i)?;
        }
    }
    (0..zombies).try_for_each(|i| family.start_zombie(i))?;
    if leader {
        family.start_zombie_leader()?;
    }
    if threads > 0 {
        family.start_threads(threads)?;
    }
    if blocked {
        family.start_live("D", |tell| {
            let _ = process::fork_and_block(|| {
                process::die_with_parent();
                tell(0);
                process::sleep_for_ever();
            });
        })?;
    }
    for _ in 0..churn {
        family.start_live("", |tell| {
            tell(0);
            loop {
                let _ = process::fork(|| {}).map(process::reap);
            }
        })?;
    }
    // One that said it was set up may still run.
    for (pid, states) in &family.resting {
        let rests = states.is_empty() || comes(|| states_of(*pid) == *states);
        ensure!(rests, "{pid} is {}, not {states}", states_of(*pid));
    }
    hold(&family.lines)?;
    process::end(&family.pids);
    Ok(true)
}
