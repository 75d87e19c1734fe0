// SPDX-License-Identifier: GPL-2.0

//! Processes to look at.

use std::{
    io::{self, Read, Write},
    os::fd::AsRawFd,
};

use memintro_selftests::{
    random::Random,
    sys::{
        self,
        process::{self, Pid},
        Area, PAGE, PAGE_2M,
    },
};

/// How memory is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// 4K pages, touched in random order, so that neighbours are strangers.
    Scattered,
    /// 4K pages that lie side by side in memory.
    Contiguous,
    /// Huge pages.
    Huge,
    /// One page in the middle.
    One,
}

/// Processes that sleep until this is dropped.
#[derive(Debug, Default)]
pub struct Subjects {
    /// Their numbers.
    pub pids: Vec<Pid>,
}

impl Subjects {
    /// Starts a process that runs `prepare` and then sleeps.
    pub fn start(&mut self, prepare: impl FnOnce()) -> io::Result<Pid> {
        let (mut ready, told) = sys::pipe()?;
        let pid = process::fork_tied(|| {
            prepare();
            // A failure shows as a child that never gets ready.
            let _ = (&told).write_all(b"!");
            process::sleep_for_ever();
        })?;
        self.pids.push(pid);
        drop(told);
        ready.read_exact(&mut [0])?;
        Ok(pid)
    }

    /// Starts a process with `len` bytes of memory, filled so.
    pub fn start_with(&mut self, len: usize, fill: Fill) -> io::Result<(Pid, Area)> {
        let area = reserve(len)?;
        let pid = self.start(|| {
            if let Err(error) = fill_area(area, fill) {
                eprintln!("measure: {fill:?}: {error}");
                process::exit_now();
            }
        })?;
        // The child has its own.
        area.unmap()?;
        Ok((pid, area))
    }

    /// Starts processes until there are `count`, each with memory of its own.
    pub fn grow(&mut self, count: usize) -> io::Result<()> {
        while self.pids.len() < count {
            let pid = process::fork_tied(|| {
                process::sleep_for_ever();
            })?;
            self.pids.push(pid);
        }
        Ok(())
    }

    /// Starts `count` processes that all map the same `len` bytes; returns
    /// where.
    pub fn sharing(&mut self, count: usize, len: usize) -> io::Result<Area> {
        let file = sys::memfd(len)?;
        let flags = libc::MAP_SHARED;
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let area = Area::map(0, len, prot, flags, file.as_raw_fd())?;
        area.write();
        for _ in 0..count {
            self.start(|| area.read())?;
        }
        Ok(area)
    }
}

impl Drop for Subjects {
    fn drop(&mut self) {
        for pid in &self.pids {
            process::kill(*pid);
        }
        for pid in &self.pids {
            process::reap(*pid);
        }
    }
}

fn fill_area(area: Area, fill: Fill) -> io::Result<()> {
    match fill {
        Fill::Scattered => {
            area.advise(libc::MADV_NOHUGEPAGE)?;
            let mut pages: Vec<_> = (0..area.len / PAGE).collect();
            let mut random = Random::new(1);
            for i in (1..pages.len()).rev() {
                pages.swap(i, random.below(i + 1));
            }
            for page in pages {
                area.part(page * PAGE, PAGE).write();
            }
        }
        Fill::Contiguous => {
            area.advise(libc::MADV_HUGEPAGE)?;
            area.write();
            // A change of a part splits the entry, not the memory.
            for offset in (0..area.len).step_by(PAGE_2M) {
                area.part(offset, PAGE).protect(libc::PROT_READ)?;
            }
            area.protect(libc::PROT_READ | libc::PROT_WRITE)?;
        }
        Fill::Huge => {
            area.advise(libc::MADV_HUGEPAGE)?;
            area.write();
        }
        Fill::One => {
            area.advise(libc::MADV_NOHUGEPAGE)?;
            area.part(area.len / 2, PAGE).write();
        }
    }
    Ok(())
}

/// Address space that may be larger than memory.
fn reserve(len: usize) -> io::Result<Area> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    let whole = Area::map(0, len + PAGE_2M, prot, flags, -1)?;
    let head = whole.start.next_multiple_of(PAGE_2M) - whole.start;
    whole.part(0, head).unmap()?;
    whole.part(head + len, PAGE_2M - head).unmap()?;
    Ok(whole.part(head, len))
}
