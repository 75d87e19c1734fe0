// SPDX-License-Identifier: GPL-2.0

//! `converse FILE STEP...`: single system calls on one open conversation, and
//! what came of each, a line per step: what a shell cannot do or hides.
//!
//! FILE may be `fd:N`, an inherited descriptor, or `no-syslog:FILE`, opened
//! without CAP_SYSLOG, which is there again afterwards. Steps:
//! - `write=TEXT`: one write(2); prints `ok N` or the error. TEXT knows `\n`;
//! - `fill=N,TEXT`: one write of TEXT and a newline, repeated to N bytes or
//!   as many below as whole lines have;
//! - `long=N`: one write of N times `1`, without a newline;
//! - `read=N`: one read(2) of at most N bytes; prints what came, newlines as
//!   `\n`, or the error; the end as `end`;
//! - `lines`: reads until the end, prints how many lines came;
//! - `bytes`: the same, one byte at a time; prints the text;
//! - `write-fault=N`, `read-fault=N`: N bytes at an address that is not there;
//! - `write-half=TEXT`: one write of TEXT and of as many bytes that are not
//!   there; `read-half=N`: one read of at most twice N bytes, of which only
//!   the first N are there; prints what came;
//! - `seek`: lseek(2);
//! - `two-readers`: one thread reads, and is held in the middle of that while
//!   another one does; prints what the second one got: an error, `never-busy` or
//!   `waited`, and how many lines came, also by reads until the end after both.

use std::{
    os::fd::FromRawFd,
    sync::{mpsc, Arc},
};

use crate::prelude::*;
use crate::sys::{capability, raw, trap::Trap};

/// No process has memory there.
const NOWHERE: usize = 0x10;

fn open(name: &str) -> io::Result<File> {
    if let Some(name) = name.strip_prefix("no-syslog:") {
        return capability::without(capability::SYSLOG, || open(name))?;
    }
    let Some(number) = name.strip_prefix("fd:") else {
        return OpenOptions::new().read(true).write(true).open(name);
    };
    let number: RawFd = number.parse().map_err(io::Error::other)?;
    // SAFETY: the descriptor was inherited, and nothing else uses it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) }.into())
}

fn show(bytes: &[u8]) -> String {
    match bytes {
        [] => "end".to_owned(),
        _ => String::from_utf8_lossy(bytes).replace('\n', "\\n"),
    }
}

/// Reads by single calls until the end.
fn read_all(mut file: &File, size: usize) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut buffer = vec![0; size];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(all),
            n => all.extend_from_slice(&buffer[..n]),
        }
    }
}

fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// A reader that is held in the middle of its copy, and another one meanwhile.
fn two_readers(file: &File) -> io::Result<String> {
    const FREE: usize = 10;
    let trap = Arc::new(Trap::new()?);
    let fd = file.as_raw_fd();
    let held = Arc::clone(&trap);
    let first = thread::spawn(move || held.read(fd, FREE));
    trap.wait()?;

    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        let result = raw::read(fd, buffer.as_mut_ptr() as usize, buffer.len());
        tell.send(result.map(|n| count(&buffer[..n])))
    });
    // One that waits for the other would wait for ever.
    let second = told.recv_timeout(Duration::from_secs(20));
    trap.release()?;
    let n = first.join().map_err(|_| error!("died"))??;
    let lines = count(&[trap.bytes(FREE, n), read_all(file, 65536)?].concat());
    Ok(match second {
        Err(_) => format!("waited {lines}"),
        Ok(Ok(more)) => format!("never-busy {}", lines + more),
        Ok(Err(error)) => format!("{} {lines}", sys::errno_name(&error)),
    })
}

/// The address of `bytes`, which end where memory ends.
fn before_hole(bytes: &[u8]) -> io::Result<usize> {
    let area = Area::anonymous(2 * PAGE)?;
    area.part(PAGE, PAGE).unmap()?;
    let start = area.start + PAGE - bytes.len();
    // SAFETY: the page is new, and the bytes fit at its end.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start as *mut u8, bytes.len()) };
    Ok(start)
}

/// One read(2) or write(2) of any bytes: the kernel finds out what is there.
fn call(fd: RawFd, write: bool, start: usize, len: usize) -> io::Result<usize> {
    // SAFETY: at `start` is memory of `before_hole` or none, never what Rust
    // uses; the kernel reports what it cannot access.
    let n = unsafe {
        match write {
            true => libc::write(fd, start as *const _, len),
            false => libc::read(fd, start as *mut _, len),
        }
    };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

fn step(mut file: &File, step: &str) -> io::Result<String> {
    let (verb, argument) = step.split_once('=').unwrap_or((step, ""));
    let number = |text: &str| text.parse::<usize>().map_err(io::Error::other);
    let fd = file.as_raw_fd();
    let written = |n: usize| format!("ok {n}");
    match verb {
        "write" => {
            let text = argument.replace("\\n", "\n");
            sys::write_once(fd, text.as_bytes(), None).map(written)
        }
        "fill" => {
            let (size, text) = argument.split_once(',').unwrap_or_default();
            let line = format!("{text}\n");
            let text = line.repeat(number(size)? / line.len());
            sys::write_once(fd, text.as_bytes(), None).map(written)
        }
        "long" => sys::write_once(fd, &vec![b'1'; number(argument)?], None).map(written),
        "read" => {
            let mut buffer = vec![0; number(argument)?];
            let n = file.read(&mut buffer)?;
            Ok(show(&buffer[..n]))
        }
        "lines" => Ok(count(&read_all(file, 65536)?).to_string()),
        "bytes" => Ok(show(&read_all(file, 1)?)),
        "write-fault" => call(fd, true, NOWHERE, number(argument)?).map(written),
        "read-fault" => call(fd, false, NOWHERE, number(argument)?).map(written),
        "write-half" => {
            let text = argument.replace("\\n", "\n");
            let start = before_hole(text.as_bytes())?;
            call(fd, true, start, 2 * text.len()).map(written)
        }
        "read-half" => {
            let len = number(argument)?;
            let start = before_hole(&vec![0; len])?;
            let n = call(fd, false, start, 2 * len)?;
            // SAFETY: the kernel wrote that many bytes, which are in the page.
            Ok(show(unsafe {
                std::slice::from_raw_parts(start as *const u8, n.min(len))
            }))
        }
        "seek" => file.rewind().map(|()| written(0)),
        "two-readers" => two_readers(file),
        _ => Err(error!("no such step: {step}")),
    }
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let file = match open(&options.word::<String>()?) {
        Ok(file) => file,
        Err(error) => {
            println!("{}", sys::errno_name(&error));
            return Ok(true);
        }
    };
    while let Ok(text) = options.word::<String>() {
        let outcome = step(&file, &text);
        println!(
            "{}",
            outcome.unwrap_or_else(|error| sys::errno_name(&error))
        );
    }
    Ok(true)
}
