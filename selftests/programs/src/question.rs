// SPDX-License-Identifier: GPL-2.0

//! The client's side of `/sys/kernel/memintro/walk`, and ranges of pages.

use crate::prelude::*;

/// Parses `0x` and hex digits.
pub fn parse_hex(text: &str) -> io::Result<usize> {
    text.strip_prefix("0x")
        .and_then(|digits| usize::from_str_radix(digits, 16).ok())
        .ok_or_else(|| error!("not a hex number: {text}"))
}

/// A line of `subject`'s output: a range of pages of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The name of the kind.
    pub kind: String,
    /// The first address.
    pub start: usize,
    /// The length in bytes.
    pub len: usize,
}

impl Range {
    /// Reads lines of `KIND START LENGTH` from standard input, but for `ready`.
    pub fn read_all() -> io::Result<Vec<Self>> {
        let text = io::read_to_string(io::stdin())?;
        let lines = text.lines().filter(|line| *line != "ready");
        lines.map(Self::parse).collect()
    }

    fn parse(line: &str) -> io::Result<Self> {
        let words: Vec<_> = line.split(' ').collect();
        let [kind, start, len] = words[..] else {
            bail!("not a range: {line}");
        };
        Ok(Self {
            kind: kind.to_owned(),
            start: parse_hex(start)?,
            len: parse_hex(len)?,
        })
    }
}

/// Something that answers what backs an address of a process.
pub trait Ask {
    /// The answer's text without its newline.
    fn ask(&mut self, pid: &str, va: usize) -> io::Result<String>;
}

/// The sysfs file, opened once to write and once to read, as it demands.
pub struct SysfsWalk {
    questions: File,
    answers: File,
}

impl SysfsWalk {
    /// Opens the file twice.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            questions: OpenOptions::new().write(true).open(path)?,
            answers: File::open(path)?,
        })
    }
}

impl Ask for SysfsWalk {
    fn ask(&mut self, pid: &str, va: usize) -> io::Result<String> {
        let question = format!("{pid} {va:#x}\n");
        let n = self.questions.write(question.as_bytes())?;
        if n != question.len() {
            bail!("write took {n} bytes");
        }
        let mut answer = [0; 64];
        let n = self.answers.read_at(&mut answer, 0)?;
        let text = std::str::from_utf8(&answer[..n]).map_err(io::Error::other)?;
        match text.strip_suffix('\n') {
            Some(line) if !line.is_empty() && !line.contains(['\n', ' ']) => Ok(line.to_owned()),
            _ => Err(error!("not one word and newline: {text:?}")),
        }
    }
}
