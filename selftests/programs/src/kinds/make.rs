// SPDX-License-Identifier: GPL-2.0

//! Base pages: anonymous, of files, of shared memory, swapped out, at special places; entries
//! that are neither a page nor empty: guards, poison, userfaultfd; and huge pages: transparent
//! ones and hugetlb.

use super::mapped;
use crate::prelude::*;

pub const LEN: usize = 16 * PAGE;

pub fn anon() -> io::Result<Area> {
    Area::anonymous(LEN)?.write().lock()
}

/// Pages alike, which KSM has made one; after that it rests.
pub fn merged() -> io::Result<Area> {
    let run = |how| fs::write("/sys/kernel/mm/ksm/run", how);
    run("1")?;
    let area = Area::anonymous(LEN)?;
    area.fill(0x4b);
    area.lock()?;
    area.advise(libc::MADV_MERGEABLE)?;
    let pagemap = Pagemap::open("self")?;
    let merged = comes(|| {
        // Another process may just have had it rest.
        let entries = run("1").and_then(|()| pagemap.of_area(area));
        entries.is_ok_and(|all| all.iter().all(|one| one.frame() == all[0].frame()))
    });
    run("0")?;
    ensure!(merged, "KSM does nothing");
    Ok(area)
}

/// With a protection key; its pages may be read and written.
pub fn pkey() -> io::Result<Area> {
    let area = anon()?;
    process::protect_by_key(area).map(|()| area)
}

/// A hole between two mappings that are there: an answer for a neighbour would show. It lies
/// where the kernel puts nothing unless asked to, so that no later mapping fills it.
pub fn outside() -> io::Result<Area> {
    let area = Area::at(0x10_0000_0000, 3 * LEN, READ_WRITE)?.write();
    let hole = area.part(LEN, LEN);
    hole.unmap().map(|()| hole)
}

/// Not locked: that would write to the pages, and so replace the zero page.
pub fn zero() -> io::Result<Area> {
    Area::anonymous(LEN).map(Area::read)
}

/// Maps a file with content and no name, in the working directory.
pub fn file(len: usize, prot: i32, flags: i32) -> io::Result<Area> {
    let path = env::current_dir()?.join(format!(".subject.{}", id()));
    fs::write(&path, vec![0x5a; len])?;
    let file = read_write(&path);
    fs::remove_file(&path)?;
    Area::of_file(file?, len, prot, flags)
}

pub fn file_private() -> io::Result<Area> {
    file(LEN, libc::PROT_READ, libc::MAP_PRIVATE)?.read().lock()
}

pub fn memfd() -> io::Result<Area> {
    let file = sys::memfd(c"subject", 0, LEN)?;
    let area = Area::of_file(file, LEN, READ_WRITE, libc::MAP_SHARED)?;
    area.write().lock()
}

/// Asks the kernel to swap an area out until pagemap shows no page of it: one request is not
/// enough where a page is on its way between LRU lists.
pub fn swapped(area: Area) -> io::Result<Area> {
    area.fill_random();
    let swaps = fs::read_to_string("/proc/swaps")?;
    ensure!(swaps.lines().count() >= 2, "no swap");
    let pagemap = Pagemap::open("self")?;
    let wait = Wait::begin();
    while !wait.is_over() {
        area.advise(libc::MADV_PAGEOUT)?;
        let entries = pagemap.of_area(area)?;
        if entries.iter().all(|entry| entry.frame().is_none()) {
            return Ok(area);
        }
        thread::sleep(Duration::from_millis(20));
    }
    Err(error!("pages stay in memory"))
}

fn at(start: usize) -> io::Result<Area> {
    Area::at(start, LEN, READ_WRITE)?.write().lock()
}

pub fn lowest() -> io::Result<Area> {
    let lowest = fs::read_to_string("/proc/sys/vm/mmap_min_addr")?;
    at(PAGE.max(number(lowest.trim())? as usize))
}

