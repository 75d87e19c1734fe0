// SPDX-License-Identifier: GPL-2.0

//! Single system calls, and what came of them: what a shell cannot do or hides. FILE may be
//! `fd:N`, an inherited descriptor. TEXT knows `\n`, `\t`, `\v`, `\r`, `\0`, `\\` and `\xHH`.
//! Exit status 0 whatever the answer was, 2 on misuse.
//!
//! `raw-question write FILE TEXT`, `read FILE`, `open FILE`: one write(2), one read(2), or
//! none; prints `ok N`, what was read, `ok`, or the name of the error. `--rdwr`: open for both;
//! `--at N`: at this offset; `--size N`: repeat TEXT until it is N bytes long; read at most N
//! bytes; `--times N`: read so often, at the offset; the last counts; `--open-as UID`: open with that
//! effective user, and no capabilities; `--signals`: while a signal with a handler comes ten
//! times a second.
//!
//! `converse FILE STEP...`: steps on one open conversation, and a line for each. FILE may be
//! `no-syslog:FILE`, opened without CAP_SYSLOG, which is there again afterwards. Steps:
//! - `write=TEXT`: one write(2); `fill=N,TEXT`: of TEXT and a newline, repeated to at most N
//!   bytes; `long=N`: of N times `1`; prints `ok N` or the error;
//! - `read=N`: one read(2) of at most N bytes; prints what came, newlines as `\n`, or the
//!   error; the end as `end`;
//! - `lines`: reads until the end, prints how many lines came; `bytes`: one byte at a time;
//!   prints the text;
//! - `write-fault=N`, `read-fault=N`: N bytes at an address that is not there;
//!   `write-half=TEXT`, `read-half=N`: with as many bytes more that are not there;
//! - `seek`: lseek(2);
//! - `signals`: from here on a signal comes, as above, and reads are repeated after it;
//! - `two-readers`: one reads, and is held in the middle of that while a child, to whom such
//!   signals come, does too; prints what that one got, an error or `read N`, and how many lines
//!   came to the first one, also by reads until the end after both.

use nix::unistd::seteuid;

use crate::prelude::*;

