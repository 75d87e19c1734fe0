// SPDX-License-Identifier: GPL-2.0

//! `measure [--quick] [--processes N] [--only BENCH]`: measures, in the guest, memintro beside
//! its rivals; prints CSV. Rivals of C lie in the working directory.
//!
//! `client runs PID START END`: prints the physically contiguous runs of a range as `START END PA`,
//! from bulk reads of pagemap: what people write where there is no /proc/memintro/extents.
//! `client ask FILE QUESTION`: prints the answer of a conversation.
//!
//! In a round every variant does its work once, in turn, so that what else the machine does
//! meanwhile hits all of them alike.

use crate::prelude::*;
use race::{ask_lines, ask_number, run_client, run_command, Race};

mod questions;
mod race;

const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;
/// What `--only` chooses from, in the order in which they run.
const PARTS: [&str; 8] =
    words! { "questions" "walk" "totals" "list" "frames" "rmap" "memory" "processes" };
const BPF: &str = "/sys/fs/bpf/tasks";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fill {
    /// 4K pages, touched in random order, so that neighbours are strangers.
    Scattered,
    /// 4K pages that lie side by side in memory.
    Contiguous,
    Huge,
    One,
}

impl Fill {
    fn fill(self, area: Area) -> io::Result<()> {
        let huge = matches!(self, Fill::Contiguous | Fill::Huge);
        area.huge_pages(huge)?;
        match self {
            Fill::Scattered => {
                let mut pages = (0..area.len / PAGE).collect_vec();
                Random::with_seed(1).shuffle(&mut pages);
                for page in pages {
                    area.page(page).write();
                }
            }
            Fill::Contiguous => {
                area.write();
                // A change of a part splits the entry, not the memory.
                for offset in (0..area.len).step_by(PAGE_2M) {
                    area.part(offset, PAGE).protect(libc::PROT_READ)?;
                }
                area.protect(READ_WRITE)?;
            }
            Fill::Huge => _ = area.write(),
            Fill::One => _ = area.part(area.len / 2, PAGE).write(),
        }
        Ok(())
    }
}

#[derive(Default)]
struct Subjects(Vec<Pid>);

impl Subjects {
    fn start_with(&mut self, len: usize, fill: Fill) -> io::Result<(Pid, Area)> {
        let area = Area::aligned(len, PAGE_2M)?;
        let pid = process::fork_resting(|| fill.fill(area))?;
        self.0.push(pid);
        // The child has its own.
        area.unmap().map(|()| (pid, area))
    }
}

impl Drop for Subjects {
    fn drop(&mut self) {
        process::end(&self.0);
    }
}

/// Counts who maps a frame, by a look at every page of every process.
fn find_everywhere(frame: u64) -> io::Result<u64> {
    let mut hits = 0;
    for pid in numbers(Path::new("/proc")) {
        let directory = Path::new("/proc").join(pid.to_string());
        // It may have ended, and a kernel thread has none.
        let Ok(pagemap) = Pagemap::in_directory(&directory) else {
            continue;
        };
        for mapping in maps(&directory).unwrap_or_default() {
            pagemap.each(mapping.start, mapping.end, |_, entry| {
                hits += u64::from(entry.frame() == Some(frame));
                Ok(())
            })?;
        }
    }
    Ok(hits)
}

/// Whether a rival was built, and can run here.
fn is_there(rival: &str) -> bool {
    fs::metadata(rival).is_ok()
}

/// Reads every status, and returns how many there were.
fn each_status() -> io::Result<u64> {
    let status = |pid: &u32| fs::read(format!("/proc/{pid}/status")).is_ok();
    let pids = numbers(Path::new("/proc")).into_iter();
    Ok(pids.filter(status).count() as u64)
}

struct Bench {
    rounds: usize,
    quick: bool,
    processes: usize,
}