/// Two places that only five levels reach: just above the lower half of four levels, and the
/// last 64 KiB below the end of user addresses.
pub fn high() -> io::Result<Vec<Area>> {
    let mode = Mode::of_this_machine()?;
    ensure!(mode.bits == BITS[0], "four levels");
    Ok(vec![at(1 << BITS[1])?, at((1 << mode.bits) - PAGE - LEN)?])
}

/// Where a PC has the ROM of its BIOS, and arm64's emulated machine its flash.
pub const BIOS: u64 = 0xf_0000;

pub fn pfnmap() -> io::Result<Area> {
    let (file, prot) = (File::open("/dev/mem")?, libc::PROT_READ);
    Area::of_file_at(0, file, BIOS, LEN, prot, libc::MAP_SHARED).map(Area::read)
}

pub fn vdso() -> io::Result<Vec<Area>> {
    let areas = mapped(|name| name == b"[vdso]")?;
    Ok(areas.into_iter().map(Area::read).collect())
}

/// Not read directly: a page of it that this machine does not use would raise SIGBUS.
pub fn vvar() -> io::Result<Vec<Area>> {
    // A call that the vDSO answers.
    std::hint::black_box(Instant::now());
    mapped(|name| name.starts_with(b"[vvar"))
}

/// Everything mapped from the program's own file.
pub fn text() -> io::Result<Vec<Area>> {
    let program = env::current_exe()?;
    mapped(|name| program.as_os_str().as_encoded_bytes() == name)
}

/// Write-protected; the userfaultfd stays open with the process.
pub fn write_protected(area: Area) -> io::Result<Area> {
    let uffd = Uffd::register(area, raw::FEATURE_WP_UNPOPULATED, raw::MODE_WP)?;
    uffd.protect(area, true)?;
    std::mem::forget(uffd);
    Ok(area)
}

pub fn poison() -> io::Result<Area> {
    let area = Area::anonymous(LEN)?;
    let uffd = Uffd::register(area, raw::FEATURE_POISON, raw::MODE_MISSING)?;
    uffd.poison(area)?;
    std::mem::forget(uffd);
    Ok(area)
}

pub fn hwpoison() -> io::Result<Area> {
    let page = Area::anonymous(3 * PAGE)?.write().page(1);
    // The kernel tells this process of its loss.
    process::survive(nix::sys::signal::Signal::SIGBUS)?;
    page.advise(libc::MADV_HWPOISON)
}

fn check_smaps(area: Area, name: &str, kb: usize) -> io::Result<()> {
    let all = smaps(Path::new("/proc/self"))?;
    let mapping = all.iter().find(|one| one.start == area.start as u64);
    let mapping = mapping.ok_or_else(|| error!("smaps has no {area:x?}"))?;
    let found = mapping.kb(name) as usize;
    ensure!(found == kb, "{name} is {found} kB, not {kb}");
    Ok(())
}

/// Checks that one frame follows the other, from a multiple of its size on.
fn check_contiguous(area: Area) -> io::Result<Area> {
    let entries = Pagemap::open("self")?.of_area(area)?;
    let first = entries[0].frame();
    for (i, entry) in entries.iter().enumerate() {
        let right = first.is_some() && entry.frame() == first.map(|frame| frame + i as u64);
        ensure!(right, "no huge page at {:#x}", area.page(i).start);
    }
    Ok(area)
}

pub fn transparent(count: usize, shared: bool) -> io::Result<Area> {
    let len = count * PAGE_HUGE;
    let (area, name) = match shared {
        true => (Area::aligned_shared(len, PAGE_HUGE)?, "ShmemPmdMapped"),
        false => (Area::aligned(len, PAGE_HUGE)?, "AnonHugePages"),
    };
    area.advise(libc::MADV_HUGEPAGE)?.write();
    // Does nothing where the fault already gave huge pages. A page that somebody else holds
    // just then is a reason to try again.
    let wait = Wait::begin();
    while let Err(error) = area.advise(MADV_COLLAPSE) {
        if error.raw_os_error() != Some(libc::EAGAIN) || wait.is_over() {
            return Err(error);
        }
        thread::sleep(Duration::from_millis(20));
    }
    check_smaps(area, name, len / 1024)?;
    Ok(area)
}

