// SPDX-License-Identifier: GPL-2.0

//! One read(2) or write(2), and what came of it: what a shell hides.
//!
//! - `raw-question write FILE TEXT [OPTION...]` writes TEXT by a single
//!   write(2) and prints `ok N`, or the name of the error. TEXT knows `\n`,
//!   `\t`, `\v`, `\r`, `\0`, `\\` and `\xHH`.
//! - `raw-question read FILE [OPTION...]` prints what a single read(2) gave,
//!   or the name of the error.
//! - `raw-question open FILE [OPTION...]` prints `ok` or the error.
//!
//! FILE may be `fd:N`, an inherited descriptor. Options:
//! - `--rdwr`: open for both reading and writing;
//! - `--at N`: at this offset, by pwrite(2) or pread(2);
//! - `--size N`: repeat TEXT until it is N bytes long; read at most N bytes;
//! - `--times N`: read so often; the last counts;
//! - `--open-as UID`: open with that effective user, and no capabilities;
//!   then act as root again.
//!
//! Exit status 0 whatever the answer was, 2 on misuse.

use std::os::fd::FromRawFd;

use crate::prelude::*;

struct Call {
    verb: String,
    file: String,
    text: Vec<u8>,
    rdwr: bool,
    at: Option<i64>,
    size: Option<usize>,
    times: usize,
    open_as: Option<u32>,
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next()? {
            b'n' => b'\n',
            b't' => b'\t',
            b'v' => 0x0b,
            b'r' => b'\r',
            b'0' => 0,
            b'\\' => b'\\',
            b'x' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            _ => return None,
        });
    }
    Some(bytes)
}

fn parse(options: &mut Options) -> io::Result<Call> {
    let mut call = Call {
        rdwr: options.flag("--rdwr"),
        at: options.get("--at")?,
        size: options.get("--size")?,
        times: options.or("--times", 1)?,
        open_as: options.get("--open-as")?,
        verb: options.word()?,
        file: options.word()?,
        text: Vec::new(),
    };
    match call.verb.as_str() {
        "write" => {
            let text = unescape(&options.word::<String>()?);
            call.text = text.ok_or_else(|| misuse("what text?"))?;
        }
        "read" | "open" => {}
        verb => return Err(misuse(format!("{verb}?"))),
    }
    options.end()?;
    if let (Some(size), false) = (call.size, call.text.is_empty()) {
        call.text = call.text.iter().copied().cycle().take(size).collect();
    }
    Ok(call)
}

fn open(call: &Call) -> io::Result<File> {
    if let Some(number) = call.file.strip_prefix("fd:") {
        let number = number.parse().map_err(io::Error::other)?;
        // SAFETY: the descriptor was inherited, and nothing else uses it.
        return Ok(unsafe { OwnedFd::from_raw_fd(number) }.into());
    }
    let write = call.verb == "write";
    if let Some(uid) = call.open_as {
        sys::set_effective_uid(uid)?;
    }
    let file = OpenOptions::new()
        .read(!write || call.rdwr)
        .write(write || call.rdwr)
        .open(&call.file);
    if call.open_as.is_some() {
        sys::set_effective_uid(0)?;
    }
    file
}

fn act(call: &Call) -> io::Result<Vec<u8>> {
    let mut file = open(call)?;
    match call.verb.as_str() {
        "open" => Ok(b"ok\n".to_vec()),
        "write" => {
            let n = match call.at {
                Some(at) => file.write_at(&call.text, at as u64)?,
                None => file.write(&call.text)?,
            };
            Ok(format!("ok {n}\n").into_bytes())
        }
        _ => {
            let mut buffer = vec![0; call.size.unwrap_or(65536)];
            let mut n = 0;
            for _ in 0..call.times {
                n = match call.at {
                    Some(at) => file.read_at(&mut buffer, at as u64)?,
                    None => file.read(&mut buffer)?,
                };
            }
            buffer.truncate(n);
            Ok(buffer)
        }
    }
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let call = parse(options)?;
    let failed = |error| format!("{}\n", sys::errno_name(&error)).into_bytes();
    io::stdout().write_all(&act(&call).unwrap_or_else(failed))?;
    Ok(true)
}
