// SPDX-License-Identifier: GPL-2.0

//! What lines are about: mappings, runs, the way of a walk.

use super::{hex, odd, Answer, Keys};
use crate::Result;

/// A mapping of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Vma<'a> {
    pub start: u64,
    pub end: u64,
    pub perm: &'a str,
    pub size_kb: u64,
    pub present_kb: u64,
    /// The part of it behind entries above the pte level.
    pub huge_kb: u64,
    pub zero_kb: u64,
    pub swap_kb: u64,
    pub empty_kb: u64,
    /// Escaped.
    pub name: &'a str,
}

impl<'a> Vma<'a> {
    /// The rows of an answer of `vmas`.
    pub fn all(answer: &Answer<'a>) -> Result<Vec<Self>> {
        let names = [
            "START",
            "END",
            "PERM",
            "SIZE_KB",
            "PRESENT_KB",
            "HUGE_KB",
            "ZERO_KB",
            "SWAP_KB",
            "EMPTY_KB",
            "NAME",
        ];
        answer.rows(names, |row| {
            let [start, end, perm, size, present, huge, zero, swap, empty, name] = row;
            Some(Self {
                start: hex(start)?,
                end: hex(end)?,
                perm,
                size_kb: size.parse().ok()?,
                present_kb: present.parse().ok()?,
                huge_kb: huge.parse().ok()?,
                zero_kb: zero.parse().ok()?,
                swap_kb: swap.parse().ok()?,
                empty_kb: empty.parse().ok()?,
                name,
            })
        })
    }

    /// What migrates, has failed, or is a marker.
    pub fn other_kb(&self) -> u64 {
        let known = self.present_kb + self.zero_kb + self.swap_kb + self.empty_kb;
        self.size_kb.saturating_sub(known)
    }

    /// What was ever touched, and is still there in some form.
    pub fn touched_kb(&self) -> u64 {
        self.size_kb.saturating_sub(self.empty_kb)
    }

    /// Whether it may be written.
    pub fn writable(&self) -> bool {
        self.perm.contains('w')
    }

    /// Whether what one process writes the others see.
    pub fn shared(&self) -> bool {
        self.perm.ends_with('s')
    }

    /// Whether a file's pages are mapped, rather than memory without one.
    pub fn of_file(&self) -> bool {
        self.name.starts_with('/')
            && !["/dev/zero", "/SYSV", "/memfd:", "/anon_hugepage"]
                .iter()
                .any(|kind| self.name.starts_with(kind))
    }
}

/// A physically contiguous piece of an address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Extent<'a> {
    pub start: u64,
    pub end: u64,
    pub pa: u64,
    pub page: &'a str,
    pub perm: &'a str,
    pub flags: &'a str,
}

impl<'a> Extent<'a> {
    /// The rows of an answer of `extents`.
    pub fn all(answer: &Answer<'a>) -> Result<Vec<Self>> {
        answer.rows(["START", "END", "PA", "PAGE", "PERM", "FLAGS"], |row| {
            let [start, end, pa, page, perm, flags] = row;
            Some(Self {
                start: hex(start)?,
                end: hex(end)?,
                pa: hex(pa)?,
                page,
                perm,
                flags,
            })
        })
    }

    /// Whether it is the zero page, which all share, again and again.
    pub fn is_zero(&self) -> bool {
        self.flags.split(',').any(|flag| flag == "zero")
    }

    /// Its size.
    pub fn kb(&self) -> u64 {
        (self.end - self.start) >> 10
    }
}

/// One mapping of a physical page.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Mapper<'a> {
    pub pid: u64,
    pub va: u64,
    pub page: &'a str,
    pub perm: &'a str,
    /// Escaped.
    pub comm: &'a str,
}

impl<'a> Mapper<'a> {
    /// The rows of an answer of `rmap`.
    pub fn all(answer: &Answer<'a>) -> Result<Vec<Self>> {
        answer.rows(["PID", "VA", "PAGE", "PERM", "COMM"], |row| {
            let [pid, va, page, perm, comm] = row;
            Some(Self {
                pid: pid.parse().ok()?,
                va: hex(va)?,
                page,
                perm,
                comm,
            })
        })
    }
}

