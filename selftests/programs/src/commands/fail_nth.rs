// SPDX-License-Identifier: GPL-2.0

//! `fail-nth --module FILE [--sites N]`: has every allocation fail, one at a time, that loading
//! the module and each use of its files makes.
//!
//! The n-th allocation of a pass fails, for n from 1 on until a pass has fewer
//! (`/proc/PID/fail-nth`; for loading, from the last on backwards, as the kernel allocates a
//! thousand times before it calls the module). Where the kernel can, copies to and from user
//! memory count as allocations. Whatever failed must fail with ENOMEM, or EFAULT for a copy;
//! what is done again after it must give all that a pass without failures gives, to the byte.
//!
//! Where a failed allocation was asked for, the kernel's log says: the functions of the module
//! that are on the stack. At least N places of the module must be hit.
//!
//! Documentation/fault-injection/fault-injection.rst.

use std::os::unix::fs::OpenOptionsExt;

use crate::prelude::*;

const PAGES: usize = 512;
/// More allocations than anything here makes.
const MANY: u64 = 1_000_000;
/// So many failures outside the module end the search for those in it.
const BEFORE: usize = 40;

struct Faults {
    nth: File,
    log: File,
    /// The functions of the module where they hit, and how often.
    sites: BTreeMap<String, usize>,
    faults: usize,
    passes: usize,
    wrong: Wrong,
}

/// What a pass did; whether something failed in the module; and how many allocations were left
/// to the one that should fail, 0 if it did.
struct Pass<T>(io::Result<T>, bool, u64);

impl Faults {
    /// Has allocations of all kinds fail where they are told to.
    fn new() -> io::Result<Self> {
        for setting in words! {
            "failslab/ignore-gfp-wait=N" "failslab/verbose=2" "fail_page_alloc/ignore-gfp-wait=N"
            "fail_page_alloc/ignore-gfp-highmem=N" "fail_page_alloc/min-order=0"
            "fail_page_alloc/verbose=2"
        } {
            let (file, value) = setting.split_once('=').unwrap_or_default();
            fs::write(format!("/sys/kernel/debug/{file}"), value)?;
        }
        let mut options = File::options();
        let options = options.read(true).custom_flags(libc::O_NONBLOCK);
        let mut log = options.open("/dev/kmsg")?;
        log.seek(SeekFrom::End(0))?;
        Ok(Self {
            nth: read_write("/proc/self/fail-nth")?,
            log,
            sites: BTreeMap::new(),
            faults: 0,
            passes: 0,
            wrong: Wrong::default(),
        })
    }

    /// The functions of the module in the traces since the last call.
    fn trace(&mut self) -> Option<String> {
        let mut frames = Vec::new();
        let mut record = [0; 8192];
        // Too late for some records is an error, too, and then come others.
        for _ in 0..10_000 {
            let n = match self.log.read(&mut record) {
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => continue,
                Err(_) => break,
            };
            let text = String::from_utf8_lossy(&record[..n]);
            let line = text.lines().next().unwrap_or("");
            let message = line.split_once(';').map_or("", |(_, message)| message);
            let frame = message.trim().strip_suffix(" [memintro]");
            let sure = frame.filter(|frame| !frame.starts_with('?'));
            frames.extend(sure.map(str::to_owned));
        }
        // A function may be the place of several: its caller tells them apart.
        frames.truncate(2);
        (!frames.is_empty()).then(|| frames.join(" < "))
    }

    fn pass<T>(&mut self, n: u64, act: impl FnOnce() -> io::Result<T>) -> io::Result<Pass<T>> {
        self.passes += 1;
        let mut text = [0; 16];
        self.nth.write_all_at(n.to_string().as_bytes(), 0)?;
        let result = act();
        // These copy, too, and may be what fails: then the act was over before.
        let left = match self.nth.read_at(&mut text, 0) {
            Ok(len) => number(String::from_utf8_lossy(&text[..len]).trim())?,
            Err(error) if is_fault(&error) => 1,
            Err(error) => return Err(error),
        };
        if let Err(error) = self.nth.write_all_at(b"0", 0) {
            ensure!(is_fault(&error), "{error}");
        }
        let site = self.trace();
        self.faults += usize::from(left == 0);
        let inside = site.is_some();
        if let Some(site) = site {
            *self.sites.entry(site).or_default() += 1;
        }
        Ok(Pass(result, inside, left))
    }

