// SPDX-License-Identifier: GPL-2.0

//! Processes to look at.

use memintro_selftests::prelude::*;

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
    pub fn start(&mut self, prepare: impl FnOnce() -> io::Result<()>) -> io::Result<Pid> {
        let pid = process::fork_resting(prepare)?;
        self.pids.push(pid);
        Ok(pid)
    }

    /// Starts a process with `len` bytes of memory, filled so.
    pub fn start_with(&mut self, len: usize, fill: Fill) -> io::Result<(Pid, Area)> {
        let area = Area::aligned(len, PAGE_2M)?;
        let pid = self.start(|| fill_area(area, fill))?;
        // The child has its own.
        area.unmap()?;
        Ok((pid, area))
    }

    /// Starts processes until there are `count`, each with memory of its own.
    pub fn grow(&mut self, count: usize) -> io::Result<()> {
        while self.pids.len() < count {
            self.pids
                .push(process::fork_tied(|| process::sleep_for_ever())?);
        }
        Ok(())
    }

    /// Starts `count` processes that all map the same `len` bytes; returns
    /// where.
    pub fn sharing(&mut self, count: usize, len: usize) -> io::Result<Area> {
        let file = sys::memfd(c"shared", 0, len)?;
        let area = Area::of_file(file, len, READ_WRITE, libc::MAP_SHARED)?;
        area.write();
        for _ in 0..count {
            self.start(|| {
                area.read();
                Ok(())
            })?;
        }
        Ok(area)
    }
}

impl Drop for Subjects {
    fn drop(&mut self) {
        process::end(&self.pids);
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
                area.page(page).write();
            }
        }
        Fill::Contiguous => {
            area.advise(libc::MADV_HUGEPAGE)?;
            area.write();
            // A change of a part splits the entry, not the memory.
            for offset in (0..area.len).step_by(PAGE_2M) {
                area.part(offset, PAGE).protect(libc::PROT_READ)?;
            }
            area.protect(READ_WRITE)?;
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
