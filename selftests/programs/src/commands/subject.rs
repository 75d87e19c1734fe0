// SPDX-License-Identifier: GPL-2.0

//! `subject [--interleave] [KIND...]`: maps pages of each kind (by default of all that the kernel
//! can do), prints `KIND START LENGTH` for each range, then `ready`, and keeps them until the end
//! of standard input; pages of all NUMA nodes in turn, if that is asked for. Exit status 4: a kind
//! asked for by name cannot be made here.
//!
//! `subject --list` prints the names of the kinds and whether a page is behind them;
//! `subject --bits` how many bits user addresses have.
//!
//! `pagemap PID`: for every address on standard input, prints it and what `/proc/PID/pagemap`
//! says of it: a physical address, or `none`, `swap`, `guard`, `uffd`.
//!
//! `ticks`: prints how often the processor's counter ticks in a millisecond. An emulated
//! machine has that counter too, and on a busy host no way to find it out.

use crate::kinds::{self, Expect, Kind, KINDS, ON_REQUEST};
use crate::prelude::*;

fn list() {
    for kind in KINDS {
        let expect = match kind.expect {
            Expect::Frame | Expect::Physical(_) => "page",
            Expect::AsPagemap | Expect::Unknown => "mixed",
            Expect::Word(word) => word,
        };
        println!("{} {expect}", kind.name);
    }
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    if options.flag("--list") {
        list();
        return Ok(true);
    }
    if options.flag("--bits") {
        println!("{}", Mode::of_this_machine()?.bits);
        return Ok(true);
    }
    if options.flag("--interleave") {
        process::interleave()?;
    }
    let names = options.words()?;
    let usual = KINDS.iter().filter(|kind| kind.name != ON_REQUEST);
    let wanted: Option<Vec<&Kind>> = match names.is_empty() {
        true => Some(usual.collect()),
        false => names.iter().map(|name| kinds::find(name)).collect(),
    };
    let wanted = wanted.ok_or_else(|| misuse("no such kind; `subject --list` names all"))?;

    // The lines are printed at the end: printing uses memory, and so could move what they speak
    // of.
    let mut lines = String::new();
    for kind in wanted {
        let made = kind.describe();
        let made = made.inspect_err(|error| eprintln!("subject: no {} here: {error}", kind.name));
        if made.is_err() && !names.is_empty() {
            std::process::exit(4);
        }
        lines += &made.unwrap_or_default();
    }
    hold(&lines)
}

pub fn pagemap(options: &mut Options) -> io::Result<bool> {
    let pagemap = Pagemap::open(options.word::<String>()?)?;
    for line in io::stdin().lines() {
        let line = line?;
        let va = parse_hex(line.trim())? as usize;
        println!("{va:#x} {}", pagemap.entry(va)?.answer(va));
    }
    Ok(true)
}

/// The counter and the time, read so close together that nothing came between.
fn counter() -> (u64, Instant) {
    let read = || {
        let before = Instant::now();
        let count = sys::counter();
        (before.elapsed(), (count, before))
    };
    let all = (0..100).map(|_| read());
    all.min_by_key(|(took, _)| *took)
        .map_or_else(|| (0, Instant::now()), |(_, both)| both)
}

pub fn ticks(_: &mut Options) -> io::Result<bool> {
    let (first, begun) = counter();
    thread::sleep(Duration::from_millis(50));
    let (last, ended) = counter();
    let ticks = u128::from(last.wrapping_sub(first));
    let count = ticks * 1_000_000 / (ended - begun).as_nanos().max(1);
    ensure!(count > 0, "no counter");
    println!("{count}");
    Ok(true)
}
