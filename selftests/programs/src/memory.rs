// SPDX-License-Identifier: GPL-2.0

//! What the kernel's own files say of every page of a process: smaps and pagemap, kpageflags of
//! the zero pages, PAGEMAP_SCAN for the huge ones. (Names of mappings may hold any byte, which
//! the crate procfs refuses; and it makes a map of 25 strings for each.)

use crate::prelude::*;

const PAGE: u64 = sys::PAGE as u64;

/// The amounts that are kept: others change with what other processes do.
const AMOUNTS: [&str; 10] = words! {
    "ProtectionKey" "KernelPageSize" "Rss" "Swap" "AnonHugePages" "ShmemPmdMapped" "FilePmdMapped"
    "Shared_Hugetlb" "Private_Hugetlb" "Size"
};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    pub start: u64,
    pub end: u64,
    pub perm: String,
    /// The name, as the file has it: a newline in it is `\012`.
    pub name: Vec<u8>,
    kb: BTreeMap<String, u64>,
    flags: Vec<String>,
}

impl Mapping {
    /// One of the amounts of smaps that are kept, in KiB; 0 where this kernel does not have it.
    pub fn kb(&self, key: &str) -> u64 {
        self.kb.get(key).copied().unwrap_or(0)
    }

    pub fn pkey(&self) -> Option<u64> {
        self.kb.get("ProtectionKey").copied()
    }

    /// Whether this is its name: in maps, a newline is escaped, and nothing else.
    pub fn is_named(&self, name: &[u8]) -> bool {
        let lines: Vec<_> = name.split(|&byte| byte == b'\n').collect();
        lines.join(&b"\\012"[..]) == self.name
    }

    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.iter().any(|other| other == flag)
    }

    /// Whether its memory is without struct pages, so that pagemap shows it as empty.
    pub fn is_pfnmap(&self) -> bool {
        self.has_flag("pf")
    }
}

fn parse_line(line: &[u8]) -> Option<Mapping> {
    // Of the name, only the blanks before it are not part.
    let mut fields = line.splitn(6, |&byte| byte == b' ');
    let mut text = || std::str::from_utf8(fields.next()?).ok();
    let (start, end) = text()?.split_once('-')?;
    let perm = text()?.to_owned();
    let (_offset, _device, _inode) = (text()?, text()?, text()?);
    let name = fields.next().unwrap_or_default();
    let blanks = name.iter().take_while(|&&byte| byte == b' ').count();
    Some(Mapping {
        start: u64::from_str_radix(start, 16).ok()?,
        end: u64::from_str_radix(end, 16).ok()?,
        perm,
        name: name[blanks..].to_vec(),
        ..Mapping::default()
    })
}