impl Bench {
    /// The sizes up to the largest; the quick version leaves the last out.
    fn sizes<'a>(&self, sizes: &'a [usize]) -> &'a [usize] {
        &sizes[..sizes.len() - usize::from(self.quick)]
    }

    fn processes(&self) -> io::Result<()> {
        let mut subjects = Subjects::default();
        for &count in &[100, 300, 1000, 3000, 10_000, 30_000] {
            if count > self.processes {
                break;
            }
            while subjects.0.len() < count {
                let pid = process::fork_tied(|| process::sleep_for_ever())?;
                subjects.0.push(pid);
            }
            let ps = ["ps", "-eo", "pid,ppid,uid,stat,nlwp,comm"];
            let mut race = Race::new("tasks", count);
            race.add("memintro", || run_command(&["cat", "/proc/memintro/tasks"]));
            if is_there(BPF) {
                race.add("bpf-iterator", || run_command(&["cat", BPF]));
            }
            if is_there("/usr/bin/ps") {
                race.add("ps", || run_command(&ps));
            }
            race.run(self.rounds)?;
            let read = |name: &str| Ok(count_lines(&fs::read(format!("{PROC}/{name}"))?) as u64);
            let mut race = Race::new("memory", count);
            race.add("memintro-heapmax", || read("heapmax"));
            race.add("memintro-vm", || read("vm"));
            race.add("every-status", each_status);
            race.run(self.rounds)?;
        }
        Ok(())
    }

    fn walk(&self) -> io::Result<()> {
        let mut subjects = Subjects::default();
        let (pid, area) = subjects.start_with(64 * MIB, Fill::Scattered)?;
        let pagemap = Pagemap::open(pid)?;
        let mut random = Random::with_seed(2);
        for &count in &[1, 10, 100, 1000, 10_000] {
            let addresses = (0..count).map(|_| area.start + random.usize(..area.len));
            let addresses = addresses.collect_vec();
            let questions = addresses.iter().map(|va| format!("{pid} {va:#x}\n"));
            let questions = questions.collect::<String>();
            let (walk, mut buffer) = (read_write(format!("{PROC}/walk"))?, [0; 64 << 10]);
            let mut race = Race::new("walk", count);
            race.add("memintro", || {
                ask_lines(&walk, questions.as_bytes(), &mut buffer)
            });
            race.add("pread-pagemap", || {
                let found = |va| Ok::<_, io::Error>(u64::from(pagemap.entry(va)?.0 != 0));
                addresses.iter().map(|va| found(*va)).sum()
            });
            race.run(self.rounds)?;
        }
        Ok(())
    }

    fn totals(&self, bench: &str, sizes: &[usize], fill: Fill) -> io::Result<()> {
        for &len in sizes {
            let mut subjects = Subjects::default();
            let (pid, area) = subjects.start_with(len, fill)?;
            let (start, end) = (area.start as u64, area.end() as u64);
            let question = format!("{pid} {start:#x}-{end:#x} totals\n");
            let rollup = format!("/proc/{pid}/smaps_rollup");
            let extents = read_write(format!("{PROC}/extents"))?;
            let pagemap = Pagemap::open(pid)?;
            let scan = || {
                let mut bytes = 0;
                pagemap.scan(start, end, PAGE_IS_PRESENT, |from, to| bytes += to - from)?;
                Ok::<_, io::Error>(bytes >> 10)
            };
            let pid = pid.to_string();
            let (found, expected) = (ask_number(&extents, &question, "kb")?, scan()?);
            let right = found == expected;
            ensure!(right, "{bench}: {found} KiB found, {expected} expected");
            let mut race = Race::new(bench, len / MIB);
            race.add("memintro", || ask_number(&extents, &question, "kb"));
            race.add("pagemap-scan", scan);
            race.add("smaps-rollup", || fs::read(&rollup).map(|_| 0));
            if fill == Fill::Scattered && is_there("page-types") {
                let words = ["./page-types", "-N", "-p", &pid];
                race.add("page-types", move || run_command(&words));
            }
            if fill != Fill::One || len <= 16 * GIB {
                race.add("bulk-pagemap", || {
                    let mut pages = 0;
                    pagemap.each(start, end, |_, entry| {
                        pages += u64::from(entry.frame().is_some());
                        Ok(())
                    })?;
                    Ok(pages * 4)
                });
            }
            race.run(self.rounds)?;
        }
        Ok(())
    }

    /// What all memory is used for. `compare-page` says that both count the same.
    fn frames(&self) -> io::Result<()> {
        if !is_there("page-types") {
            return Ok(());
        }
        let page = read_write(format!("{PROC}/page"))?;
        let question = "0x0-0xffffffffffffffff totals\n";
        let mut race = Race::new("frames", 1);
        race.add("memintro", || ask_number(&page, question, "kb_buddy"));
        race.add("page-types", || run_command(&["./page-types"]));
        race.run(self.rounds)
    }

    fn list(&self, bench: &str, fill: Fill) -> io::Result<()> {
        for &len in self.sizes(&[16 * MIB, 64 * MIB, 256 * MIB, GIB]) {
            let mut subjects = Subjects::default();
            let (pid, area) = subjects.start_with(len, fill)?;
            let [start, end] = [area.start, area.end()].map(|va| format!("{va:#x}"));
            let (question, pid) = (format!("{pid} {start}-{end}"), pid.to_string());
            let ask = ["ask", "/proc/memintro/extents", &question];
            let mut race = Race::new(bench, len / MIB);
            race.add("memintro", || run_client(&ask));
            race.add("pagemap-runs", || run_client(&["runs", &pid, &start, &end]));
            race.run(self.rounds)?;
        }
        Ok(())
    }

    fn rmap(&self) -> io::Result<()> {
        let len = if self.quick { 8 * MIB } else { 41 * MIB };
        for &count in self.sizes(&[25, 50, 100, 200]) {
            let mut subjects = Subjects::default();
            // Memory that all of them map.
            let file = sys::memfd(c"shared", 0, len)?;
            let area = Area::of_file(file, len, READ_WRITE, libc::MAP_SHARED)?.write();
            for _ in 0..count {
                subjects.0.push(process::fork_resting(|| Ok(area.read()))?);
            }
            let entry = Pagemap::open("self")?.entry(area.start + len / 2)?;
            let frame = entry.frame().ok_or_else(|| error!("no page"))?;
            let question = format!("{:#x}\n", frame * PAGE as u64);
            let rmap = read_write(format!("{PROC}/rmap"))?;
            let found = ask_number(&rmap, &question, "rows")?;
            let expected = find_everywhere(frame)?;
            let right = found == expected && found == count as u64 + 1;
            ensure!(right, "rmap: {found} rows, {expected} expected");
            let mut race = Race::new("rmap", count);
            race.add("memintro", || ask_number(&rmap, &question, "rows"));
            race.add("every-pagemap", || find_everywhere(frame));
            race.run(self.rounds)?;
            area.unmap()?;
        }
        Ok(())
    }
}