/// An entry on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level<'a> {
    /// Its level: pgd, p4d, pud, pmd, pte.
    pub name: &'a str,
    /// Which entry of its table.
    pub index: u64,
    /// Where it stands; none if that is denied.
    pub entry: Option<u64>,
    /// What it holds.
    pub value: u64,
    /// The physical address it leads to.
    pub next: Option<u64>,
    /// What it is: table, page, none, swap, …
    pub kind: &'a str,
    /// Whether the paging mode has no such level.
    pub folded: bool,
}

/// The answer to one question.
#[derive(Debug)]
pub struct Walk<'a> {
    /// Where the first table is, if the answer says so.
    pub root: Option<u64>,
    /// The way, from the top; without `levels` empty.
    pub levels: Vec<Level<'a>>,
    /// The last line.
    pub keys: Keys<'a>,
}

impl<'a> Walk<'a> {
    /// Takes the answer to one question apart.
    pub fn parse(text: &'a str) -> Result<Self> {
        let (mut root, mut levels) = (None, Vec::new());
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let keys = Keys::parse(line)?;
            if lines.peek().is_none() {
                return Ok(Self { root, levels, keys });
            }
            if keys.get("level") == Some("root") {
                root = keys.hex("next");
                continue;
            }
            levels.push(Level::of(&keys).ok_or_else(|| odd("a level", line))?);
        }
        Err(odd("nothing", text))
    }
}

impl<'a> Level<'a> {
    fn of(keys: &Keys<'a>) -> Option<Self> {
        Some(Self {
            name: keys.get("level")?,
            index: keys.number("index")?,
            entry: keys.hex("entry"),
            value: keys.hex("value")?,
            next: keys.hex("next"),
            kind: keys.get("kind")?,
            folded: keys.get("folded")? == "yes",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_understood() {
        let text = "START END PERM SIZE_KB PRESENT_KB HUGE_KB ZERO_KB SWAP_KB EMPTY_KB NAME\n\
                    0x401000 0x58d000 r-xp 1584 1200 0 0 4 368 /usr/bin/busybox\n\
                    # end pid=1 rows=1\n";
        let all = Vma::all(&Answer::parse(text).unwrap()).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].start, all[0].end), (0x401000, 0x58d000));
        assert_eq!((all[0].other_kb(), all[0].touched_kb()), (12, 1216));
        assert!(all[0].of_file() && !all[0].shared() && !all[0].writable());
    }

    #[test]
    fn extents_and_mappers_are_understood() {
        let text = "START END SIZE_KB PA PAGE PERM FLAGS\n\
                    0x401000 0x420000 124 0x3cb9000 4K r-xu special,zero\n\
                    # end pid=1 rows=1\n";
        let all = Extent::all(&Answer::parse(text).unwrap()).unwrap();
        assert_eq!((all[0].kb(), all[0].is_zero()), (124, true));
        let text = "PID VA PAGE PERM COMM\n119 0x56199043d000 4K r-xu bash\n# end pa=0x1 rows=1\n";
        let all = Mapper::all(&Answer::parse(text).unwrap()).unwrap();
        assert_eq!((all[0].pid, all[0].comm), (119, "bash"));
    }

    #[test]
    fn levels_come_before_the_answer() {
        let text = "level=root index=- entry=- value=- next=0x41ea000 kind=table folded=no\n\
                    level=pgd index=254 entry=denied value=0x5eed067 next=0x5eed000 kind=table folded=no\n\
                    level=p4d index=254 entry=0xff1efce005eec010 value=0x0 next=- kind=none folded=yes\n\
                    pid=1 va=0x1000 pa=none why=not-populated level=p4d\n";
        let walk = Walk::parse(text).unwrap();
        assert_eq!((walk.root, walk.levels.len()), (Some(0x41ea000), 2));
        assert_eq!(walk.levels[0].entry, None);
        assert_eq!(walk.levels[1].next, None);
        assert!(walk.levels[1].folded);
        assert_eq!(walk.keys.get("why"), Some("not-populated"));
        assert!(Walk::parse("").is_err());
        assert!(Walk::parse("level=pgd\npid=1 pa=none\n").is_err());
    }
}
