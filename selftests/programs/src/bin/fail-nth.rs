// SPDX-License-Identifier: GPL-2.0

//! `fail-nth --module FILE [--sites N]`: has every allocation fail, one at a time,
//! that loading the module and each use of its files makes.
//!
//! The n-th allocation of a pass fails, for n from 1 on until a pass has fewer
//! (`/proc/PID/fail-nth`; for loading, from the last on backwards, as the kernel
//! allocates a thousand times before it calls the module). Whatever failed must
//! fail with ENOMEM; what is done again after it must give all that a pass
//! without failures gives, to the byte.
//!
//! Where a failed allocation was asked for, the kernel's log says: the functions of
//! the module that are on the stack. Prints what went wrong, each place, and
//! `faults=N passes=N sites=N`. Exit status 1 if anything went wrong, or fewer
//! places of the module were hit than N.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    process::ExitCode,
};

use memintro_selftests::{
    ask::Conversation,
    options::{self, Options},
    sys::{module, process, Area, PAGE},
};

const PROC: &str = "/proc/memintro";
const SYSFS: &str = "/sys/kernel/memintro/walk";
const TABLES: [&str; 5] = ["tasks", "vm", "heapmax", "kstack", "kmem"];
/// More allocations than anything here makes.
const MANY: u64 = 1_000_000;
/// So many failures outside the module end the search for those in it.
const BEFORE: usize = 40;

struct Faults {
    nth: File,
    log: File,
    sites: BTreeMap<String, usize>,
    faults: usize,
    passes: usize,
    wrong: usize,
}

/// What a pass did, and whether something failed in it.
struct Pass<T> {
    result: io::Result<T>,
    injected: bool,
    /// It failed in the module.
    inside: bool,
    /// How many allocations were left to the one that should fail.
    left: u64,
}

impl Faults {
    fn new() -> io::Result<Self> {
        for (folder, files) in [
            ("failslab", &["ignore-gfp-wait"][..]),
            (
                "fail_page_alloc",
                &["ignore-gfp-wait", "ignore-gfp-highmem"],
            ),
        ] {
            let folder = format!("/sys/kernel/debug/{folder}");
            for file in files {
                fs::write(format!("{folder}/{file}"), "N")?;
            }
            fs::write(format!("{folder}/verbose"), "2")?;
        }
        fs::write("/sys/kernel/debug/fail_page_alloc/min-order", "0")?;
        let mut log = OpenOptions::new();
        let mut log = log
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/kmsg")?;
        log.seek(SeekFrom::End(0))?;
        Ok(Self {
            nth: OpenOptions::new()
                .read(true)
                .write(true)
                .open("/proc/self/fail-nth")?,
            log,
            sites: BTreeMap::new(),
            faults: 0,
            passes: 0,
            wrong: 0,
        })
    }

    fn wrong(&mut self, what: &str) {
        self.wrong += 1;
        if self.wrong <= 20 {
            println!("wrong: {what}");
        }
    }

    /// The functions of the module in the traces since the last call.
    fn trace(&mut self) -> Option<String> {
        let mut frames = Vec::new();
        let mut record = [0; 8192];
        // Too late for some records is an error, too, and then come others.
        for _ in 0..10_000 {
            let n = match self.log.read(&mut record) {
                Ok(n) => n,
                Err(error) if error.raw_os_error() == Some(libc::EPIPE) => continue,
                Err(_) => break,
            };
            let text = String::from_utf8_lossy(&record[..n]);
            let line = text.lines().next().unwrap_or("");
            let message = line
                .split_once(';')
                .map_or("", |(_, message)| message)
                .trim();
            if let Some(frame) = message.strip_suffix(" [memintro]") {
                if !frame.starts_with('?') {
                    frames.push(frame.to_owned());
                }
            }
        }
        // A function may be the place of several: its caller tells them apart.
        frames.truncate(2);
        (!frames.is_empty()).then(|| frames.join(" < "))
    }

    /// Does something, in which the n-th allocation fails.
    fn pass<T>(&mut self, n: u64, act: impl FnOnce() -> io::Result<T>) -> io::Result<Pass<T>> {
        self.passes += 1;
        let mut text = [0; 16];
        self.nth.write_all_at(n.to_string().as_bytes(), 0)?;
        let result = act();
        let len = self.nth.read_at(&mut text, 0)?;
        self.nth.write_all_at(b"0", 0)?;
        let left = String::from_utf8_lossy(&text[..len]);
        let left = left.trim().parse().map_err(io::Error::other)?;
        let site = self.trace();
        self.faults += usize::from(left == 0);
        let inside = site.is_some();
        if let Some(site) = site {
            *self.sites.entry(site).or_default() += 1;
        }
        Ok(Pass {
            result,
            injected: left == 0,
            inside,
            left,
        })
    }