/// The cgroup that is charged for what a conversation needs.
const GROUP: &str = "/sys/fs/cgroup/memintro-bench";
/// How many conversations are open at once: the counters are coarse.
const MANY: u64 = 64;

fn charged() -> io::Result<u64> {
    let text = fs::read_to_string(format!("{GROUP}/memory.stat"))?;
    let mut lines = text.lines();
    let found = lines.find_map(|line| line.strip_prefix("kernel ")?.parse().ok());
    found.ok_or_else(|| error!("memory.stat has no kernel memory"))
}

/// Prints how much memory the module needs, as the kernel accounts it: the bytes that a
/// conversation of each kind is charged for, its queue full and an answer begun; those of the
/// loaded module, and of its samples.
fn memory() -> io::Result<()> {
    if fs::metadata(GROUP).is_err() {
        let _ = fs::write("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
        fs::create_dir(GROUP)?;
    }
    fs::write(format!("{GROUP}/cgroup.procs"), "0")?;
    let me = id();
    for name in CONVERSATIONS {
        let question = match name {
            "walk" => format!("{me} 0x1000 levels\n"),
            "rmap" | "page" => "0x1000\n".to_owned(),
            _ => format!("{me}\n"),
        };
        let queue = question.repeat((64 << 10) / question.len());
        let before = charged()?;
        let mut files: Vec<File> = Vec::new();
        for _ in 0..MANY {
            let mut file = read_write(format!("{PROC}/{name}"))?;
            file.write_all(queue.as_bytes())?;
            file.read_exact(&mut [0; 16])?;
            files.push(file);
        }
        let each = charged()?.saturating_sub(before) / MANY;
        println!("memory-of-a-conversation,{name},1,0,{each},0");
    }
    fs::write("/sys/fs/cgroup/cgroup.procs", "0")?;
    fs::remove_dir(GROUP)?;
    let size = number(fs::read_to_string("/sys/module/memintro/coresize")?.trim())?;
    println!("memory-of-the-module,code-and-data,1,0,{size},0");
    let kmem = Table::read(Path::new("/proc/memintro/kmem"), header("kmem"))?;
    // The samples are those that were allocated.
    let allocated = |row: &&Vec<String>| ["kmalloc", "vmalloc"].contains(&&*row[0]);
    let size = |row: &Vec<String>| number(&row[2]);
    let samples = kmem.rows.iter().filter(allocated).map(size);
    let samples: u64 = samples.sum::<io::Result<_>>()?;
    println!("memory-of-the-module,samples,1,0,{samples},0");
    Ok(())
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let quick = options.flag("--quick");
    let bench = Bench {
        rounds: if quick { 3 } else { 9 },
        quick,
        processes: options.or("--processes", 10_000)?,
    };
    let only = options.get::<String>("--only")?;
    options.end()?;
    let wanted = only.as_ref().map(|only| only.split(',').collect());
    let wanted: Vec<_> = wanted.unwrap_or(PARTS.to_vec());
    if let Some(name) = wanted.iter().find(|name| !PARTS.contains(name)) {
        return Err(misuse(format!("--only {name}?")));
    }
    println!("bench,variant,x,round,nanoseconds,found");
    for part in PARTS.iter().filter(|name| wanted.contains(name)) {
        match *part {
            "questions" => questions::run(bench.rounds)?,
            "walk" => bench.walk()?,
            "totals" => {
                let dense = bench.sizes(&[16 * MIB, 64 * MIB, 256 * MIB, GIB]);
                bench.totals("totals-4k", dense, Fill::Scattered)?;
                bench.totals("totals-huge", dense, Fill::Huge)?;
                let sparse = [GIB, 4 * GIB, 16 * GIB, 64 * GIB];
                bench.totals("totals-one-page", &sparse, Fill::One)?;
            }
            "list" => {
                bench.list("list-scattered", Fill::Scattered)?;
                bench.list("list-contiguous", Fill::Contiguous)?;
            }
            "frames" => bench.frames()?,
            "rmap" => bench.rmap()?,
            "memory" => memory()?,
            _ => bench.processes()?,
        }
    }
    Ok(true)
}

pub fn client(options: &mut Options) -> io::Result<bool> {
    let (verb, whose): (String, String) = (options.word()?, options.word()?);
    let mut out = io::BufWriter::new(io::stdout().lock());
    if verb == "ask" {
        let mut file = read_write(whose)?;
        writeln!(file, "{}", options.word::<String>()?)?;
        let mut buffer = vec![0; 512 << 10];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(true),
                n => out.write_all(&buffer[..n])?,
            }
        }
    }
    let (start, end): (String, String) = (options.word()?, options.word()?);
    // Where it begins and ends so far, and its first frame's address.
    let mut run: Option<(u64, u64, u64)> = None;
    let mut tell = |run: Option<(u64, u64, u64)>| {
        let line = run.map(|(start, end, pa)| writeln!(out, "{start:#x} {end:#x} {pa:#x}"));
        line.unwrap_or(Ok(()))
    };
    Pagemap::open(whose)?.each(parse_hex(&start)?, parse_hex(&end)?, |va, entry| {
        let pa = entry.frame().map(|frame| frame * PAGE as u64);
        match (&mut run, pa) {
            (Some((start, end, first)), Some(pa)) if *first + (va - *start) == pa => {
                *end = va + PAGE as u64;
            }
            _ => {
                tell(run)?;
                run = pa.map(|pa| (va, va + PAGE as u64, pa));
            }
        }
        Ok(())
    })?;
    tell(run).map(|()| true)
}
