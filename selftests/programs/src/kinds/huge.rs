// SPDX-License-Identifier: GPL-2.0

//! Huge pages: transparent ones and hugetlb.

use super::base;
use crate::prelude::*;
use crate::{
    maps,
    sys::{MADV_COLLAPSE, PAGE_HUGE, PAGE_RUN},
};

/// A figure in KiB of the mapping in smaps that starts at `start`.
fn smaps_kb(start: usize, name: &str) -> io::Result<usize> {
    let all = maps::smaps(Path::new("/proc/self"))?;
    let mut mappings = all.iter().filter(|mapping| mapping.start == start as u64);
    let mapping = mappings
        .next()
        .ok_or_else(|| error!("smaps has no {start:#x}"))?;
    Ok(mapping.kb(name) as usize)
}

/// Checks that all of a mapping stands behind entries above the pte level.
fn check_huge(area: Area, name: &str) -> io::Result<()> {
    let kb = smaps_kb(area.start, name)?;
    if kb * 1024 == area.len {
        return Ok(());
    }
    Err(error!("{name} is {kb} kB of {}", area.len / 1024))
}

/// Checks that one frame follows the other, from a multiple of its size on.
fn check_contiguous(area: Area) -> io::Result<()> {
    let pagemap = Pagemap::open("self")?;
    let mut next = pagemap.entry(area.start)?.frame();
    let end = (area.start + area.len) as u64;
    pagemap.each(area.start as u64, end, |va, entry| {
        if entry.frame().is_none() || entry.frame() != next {
            bail!("no huge page at {va:#x}");
        }
        next = next.map(|frame| frame + 1);
        Ok(())
    })?;
    Ok(())
}

/// Makes `count` transparent huge pages, one mapping.
fn transparent(count: usize, shared: bool) -> io::Result<Area> {
    let area = if shared {
        Area::aligned_shared(count * PAGE_HUGE, PAGE_HUGE)?
    } else {
        Area::aligned(count * PAGE_HUGE, PAGE_HUGE)?
    };
    area.advise(libc::MADV_HUGEPAGE)?;
    area.write();
    // Does nothing where the fault already gave huge pages. A page that somebody
    // else holds just then is a reason to try again.
    let wait = Wait::begin();
    while let Err(error) = area.advise(MADV_COLLAPSE) {
        if error.raw_os_error() != Some(libc::EAGAIN) || wait.is_over() {
            return Err(error);
        }
        thread::sleep(Duration::from_millis(20));
    }
    let name = if shared {
        "ShmemPmdMapped"
    } else {
        "AnonHugePages"
    };
    check_huge(area, name)?;
    Ok(area)
}

pub fn thp() -> io::Result<Vec<Area>> {
    base::locked(transparent(2, false)?)
}

pub fn thp_shmem() -> io::Result<Vec<Area>> {
    base::locked(transparent(1, true)?)
}

pub fn thp_protnone() -> io::Result<Vec<Area>> {
    let area = transparent(1, false)?;
    area.lock()?;
    area.protect(libc::PROT_NONE)?;
    check_huge(area, "AnonHugePages")?;
    Ok(vec![area])
}

/// A huge page whose entry was split, as half of it became read-only: still
/// one piece of memory, behind entries of base pages.
pub fn thp_split() -> io::Result<Vec<Area>> {
    let area = transparent(1, false)?;
    area.lock()?;
    area.part(PAGE_HUGE / 2, PAGE_HUGE / 2)
        .protect(libc::PROT_READ)?;
    check_contiguous(area)?;
    if smaps_kb(area.start, "AnonHugePages")? != 0 {
        bail!("the entry was not split");
    }
    Ok(vec![area])
}

/// A huge page moved to where its offset in the page table is another.
pub fn thp_moved() -> io::Result<Vec<Area>> {
    let area = transparent(1, false)?;
    let room = Area::aligned(2 * PAGE_HUGE, PAGE_HUGE)?;
    let moved = area.move_to(room.part(3 * PAGE, PAGE_HUGE))?;
    moved.lock()?;
    check_contiguous(moved)?;
    Ok(vec![moved])
}

/// The huge zero page: present, and counted in no size.
pub fn thp_zero() -> io::Result<Vec<Area>> {
    let area = Area::aligned(PAGE_HUGE, PAGE_HUGE)?;
    area.advise(libc::MADV_HUGEPAGE)?;
    area.read();
    check_contiguous(area)?;
    ensure!(
        smaps_kb(area.start, "Rss")? == 0,
        "an ordinary page, not the zero page"
    );
    Ok(vec![area])
}

pub fn thp_swapped() -> io::Result<Vec<Area>> {
    base::swapped(transparent(1, false)?)
}

/// Two pages of 64 KiB behind entries of 4 KiB (2 MiB behind 16 KiB): the kernel's
/// `hugepages-64kB` (`-2048kB`).
fn middle() -> io::Result<Area> {
    let area = Area::aligned(2 * PAGE_RUN, PAGE_RUN)?;
    area.advise(libc::MADV_HUGEPAGE)?;
    area.write();
    area.lock()?;
    check_contiguous(area.part(0, PAGE_RUN))?;
    check_contiguous(area.part(PAGE_RUN, PAGE_RUN))?;
    Ok(area)
}

pub fn mthp() -> io::Result<Vec<Area>> {
    Ok(vec![middle()?])
}

/// A part of one of them may no longer be written.
pub fn mthp_part() -> io::Result<Vec<Area>> {
    let area = middle()?;
    area.page(3).protect(libc::PROT_READ)?;
    Ok(vec![area])
}

/// How pages of a pool are used.
pub enum Use {
    Private,
    Shared,
    /// Written to, then without any access.
    Barred,
    /// Not touched, nor reserved.
    Unused,
}

/// Maps `count` pages of a hugetlb pool.
pub fn pool(size: usize, count: usize, how: Use) -> io::Result<Vec<Area>> {
    let order = (size.trailing_zeros() as i32) << libc::MAP_HUGE_SHIFT;
    let kind = match how {
        Use::Shared => libc::MAP_SHARED,
        Use::Unused => libc::MAP_PRIVATE | libc::MAP_NORESERVE,
        _ => libc::MAP_PRIVATE,
    };
    let flags = kind | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB | order;
    let area = Area::map(0, size * count, READ_WRITE, flags)?;
    if !matches!(how, Use::Unused) {
        area.write();
    }
    if matches!(how, Use::Barred) {
        area.protect(libc::PROT_NONE)?;
    }
    Ok(vec![area])
}