pub fn thp_protnone() -> io::Result<Area> {
    let area = transparent(1, false)?.lock()?.protect(libc::PROT_NONE)?;
    check_smaps(area, "AnonHugePages", PAGE_HUGE / 1024)?;
    Ok(area)
}

/// A huge page whose entry was split, as half of it became read-only: still one piece of
/// memory, behind entries of base pages.
pub fn thp_split() -> io::Result<Area> {
    let area = transparent(1, false)?.lock()?;
    area.part(PAGE_HUGE / 2, PAGE_HUGE / 2)
        .protect(libc::PROT_READ)?;
    check_contiguous(area)?;
    check_smaps(area, "AnonHugePages", 0)?;
    Ok(area)
}

/// A huge page moved to where its offset in the page table is another.
pub fn thp_moved() -> io::Result<Area> {
    let area = transparent(1, false)?;
    let room = Area::aligned(2 * PAGE_HUGE, PAGE_HUGE)?;
    let moved = area.move_to(room.part(3 * PAGE, PAGE_HUGE))?;
    check_contiguous(moved.lock()?)
}

/// The huge zero page: present, and counted in no size.
pub fn thp_zero() -> io::Result<Area> {
    let area = Area::aligned(PAGE_HUGE, PAGE_HUGE)?;
    let area = area.advise(libc::MADV_HUGEPAGE)?.read();
    check_smaps(area, "Rss", 0)?;
    check_contiguous(area)
}

/// Two pages of 64 KiB behind entries of 4 KiB (2 MiB behind 16 KiB): the kernel's
/// `hugepages-64kB` (`-2048kB`).
pub fn mthp() -> io::Result<Area> {
    let area = Area::aligned(2 * PAGE_RUN, PAGE_RUN)?;
    let area = area.advise(libc::MADV_HUGEPAGE)?.write().lock()?;
    check_contiguous(area.part(0, PAGE_RUN))?;
    check_contiguous(area.part(PAGE_RUN, PAGE_RUN))?;
    Ok(area)
}

pub fn mthp_part() -> io::Result<Area> {
    let area = mthp()?;
    area.page(3).protect(libc::PROT_READ)?;
    Ok(area)
}

/// Folios of one size, which must not be as many as the next size would need.
pub fn folios(count: usize, size: usize, shared: bool) -> io::Result<Area> {
    ensure!(PAGE < size, "that is a page");
    let area = match shared {
        true => Area::aligned_shared(count * size, size)?,
        false => Area::aligned(count * size, size)?,
    };
    area.advise(libc::MADV_HUGEPAGE)?.write().lock()?;
    let (pagemap, mut folios) = (Pagemap::open("self")?, Folios::open()?);
    for entry in pagemap.of_area(area)? {
        let frame = entry.frame().ok_or_else(|| error!("no page"))?;
        let pages = folios.pages(frame)? as usize;
        ensure!(pages == size / PAGE, "a folio has {pages} pages");
    }
    Ok(area)
}

#[derive(PartialEq, Eq)]
pub enum Use {
    Private,
    Shared,
    /// Not touched, nor reserved.
    Unused,
}

pub fn pool(size: usize, count: usize, how: Use) -> io::Result<Area> {
    let order = (size.trailing_zeros() as i32) << libc::MAP_HUGE_SHIFT;
    let kind = match how {
        Use::Shared => libc::MAP_SHARED,
        Use::Unused => libc::MAP_PRIVATE | libc::MAP_NORESERVE,
        _ => libc::MAP_PRIVATE,
    };
    let flags = kind | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB | order;
    let area = Area::map(0, size * count, READ_WRITE, flags)?;
    Ok(if how == Use::Unused {
        area
    } else {
        area.write()
    })
}
