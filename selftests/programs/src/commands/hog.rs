// SPDX-License-Identifier: GPL-2.0

//! `hog [--size MIB] [--pieces N] [--at 0xADDRESS] [--map FILE]`: holds memory
//! until the end of standard input; prints `ready`.
//!
//! - `--size`: that much anonymous memory, written to (default 0);
//! - `--pieces`: N mappings of one page each, every second one read-only, from
//!   ADDRESS on: answers about this process are long;
//! - `--map`: FILE, mapped and touched, so that its file system is in use.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::AsRawFd,
    process::ExitCode,
};

use crate::{
    question::parse_hex,
    sys::{Area, PAGE},
};

struct Options {
    size: usize,
    pieces: usize,
    at: usize,
    map: Option<String>,
}

fn options() -> Option<Options> {
    let mut options = Options {
        size: 0,
        pieces: 0,
        at: 0x30_0000_0000,
        map: None,
    };
    let mut args = crate::options::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next()?;
        match name.as_str() {
            "--size" => options.size = value.parse().ok()?,
            "--pieces" => options.pieces = value.parse().ok()?,
            "--at" => options.at = parse_hex(&value).ok()?,
            "--map" => options.map = Some(value),
            _ => return None,
        }
    }
    Some(options)
}

fn hold(options: &Options) -> io::Result<()> {
    if options.size > 0 {
        Area::anonymous(options.size << 20)?.write();
    }
    if options.pieces > 0 {
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
        let all = Area::map(options.at, options.pieces * PAGE, prot, flags, -1)?;
        all.write();
        for i in (0..options.pieces).step_by(2) {
            all.part(i * PAGE, PAGE).protect(libc::PROT_READ)?;
        }
    }
    if let Some(path) = &options.map {
        let file = File::open(path)?;
        let len = file.metadata()?.len() as usize;
        Area::map(0, len, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd())?.read();
    }
    println!("ready");
    io::stdout().flush()?;
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

pub fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("usage: hog [--size MIB] [--pieces N] [--at 0xADDRESS] [--map FILE]");
        return ExitCode::from(2);
    };
    match hold(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hog: {error}");
            ExitCode::FAILURE
        }
    }
}
