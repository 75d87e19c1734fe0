// SPDX-License-Identifier: GPL-2.0

//! What each way to ask costs, and what a rival's way to learn the same does. What is found is a
//! number of bytes, or of what was looked at. `selftests/bench/counts` asks for this alone, in a
//! guest whose clock counts instructions.

use super::{each_status, find_everywhere, is_there, run_client, Fill, Race, Subjects, BPF, MIB};
use crate::prelude::*;

const PROCESSES: usize = 60;
const QUESTIONS: usize = 500;
const MAPPINGS: usize = 1000;
/// How many frames `rmap` is asked for: what a table costs depends on the frames in it.
const FRAMES: usize = 16;

fn questions(subjects: &[(Pid, Area)], tail: &str) -> Vec<String> {
    let mut random = Random::with_seed(3);
    let mut any = |area: &Area| area.start + random.usize(..area.len);
    let question = |(pid, area): &(Pid, Area)| format!("{pid} {:#x}{tail}\n", any(area));
    subjects
        .iter()
        .cycle()
        .take(QUESTIONS)
        .map(question)
        .collect()
}

fn ask_each(mut file: &File, questions: &[String]) -> io::Result<u64> {
    let (mut found, mut buffer) = (0, [0; 4096]);
    for question in questions {
        file.write_all(question.as_bytes())?;
        found += file.read(&mut buffer)? as u64;
    }
    Ok(found)
}

/// Asks as plainly as one can: what the client does with an answer is not to count.
fn ask(name: &str, questions: String) -> io::Result<impl FnMut() -> io::Result<u64>> {
    let mut file = read_write(format!("{PROC}/{name}"))?;
    let mut buffer = vec![0; 64 << 10];
    Ok(move || {
        file.write_all(questions.as_bytes())?;
        let mut found = 0;
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(found),
                n => found += n as u64,
            }
        }
    })
}

/// What is refused would be fast: each answer must have this value.
fn check(name: &str, questions: &[String], key: &str, expected: &[String]) -> io::Result<()> {
    let text = Conversation::of(name)?.ask(questions.concat().trim_end())?;
    let answers = text.lines().filter(|line| !line.starts_with("level="));
    let found = answers.map(|line| Ok::<_, io::Error>(Keys::parse(line)?.get(key).to_owned()));
    let right = found.collect::<io::Result<Vec<_>>>()? == expected;
    ensure!(right, "{name}: not what pagemap says");
    Ok(())
}

