// SPDX-License-Identifier: GPL-2.0

//! `bad-buffer tables|conversations|sysfs|writes`: reads into, and writes from, memory that is
//! not there, or only in part.
//!
//! Every such read must fail with EFAULT or give what fitted, and lose nothing: what reads of
//! all kinds gave together must be what a plain reader gets. Every such write must fail with
//! EFAULT and leave nothing behind.

use crate::prelude::*;

const ROUNDS: usize = 3;
/// In the half of the addresses that is the kernel's, and never mapped.
const KERNEL: usize = 0xffff_ffff_ffff_f000;

#[derive(Default)]
struct Count {
    reads: usize,
    faults: usize,
    partial: usize,
    bytes: usize,
    wrong: Wrong,
}

impl Count {
    fn equal(&mut self, what: &str, expected: &[u8], got: &[u8]) {
        self.bytes += got.len();
        let same = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
        let (want, have) = (expected.len(), got.len());
        let text = format!("{what}: {have} bytes, not {want}; the first {same} are equal");
        self.wrong.unless(expected == got, text);
    }

    fn faults(&mut self, what: &str, result: io::Result<usize>) {
        let right = result.as_ref().is_err_and(is_fault);
        self.faults += usize::from(right);
        must!(self.wrong, right, "{what}: {result:?}");
    }
}

