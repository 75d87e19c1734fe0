// SPDX-License-Identifier: GPL-2.0

//! `bad-buffer [--seed N] [--rounds N] tables|conversations|sysfs|writes`:
//! reads into, and writes from, memory that is not there, or only in part.
//!
//! Every such read must fail with EFAULT or give what fitted, and lose nothing:
//! what reads of all kinds gave together must be what a plain reader gets. Every
//! such write must fail with EFAULT and leave nothing behind.
//!
//! Prints what differs, then `reads=N faults=N partial=N bytes=N seed=N`. Exit
//! status 1 if anything differs, or a kind of fault never came.

use crate::prelude::*;
use crate::sys::raw::{self, Edge, NOWHERE};

/// In the half of the addresses that is the kernel's, and never mapped.
const KERNEL: usize = 0xffff_ffff_ffff_f000;

#[derive(Default)]
struct Count {
    reads: usize,
    faults: usize,
    partial: usize,
    bytes: usize,
    wrong: usize,
}

impl Count {
    fn wrong(&mut self, what: &str) {
        self.wrong += 1;
        if self.wrong <= 20 {
            println!("wrong: {what}");
        }
    }

    fn equal(&mut self, what: &str, expected: &[u8], got: &[u8]) {
        self.bytes += got.len();
        if expected != got {
            let same = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
            let (want, have) = (expected.len(), got.len());
            self.wrong(&format!(
                "{what}: {want} bytes expected, {have} came, the first {same} are equal"
            ));
        }
    }
}

fn is_fault(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EFAULT)
}