fn add_walks(race: &mut Race<'_>, one: (Pid, Area), other: (Pid, Area)) -> io::Result<()> {
    let (pid, area) = one;
    let pagemap = Pagemap::open(pid)?;
    let mut random = Random::with_seed(3);
    let addresses = [area.start; QUESTIONS].map(|start| start + random.usize(..area.len));
    let frame = |va: &usize| pagemap.entry(*va)?.frame().ok_or_else(|| error!("no page"));
    let frames: Vec<_> = addresses.iter().map(frame).try_collect()?;
    let pa = |va: &usize| Ok::<_, io::Error>(pagemap.entry(*va)?.answer(*va));
    let answers: Vec<_> = addresses.iter().map(pa).try_collect()?;
    // Beside what it is compared with: the machine is as busy for both.
    race.add("pread-pagemap", move || {
        let found = |va| Ok::<_, io::Error>(u64::from(pagemap.entry(va)?.0 != 0));
        addresses.iter().map(|va| found(*va)).sum()
    });
    for (batch, each, subjects, tail) in [
        ("walk-batch", "walk-each", &[one][..], ""),
        ("levels-batch", "levels-each", &[one], " levels"),
        ("changing-batch", "changing-each", &[one, other], ""),
    ] {
        let questions = questions(subjects, tail);
        if subjects.len() == 1 {
            check("walk", &questions, "pa", &answers)?;
        }
        race.add(batch, ask("walk", questions.concat())?);
        let walk = read_write(format!("{PROC}/walk"))?;
        race.add(each, move || ask_each(&walk, &questions));
    }
    let kernel = "kernel 0xffffffff81000000\n";
    for (name, question) in [("kernel-batch", kernel), ("refused-batch", "1 401000\n")] {
        let question = question.repeat(QUESTIONS);
        race.add(name, ask("walk", question)?);
    }
    let asked = File::options().write(true).open(SYSFS)?;
    let answer = File::open(SYSFS)?;
    let questions = questions(&[one], "");
    asked.write_at(questions[0].as_bytes(), 0)?;
    let right = fs::read_to_string(SYSFS)?.trim_end() == answers[0];
    ensure!(right, "sysfs: not what pagemap says");
    race.add("sysfs-each", move || {
        let mut found = 0;
        for question in &questions {
            // Not every address has a page.
            asked.write_at(question.as_bytes(), 0)?;
            found += answer.read_at(&mut [0; 64], 0)? as u64;
        }
        Ok(found)
    });
    let page = |frame: &u64| format!("{:#x}\n", frame * PAGE as u64);
    let pages = frames.iter().map(page).collect_vec();
    check("page", &pages, "kind", &vec!["anon".to_owned(); QUESTIONS])?;
    race.add("page-batch", ask("page", pages.concat())?);
    let files = ["flags", "count", "cgroup"].map(|name| File::open(format!("/proc/kpage{name}")));
    // Without memory cgroups there is no kpagecgroup.
    if let Ok(files) = files.into_iter().collect::<io::Result<Vec<_>>>() {
        race.add("three-preads", move || {
            let pairs = frames.iter().cartesian_product(&files);
            let read = |(frame, file): (&u64, &File)| file.read_at(&mut [0; 8], frame * 8);
            Ok(pairs.map(read).sum::<io::Result<usize>>()? as u64)
        });
    }
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
    let mappings = Area::anonymous(MAPPINGS * PAGE)?.break_up()?;
    let (many, _) = subjects.start_with(16 * MIB, Fill::Huge)?;
    mappings.unmap()?;
    let size = FRAMES * PAGE;
    let file = sys::memfd(c"shared", 0, size)?;
    let shared = Area::of_file(file, size, READ_WRITE, libc::MAP_SHARED)?.write();
    while subjects.0.len() < PROCESSES {
        let pid = process::fork_resting(|| Ok(shared.read()))?;
        subjects.0.push(pid);
    }
    let pagemap = Pagemap::open("self")?;
    let frame = |page| Ok::<_, io::Error>(pagemap.entry(page)?.answer(page) + "\n");
    let frames = shared.pages().map(frame).collect::<io::Result<String>>()?;
    let entry = pagemap.entry(shared.start)?;
    let frame = entry.frame().ok_or_else(|| error!("no page"))?;

    let (pid, area) = one;
    let (start, end) = (area.start as u64, area.end() as u64);
    let range = format!("{pid} {start:#x}-{end:#x}");
    let [whose, from, to] = [pid.to_string(), format!("{start:#x}"), format!("{end:#x}")];

    let mut race = Race::new("questions", QUESTIONS);
    add_walks(&mut race, one, other)?;
    for (name, conversation, question) in [
        ("vmas", "vmas", format!("{many}\n")),
        ("vmas-totals", "vmas", format!("{many} totals\n")),
        ("extents", "extents", format!("{range}\n")),
        ("extents-totals", "extents", format!("{range} totals\n")),
        (
            "extents-nodes",
            "extents",
            format!("{range} totals nodes\n"),
        ),
        ("rmap", "rmap", frames),
    ] {
        race.add(name, ask(conversation, question)?);
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
    let size = |path: String| fs::read(path).map(|text| text.len() as u64);
    let numa_maps = format!("/proc/{pid}/numa_maps");
    if is_there(&numa_maps) {
        race.add("numa-maps", move || size(numa_maps.clone()));
    }
    race.add("smaps", move || size(format!("/proc/{many}/smaps")));
    race.add("pagemap-runs", || run_client(&["runs", &whose, &from, &to]));
    race.add("extents-client", || {
        run_client(&["ask", "/proc/memintro/extents", &range])
    });
    if is_there(BPF) {
        race.add("bpf-iterator", move || size(BPF.to_owned()));
    }
    race.run(rounds)
}
