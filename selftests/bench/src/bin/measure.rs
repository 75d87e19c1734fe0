// SPDX-License-Identifier: GPL-2.0

//! `measure [--quick] [--processes N] [--only BENCH]`: measures, in the guest,
//! memintro beside its peers; prints CSV. Peers of C lie beside this program.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use memintro_bench::{
    clock::{Clock, Race},
    command::run,
    conversation::Conversation,
    memory,
    pagemap::{find_everywhere, Pagemap},
    subject::{Fill, Subjects},
};
use memintro_selftests::{options::Options, proc::numbers, random::Random, sys::PAGE};

const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;
/// Where the BPF iterator is pinned.
const BPF: &str = "/sys/fs/bpf/tasks";

struct Bench {
    clock: Clock,
    quick: bool,
    processes: usize,
    /// The folder with the peers.
    peers: PathBuf,
}

impl Bench {
    /// The sizes up to the largest; the quick version leaves the last out.
    fn sizes<'a>(&self, sizes: &'a [usize]) -> &'a [usize] {
        &sizes[..sizes.len() - usize::from(self.quick)]
    }

    fn peer(&self, name: &str) -> String {
        self.peers.join(name).to_string_lossy().into_owned()
    }

    /// Tables of every process, as the number of processes grows.
    fn processes(&self) -> io::Result<()> {
        fs::read(BPF)?;
        let mut subjects = Subjects::default();
        for &count in &[100, 300, 1000, 3000, 10_000, 30_000] {
            if count > self.processes {
                break;
            }
            subjects.grow(count)?;
            let ps = ["ps", "-eo", "pid,ppid,uid,stat,nlwp,comm"];
            let mut race = Race::new("tasks", count);
            race.add("memintro", || run(&["cat", "/proc/memintro/tasks"]));
            race.add("bpf-iterator", || run(&["cat", BPF]));
            race.add("ps", || run(&ps));
            self.clock.run(race)?;
            let mut race = Race::new("memory", count);
            race.add("memintro-heapmax", || lines("/proc/memintro/heapmax"));
            race.add("memintro-vm", || lines("/proc/memintro/vm"));
            race.add("every-status", every_status);
            self.clock.run(race)?;
        }
        Ok(())
    }

    /// Many addresses of one process.
    fn walk(&self) -> io::Result<()> {
        let mut subjects = Subjects::default();
        let (pid, area) = subjects.start_with(64 * MIB, Fill::Scattered)?;
        let pagemap = Pagemap::open(pid)?;
        let mut random = Random::new(2);
        for &count in &[1, 10, 100, 1000, 10_000] {
            let addresses: Vec<_> = (0..count)
                .map(|_| area.start + random.below(area.len))
                .collect();
            let mut questions = Vec::new();
            for va in &addresses {
                writeln!(questions, "{pid} {va:#x}")?;
            }
            let mut walk = Conversation::open("walk")?;
            let ask = || walk.ask_lines(&questions);
            let pread = || {
                let mut found = 0;
                for va in &addresses {
                    found += u64::from(pagemap.one(*va)? != 0);
                }
                Ok(found)
            };
            let mut race = Race::new("walk", count);
            race.add("memintro", ask);
            race.add("pread-pagemap", pread);
            self.clock.run(race)?;
        }
        Ok(())
    }

    /// Totals of a range.
    fn totals(&self, bench: &str, sizes: &[usize], fill: Fill) -> io::Result<()> {
        for &len in sizes {
            let mut subjects = Subjects::default();
            let (pid, area) = subjects.start_with(len, fill)?;
            let (start, end) = (area.start, area.start + len);
            let question = format!("{pid} {start:#x}-{end:#x} totals\n");
            let rollup = format!("/proc/{pid}/smaps_rollup");
            let page_types = self.peer("page-types");
            let mut extents = Conversation::open("extents")?;
            let mut scan = Pagemap::open(pid)?;
            let mut bulk = Pagemap::open(pid)?;
            let expected = Pagemap::open(pid)?.scan(start, end)? >> 10;
            let pid = pid.to_string();
            let found = extents.number(&question, "kb")?;
            if found != expected {
                let text = format!("{bench}: {found} KiB found, {expected} expected");
                return Err(io::Error::other(text));
            }
            let mut race = Race::new(bench, len / MIB);
            race.add("memintro", || extents.number(&question, "kb"));
            race.add("pagemap-scan", || Ok(scan.scan(start, end)? >> 10));
            race.add("smaps-rollup", || fs::read(&rollup).map(|_| 0));
            if fill == Fill::Scattered {
                let words = [page_types.as_str(), "-N", "-p", &pid];
                race.add("page-types", move || run(&words));
            }
            if fill != Fill::One || len <= 16 * GIB {
                race.add("bulk-pagemap", || {
                    let mut pages = 0;
                    bulk.bulk(start, end, |_| pages += 1)?;
                    Ok(pages * 4)
                });
            }
            self.clock.run(race)?;
        }
        Ok(())
    }

    /// Every run of a range, as text.
    fn list(&self, bench: &str, fill: Fill) -> io::Result<()> {
        for &len in self.sizes(&[16 * MIB, 64 * MIB, 256 * MIB, GIB]) {
            let mut subjects = Subjects::default();
            let (pid, area) = subjects.start_with(len, fill)?;
            let (start, end) = (area.start, area.start + len);
            let question = format!("{pid} {start:#x}-{end:#x}");
            let (ask, runs) = (self.peer("ask"), self.peer("pagemap-runs"));
            let pid = pid.to_string();
            let (first, last) = (format!("{start:x}"), format!("{end:x}"));
            let mut race = Race::new(bench, len / MIB);
            race.add("memintro", || run(&[&ask, "extents", &question]));
            race.add("pagemap-runs", || run(&[&runs, &pid, &first, &last]));
            self.clock.run(race)?;
        }
        Ok(())
    }

    /// Who maps a page.
    fn rmap(&self) -> io::Result<()> {
        let len = if self.quick { 8 * MIB } else { 41 * MIB };
        for &count in self.sizes(&[25, 50, 100, 200]) {
            let mut subjects = Subjects::default();
            let area = subjects.sharing(count, len)?;
            let mut frame = 0;
            let pid = std::process::id() as i32;
            let va = area.start + len / 2;
            Pagemap::open(pid)?.bulk(va, va + PAGE, |found| frame = found)?;
            let question = format!("{:#x}\n", frame * PAGE as u64);
            let mut rmap = Conversation::open("rmap")?;
            let (found, expected) = (rmap.number(&question, "rows")?, find_everywhere(frame)?);
            if found != expected || found != count as u64 + 1 {
                let text = format!("rmap: {found} rows, {expected} expected");
                return Err(io::Error::other(text));
            }
            let mut race = Race::new("rmap", count);
            race.add("memintro", || rmap.number(&question, "rows"));
            race.add("every-pagemap", || find_everywhere(frame));
            self.clock.run(race)?;
            area.unmap()?;
        }
        Ok(())
    }

    fn all(&self, only: Option<&str>) -> io::Result<()> {
        let wanted = |name: &str| only.is_none_or(|only| only.split(',').any(|one| one == name));
        if wanted("walk") {
            self.walk()?;
        }
        if wanted("totals") {
            let dense = self.sizes(&[16 * MIB, 64 * MIB, 256 * MIB, GIB]);
            self.totals("totals-4k", dense, Fill::Scattered)?;
            self.totals("totals-huge", dense, Fill::Huge)?;
            let sparse = [GIB, 4 * GIB, 16 * GIB, 64 * GIB];
            self.totals("totals-one-page", &sparse, Fill::One)?;
        }
        if wanted("list") {
            self.list("list-scattered", Fill::Scattered)?;
            self.list("list-contiguous", Fill::Contiguous)?;
        }
        if wanted("rmap") {
            self.rmap()?;
        }
        if wanted("memory") {
            let me = std::process::id();
            memory::conversations(&[
                ("walk", format!("{me} 0x1000 levels")),
                ("vmas", me.to_string()),
                ("extents", me.to_string()),
                ("rmap", "0x1000".to_owned()),
            ])?;
            memory::module()?;
        }
        if wanted("processes") {
            self.processes()?;
        }
        Ok(())
    }
}

/// Reads a file, and counts its lines.
fn lines(path: &str) -> io::Result<u64> {
    let text = fs::read(path)?;
    Ok(text.iter().filter(|byte| **byte == b'\n').count() as u64)
}

/// Reads the status of every process.
fn every_status() -> io::Result<u64> {
    let mut found = 0;
    for pid in numbers(Path::new("/proc")) {
        found += u64::from(fs::read(format!("/proc/{pid}/status")).is_ok());
    }
    Ok(found)
}

fn measure(options: &mut Options) -> io::Result<()> {
    let quick = options.flag("--quick");
    let me = env::current_exe()?;
    let bench = Bench {
        clock: Clock {
            rounds: if quick { 3 } else { 9 },
        },
        quick,
        processes: options.or("--processes", 10_000)?,
        peers: me.parent().map(PathBuf::from).unwrap_or_default(),
    };
    let only = options.get::<String>("--only")?;
    options.end()?;
    println!("bench,variant,x,round,nanoseconds,found");
    bench.all(only.as_deref())
}

fn main() -> ExitCode {
    match measure(&mut Options::of_process().1) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("measure: {error}");
            ExitCode::FAILURE
        }
    }
}