/// Parses the whole of maps or smaps, but for `[vsyscall]`, which belongs to no process.
fn parse_all(text: &[u8]) -> Option<Vec<Mapping>> {
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in text.strip_suffix(b"\n")?.split(|&byte| byte == b'\n') {
        if !line.first().is_none_or(u8::is_ascii_uppercase) {
            mappings.push(parse_line(line)?);
            continue;
        }
        let (key, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
        let mapping = mappings.last_mut()?;
        if key == "VmFlags" {
            mapping.flags = value.split_whitespace().map(str::to_owned).collect();
        } else if AMOUNTS.contains(&key) {
            let kb = value.strip_suffix(" kB").unwrap_or(value);
            mapping.kb.insert(key.to_owned(), kb.trim().parse().ok()?);
        }
    }
    mappings.retain(|mapping| mapping.name != b"[vsyscall]");
    Some(mappings)
}

/// Reads one of the two files, given the directory of a process in `/proc`; without memory it has
/// no mapping.
fn mappings(path: &Path) -> io::Result<Vec<Mapping>> {
    match &fs::read(path)?[..] {
        [] => Ok(Vec::new()),
        text => parse_all(text).ok_or_else(|| error!("cannot read {}", path.display())),
    }
}

pub fn maps(directory: &Path) -> io::Result<Vec<Mapping>> {
    mappings(&directory.join("maps"))
}

pub fn smaps(directory: &Path) -> io::Result<Vec<Mapping>> {
    mappings(&directory.join("smaps"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub va: u64,
    pub pa: u64,
    /// Whether it is the zero page, or part of the huge one.
    pub zero: bool,
    /// Whether userfaultfd protects it from writes.
    pub uffd: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Pages that are there, but for zero pages.
    pub present: u64,
    pub zero: u64,
    pub empty: u64,
    /// Anything else: swap, markers.
    pub other: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    pub mappings: Vec<Mapping>,
    pub counts: Vec<Count>,
    pub pages: Vec<Page>,
    /// Ranges behind entries above the pte level, start and end.
    pub huge: Vec<(u64, u64)>,
}

/// The numbers of all processes of a procfs mount that have memory, but for this one, which
/// moves while it looks.
pub fn other_processes(proc: &Path) -> Vec<String> {
    let own = fs::read_link(proc.join("self")).unwrap_or_default();
    let pids = numbers(proc).into_iter().map(|pid| pid.to_string());
    pids.filter(|pid| own != Path::new(pid) && !has_ended(proc, pid))
        .collect()
}

/// What comparisons of the processes that are named, or of all but this one, have found.
pub struct Judged {
    pub count: usize,
    pub wrong: Vec<String>,
    /// Whether enough were judged, or ended meanwhile.
    pub enough: bool,
}

/// Has each process judged when it rests: `judge` gives `None` for one that changed meanwhile,
/// and is tried until it gives what is wrong, or the process has ended.
pub fn at_rest(
    options: &mut Options,
    mut judge: impl FnMut(&str) -> io::Result<Option<Vec<String>>>,
) -> io::Result<Judged> {
    let (proc, at_least) = (Path::new("/proc"), options.get("--at-least")?);
    let mut pids = options.words()?;
    if pids.is_empty() {
        pids = other_processes(proc);
    }
    let (mut count, mut ended, mut all) = (0, 0, Vec::new());
    for pid in &pids {
        let wait = Wait::begin();
        let wrong = loop {
            match judge(pid) {
                Ok(None) if !wait.is_over() => continue,
                Ok(wrong) => break wrong,
                Err(_) if has_ended(proc, pid) => {
                    ended += 1;
                    break None;
                }
                Err(error) => break Some(vec![error.to_string()]),
            }
        };
        count += usize::from(wrong.is_some());
        let line = |line| format!("PID {pid}: {line}");
        all.extend(wrong.into_iter().flatten().map(line));
    }
    Ok(Judged {
        count,
        wrong: all,
        enough: count + ended >= at_least.unwrap_or(pids.len()).max(1),
    })
}

/// Whether a process of a procfs mount has no memory any more, or is not there.
pub fn has_ended(proc: &Path, pid: &str) -> bool {
    let maps = fs::read(proc.join(pid).join("maps"));
    !maps.is_ok_and(|text| !text.is_empty())
}

impl Memory {
    /// Reads everything of a process, given its directory in `/proc`; without `zeros` no page
    /// counts as a zero page.
    pub fn read(directory: &Path, zeros: Option<&Zeros>) -> io::Result<Self> {
        let pagemap = Pagemap::in_directory(directory)?;
        let mut memory = Self {
            mappings: smaps(directory)?,
            ..Self::default()
        };
        for mapping in &memory.mappings {
            let mut count = Count::default();
            let ended = pagemap.each(mapping.start, mapping.end, |va, entry| {
                if let Some(frame) = entry.frame() {
                    let zero = match zeros {
                        Some(zeros) if entry.0 & EXCLUSIVE == 0 => zeros.contains(frame)?,
                        _ => false,
                    };
                    count.zero += u64::from(zero);
                    count.present += u64::from(!zero);
                    memory.pages.push(Page {
                        va,
                        pa: frame * PAGE,
                        zero,
                        uffd: entry.0 & UFFD_WP != 0,
                    });
                } else if entry.word() == "none" {
                    count.empty += 1;
                } else {
                    count.other += 1;
                }
                Ok(())
            })?;
            ensure!(ended == mapping.end, "pagemap ends at {ended:#x}");
            memory.counts.push(count);
            // Of hugetlb PAGEMAP_SCAN calls any size huge.
            if mapping.kb("KernelPageSize") != 64 {
                let huge = |start, end| memory.huge.push((start, end));
                pagemap.scan(mapping.start, mapping.end, PAGE_IS_HUGE, huge)?;
            }
        }
        Ok(memory)
    }

    pub fn from(&self, va: u64) -> std::slice::Iter<'_, Page> {
        let first = self.pages.partition_point(|page| page.va < va);
        self.pages[first..].iter()
    }

    pub fn mapping(&self, va: u64) -> Option<&Mapping> {
        let next = self.mappings.partition_point(|mapping| mapping.end <= va);
        let found = self.mappings.get(next);
        found.filter(|mapping| mapping.start <= va)
    }

    /// Whether memintro may say that the page at an address has a size.
    ///
    /// Nothing here tells whether the processor may hold several pages as one; to be that they
    /// must lie side by side.
    pub fn may_be(&self, va: u64, page: &str) -> bool {
        let huge = self.huge.partition_point(|range| range.1 <= va);
        let is_huge = self.huge.get(huge).is_some_and(|range| range.0 <= va);
        let mapping = self.mapping(va);
        let kb = mapping.map_or(0, |found| found.kb("KernelPageSize"));
        match (kb, is_huge) {
            (1_048_576, _) => page == "1G",
            (32_768, _) => page == "32M",
            (2048, _) => page == "2M",
            (64, _) => page == "64K",
            (_, true) => page == SIZES[2].name,
            _ => page == SIZES[0].name || page == SIZES[1].name && self.lie_side_by_side(va),
        }
    }

    /// Whether the pages of a run are one piece of memory, as aligned as a page of that size
    /// would be.
    fn lie_side_by_side(&self, va: u64) -> bool {
        let size = RUN as u64 * PAGE;
        let start = va & !(size - 1);
        let first = self.pages.partition_point(|page| page.va < start);
        let Some(run) = self.pages.get(first..first + RUN) else {
            return false;
        };
        let mut places = (0..size).step_by(sys::PAGE).zip(run);
        RUN > 1
            && run[0].pa % size == 0
            && places.all(|(at, page)| (page.va, page.pa) == (start + at, run[0].pa + at))
    }
}
