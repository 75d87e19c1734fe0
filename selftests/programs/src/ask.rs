// SPDX-License-Identifier: GPL-2.0

//! The client's side of memintro's files.

use crate::prelude::*;

pub const PROC: &str = "/proc/memintro";
pub const SYSFS: &str = "/sys/kernel/memintro/walk";
pub const TABLES: [(&str, &str); 6] = [
    ("tasks", "PID PPID UID STATE THREADS COMM"),
    ("vm", VM),
    ("heapmax", "PID HEAP_B COMM"),
    ("kstack", "TID PID STATE STACK SP SIZE_B USED_B COMM"),
    ("kmem", "KIND VA SIZE_B PA_LINEAR PA_WALK PAGE RUNS AGREE"),
    ("layout", "REGION START END SIZE_KB MAPPED"),
];
const VM: &str = "PID VSZ_KB RSS_KB ANON_KB FILE_KB SHMEM_KB SWAP_KB HUGETLB_KB HEAP_B \
    PGTABLES_KB VMAS COMM";
pub const CONVERSATIONS: [&str; 6] = ["walk", "vmas", "extents", "rmap", "page", "tables"];
/// The headers of their answers, but for `walk`, which has none.
pub const VMAS: &str = "START END PERM SIZE_KB PRESENT_KB HUGE_KB ZERO_KB SWAP_KB EMPTY_KB NAME";
pub const RMAP: &str = "PID VA PAGE PERM COMM";
pub const RMAP_RANGE: &str = "PID KB COMM";
pub const RMAP_KERNEL: &str = "VA PAGE PERM REGION";
pub const TABLES_OF_A_PROCESS: &str = "LEVEL TABLES ENTRIES USED SIZE_KB";
pub const EXTENTS: &str = "START END SIZE_KB PA PAGE PERM FLAGS";

pub fn header(table: &str) -> &'static str {
    let found = TABLES.iter().find(|(name, _)| *name == table);
    found.map_or("", |(_, header)| header)
}

pub fn read_write(path: impl AsRef<Path>) -> io::Result<File> {
    File::options().read(true).write(true).open(path)
}

