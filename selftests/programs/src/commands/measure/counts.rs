// SPDX-License-Identifier: GPL-2.0

//! What each way to ask costs, and what a rival's way to learn the same does, for
//! `selftests/bench/counts` and `compare`: in a guest whose clock counts instructions. What is
//! found is a number of bytes, or of what was looked at.

use super::{
    each_status, find_everywhere, run_command, Client, Fill, Race, Subjects, BPF, MIB,
    PAGE_IS_PRESENT,
};
use crate::prelude::*;

/// How many processes the tables list, and `rmap` finds.
const PROCESSES: usize = 60;
/// How many questions are written at once, or one after the other.
const QUESTIONS: usize = 500;
/// How many mappings `vmas` lists.
const MAPPINGS: usize = 1000;
/// How many frames `rmap` is asked for: what a table costs depends on the frames in it.
const FRAMES: usize = 16;

fn questions(subjects: &[(Pid, Area)], tail: &str) -> Vec<String> {
    let mut random = Random::new(3);
    let subjects = subjects.iter().cycle().take(QUESTIONS);
    subjects
        .map(|(pid, area)| format!("{pid} {:#x}{tail}\n", area.start + random.below(area.len)))
        .collect()
}

impl Client {
    /// Asks questions, and reads all that is answered.
    fn ask(&mut self, questions: &str) -> io::Result<u64> {
        self.file.write_all(questions.as_bytes())?;
        let mut found = 0;
        loop {
            match self.file.read(&mut self.buffer)? {
                0 => return Ok(found),
                n => found += n as u64,
            }
        }
    }

    /// Asks one question after the other.
    fn ask_each(&mut self, questions: &[String]) -> io::Result<u64> {
        let mut found = 0;
        for question in questions {
            self.file.write_all(question.as_bytes())?;
            found += self.file.read(&mut self.buffer)? as u64;
        }
        Ok(found)
    }
}

fn add_walks(race: &mut Race<'_>, one: (Pid, Area), other: (Pid, Area)) -> io::Result<()> {
    for (batch, each, subjects, tail) in [
        ("walk-batch", "walk-each", &[one][..], ""),
        ("levels-batch", "levels-each", &[one], " levels"),
        ("changing-batch", "changing-each", &[one, other], ""),
    ] {
        let questions = questions(subjects, tail);
        let all = questions.concat();
        let mut walk = Client::open("walk")?;
        race.add(batch, move || walk.ask(&all));
        let mut walk = Client::open("walk")?;
        race.add(each, move || walk.ask_each(&questions));
    }
    for (name, question) in [
        ("kernel-batch", "kernel 0xffffffff81000000\n"),
        ("refused-batch", "1 401000\n"),
    ] {
        let mut walk = Client::open("walk")?;
        let all = question.repeat(QUESTIONS);
        race.add(name, move || walk.ask(&all));
    }
    let ask = File::options().write(true).open(SYSFS)?;
    let answer = File::open(SYSFS)?;
    let questions = questions(&[one], "");
    race.add("sysfs-each", move || {
        let mut found = 0;
        for question in &questions {
            // Not every address has a page.
            ask.write_at(question.as_bytes(), 0)?;
            found += answer.read_at(&mut [0; 64], 0)? as u64;
        }
        Ok(found)
    });
    let (pid, area) = one;
    let pagemap = Pagemap::open(pid)?;
    let mut random = Random::new(3);
    let addresses = (0..QUESTIONS).map(|_| area.start + random.below(area.len));
    let addresses: Vec<_> = addresses.collect();
    let mut frames = Vec::new();
    for va in &addresses {
        let frame = pagemap.entry(*va)?.frame();
        frames.push(frame.ok_or_else(|| error!("no page"))?);
    }
    race.add("pread-pagemap", move || {
        let found = |va| Ok::<_, io::Error>(u64::from(pagemap.entry(va)?.0 != 0));
        addresses.iter().map(|va| found(*va)).sum()
    });
    let pages = frames
        .iter()
        .map(|frame| format!("{:#x}\n", frame * PAGE as u64));
    let (all, mut page) = (pages.collect::<String>(), Client::open("page")?);
    race.add("page-batch", move || page.ask(&all));
    let files = ["kpageflags", "kpagecount", "kpagecgroup"].map(|name| format!("/proc/{name}"));
    let files = files.map(File::open);
    race.add("three-preads", move || {
        let mut found = 0;
        for (frame, file) in frames
            .iter()
            .flat_map(|frame| files.iter().map(move |file| (frame, file)))
        {
            let file = file.as_ref().map_err(|error| error!("{error}"))?;
            found += file.read_at(&mut [0; 8], frame * 8)? as u64;
        }
        Ok(found)
    });
    race.add("system-call", || {
        (0..QUESTIONS).for_each(|_| assert!(rustix::process::getppid().is_some()));
        Ok(0)
    });
    Ok(())
}