    fn check<T>(&mut self, what: &str, n: u64, pass: &Pass<T>) {
        if let Err(error) = &pass.result {
            if !pass.injected || error.raw_os_error() != Some(libc::ENOMEM) {
                self.wrong(&format!("{what}: allocation {n}: {error}"));
            }
        }
    }

    /// Steps through all allocations of something; `prepare` and `finish` make
    /// none fail. `finish` gets what was done, and gives all that came of it.
    fn step<A, B>(
        &mut self,
        what: &str,
        prepare: impl Fn() -> io::Result<A>,
        act: impl Fn(&mut A) -> io::Result<B>,
        finish: impl Fn(A, Option<B>) -> io::Result<Vec<u8>>,
    ) -> io::Result<()> {
        let mut object = prepare()?;
        let done = act(&mut object)?;
        let expected = finish(object, Some(done))?;
        for n in 1.. {
            let mut object = prepare()?;
            let pass = self.pass(n, || act(&mut object))?;
            self.check(what, n, &pass);
            let injected = pass.injected;
            let got = finish(object, pass.result.ok())?;
            if got != expected {
                self.wrong(&format!(
                    "{what}: allocation {n}: {} bytes where {} were expected",
                    got.len(),
                    expected.len()
                ));
            }
            if !injected {
                println!("{what}: {} allocations", n - 1);
                break;
            }
        }
        Ok(())
    }

    /// Loads the module, which is not there before nor after.
    fn load(&mut self, file: &str) -> io::Result<()> {
        let all = self.pass(MANY, || module::load(file))?;
        all.result?;
        module::unload(c"memintro")?;
        let count = MANY - all.left;
        let (mut found, mut outside) = (0, 0);
        for n in (1..=count).rev() {
            let pass = self.pass(n, || module::load(file))?;
            self.check("load", n, &pass);
            let there = fs::exists(PROC)? || fs::exists(SYSFS)?;
            if there != pass.result.is_ok() {
                self.wrong(&format!("load: allocation {n}: its files: {there}"));
            }
            if pass.result.is_ok() {
                module::unload(c"memintro")?;
            }
            found += usize::from(pass.inside);
            outside = if pass.inside { 0 } else { outside + 1 };
            if found > 0 && outside > BEFORE || outside > 4 * BEFORE {
                break;
            }
        }
        println!("load: {count} allocations, {found} of them in the module");
        Ok(())
    }
}

fn all_of(mut file: &File) -> io::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(1 << 20);
    loop {
        let mut piece = [0; 4096];
        match file.read(&mut piece)? {
            0 => return Ok(text),
            n => text.extend_from_slice(&piece[..n]),
        }
    }
}

/// A process that rests, with mappings that have long names.
fn resting() -> io::Result<(process::Pid, Area)> {
    let area = Area::anonymous(512 * PAGE)?;
    area.advise(libc::MADV_NOHUGEPAGE)?;
    // The zero page, many times: `rmap` has more rows than fit at once.
    area.read();
    for i in (0..64).step_by(2) {
        area.part(i * PAGE, PAGE).protect(libc::PROT_READ)?;
    }
    let name = "\\".repeat(200);
    let path = format!("/tmp/{name}");
    fs::write(&path, [1; PAGE])?;
    let file = File::open(&path)?;
    for _ in 0..30 {
        use std::os::fd::AsRawFd;
        Area::map(
            0,
            PAGE,
            libc::PROT_READ,
            libc::MAP_PRIVATE,
            file.as_raw_fd(),
        )?
        .read();
        // A hole between, so that they are not merged.
        Area::anonymous(PAGE)?.write();
    }
    let pid = process::fork(|| {
        process::die_with_parent();
        process::sleep_for_ever()
    })?;
    fs::remove_file(path)?;
    Ok((pid, area))
}

fn tables(faults: &mut Faults) -> io::Result<()> {
    for name in TABLES {
        let path = format!("{PROC}/{name}");
        let open = || File::open(&path);
        faults.step(
            &format!("{name}: open"),
            || Ok(()),
            |()| open(),
            |(), _| Ok(vec![]),
        )?;
        // Of the text only the header is the same each time.
        let header = |file: File, _| {
            let mut text = vec![0; 12];
            file.read_exact_at(&mut text, 0)?;
            Ok(text)
        };
        let read = |file: &mut File| all_of(file);
        faults.step(&format!("{name}: read"), open, read, header)?;
    }
    Ok(())
}

