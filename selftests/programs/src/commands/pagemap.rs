// SPDX-License-Identifier: GPL-2.0

//! `pagemap PID`: for every address on standard input, prints it and what
//! `/proc/PID/pagemap` says of it: a physical address that includes the
//! offset in the page, or `none`, `swap`, `guard`, `uffd`.

use std::{io, process::ExitCode};

use crate::{pagemap::Pagemap, question::parse_hex};

fn run(pid: &str) -> io::Result<()> {
    let pagemap = Pagemap::open(pid)?;
    for line in io::stdin().lines() {
        let line = line?;
        let va = parse_hex(line.trim())?;
        println!("{va:#x} {}", pagemap.entry(va)?.answer(va));
    }
    Ok(())
}

pub fn main() -> ExitCode {
    let Some(pid) = crate::options::args().nth(1) else {
        eprintln!("usage: pagemap PID < ADDRESSES");
        return ExitCode::from(2);
    };
    match run(&pid) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pagemap: {error}");
            ExitCode::FAILURE
        }
    }
}
