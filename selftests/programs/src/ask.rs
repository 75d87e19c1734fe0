// SPDX-License-Identifier: GPL-2.0

//! The client's side of memintro's files.

use crate::prelude::*;

/// Where the tables and conversations are.
pub const PROC: &str = "/proc/memintro";
/// The file that answers one question at a time.
pub const SYSFS: &str = "/sys/kernel/memintro/walk";
/// The tables and their headers.
pub const TABLES: [(&str, &str); 5] = [
    ("tasks", "PID PPID UID STATE THREADS COMM"),
    ("vm", VM),
    ("heapmax", "PID HEAP_B COMM"),
    ("kstack", "TID PID STATE STACK SP SIZE_B USED_B COMM"),
    ("kmem", "KIND VA SIZE_B PA_LINEAR PA_WALK PAGE RUNS AGREE"),
];
const VM: &str = "PID VSZ_KB RSS_KB ANON_KB FILE_KB SHMEM_KB SWAP_KB HUGETLB_KB HEAP_B \
    PGTABLES_KB VMAS COMM";
/// The header of an answer of `vmas`.
pub const VMAS: &str = "START END PERM SIZE_KB PRESENT_KB HUGE_KB ZERO_KB SWAP_KB EMPTY_KB NAME";
/// The header of an answer of `rmap`.
pub const RMAP: &str = "PID VA PAGE PERM COMM";
/// The header of an answer of `extents`.
pub const EXTENTS: &str = "START END SIZE_KB PA PAGE PERM FLAGS";

/// The header of a table.
pub fn header(table: &str) -> &'static str {
    TABLES
        .iter()
        .find(|(name, _)| *name == table)
        .map_or("", |(_, header)| header)
}

/// Opens a file for both.
pub fn read_write(path: impl AsRef<Path>) -> io::Result<File> {
    File::options().read(true).write(true).open(path)
}

/// Reads to the end by single calls of `size` bytes at most.
pub fn read_all(mut file: &File, size: usize) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut piece = vec![0; size];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(all),
            n => all.extend_from_slice(&piece[..n]),
        }
    }
}

/// An open conversation.
pub struct Conversation {
    file: File,
    piece: usize,
}

impl Conversation {
    /// Opens a conversation.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let file = read_write(path)?;
        Ok(Self { file, piece: 65536 })
    }

    /// Opens the one of this name.
    pub fn of(name: &str) -> io::Result<Self> {
        Self::open(format!("{PROC}/{name}"))
    }

    /// Has every read take at most `piece` bytes.
    pub fn in_pieces_of(mut self, piece: usize) -> Self {
        self.piece = piece;
        self
    }

    /// Asks questions, one per line, and reads all that is answered.
    pub fn ask(&mut self, questions: &str) -> io::Result<String> {
        let line = format!("{questions}\n");
        let n = self.file.write(line.as_bytes())?;
        ensure!(n == line.len(), "a short write: {line:?}");
        String::from_utf8(read_all(&self.file, self.piece)?).map_err(io::Error::other)
    }

    /// Asks `walk` one question and reads its line.
    pub fn walk(&mut self, whose: &str, va: u64) -> io::Result<Keys> {
        let text = self.ask(&format!("{whose} {va:#x}"))?;
        let line = text.strip_suffix('\n').filter(|line| !line.contains('\n'));
        Keys::parse(line.ok_or_else(|| error!("not one line: {text:?}"))?)
    }
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
            questions: File::options().write(true).open(path)?,
            answers: File::open(path)?,
        })
    }

    /// The answer's text without its newline.
    pub fn ask(&mut self, pid: &str, va: usize) -> io::Result<String> {
        let question = format!("{pid} {va:#x}\n");
        let n = self.questions.write(question.as_bytes())?;
        ensure!(n == question.len(), "write took {n} bytes");
        let mut answer = [0; 64];
        let n = self.answers.read_at(&mut answer, 0)?;
        let text = std::str::from_utf8(&answer[..n]).map_err(io::Error::other)?;
        match text.strip_suffix('\n') {
            Some(line) if !line.is_empty() && !line.contains(['\n', ' ']) => Ok(line.to_owned()),
            _ => bail!("not one word and newline: {text:?}"),
        }
    }
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
            start: parse_hex(start)? as usize,
            len: parse_hex(len)? as usize,
        })
    }
}
