// SPDX-License-Identifier: GPL-2.0

//! `/proc/PID/pagemap` as a peer: entries one by one, in bulk, and by
//! PAGEMAP_SCAN.

use memintro_selftests::{
    maps,
    memory::PAGEMAP_SCAN,
    prelude::{io, sys, AsRawFd, File, FileExt, Path, Pid, PAGE},
    proc::numbers,
};

const PAGE_IS_PRESENT: u64 = 1 << 3;
const PRESENT: u64 = 1 << 63;
const FRAME: u64 = (1 << 55) - 1;
/// How many entries one read brings.
const MANY: usize = 64 << 10;

/// An open pagemap.
pub struct Pagemap {
    file: File,
    bytes: Vec<u8>,
    /// What PAGEMAP_SCAN fills: start, end and categories of regions.
    regions: Vec<[u64; 3]>,
}

impl Pagemap {
    /// Opens the pagemap of a process.
    pub fn open(pid: Pid) -> io::Result<Self> {
        Ok(Self {
            file: File::open(format!("/proc/{pid}/pagemap"))?,
            bytes: vec![0; MANY * 8],
            regions: vec![[0; 3]; 4096],
        })
    }

    /// Reads one entry.
    pub fn one(&self, va: usize) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.file
            .read_exact_at(&mut bytes, (va / PAGE * 8) as u64)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    /// Reads the entries from `start` to `end`, and gives the frame numbers
    /// of the pages that are present to `take`.
    pub fn bulk(&mut self, start: usize, end: usize, mut take: impl FnMut(u64)) -> io::Result<()> {
        let mut va = start;
        while va < end {
            let wanted = ((end - va) / PAGE).min(MANY);
            let n = self
                .file
                .read_at(&mut self.bytes[..wanted * 8], (va / PAGE * 8) as u64)?;
            if n < 8 {
                break;
            }
            for entry in self.bytes[..n].chunks_exact(8) {
                let entry = u64::from_ne_bytes(entry.try_into().map_err(io::Error::other)?);
                if entry & PRESENT != 0 {
                    take(entry & FRAME);
                }
            }
            va += n / 8 * PAGE;
        }
        Ok(())
    }

    /// Has PAGEMAP_SCAN count the bytes present from `start` to `end`.
    pub fn scan(&mut self, start: usize, end: usize) -> io::Result<u64> {
        let (mut va, mut bytes) = (start as u64, 0);
        while va < end as u64 {
            let mut arg = [0; 12];
            arg[0] = 96;
            arg[2] = va;
            arg[3] = end as u64;
            arg[5] = self.regions.as_mut_ptr() as u64;
            arg[6] = self.regions.len() as u64;
            arg[9] = PAGE_IS_PRESENT;
            arg[11] = PAGE_IS_PRESENT;
            let n = sys::ioctl(self.file.as_raw_fd(), PAGEMAP_SCAN, &mut arg)?;
            for region in &self.regions[..n as usize] {
                bytes += region[1] - region[0];
            }
            va = arg[4];
        }
        Ok(bytes)
    }
}

/// Counts who maps a frame, by a look at every page of every process.
pub fn find_everywhere(frame: u64) -> io::Result<u64> {
    let mut hits = 0;
    for pid in numbers(Path::new("/proc")) {
        // It may have ended, and a kernel thread has none.
        let Ok(maps) = maps::maps(&Path::new("/proc").join(pid.to_string())) else {
            continue;
        };
        let Ok(mut pagemap) = Pagemap::open(pid as Pid) else {
            continue;
        };
        for mapping in maps {
            let (start, end) = (mapping.start as usize, mapping.end as usize);
            pagemap.bulk(start, end, |found| hits += u64::from(found == frame))?;
        }
    }
    Ok(hits)
}