    /// Checks that what failed did so for want of memory, or for a copy that failed.
    fn check<T>(&mut self, what: &str, n: u64, pass: &Pass<T>) {
        if let Err(error) = &pass.0 {
            let expected = [Some(libc::ENOMEM), Some(libc::EFAULT)];
            let right = pass.2 == 0 && expected.contains(&error.raw_os_error());
            must!(self.wrong, right, "{what}: allocation {n}: {error}");
        }
    }

    fn open<B>(&mut self, name: &str, open: impl Fn() -> io::Result<B>) -> io::Result<()> {
        let what = format!("{name}: open");
        self.step(&what, || Ok(()), |()| open(), |(), _| Ok(vec![]))
    }

    /// Steps through all allocations of something; `prepare` and `finish` make none fail.
    /// `finish` gets what was done, and gives all that came of it.
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
            let left = pass.2;
            let got = finish(object, pass.0.ok())?;
            if got != expected {
                let (len, text) = (got.len(), difference(&got, &expected));
                let text = format!("{what}: allocation {n}: {len} bytes: {text}");
                self.wrong.tell(text);
            }
            if left > 0 {
                println!("{what}: {} allocations", n - 1);
                break;
            }
        }
        Ok(())
    }
}

/// The first line that differs, of both.
fn difference(got: &[u8], expected: &[u8]) -> String {
    let [got, expected] = [got, expected].map(String::from_utf8_lossy);
    let mut pairs = got.split('\n').zip_longest(expected.split('\n'));
    let pair = pairs.find(|pair| pair.clone().both().is_none_or(|(a, b)| a != b));
    format!("got, and expected: {pair:?}")
}

fn load(faults: &mut Faults, file: &str) -> io::Result<()> {
    let Pass(result, _, left) = faults.pass(MANY, || sys::load(file))?;
    result?;
    sys::unload()?;
    let count = MANY - left;
    let (mut found, mut outside) = (0, 0);
    for n in (1..=count).rev() {
        let pass = faults.pass(n, || sys::load(file))?;
        faults.check("load", n, &pass);
        let there = fs::exists(PROC)? || fs::exists(SYSFS)?;
        let text = format!("load: allocation {n}: its files: {there}");
        faults.wrong.unless(there == pass.0.is_ok(), text);
        if pass.0.is_ok() {
            sys::unload()?;
        }
        found += usize::from(pass.1);
        outside = if pass.1 { 0 } else { outside + 1 };
        if found > 0 && outside > BEFORE || outside > 4 * BEFORE {
            break;
        }
    }
    println!("load: {count} allocations, {found} of them in the module");
    Ok(())
}

fn all_of(file: &File) -> io::Result<Vec<u8>> {
    read_all(file, 4096)
}

/// This process rests, with mappings that have long names, and says where its pages are. It is
/// no child by fork: that would have this one's memory copied where a failed allocation hits
/// the wrong one.
fn rest() -> io::Result<()> {
    process::die_with_parent();
    // The zero page, many times: `rmap` has more rows than fit at once.
    let area = Area::anonymous(PAGES * PAGE)?.huge_pages(false)?.read();
    area.part(0, 64 * PAGE).break_up()?;
    let path = format!("/tmp/{}", "\\".repeat(200));
    fs::write(&path, [1; PAGE])?;
    let file = File::open(&path)?;
    for _ in 0..30 {
        Area::of_file(&file, PAGE, libc::PROT_READ, libc::MAP_PRIVATE)?.read();
        // Between them, so that they are not merged.
        Area::anonymous(PAGE)?.write();
    }
    fs::remove_file(path)?;
    println!("{:#x}", area.start);
    process::sleep_for_ever()
}