/// Reads to the end, by reads most of which have bad memory. `edges`: a second
/// page that is not accessible, and one that cannot be written.
fn read_badly(
    what: &str,
    fd: RawFd,
    edges: &[Edge],
    random: &mut Random,
    count: &mut Count,
) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let edge = random.pick(edges);
        // Mostly few bytes, so that an answer takes many reads.
        let most = random.pick(&[40, 40, 40, PAGE]);
        let good = 1 + random.below(most);
        let more = 1 + random.below(2 * PAGE);
        let bad = random.pick(&[NOWHERE, KERNEL, edge.before(0)]);
        // Each kind in its turn, so that each comes.
        let kind = count.reads % 5;
        count.reads += 1;
        let result = match kind {
            0 => raw::read(fd, bad, more),
            1 => raw::readv(fd, &[(bad, more), (edge.before(good), good)]),
            2 => raw::readv(fd, &[(edge.before(good), good), (bad, more)]),
            3 => raw::read(fd, edge.before(good), good + more),
            _ => raw::read(fd, edge.before(good), good),
        };
        match result {
            Ok(0) => return Ok(all),
            Ok(n) if kind < 2 => count.wrong(&format!("{what}: {n} bytes into bad memory")),
            Ok(n) if n > good => count.wrong(&format!("{what}: {n} bytes where {good} fit")),
            Ok(n) => {
                count.partial += usize::from(kind < 4 && n == good);
                all.extend(edge.bytes(good, n));
            }
            // An address of the kernel's is refused before anything is read.
            Err(error) if is_fault(&error) && (kind < 2 || kind == 2 && bad == KERNEL) => {
                count.faults += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

fn tables(rounds: usize, edges: &[Edge], random: &mut Random, count: &mut Count) -> io::Result<()> {
    for _ in 0..rounds {
        for (name, _) in TABLES {
            let mut file = File::open(format!("{PROC}/{name}"))?;
            let fd = file.as_raw_fd();
            // The first read makes the table, and these do not get it.
            for bad in [NOWHERE, KERNEL, edges[0].before(0)] {
                match raw::read(fd, bad, 100) {
                    Err(error) if is_fault(&error) => count.faults += 1,
                    other => count.wrong(&format!("{name}: {other:?} of a first read")),
                }
            }
            let mut whole = vec![0; 1];
            file.read_exact(&mut whole)?;
            // From its second byte on, this table and not a new one.
            let mut piece = [0; PAGE];
            loop {
                match file.read_at(&mut piece, whole.len() as u64)? {
                    0 => break,
                    n => whole.extend_from_slice(&piece[..n]),
                }
            }
            let mut got = whole[..1].to_vec();
            got.extend(read_badly(name, fd, edges, random, count)?);
            count.equal(name, &whole, &got);
            // A position is no better with bad memory, nor one past the end.
            let len = whole.len() as i64;
            for (at, fine) in [(1, false), (len - 1, false), (len, true), (len + 9, true)] {
                match raw::pread(fd, NOWHERE, 10, at) {
                    Ok(0) if fine => {}
                    Err(error) if !fine && is_fault(&error) => count.faults += 1,
                    other => count.wrong(&format!("{name}: {other:?} at {at} of {len}")),
                }
            }
        }
    }
    Ok(())
}

/// A process that rests, and its memory: locked pages with gaps between.
fn resting() -> io::Result<(Pid, Area)> {
    let area = Area::anonymous(1024 * PAGE)?;
    area.huge_pages(false)?;
    let lock = || (0..1024).step_by(2).try_for_each(|i| area.page(i).lock());
    Ok((process::fork_resting(lock)?, area))
}

fn conversations(
    rounds: usize,
    edges: &[Edge],
    random: &mut Random,
    count: &mut Count,
) -> io::Result<()> {
    let (pid, area) = resting()?;
    let (start, end) = (area.start, area.start + area.len);
    let pages = |suffix: &str| -> String {
        let questions = (0..64).map(|i| format!("{pid} {:#x}{suffix}", start + i * PAGE));
        questions.collect::<Vec<_>>().join("\n")
    };
    let all = [
        ("walk", pages("")),
        ("walk", pages(" levels")),
        (
            "vmas",
            format!("{pid} {start:#x}-{end:#x}\n{pid}\n{pid} totals"),
        ),
        (
            "extents",
            format!("{pid} {start:#x}-{end:#x}\nbad\n{pid} totals"),
        ),
        ("rmap", "0x1000\nbad\n0x2000".to_owned()),
    ];
    for _ in 0..rounds {
        for (name, questions) in &all {
            let path = format!("{PROC}/{name}");
            let expected = Conversation::open(&path)?.ask(questions)?;
            let mut file = read_write(&path)?;
            file.write_all(format!("{questions}\n").as_bytes())?;
            let got = read_badly(name, file.as_raw_fd(), edges, random, count)?;
            count.equal(name, expected.as_bytes(), &got);
        }
        // The usage, which is said only once.
        for name in ["walk", "vmas", "extents", "rmap"] {
            let path = format!("{PROC}/{name}");
            let open = || read_write(&path);
            let mut expected = Vec::new();
            open()?.read_to_end(&mut expected)?;
            let got = read_badly(name, open()?.as_raw_fd(), edges, random, count)?;
            count.equal(&format!("{name}: usage"), &expected, &got);
        }
    }
    process::end(&[pid]);
    Ok(())
}

/// The sysfs file: a bad read or write leaves the answer as it is.
fn sysfs(rounds: usize, edges: &[Edge], random: &mut Random, count: &mut Count) -> io::Result<()> {
    let area = Area::anonymous(PAGE)?;
    area.lock()?;
    let question = format!("{} {:#x}\n", std::process::id(), area.start + 0x123);
    let other = format!("{} 0x1000\n", std::process::id());
    let mut to = OpenOptions::new().write(true).open(SYSFS)?;
    to.write_all(question.as_bytes())?;
    let mut expected = Vec::new();
    File::open(SYSFS)?.read_to_end(&mut expected)?;
    if !expected.starts_with(b"0x") {
        bail!("no address for a locked page");
    }
    for _ in 0..rounds * 10 {
        let edge = random.pick(edges);
        // The last byte of the question is the first that is not there.
        let half = Edge::new(libc::PROT_NONE)?.put(&other.as_bytes()[..other.len() - 1]);
        for start in [NOWHERE, KERNEL, half] {
            count.reads += 1;
            match raw::write(to.as_raw_fd(), start, other.len()) {
                Err(error) if is_fault(&error) => count.faults += 1,
                result => count.wrong(&format!("sysfs: {result:?} of a bad write")),
            }
        }
        let from = File::open(SYSFS)?;
        // sysfs copies a whole answer or nothing.
        for (start, len) in [(NOWHERE, 100), (KERNEL, 100), (edge.before(3), 100)] {
            count.reads += 1;
            match raw::read(from.as_raw_fd(), start, len) {
                Err(error) if is_fault(&error) => count.faults += 1,
                result => count.wrong(&format!("sysfs: {result:?} of a bad read")),
            }
        }
        count.partial += usize::from(raw::read(from.as_raw_fd(), edge.before(3), 3)? == 3);
        let mut got = edge.bytes(3, 3);
        (&from).read_to_end(&mut got)?;
        count.equal("sysfs", &expected, &got);
    }
    Ok(())
}

/// Writes to conversations: a bad one leaves nothing behind, in any state.
fn writes(rounds: usize, edges: &[Edge], random: &mut Random, count: &mut Count) -> io::Result<()> {
    // Neither is a process, so the answers are the same always.
    let (good, bad) = ("2147483647 0x1000\n", "2147483646 0x2000\n");
    let expected = Conversation::of("walk")?.ask(good.trim_end())?;
    for _ in 0..rounds * 10 {
        let file = read_write(format!("{PROC}/walk"))?;
        let fd = file.as_raw_fd();
        let split = random.below(good.len());
        (&file).write_all(&good.as_bytes()[..split])?;
        for _ in 0..1 + random.below(4) {
            let edge = edges[0];
            let before = random.below(bad.len());
            let start = edge.put(&bad.as_bytes()[..before]);
            let more = 1 + random.below(3 * PAGE);
            let result = match random.below(3) {
                0 => raw::write(fd, random.pick(&[NOWHERE, KERNEL]), more),
                1 => raw::write(fd, start, before + more),
                _ => raw::writev(fd, &[(NOWHERE, more), (start, before)]),
            };
            count.reads += 1;
            match result {
                Err(error) if is_fault(&error) => count.faults += 1,
                result => count.wrong(&format!("walk: {result:?} of a bad write")),
            }
        }
        // Of several pieces the first ones are written.
        let rest = edges[0].put(&good.as_bytes()[split..]);
        let n = raw::writev(fd, &[(rest, good.len() - split), (NOWHERE, 40)])?;
        count.partial += usize::from(n == good.len() - split);
        let mut got = Vec::new();
        (&file).read_to_end(&mut got)?;
        count.equal("walk after bad writes", expected.as_bytes(), &got);
    }
    Ok(())
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let seed = options.or("--seed", 1)?;
    let rounds = options.or("--rounds", 3)?;
    let act = match options.word::<String>()?.as_str() {
        "tables" => tables,
        "conversations" => conversations,
        "sysfs" => sysfs,
        "writes" => writes,
        what => return Err(misuse(format!("{what}?"))),
    };
    let edges = [Edge::new(libc::PROT_NONE)?, Edge::new(libc::PROT_READ)?];
    let mut count = Count::default();
    act(rounds, &edges, &mut Random::new(seed as u64), &mut count)?;
    println!(
        "reads={} faults={} partial={} bytes={} seed={seed}",
        count.reads, count.faults, count.partial, count.bytes
    );
    Ok(count.wrong == 0 && count.faults > 0 && count.partial > 0 && count.bytes > 0)
}