fn open(name: &str, read: bool, write: bool) -> io::Result<File> {
    if let Some(name) = name.strip_prefix("no-syslog:") {
        return sys::without_syslog(|| open(name, read, write))?;
    }
    let Some(number) = name.strip_prefix("fd:") else {
        return File::options().read(read).write(write).open(name);
    };
    let number: RawFd = number.parse().map_err(misuse)?;
    // SAFETY: the descriptor was inherited, and nothing else uses it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) }.into())
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

fn show(bytes: &[u8]) -> String {
    match bytes {
        [] => "end".to_owned(),
        _ => String::from_utf8_lossy(bytes).replace('\n', "\\n"),
    }
}

fn two_readers(file: &File) -> io::Result<String> {
    const FREE: usize = 10;
    let (mut go, mut tell_go) = sys::pipe()?;
    let (mut told, mut tell) = sys::pipe()?;
    let child = process::fork_tied(|| {
        let mut read = || {
            go.read_exact(&mut [0])?;
            process::signal_often()?;
            // Of a table from its start: two reads at its position wait for each other.
            let seekless = |error: &io::Error| error.kind() == io::ErrorKind::NotSeekable;
            match file.read_at(&mut [0; PAGE], 0) {
                Err(error) if seekless(&error) => { file }.read(&mut [0; PAGE]),
                other => other,
            }
        };
        let second = read().map_or_else(|error| errno_name(&error), |n| format!("read {n}"));
        let _ = tell.write_all(second.as_bytes());
    })?;
    drop(tell);
    let trap = Trap::new()?;
    let mut second = String::new();
    let n = thread::scope(|scope| {
        let first = scope.spawn(|| trap.read(file.as_raw_fd(), FREE));
        trap.uffd.wait()?;
        tell_go.write_all(b"x")?;
        told.read_to_string(&mut second)?;
        trap.release()?;
        first.join().map_err(|_| error!("died"))?
    })?;
    process::reap(child);
    ensure!(n > 0, "the first read gave nothing");
    let lines = count_lines(&[trap.edge.bytes(FREE, n), read_all(file, 65536)?].concat());
    Ok(format!("{second} {lines}"))
}

fn step(mut file: &File, step: &str) -> io::Result<String> {
    let (verb, argument) = step.split_once('=').unwrap_or((step, ""));
    let number = |text: &str| text.parse::<usize>().map_err(misuse);
    let text = |text: &str| unescape(text).ok_or_else(|| misuse("what text?"));
    let fd = file.as_raw_fd();
    let written = |n: usize| format!("ok {n}");
    match verb {
        "write" => file.write(&text(argument)?).map(written),
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
        "lines" => Ok(count_lines(&read_all(file, 65536)?).to_string()),
        "bytes" => Ok(show(&read_all(file, 1)?)),
        "write-fault" => raw::write(fd, NOWHERE, number(argument)?).map(written),
        "read-fault" => raw::read(fd, NOWHERE, number(argument)?).map(written),
        "write-half" => {
            let text = text(argument)?;
            let start = Edge::new(libc::PROT_NONE)?.put(&text);
            raw::write(fd, start, 2 * text.len()).map(written)
        }
        "read-half" => {
            let (len, edge) = (number(argument)?, Edge::new(libc::PROT_NONE)?);
            let n = raw::read(fd, edge.before(len), 2 * len)?;
            Ok(show(&edge.bytes(len, n.min(len))))
        }
        "seek" => file.rewind().map(|()| written(0)),
        "signals" => process::signal_often().map(|()| written(0)),
        "two-readers" => two_readers(file),
        _ => Err(error!("no such step: {step}")),
    }
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let name: String = options.word()?;
    // A table can only be read.
    let table = name.strip_prefix("/proc/memintro/").unwrap_or("");
    let file = open(&name, true, header(table).is_empty());
    let file = file.inspect_err(|error| println!("{}", errno_name(error)));
    while let (Ok(file), Ok(text)) = (&file, options.word::<String>()) {
        let outcome = step(file, &text);
        println!("{}", outcome.unwrap_or_else(|error| errno_name(&error)));
    }
    Ok(true)
}

pub fn raw_question(options: &mut Options) -> io::Result<bool> {
    let (at, size) = (options.get::<i64>("--at")?, options.get("--size")?);
    let (times, rdwr) = (options.or("--times", 1)?, options.flag("--rdwr"));
    let (open_as, signals) = (options.get::<u32>("--open-as")?, options.flag("--signals"));
    let (verb, name): (String, String) = (options.word()?, options.word()?);
    let is_write = verb == "write";
    let mut text = Vec::new();
    if is_write {
        text = unescape(&options.word::<String>()?).ok_or_else(|| misuse("what text?"))?;
        let whole = size.unwrap_or(text.len());
        text = text.into_iter().cycle().take(whole).collect();
    } else if verb != "read" && verb != "open" {
        return Err(misuse(format!("{verb}?")));
    }
    options.end()?;

    let act = || -> io::Result<Vec<u8>> {
        open_as.map_or(Ok(()), |uid| seteuid(uid.into()))?;
        let file = open(&name, !is_write || rdwr, is_write || rdwr);
        open_as.map_or(Ok(()), |_| seteuid(0.into()))?;
        let mut file = file?;
        if signals {
            process::signal_often()?;
        }
        let mut buffer = vec![0; size.unwrap_or(65536)];
        for _ in 1..times {
            file.read_at(&mut buffer, at.unwrap_or(0) as u64)?;
        }
        let n = match (&*verb, at) {
            ("open", _) => return Ok(b"ok\n".to_vec()),
            ("write", Some(at)) => file.write_at(&text, at as u64)?,
            ("write", None) => file.write(&text)?,
            (_, Some(at)) => file.read_at(&mut buffer, at as u64)?,
            (_, None) => file.read(&mut buffer)?,
        };
        buffer.truncate(n);
        Ok(if is_write {
            format!("ok {n}\n").into_bytes()
        } else {
            buffer
        })
    };
    let failed = |error| format!("{}\n", errno_name(&error)).into_bytes();
    io::stdout().write_all(&act().unwrap_or_else(failed))?;
    Ok(true)
}