fn start_resting() -> io::Result<(Child, usize)> {
    let mut command = Command::new("/proc/self/exe");
    let command = command.args(["fail-nth", "--rest"]);
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().ok_or_else(|| error!("no pipe"))?;
    let line = BufReader::new(output).lines().next();
    let start = parse_hex(&line.ok_or_else(|| error!("it does not rest"))??)?;
    Ok((child, start as usize))
}

fn tables(faults: &mut Faults) -> io::Result<()> {
    for (name, _) in TABLES {
        let path = format!("{PROC}/{name}");
        let open = || File::open(&path);
        faults.open(name, open)?;
        // Of the text only the first word is the same each time.
        let header = |file: File, _| {
            let mut text = vec![0; 3];
            file.read_exact_at(&mut text, 0).map(|()| text)
        };
        faults.step(&format!("{name}: read"), open, |file| all_of(file), header)?;
    }
    Ok(())
}

fn conversations(faults: &mut Faults) -> io::Result<()> {
    let (mut child, start) = start_resting()?;
    let pid = child.id();
    let zero = Conversation::of("walk")?.walk(&pid.to_string(), start as u64)?;
    let zero = zero.get("pa").to_owned();
    ensure!(zero.starts_with("0x"), "no zero page");
    let about = long_questions(pid, Area::new(start, PAGES * PAGE));
    let kernel = "kernel 0xffff888000000000";
    let more = [
        ("walk", format!("{kernel} levels")),
        ("extents", pid.to_string()),
        ("extents", format!("{kernel}-0xffff888000200000")),
        ("rmap", zero),
    ];
    for (name, questions) in about.into_iter().chain(more) {
        let questions = questions + "\n";
        let path = format!("{PROC}/{name}");
        let open = || read_write(&path);
        faults.open(name, open)?;
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
        let read = |(file, text): &mut (File, Vec<u8>)| read_on(file, text, 4096);
        let finish =
            |(file, mut text): (File, Vec<u8>), _| read_on(&file, &mut text, 4096).map(|()| text);
        faults.step(&format!("{name}: read"), prepare, read, finish)?;
    }
    for name in CONVERSATIONS {
        let path = format!("{PROC}/{name}");
        let open = || read_write(&path);
        let usage = |file: File, text: Option<_>| text.map_or_else(|| all_of(&file), Ok);
        faults.step(&format!("{name}: usage"), open, |file| all_of(file), usage)?;
    }
    child.kill()?;
    child.wait().map(drop)
}

fn sysfs(faults: &mut Faults) -> io::Result<()> {
    let question = format!("{} 0x1000\n", id());
    let open = || File::options().write(true).open(SYSFS);
    let write = |mut file: &File| file.write(question.as_bytes());
    let get = |file: File, done: Option<usize>| {
        if done.is_none() {
            write(&file)?;
        }
        all_of(&File::open(SYSFS)?)
    };
    faults.open("sysfs", open)?;
    faults.step("sysfs: write", open, |file| write(file), get)?;
    // What was read before the failure is lost; a file is read again from its start.
    let answer = |mut file: File, text: Option<_>| {
        file.rewind()?;
        text.map_or_else(|| all_of(&file), Ok)
    };
    let to_read = || File::open(SYSFS);
    faults.step("sysfs: read", to_read, |file| all_of(file), answer)
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    if options.flag("--rest") {
        return rest().map(|()| true);
    }
    let known = options.or("--sites", 0)?;
    sys::settle_heap()?;
    let mut faults = Faults::new()?;
    if let Some(file) = options.get::<String>("--module")? {
        load(&mut faults, &file)?;
        sys::load(&file)?;
    }
    tables(&mut faults)?;
    conversations(&mut faults)?;
    sysfs(&mut faults)?;
    for (site, count) in &faults.sites {
        println!("site: {count} {site}");
    }
    let (sites, passes) = (faults.sites.len(), faults.passes);
    println!("faults={} passes={passes} sites={sites}", faults.faults);
    if sites < known {
        println!("wrong: the module has {known} sites");
    }
    Ok(faults.wrong.0 == 0 && sites >= known && faults.faults > 0)
}
