// SPDX-License-Identifier: GPL-2.0

//! `fail-nth --module FILE [--sites N]`: has every allocation fail, one at a time,
//! that loading the module and each use of its files makes.
//!
//! The n-th allocation of a pass fails, for n from 1 on until a pass has fewer
//! (`/proc/PID/fail-nth`; for loading, from the last on backwards, as the kernel
//! allocates a thousand times before it calls the module). Where the kernel can,
//! copies to and from user memory count as allocations. Whatever failed must
//! fail with ENOMEM, or EFAULT for a copy; what is done again after it must give all that a pass
//! without failures gives, to the byte.
//!
//! Where a failed allocation was asked for, the kernel's log says: the functions of
//! the module that are on the stack. Prints what went wrong, each place, and
//! `faults=N passes=N sites=N`. Exit status 1 if anything went wrong, or fewer
//! places of the module were hit than N.

use std::{
    io::BufReader,
    process::{Child, Command, Stdio},
};

use crate::faults::Faults;
use crate::prelude::*;

/// Of the process that is asked about.
const PAGES: usize = 512;
/// More allocations than anything here makes.
const MANY: u64 = 1_000_000;
/// So many failures outside the module end the search for those in it.
const BEFORE: usize = 40;

/// Loads the module, which is not there before nor after.
fn load(faults: &mut Faults, file: &str) -> io::Result<()> {
    let all = faults.pass(MANY, || sys::load(file))?;
    all.result?;
    sys::unload()?;
    let count = MANY - all.left;
    let (mut found, mut outside) = (0, 0);
    for n in (1..=count).rev() {
        let pass = faults.pass(n, || sys::load(file))?;
        faults.check("load", n, &pass);
        let there = fs::exists(PROC)? || fs::exists(SYSFS)?;
        if there != pass.result.is_ok() {
            faults.wrong(&format!("load: allocation {n}: its files: {there}"));
        }
        if pass.result.is_ok() {
            sys::unload()?;
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

fn all_of(file: &File) -> io::Result<Vec<u8>> {
    read_all(file, 4096)
}

/// This process rests, with mappings that have long names, and says where its
/// pages are. It is no child by fork: that would have this one's memory copied
/// where a failed allocation hits the wrong one.
fn rest() -> io::Result<()> {
    process::die_with_parent();
    let area = Area::anonymous(PAGES * PAGE)?;
    area.huge_pages(false)?;
    // The zero page, many times: `rmap` has more rows than fit at once.
    area.read();
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

/// Starts it: its number, and where its pages are.
fn start_resting() -> io::Result<(Child, usize)> {
    let mut child = Command::new("/proc/self/exe")
        .args(["fail-nth", "--rest"])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output).read_line(&mut line)?;
    }
    let start = parse_hex(line.trim())? as usize;
    Ok((child, start))
}

fn tables(faults: &mut Faults) -> io::Result<()> {
    for (name, _) in TABLES {
        let path = format!("{PROC}/{name}");
        let open = || File::open(&path);
        faults.open(name, open)?;
        // Of the text only the first word is the same each time.
        let header = |file: File, _| {
            let mut text = vec![0; 3];
            file.read_exact_at(&mut text, 0)?;
            Ok(text)
        };
        let read = |file: &mut File| all_of(file);
        faults.step(&format!("{name}: read"), open, read, header)?;
    }
    Ok(())
}

fn conversations(faults: &mut Faults) -> io::Result<()> {
    let (mut child, start) = start_resting()?;
    let (pid, end) = (child.id(), start + PAGES * PAGE);
    let mut keys = Conversation::of("walk")?;
    let zero = keys
        .walk(&pid.to_string(), start as u64)?
        .get("pa")
        .to_owned();
    if !zero.starts_with("0x") {
        bail!("no zero page");
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
        let open = || read_write(&path);
        let usage = |file: File, text: Option<Vec<u8>>| match text {
            Some(text) => Ok(text),
            None => all_of(&file),
        };
        faults.step(&format!("{name}: usage"), open, |file| all_of(file), usage)?;
    }
    child.kill()?;
    child.wait().map(drop)
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
    faults.open("sysfs", open)?;
    faults.step("sysfs: write", open, |file| write(file), get)?;
    // What was read before the failure is lost; a file is read again from its start.
    let answer = |mut file: File, text: Option<Vec<u8>>| match text {
        Some(text) => Ok(text),
        None => {
            file.rewind()?;
            all_of(&file)
        }
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
