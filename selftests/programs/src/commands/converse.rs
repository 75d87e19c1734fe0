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
use crate::sys::{
    raw::{self, Edge, NOWHERE},
    trap::Trap,
};

fn open(name: &str) -> io::Result<File> {
    if let Some(name) = name.strip_prefix("no-syslog:") {
        return sys::without_syslog(|| open(name))?;
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

fn step(mut file: &File, step: &str) -> io::Result<String> {
    let (verb, argument) = step.split_once('=').unwrap_or((step, ""));
    let number = |text: &str| text.parse::<usize>().map_err(io::Error::other);
    let fd = file.as_raw_fd();
    let written = |n: usize| format!("ok {n}");
    match verb {
        "write" => {
            let text = argument.replace("\\n", "\n");
            file.write(text.as_bytes()).map(written)
        }
        "fill" => {
            let (size, text) = argument.split_once(',').unwrap_or_default();
            let line = format!("{text}\n");
            let text = line.repeat(number(size)? / line.len());
            file.write(text.as_bytes()).map(written)
        }
        "long" => file.write(&vec![b'1'; number(argument)?]).map(written),
        "read" => {
            let mut buffer = vec![0; number(argument)?];
            let n = file.read(&mut buffer)?;
            Ok(show(&buffer[..n]))
        }
        "lines" => Ok(count(&read_all(file, 65536)?).to_string()),
        "bytes" => Ok(show(&read_all(file, 1)?)),
        "write-fault" => raw::write(fd, NOWHERE, number(argument)?).map(written),
        "read-fault" => raw::read(fd, NOWHERE, number(argument)?).map(written),
        "write-half" => {
            let text = argument.replace("\\n", "\n");
            let start = Edge::new(libc::PROT_NONE)?.put(text.as_bytes());
            raw::write(fd, start, 2 * text.len()).map(written)
        }
        "read-half" => {
            let (len, edge) = (number(argument)?, Edge::new(libc::PROT_NONE)?);
            let n = raw::read(fd, edge.before(len), 2 * len)?;
            Ok(show(&edge.bytes(len, n.min(len))))
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
