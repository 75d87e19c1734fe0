// SPDX-License-Identifier: GPL-2.0

//! Huge pages: transparent ones and hugetlb.

use super::base;
use crate::prelude::*;
use crate::sys::{MADV_COLLAPSE, PAGE_1G, PAGE_32M, PAGE_64K};

const READ_WRITE: i32 = libc::PROT_READ | libc::PROT_WRITE;

/// A figure in KiB of the mapping in smaps that starts at `start`.
fn smaps_kb(start: usize, name: &str) -> io::Result<usize> {
    let smaps = fs::read_to_string("/proc/self/smaps")?;
    let first = format!("{start:x}-");
    let mut lines = smaps.lines().skip_while(|line| !line.starts_with(&first));
    lines
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .and_then(|value| value.trim().strip_suffix(" kB")?.parse().ok())
        .ok_or_else(|| error!("smaps has no {name} for {first}"))
}

/// Checks that all of a mapping stands behind entries above the pte level.
fn check_huge(area: Area, name: &str) -> io::Result<()> {
    let kb = smaps_kb(area.start, name)?;
    if kb * 1024 == area.len {
        return Ok(());
    }
    Err(error!("{name} is {kb} kB of {}", area.len / 1024))
}

/// Checks that one frame follows the other, from a multiple of 2 MiB on.
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
        Area::aligned_shared(count * PAGE_2M, PAGE_2M)?
    } else {
        Area::aligned(count * PAGE_2M, PAGE_2M)?
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
    let area = transparent(2, false)?;
    area.lock()?;
    Ok(vec![area])
}

pub fn thp_shmem() -> io::Result<Vec<Area>> {
    let area = transparent(1, true)?;
    area.lock()?;
    Ok(vec![area])
}

pub fn thp_protnone() -> io::Result<Vec<Area>> {
    let area = transparent(1, false)?;
    area.lock()?;
    area.protect(libc::PROT_NONE)?;
    check_huge(area, "AnonHugePages")?;
    Ok(vec![area])
}

/// A huge page whose entry was split, as half of it became read-only: still
/// one piece of memory, behind 512 entries.
pub fn thp_split() -> io::Result<Vec<Area>> {
    let area = transparent(1, false)?;
    area.lock()?;
    area.part(PAGE_2M / 2, PAGE_2M / 2)
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
    let room = Area::aligned(2 * PAGE_2M, PAGE_2M)?;
    let moved = area.move_to(room.part(3 * PAGE, PAGE_2M))?;
    moved.lock()?;
    check_contiguous(moved)?;
    Ok(vec![moved])
}

/// The huge zero page: present, and counted in no size.
pub fn thp_zero() -> io::Result<Vec<Area>> {
    let area = Area::aligned(PAGE_2M, PAGE_2M)?;
    area.advise(libc::MADV_HUGEPAGE)?;
    area.read();
    check_contiguous(area)?;
    if smaps_kb(area.start, "Rss")? != 0 {
        bail!("an ordinary page, not the zero page");
    }
    Ok(vec![area])
}

pub fn thp_swapped() -> io::Result<Vec<Area>> {
    let area = transparent(1, false)?;
    area.fill_random();
    base::page_out(area)?;
    Ok(vec![area])
}

/// Two pages of 64 KiB behind entries of 4 KiB: the kernel's `hugepages-64kB`.
fn middle() -> io::Result<Area> {
    let area = Area::aligned(2 * PAGE_64K, PAGE_64K)?;
    area.advise(libc::MADV_HUGEPAGE)?;
    area.write();
    area.lock()?;
    check_contiguous(area.part(0, PAGE_64K))?;
    check_contiguous(area.part(PAGE_64K, PAGE_64K))?;
    Ok(area)
}

pub fn mthp() -> io::Result<Vec<Area>> {
    Ok(vec![middle()?])
}

/// A part of one of them may no longer be written.
pub fn mthp_part() -> io::Result<Vec<Area>> {
    let area = middle()?;
    area.part(3 * PAGE, PAGE).protect(libc::PROT_READ)?;
    Ok(vec![area])
}

/// Maps `count` pages of a hugetlb pool; `None` leaves them untouched and
/// unreserved.
fn hugetlb(size: usize, count: usize, kind: i32, prot: Option<i32>) -> io::Result<Vec<Area>> {
    let order = size.trailing_zeros() as i32;
    let mut flags =
        kind | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB | (order << libc::MAP_HUGE_SHIFT);
    if prot.is_none() {
        flags |= libc::MAP_NORESERVE;
    }
    let area = Area::map(0, size * count, READ_WRITE, flags, -1)?;
    if let Some(prot) = prot {
        area.write();
        if prot != READ_WRITE {
            area.protect(prot)?;
        }
    }
    Ok(vec![area])
}

pub fn hugetlb_2m() -> io::Result<Vec<Area>> {
    hugetlb(PAGE_2M, 2, libc::MAP_PRIVATE, Some(READ_WRITE))
}

pub fn hugetlb_2m_shared() -> io::Result<Vec<Area>> {
    hugetlb(PAGE_2M, 2, libc::MAP_SHARED, Some(READ_WRITE))
}

pub fn hugetlb_2m_protnone() -> io::Result<Vec<Area>> {
    hugetlb(PAGE_2M, 2, libc::MAP_PRIVATE, Some(libc::PROT_NONE))
}

pub fn hugetlb_2m_untouched() -> io::Result<Vec<Area>> {
    hugetlb(PAGE_2M, 1, libc::MAP_PRIVATE, None)
}

pub fn hugetlb_1g() -> io::Result<Vec<Area>> {
    hugetlb(PAGE_1G, 1, libc::MAP_PRIVATE, Some(READ_WRITE))
}

pub fn hugetlb_1g_shared() -> io::Result<Vec<Area>> {
    hugetlb(PAGE_1G, 1, libc::MAP_SHARED, Some(READ_WRITE))
}

pub fn hugetlb_1g_protnone() -> io::Result<Vec<Area>> {
    hugetlb(PAGE_1G, 1, libc::MAP_PRIVATE, Some(libc::PROT_NONE))
}

pub fn hugetlb_1g_untouched() -> io::Result<Vec<Area>> {
    hugetlb(PAGE_1G, 1, libc::MAP_PRIVATE, None)
}

pub fn hugetlb_64k() -> io::Result<Vec<Area>> {
    hugetlb(PAGE_64K, 3, libc::MAP_PRIVATE, Some(READ_WRITE))
}

pub fn hugetlb_64k_protnone() -> io::Result<Vec<Area>> {
    hugetlb(PAGE_64K, 3, libc::MAP_PRIVATE, Some(libc::PROT_NONE))
}

pub fn hugetlb_64k_untouched() -> io::Result<Vec<Area>> {
    hugetlb(PAGE_64K, 1, libc::MAP_PRIVATE, None)
}

pub fn hugetlb_32m() -> io::Result<Vec<Area>> {
    hugetlb(PAGE_32M, 1, libc::MAP_PRIVATE, Some(READ_WRITE))
}

pub fn hugetlb_32m_shared() -> io::Result<Vec<Area>> {
    hugetlb(PAGE_32M, 1, libc::MAP_SHARED, Some(READ_WRITE))
}

pub fn hugetlb_32m_protnone() -> io::Result<Vec<Area>> {
    hugetlb(PAGE_32M, 1, libc::MAP_PRIVATE, Some(libc::PROT_NONE))
}