/// Reads to the end, behind what there is, by single calls of `size` bytes at most; again those
/// that a signal ended.
pub fn read_on(mut file: &File, all: &mut Vec<u8>, size: usize) -> io::Result<()> {
    let mut piece = vec![0; size];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(n) => all.extend_from_slice(&piece[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

pub fn count_lines(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}

pub fn read_all(file: &File, size: usize) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    read_on(file, &mut all, size).map(|()| all)
}

/// Reads to the end, `size` bytes at a time, from `at` on, by pread(2).
pub fn pieces(file: &File, at: u64, size: usize) -> io::Result<Vec<u8>> {
    let (mut whole, mut piece) = (Vec::new(), vec![0; size]);
    loop {
        match file.read_at(&mut piece, at + whole.len() as u64)? {
            0 => return Ok(whole),
            n => whole.extend(&piece[..n]),
        }
    }
}

pub struct Conversation {
    file: File,
    /// How many bytes a read takes at most.
    pub piece: usize,
}

impl Conversation {
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let file = read_write(path)?;
        Ok(Self { file, piece: 65536 })
    }

    pub fn of(name: &str) -> io::Result<Self> {
        Self::open(format!("{PROC}/{name}"))
    }

    pub fn ask(&mut self, questions: &str) -> io::Result<String> {
        let line = format!("{questions}\n");
        let n = self.file.write(line.as_bytes())?;
        ensure!(n == line.len(), "a short write: {line:?}");
        String::from_utf8(read_all(&self.file, self.piece)?).map_err(io::Error::other)
    }

    /// Asks for rows, and for the totals of the same alone: they must agree.
    pub fn ask_both(&mut self, question: &str) -> io::Result<String> {
        let text = self.ask(question)?;
        let totals = self.ask(&format!("{question} \t totals"))?;
        let agree = text.ends_with(&totals) && totals.lines().count() == 1;
        ensure!(agree, "totals: {totals:?}, but {:?}", text.lines().last());
        Ok(text)
    }

    pub fn walk(&mut self, whose: &str, va: u64) -> io::Result<Keys> {
        let text = self.ask(&format!("{whose} {va:#x}"))?;
        let line = text.strip_suffix('\n').filter(|line| !line.contains('\n'));
        Keys::parse(line.ok_or_else(|| error!("not one line: {text:?}"))?)
    }
}

/// Questions whose answers are long, about a process that rests and some of its memory.
pub fn long_questions(pid: impl Display, area: Area) -> [(&'static str, String); 7] {
    let range = format!("{pid} {:#x}-{:#x}", area.start, area.end());
    let pages = |tail: &str| {
        let line = |va| format!("{pid} {va:#x}{tail}");
        area.pages().take(200).map(line).join("\n")
    };
    [
        ("walk", pages("")),
        ("walk", pages(" levels")),
        ("vmas", format!("{range}\n{pid}\n{pid} totals")),
        ("extents", format!("{range}\nbad\n{pid} totals")),
        ("rmap", "0x1000\nbad\n0x2000".to_owned()),
        ("tables", format!("{pid}\nbad\n{pid}")),
        ("page", "0x0\nbad\n0x0-0x1000 totals".to_owned()),
    ]
}

/// A file of which a part may have been read, and what is still to come.
pub struct Source {
    pub name: &'static str,
    pub file: File,
    pub expected: Vec<u8>,
}

impl Source {
    /// A table whose first byte was read, which makes it.
    pub fn table(name: &'static str, mut file: File) -> io::Result<Self> {
        file.read_exact(&mut [0])?;
        // From its second byte on, this table and not a new one.
        let expected = pieces(&file, 1, 65536)?;
        Ok(Self {
            name,
            file,
            expected,
        })
    }

    /// A table; or a conversation that was asked, or is to say how it is used.
    pub fn of(name: &'static str, questions: &str) -> io::Result<Self> {
        let path = format!("{PROC}/{name}");
        if !header(name).is_empty() {
            return Self::table(name, File::open(path)?);
        }
        let line = format!("{questions}\n");
        let line = if questions.is_empty() { "" } else { &line };
        let open =
            || read_write(&path).and_then(|mut it| it.write_all(line.as_bytes()).map(|()| it));
        let (expected, file) = (read_all(&open()?, 65536)?, open()?);
        Ok(Self {
            name,
            file,
            expected,
        })
    }
}

/// The sysfs file, opened once to write and once to read, as it demands.
pub struct SysfsWalk {
    questions: File,
    answers: File,
}

impl SysfsWalk {
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            questions: File::options().write(true).open(SYSFS)?,
            answers: File::open(SYSFS)?,
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
        let word = text.strip_suffix('\n').filter(|line| !line.is_empty());
        let word = word.filter(|line| !line.contains(['\n', ' ']));
        word.map(str::to_owned)
            .ok_or_else(|| error!("not one word and newline: {text:?}"))
    }
}

/// A line of `subject`'s output: a range of pages of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    pub kind: String,
    pub start: usize,
    /// In bytes.
    pub len: usize,
}

impl Range {
    /// Reads lines of `KIND START LENGTH` from standard input, but for `ready`.
    pub fn read_all() -> io::Result<Vec<Self>> {
        Self::parse_all(&io::read_to_string(io::stdin())?)
    }

    pub fn parse_all(text: &str) -> io::Result<Vec<Self>> {
        let lines = text.lines().filter(|line| *line != "ready");
        lines.map(Self::parse).collect()
    }

    fn parse(line: &str) -> io::Result<Self> {
        let words = line.split(' ').collect_tuple();
        let (kind, start, len) = words.ok_or_else(|| error!("not a range: {line}"))?;
        Ok(Self {
            kind: kind.to_owned(),
            start: parse_hex(start)? as usize,
            len: parse_hex(len)? as usize,
        })
    }
}
