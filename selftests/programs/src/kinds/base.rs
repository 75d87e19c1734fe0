// SPDX-License-Identifier: GPL-2.0

//! Base pages: anonymous, of files, of shared memory, swapped out.

use std::env;

use crate::prelude::*;

const LEN: usize = 16 * PAGE;

/// Writes to memory and keeps it there.
pub fn locked(area: Area) -> io::Result<Vec<Area>> {
    area.write();
    area.lock()?;
    Ok(vec![area])
}

/// Takes all access away.
pub fn barred(areas: Vec<Area>) -> io::Result<Vec<Area>> {
    areas[0].protect(libc::PROT_NONE)?;
    Ok(areas)
}

pub fn anon() -> io::Result<Vec<Area>> {
    locked(Area::anonymous(LEN)?)
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
    let area = Area::at(0x10_0000_0000, 3 * LEN, READ_WRITE)?;
    area.write();
    let hole = area.part(LEN, LEN);
    hole.unmap()?;
    Ok(vec![hole])
}

/// Not locked: that would write to the pages, and so replace the zero page.
pub fn zero() -> io::Result<Vec<Area>> {
    let area = Area::anonymous(LEN)?;
    area.read();
    Ok(vec![area])
}

/// Maps a file with content and no name, in the working folder.
fn file(prot: i32, flags: i32) -> io::Result<Area> {
    let path = env::current_dir()?.join(format!(".subject.{}", std::process::id()));
    fs::write(&path, vec![0x5a; LEN])?;
    let file = File::options().read(true).write(true).open(&path);
    fs::remove_file(&path)?;
    Area::of_file(file?, LEN, prot, flags)
}

pub fn file_private() -> io::Result<Vec<Area>> {
    let area = file(libc::PROT_READ, libc::MAP_PRIVATE)?;
    area.read();
    area.lock()?;
    Ok(vec![area])
}

pub fn file_shared() -> io::Result<Vec<Area>> {
    locked(file(READ_WRITE, libc::MAP_SHARED)?)
}

pub fn file_cow() -> io::Result<Vec<Area>> {
    locked(file(READ_WRITE, libc::MAP_PRIVATE)?)
}

pub fn shmem() -> io::Result<Vec<Area>> {
    locked(Area::shared(LEN)?)
}

pub fn memfd() -> io::Result<Vec<Area>> {
    let file = sys::memfd(c"subject", 0, LEN)?;
    locked(Area::of_file(file, LEN, READ_WRITE, libc::MAP_SHARED)?)
}

/// Asks the kernel to swap an area out until pagemap shows no page of it.
///
/// One request is not enough where a page is on its way between LRU lists.
fn page_out(area: Area) -> io::Result<()> {
    ensure!(
        fs::read_to_string("/proc/swaps")?.lines().count() >= 2,
        "no swap"
    );
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

/// Pages of anonymous memory in the swap area.
pub fn swap() -> io::Result<Vec<Area>> {
    swapped(Area::anonymous(LEN)?)
}

/// A process has no entry for shared memory that was swapped out: only the
/// file knows where it is.
pub fn shmem_swapped() -> io::Result<Vec<Area>> {
    swapped(Area::shared(LEN)?)
}

pub fn swapped(area: Area) -> io::Result<Vec<Area>> {
    area.fill_random();
    page_out(area)?;
    Ok(vec![area])
}