/// Reads to the end, by reads most of which have bad memory. `edges`: a second page that is not
/// accessible, and one that cannot be written.
fn read_badly(
    source: &Source,
    edges: &[Edge],
    random: &mut Random,
    count: &mut Count,
) -> io::Result<()> {
    let (what, fd) = (source.name, source.file.as_raw_fd());
    let mut all = Vec::new();
    loop {
        let edge = random.pick(edges);
        // Mostly few bytes, so that an answer takes many reads.
        let most = random.pick(&[40, 40, 40, PAGE]);
        let good = 1 + random.usize(..most);
        let more = 1 + random.usize(..2 * PAGE);
        let bad = random.pick(&[NOWHERE, KERNEL, edge.before(0)]);
        // Each kind in its turn, so that each comes.
        let kind = count.reads % 5;
        count.reads += 1;
        let result = match kind {
            0 => raw::read(fd, bad, more),
            1 => raw::readv(fd, &[[bad, more], [edge.before(good), good]]),
            2 => raw::readv(fd, &[[edge.before(good), good], [bad, more]]),
            3 => raw::read(fd, edge.before(good), good + more),
            _ => raw::read(fd, edge.before(good), good),
        };
        match result {
            Ok(0) => break,
            Ok(n) if kind < 2 || n > good => {
                let text = format!("{what}: {n} bytes where {good} fit, by call {kind}");
                count.wrong.tell(text);
            }
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
    count.equal(what, &source.expected, &all);
    Ok(())
}

fn tables(edges: &[Edge], random: &mut Random, count: &mut Count) -> io::Result<()> {
    for (name, _) in TABLES.repeat(ROUNDS) {
        let file = File::open(format!("{PROC}/{name}"))?;
        // The first read makes the table, and these do not get it.
        for bad in [NOWHERE, KERNEL, edges[0].before(0)] {
            count.faults(name, raw::read(file.as_raw_fd(), bad, 100));
        }
        let table = Source::table(name, file)?;
        read_badly(&table, edges, random, count)?;
        // A position is no better with bad memory, nor one past the end.
        let (fd, len) = (table.file.as_raw_fd(), 1 + table.expected.len() as i64);
        for at in [1, len - 1] {
            count.faults(name, raw::pread(fd, NOWHERE, 10, at));
        }
        for at in [len, len + 9] {
            let n = raw::pread(fd, NOWHERE, 10, at)?;
            ensure!(n == 0, "{name}: {n} bytes at {at} of {len}");
        }
    }
    Ok(())
}

fn conversations(edges: &[Edge], random: &mut Random, count: &mut Count) -> io::Result<()> {
    // A process that rests, and its memory: locked pages with gaps between.
    let area = Area::anonymous(1024 * PAGE)?.huge_pages(false)?;
    let mut even = (0..1024).step_by(2).map(|i| area.page(i));
    let pid = process::fork_resting(|| even.try_for_each(|page| page.lock().map(drop)))?;
    // The usage, too, which is said only once.
    let usages = CONVERSATIONS.map(|name| (name, String::new()));
    let all = [&long_questions(pid, area)[..], &usages].concat();
    for (name, questions) in all.iter().cycle().take(ROUNDS * all.len()) {
        read_badly(&Source::of(name, questions)?, edges, random, count)?;
    }
    process::end(&[pid]);
    Ok(())
}

/// The sysfs file: a bad read or write leaves the answer as it is.
fn sysfs(edges: &[Edge], random: &mut Random, count: &mut Count) -> io::Result<()> {
    let area = Area::anonymous(PAGE)?.lock()?;
    let question = format!("{} {:#x}\n", id(), area.start + 0x123);
    let other = format!("{} 0x1000\n", id());
    let mut to = File::options().write(true).open(SYSFS)?;
    to.write_all(question.as_bytes())?;
    let expected = fs::read(SYSFS)?;
    ensure!(expected.starts_with(b"0x"), "no address for a locked page");
    for _ in 0..ROUNDS * 10 {
        let edge = random.pick(edges);
        // The last byte of the question is the first that is not there.
        let half = Edge::new(libc::PROT_NONE)?.put(&other.as_bytes()[..other.len() - 1]);
        for start in [NOWHERE, KERNEL, half] {
            count.reads += 1;
            count.faults("sysfs", raw::write(to.as_raw_fd(), start, other.len()));
        }
        let from = File::open(SYSFS)?;
        // sysfs copies a whole answer or nothing.
        for (start, len) in [(NOWHERE, 100), (KERNEL, 100), (edge.before(3), 100)] {
            count.reads += 1;
            count.faults("sysfs", raw::read(from.as_raw_fd(), start, len));
        }
        count.partial += usize::from(raw::read(from.as_raw_fd(), edge.before(3), 3)? == 3);
        let mut got = edge.bytes(3, 3);
        got.extend(read_all(&from, 4096)?);
        count.equal("sysfs", &expected, &got);
    }
    Ok(())
}

/// Writes to conversations: a bad one leaves nothing behind, in any state.
fn writes(edges: &[Edge], random: &mut Random, count: &mut Count) -> io::Result<()> {
    // Neither is a process, so the answers are the same always.
    let (good, bad) = ("2147483647 0x1000\n", "2147483646 0x2000\n");
    let expected = Conversation::of("walk")?.ask(good.trim_end())?;
    for _ in 0..ROUNDS * 10 {
        let file = read_write(format!("{PROC}/walk"))?;
        let fd = file.as_raw_fd();
        let split = random.usize(..good.len());
        (&file).write_all(&good.as_bytes()[..split])?;
        for _ in 0..1 + random.usize(..4) {
            let edge = edges[0];
            let before = random.usize(..bad.len());
            let start = edge.put(&bad.as_bytes()[..before]);
            let more = 1 + random.usize(..3 * PAGE);
            let result = match random.usize(..3) {
                0 => raw::write(fd, random.pick(&[NOWHERE, KERNEL]), more),
                1 => raw::write(fd, start, before + more),
                _ => raw::writev(fd, &[[NOWHERE, more], [start, before]]),
            };
            count.reads += 1;
            count.faults("walk", result);
        }
        // Of several pieces the first ones are written.
        let rest = edges[0].put(&good.as_bytes()[split..]);
        let n = raw::writev(fd, &[[rest, good.len() - split], [NOWHERE, 40]])?;
        count.partial += usize::from(n == good.len() - split);
        count.equal(
            "walk after bad writes",
            expected.as_bytes(),
            &read_all(&file, 4096)?,
        );
    }
    Ok(())
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let act = match options.word::<String>()?.as_str() {
        "tables" => tables,
        "conversations" => conversations,
        "sysfs" => sysfs,
        _ => writes,
    };
    let edges = [Edge::new(libc::PROT_NONE)?, Edge::new(libc::PROT_READ)?];
    let mut count = Count::default();
    act(&edges, &mut Random::with_seed(1), &mut count)?;
    let [reads, faults] = [count.reads, count.faults];
    let [partial, bytes] = [count.partial, count.bytes];
    println!("reads={reads} faults={faults} partial={partial} bytes={bytes}");
    Ok(count.wrong.0 == 0 && faults > 0 && partial > 0 && bytes > 0)
}
