// SPDX-License-Identifier: GPL-2.0

//! What the kernel's own files say of every page of a process: smaps and
//! pagemap, kpageflags of the zero pages, PAGEMAP_SCAN for the huge ones.

use crate::prelude::*;
use crate::{
    layout::{RUN, SIZES},
    maps::{self, Mapping},
    proc::numbers,
    zeros::Zeros,
};

const PAGE: u64 = sys::PAGE as u64;
/// The bit of pagemap that marks a page that nobody else has mapped.
const EXCLUSIVE: u64 = 1 << 56;
/// The bit of pagemap that marks write protection by userfaultfd.
const UFFD_WP: u64 = 1 << 57;

// PAGEMAP_SCAN, include/uapi/linux/fs.h.
/// `_IOWR('f', 16, struct pm_scan_arg)`
pub const PAGEMAP_SCAN: u64 = 0xc060_6610;
const PAGE_IS_HUGE: u64 = 1 << 6;

/// A page that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its virtual address.
    pub va: u64,
    /// Its physical address.
    pub pa: u64,
    /// Whether it is the zero page, or part of the huge one.
    pub zero: bool,
    /// Whether userfaultfd protects it from writes.
    pub uffd: bool,
}

/// What pagemap counts in a mapping, in pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Pages that are there, but for zero pages.
    pub present: u64,
    /// Zero pages.
    pub zero: u64,
    /// No entry.
    pub empty: u64,
    /// Anything else: swap, markers.
    pub other: u64,
}

/// All that is known of a process's memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Its mappings.
    pub mappings: Vec<Mapping>,
    /// What pagemap counts in each.
    pub counts: Vec<Count>,
    /// The pages that are there.
    pub pages: Vec<Page>,
    /// Ranges behind entries above the pte level, start and end.
    pub huge: Vec<(u64, u64)>,
}

/// The numbers of all processes of a procfs mount that have memory, but for
/// this one, which moves while it looks.
pub fn other_processes(proc: &Path) -> Vec<String> {
    let own = fs::read_link(proc.join("self")).unwrap_or_default();
    let pids = numbers(proc).into_iter().map(|pid| pid.to_string());
    pids.filter(|pid| own != Path::new(pid) && !has_ended(proc, pid))
        .collect()
}

/// The processes that are named, or all of a procfs mount but this one.
pub fn these_or_all(named: Vec<String>, proc: &Path) -> Vec<String> {
    if named.is_empty() {
        return other_processes(proc);
    }
    named
}

/// Has each process judged when it rests: `judge` gives `None` for one that changed
/// meanwhile, and is tried until it gives what is wrong, or the process has ended. Returns
/// how many were judged, how many ended, and what is wrong.
pub fn at_rest(
    proc: &Path,
    pids: &[String],
    mut judge: impl FnMut(&str) -> io::Result<Option<Vec<String>>>,
) -> (usize, usize, Vec<String>) {
    let (mut judged, mut ended, mut all) = (0, 0, Vec::new());
    for pid in pids {
        let wait = Wait::begin();
        while !wait.is_over() {
            let wrong = match judge(pid) {
                Ok(None) => continue,
                Ok(Some(wrong)) => wrong,
                Err(_) if has_ended(proc, pid) => {
                    ended += 1;
                    break;
                }
                Err(error) => vec![error.to_string()],
            };
            judged += 1;
            all.extend(wrong.iter().map(|line| format!("PID {pid}: {line}")));
            break;
        }
    }
    (judged, ended, all)
}

/// Whether a process of a procfs mount has no memory any more, or is not there.
pub fn has_ended(proc: &Path, pid: &str) -> bool {
    let maps = fs::read(proc.join(pid).join("maps"));
    !maps.is_ok_and(|text| !text.is_empty())
}

/// The ranges of a mapping that stand behind entries above the pte level.
fn huge_ranges(file: &File, start: u64, end: u64) -> io::Result<Vec<(u64, u64)>> {
    let mut ranges = Vec::new();
    let mut from = start;
    while from < end {
        let mut found = [[0u64; 3]; 64];
        let mut words = [0; 12];
        words[0] = 96;
        words[2] = from;
        words[3] = end;
        words[5] = found.as_mut_ptr() as u64;
        words[6] = found.len() as u64;
        words[9] = PAGE_IS_HUGE; // category_mask
        words[11] = PAGE_IS_HUGE; // return_mask
        sys::ioctl(file.as_raw_fd(), PAGEMAP_SCAN, &mut words)?;
        let full = found.iter().all(|range| range[1] != 0);
        ranges.extend(
            found
                .iter()
                .filter(|range| range[1] != 0)
                .map(|range| (range[0], range[1])),
        );
        from = words[4];
        if !full {
            break;
        }
    }
    Ok(ranges)
}

impl Memory {
    /// Reads everything of a process, given its folder in `/proc`; without `zeros`
    /// no page counts as a zero page.
    pub fn read(folder: &Path, zeros: Option<&Zeros>) -> io::Result<Self> {
        let pagemap = Pagemap(File::open(folder.join("pagemap"))?);
        let mut memory = Self {
            mappings: maps::smaps(folder)?,
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
            if ended != mapping.end {
                bail!("pagemap ends at {ended:#x}");
            }
            memory.counts.push(count);
            // Of hugetlb PAGEMAP_SCAN calls any size huge.
            if mapping.kb("KernelPageSize") != 64 {
                memory
                    .huge
                    .extend(huge_ranges(&pagemap.0, mapping.start, mapping.end)?);
            }
        }
        Ok(memory)
    }

    /// The mapping that an address lies in.
    pub fn mapping(&self, va: u64) -> Option<&Mapping> {
        let next = self.mappings.partition_point(|mapping| mapping.end <= va);
        self.mappings
            .get(next)
            .filter(|mapping| mapping.start <= va)
    }

    /// Whether memintro may say that the page at an address has a size.
    ///
    /// Nothing here tells whether the processor may hold several pages as one;
    /// to be that they must lie side by side.
    pub fn may_be(&self, va: u64, page: &str) -> bool {
        let huge = self.huge.partition_point(|range| range.1 <= va);
        let is_huge = self.huge.get(huge).is_some_and(|range| range.0 <= va);
        let kb = self
            .mapping(va)
            .map_or(0, |found| found.kb("KernelPageSize"));
        match (kb, is_huge) {
            (1_048_576, _) => page == "1G",
            (32_768, _) => page == "32M",
            (2048, _) => page == "2M",
            (64, _) => page == "64K",
            (_, true) => page == SIZES[2].name,
            _ => page == SIZES[0].name || page == SIZES[1].name && self.lie_side_by_side(va),
        }
    }

    /// Whether the pages of a run are one piece of memory, as aligned as a page of
    /// that size would be.
    fn lie_side_by_side(&self, va: u64) -> bool {
        let size = RUN as u64 * PAGE;
        let start = va & !(size - 1);
        let first = self.pages.partition_point(|page| page.va < start);
        let Some(run) = self.pages.get(first..first + RUN) else {
            return false;
        };
        RUN > 1
            && run[0].pa % size == 0
            && (0..size)
                .step_by(sys::PAGE)
                .zip(run)
                .all(|(at, page)| (page.va, page.pa) == (start + at, run[0].pa + at))
    }
}
