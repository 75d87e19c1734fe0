// SPDX-License-Identifier: GPL-2.0

//! Base pages: anonymous, of files, of shared memory, swapped out.

use std::{env, os::fd::IntoRawFd, process};

use crate::prelude::*;

const LEN: usize = 16 * PAGE;
const READ_WRITE: i32 = libc::PROT_READ | libc::PROT_WRITE;

pub fn anon() -> io::Result<Vec<Area>> {
    let area = Area::anonymous(LEN)?;
    area.write();
    area.lock()?;
    Ok(vec![area])
}

pub fn untouched() -> io::Result<Vec<Area>> {
    Ok(vec![Area::anonymous(LEN)?])
}

pub fn dontneed() -> io::Result<Vec<Area>> {
    let area = Area::anonymous(LEN)?;
    area.write();
    area.advise(libc::MADV_DONTNEED)?;
    Ok(vec![area])
}

/// A hole between two mappings that are there: an answer for a neighbour
/// would show. It lies where the kernel puts nothing unless asked to, so that
/// no later mapping fills it.
pub fn outside() -> io::Result<Vec<Area>> {
    const AWAY: usize = 0x10_0000_0000;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
    let area = Area::map(AWAY, 3 * LEN, READ_WRITE, flags, -1)?;
    area.write();
    let hole = area.part(LEN, LEN);
    hole.unmap()?;
    Ok(vec![hole])
}

pub fn protnone() -> io::Result<Vec<Area>> {
    let areas = anon()?;
    areas[0].protect(libc::PROT_NONE)?;
    Ok(areas)
}

/// Not locked: that would write to the pages, and so replace the zero page.
pub fn zero() -> io::Result<Vec<Area>> {
    let area = Area::anonymous(LEN)?;
    area.read();
    Ok(vec![area])
}

/// A file with content and no name, in the working folder.
fn file(len: usize) -> io::Result<OwnedFd> {
    let path = env::current_dir()?.join(format!(".subject.{}", process::id()));
    fs::write(&path, vec![0x5a; len])?;
    let file = File::options().read(true).write(true).open(&path);
    fs::remove_file(&path)?;
    Ok(file?.into())
}

fn map_file(prot: i32, flags: i32) -> io::Result<Area> {
    let file = file(LEN)?;
    Area::map(0, LEN, prot, flags, file.as_raw_fd())
}

pub fn file_private() -> io::Result<Vec<Area>> {
    let area = map_file(libc::PROT_READ, libc::MAP_PRIVATE)?;
    area.read();
    area.lock()?;
    Ok(vec![area])
}

pub fn file_shared() -> io::Result<Vec<Area>> {
    let area = map_file(READ_WRITE, libc::MAP_SHARED)?;
    area.write();
    area.lock()?;
    Ok(vec![area])
}

pub fn file_cow() -> io::Result<Vec<Area>> {
    let area = map_file(READ_WRITE, libc::MAP_PRIVATE)?;
    area.write();
    area.lock()?;
    Ok(vec![area])
}

pub fn file_protnone() -> io::Result<Vec<Area>> {
    let areas = file_shared()?;
    areas[0].protect(libc::PROT_NONE)?;
    Ok(areas)
}

fn shared_area() -> io::Result<Area> {
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    Area::map(0, LEN, READ_WRITE, flags, -1)
}

pub fn shmem() -> io::Result<Vec<Area>> {
    let area = shared_area()?;
    area.write();
    area.lock()?;
    Ok(vec![area])
}

pub fn memfd() -> io::Result<Vec<Area>> {
    let file = sys::memfd(LEN)?;
    let area = Area::map(0, LEN, READ_WRITE, libc::MAP_SHARED, file.into_raw_fd())?;
    area.write();
    area.lock()?;
    Ok(vec![area])
}

/// Asks the kernel to swap an area out until pagemap shows no page of it.
///
/// One request is not enough where a page is on its way between LRU lists.
pub fn page_out(area: Area) -> io::Result<()> {
    if fs::read_to_string("/proc/swaps")?.lines().count() < 2 {
        bail!("no swap");
    }
    let pagemap = Pagemap::open("self")?;
    let wait = Wait::begin();
    while !wait.is_over() {
        area.advise(libc::MADV_PAGEOUT)?;
        let mut present = false;
        pagemap.each(
            area.start as u64,
            (area.start + area.len) as u64,
            |_, entry| {
                present |= entry.frame().is_some();
                Ok(())
            },
        )?;
        if !present {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Err(error!("pages stay in memory"))
}

pub fn swap() -> io::Result<Vec<Area>> {
    let area = Area::anonymous(LEN)?;
    area.fill_random();
    page_out(area)?;
    Ok(vec![area])
}

pub fn swap_protnone() -> io::Result<Vec<Area>> {
    let areas = swap()?;
    areas[0].protect(libc::PROT_NONE)?;
    Ok(areas)
}

/// A process has no entry for shared memory that was swapped out: only the
/// file knows where it is.
pub fn shmem_swapped() -> io::Result<Vec<Area>> {
    let area = shared_area()?;
    area.fill_random();
    page_out(area)?;
    Ok(vec![area])
}
