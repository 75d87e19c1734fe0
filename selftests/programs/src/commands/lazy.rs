// SPDX-License-Identifier: GPL-2.0

//! `lazy SIZE`: allocates SIZE bytes (`64K`, `64M`, `1024G`) without touching
//! them, prints `lazy PID START LENGTH`, then `ready`, and does what standard
//! input says until it ends:
//!
//! - `read N`: reads a byte of each of the first N pages;
//! - `write N`: writes to each of the first N pages;
//! - `free N`: gives the first N pages back;
//! - `quit`.
//!
//! After each it prints the line again. It touches no memory but the pages
//! that it is told to, so that what it uses grows by those alone.

use std::{io::BufReader, os::fd::AsFd, process};

use crate::prelude::*;

fn size(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches(|unit: char| unit.is_ascii_uppercase());
    let shift = match &text[digits.len()..] {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => return None,
    };
    let bytes = digits.parse::<usize>().ok()?.checked_mul(1 << shift)?;
    (bytes > 0).then(|| bytes.next_multiple_of(PAGE))
}

fn act(line: &str, area: Area) -> Option<bool> {
    if line == "quit" {
        return Some(false);
    }
    let (verb, pages) = line.split_once(' ')?;
    let len = pages.parse::<usize>().ok()?.checked_mul(PAGE)?;
    if len > area.len {
        return None;
    }
    let part = area.part(0, len);
    match verb {
        "read" => part.read(),
        "write" => part.write(),
        "free" => part.advise(libc::MADV_DONTNEED).ok()?,
        _ => return None,
    }
    Some(true)
}

/// Does what the lines of `input` say, and writes each to `output`.
fn obey(input: File, mut output: &File, area: Area) -> io::Result<()> {
    let mut input = BufReader::with_capacity(256, input);
    let mut line = String::with_capacity(256);
    while input.read_line(&mut line)? != 0 {
        match act(line.trim_end(), area) {
            Some(true) => output.write_all(line.as_bytes())?,
            Some(false) => break,
            None => output.write_all(b"read N, write N, free N, quit\n")?,
        }
        line.clear();
    }
    Ok(())
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let len = size(&options.word::<String>()?).ok_or_else(|| misuse("what size?"))?;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let area = Area::map(0, len, READ_WRITE, flags)?;
    // Where a page is touched, a page must come, not 512.
    area.huge_pages(false)?;

    // A rehearsal brings in the code and the stack that the acts need.
    let (read, mut write) = sys::pipe()?;
    write.write_all(b"read 0\nwrite 0\nfree 0\nquit\n")?;
    obey(read, &write, area)?;

    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let pid = process::id();
    let text = format!("lazy {pid} {:#x} {:#x}\nready\n", area.start, area.len);
    (&output).write_all(text.as_bytes())?;
    obey(input, &output, area).map(|()| true)
}