pub fn run(rounds: usize) -> io::Result<()> {
    let mut subjects = Subjects::default();
    let one = subjects.start_with(64 * MIB, Fill::Scattered)?;
    let other = subjects.start_with(16 * MIB, Fill::Scattered)?;
    let mappings = Area::anonymous(MAPPINGS * PAGE)?;
    for number in (0..MAPPINGS).step_by(2) {
        mappings.page(number).protect(libc::PROT_READ)?;
    }
    let (many, _) = subjects.start_with(16 * MIB, Fill::Huge)?;
    mappings.unmap()?;
    let size = FRAMES * PAGE;
    let file = sys::memfd(c"shared", 0, size)?;
    let shared = Area::of_file(file, size, READ_WRITE, libc::MAP_SHARED)?;
    shared.write();
    while subjects.0.len() < PROCESSES {
        let touch = || {
            shared.read();
            Ok(())
        };
        subjects.0.push(process::fork_resting(touch)?);
    }
    let pagemap = Pagemap::open("self")?;
    let mut frames = String::new();
    for page in shared.pages() {
        let frame = pagemap.entry(page)?.frame();
        let frame = frame.ok_or_else(|| error!("no page"))? * PAGE as u64;
        frames += &format!("{frame:#x}\n");
    }
    let entry = pagemap.entry(shared.start)?;
    let frame = entry.frame().ok_or_else(|| error!("no page"))?;

    let (pid, area) = one;
    let (start, end) = (area.start as u64, area.end() as u64);
    let range = format!("{pid} {start:#x}-{end:#x}");
    let words = [pid.to_string(), format!("{start:x}"), format!("{end:x}")];

    let mut race = Race::new("counts", 1);
    add_walks(&mut race, one, other)?;
    for (name, conversation, question) in [
        ("vmas", "vmas", format!("{many}\n")),
        ("vmas-totals", "vmas", format!("{many} totals\n")),
        ("extents", "extents", format!("{range}\n")),
        ("extents-totals", "extents", format!("{range} totals\n")),
        ("rmap", "rmap", frames),
    ] {
        let mut client = Client::open(conversation)?;
        race.add(name, move || client.ask(&question));
    }
    for name in ["tasks", "vm", "heapmax", "kstack", "kmem"] {
        let mut file = File::open(format!("{PROC}/{name}"))?;
        race.add(name, move || {
            file.rewind()?;
            io::copy(&mut file, &mut io::sink())
        });
    }
    race.add("every-status", each_status);
    race.add("every-pagemap", move || find_everywhere(frame));
    let pagemap = Pagemap::open(pid)?;
    race.add("pagemap-scan", move || {
        let mut found = 0;
        pagemap.scan(start, end, PAGE_IS_PRESENT, |_, _| found += 1)?;
        Ok(found)
    });
    race.add("smaps", move || {
        fs::read(format!("/proc/{many}/smaps")).map(|text| text.len() as u64)
    });
    // These are built for the guest's kernel, and not there for `compare`.
    if fs::metadata("clients").is_ok() {
        let runs = ["./clients", "runs", &words[0], &words[1], &words[2]];
        race.add("pagemap-runs", move || run_command(&runs));
        let ask = ["./clients", "ask", "/proc/memintro/extents", &range];
        race.add("extents-client", move || run_command(&ask));
    }
    if fs::metadata(BPF).is_ok() {
        race.add("bpf-iterator", || {
            fs::read(BPF).map(|text| text.len() as u64)
        });
    }
    race.run(rounds)
}