fn conversations(faults: &mut Faults) -> io::Result<()> {
    let (pid, area) = resting()?;
    let (start, end) = (area.start, area.start + area.len);
    let mut keys = Conversation::open(format!("{PROC}/walk").as_ref())?;
    let zero = keys
        .walk(&pid.to_string(), start as u64)?
        .get("pa")
        .to_owned();
    if !zero.starts_with("0x") {
        return Err(io::Error::other("no zero page"));
    }
    let many = |tail: &str| -> String {
        let line = |i: usize| format!("{pid} {:#x}{tail}\n", start + i * PAGE);
        (0..200).map(line).collect()
    };
    let asked = [
        ("walk", many("")),
        ("walk", many(" levels")),
        ("walk", "kernel 0xffff888000000000 levels\n".to_owned()),
        ("vmas", format!("{pid}\n{pid} totals\n")),
        (
            "extents",
            format!("{pid} {start:#x}-{end:#x}\n{pid} totals\n"),
        ),
        ("extents", format!("{pid}\n")),
        (
            "extents",
            "kernel 0xffff888000000000-0xffff888000200000\n".to_owned(),
        ),
        ("rmap", format!("{zero}\n")),
    ];
    for (name, questions) in &asked {
        let path = format!("{PROC}/{name}");
        let open = || OpenOptions::new().read(true).write(true).open(&path);
        faults.step(
            &format!("{name}: open"),
            || Ok(()),
            |()| open(),
            |(), _| Ok(vec![]),
        )?;
        // A write that failed left nothing, so it can be done again.
        let write = |mut file: &File| file.write(questions.as_bytes());
        let ask = |file: File, done: Option<usize>| {
            if done.is_none() {
                write(&file)?;
            }
            all_of(&file)
        };
        faults.step(&format!("{name}: write"), open, |file| write(file), ask)?;
        // What was read before the failure, and all that comes after.
        let prepare = || {
            let file = open()?;
            write(&file)?;
            Ok((file, Vec::with_capacity(1 << 20)))
        };
        let read = |(file, text): &mut (File, Vec<u8>)| loop {
            let mut piece = [0; 4096];
            match file.read(&mut piece)? {
                0 => return Ok(()),
                n => text.extend_from_slice(&piece[..n]),
            }
        };
        let finish = |(file, mut text): (File, Vec<u8>), _| {
            text.extend(all_of(&file)?);
            Ok(text)
        };
        faults.step(&format!("{name}: read"), prepare, read, finish)?;
    }
    for name in ["walk", "vmas", "extents", "rmap"] {
        let path = format!("{PROC}/{name}");
        let open = || OpenOptions::new().read(true).write(true).open(&path);
        let usage = |file: File, text: Option<Vec<u8>>| match text {
            Some(text) => Ok(text),
            None => all_of(&file),
        };
        faults.step(&format!("{name}: usage"), open, |file| all_of(file), usage)?;
    }
    process::kill(pid);
    process::reap(pid);
    Ok(())
}

fn sysfs(faults: &mut Faults) -> io::Result<()> {
    let question = format!("{} 0x1000\n", std::process::id());
    let open = || OpenOptions::new().write(true).open(SYSFS);
    let write = |mut file: &File| file.write(question.as_bytes());
    let get = |file: File, done: Option<usize>| {
        if done.is_none() {
            write(&file)?;
        }
        all_of(&File::open(SYSFS)?)
    };
    faults.step("sysfs: open", || Ok(()), |()| open(), |(), _| Ok(vec![]))?;
    faults.step("sysfs: write", open, |file| write(file), get)?;
    let answer = |file: File, text: Option<Vec<u8>>| match text {
        Some(text) => Ok(text),
        None => all_of(&file),
    };
    let to_read = || File::open(SYSFS);
    faults.step("sysfs: read", to_read, |file| all_of(file), answer)
}

fn run() -> io::Result<bool> {
    let options = Options::parse(&["--module", "--sites"])?;
    let known = options.number("--sites")?.unwrap_or(0);
    let mut faults = Faults::new()?;
    if let Some(file) = options.text("--module") {
        faults.load(file)?;
        module::load(file)?;
    }
    tables(&mut faults)?;
    conversations(&mut faults)?;
    sysfs(&mut faults)?;
    for (site, count) in &faults.sites {
        println!("site: {count} {site}");
    }
    let sites = faults.sites.len();
    println!(
        "faults={} passes={} sites={sites}",
        faults.faults, faults.passes
    );
    if sites < known {
        println!("wrong: the module has {known} sites");
    }
    Ok(faults.wrong == 0 && sites >= known && faults.faults > 0)
}

fn main() -> ExitCode {
    options::main("fail-nth", run)
}
