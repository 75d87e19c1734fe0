// SPDX-License-Identifier: GPL-2.0

//! Targets with memory of the uncommon kinds: merged pages, huge pages of a
//! pool that processes share, with their page tables, and userfaultfd.

use super::World;
use crate::prelude::*;
use crate::sys::{
    raw,
    uffd::{self, Uffd},
    PAGE_1G,
};

/// Linux 5.14: as a write to each page, but with an error instead of SIGBUS.
const MADV_POPULATE_WRITE: i32 = 23;
/// Where the askers look.
const KSM_PLACE: usize = 0x28_0000_0000;
const HUGE_PLACE: usize = 0x30_0000_0000;
const UFFD_PLACE: usize = 0x40_0000_0000;

/// Runs a target; where its kind of memory cannot be had, it says so.
fn for_ever(what: &str, run: impl FnOnce() -> io::Result<()>) -> ! {
    if let Err(error) = run() {
        println!("left out: {what}: {error}");
    }
    process::sleep_for_ever()
}

/// Equal pages, merged by ksmd and written anew all the time, in two processes.
pub fn merged(world: &World, seed: u64, place: usize) -> ! {
    for_ever("ksm", || {
        let area = Area::at(KSM_PLACE, 128 * PAGE, READ_WRITE)?;
        area.huge_pages(false)?;
        area.advise(libc::MADV_MERGEABLE)?;
        process::fork_tied(|| rewrite(world, area, seed + 1, place + 1))?;
        rewrite(world, area, seed, place)
    })
}

fn rewrite(world: &World, area: Area, seed: u64, place: usize) -> ! {
    world.post(place);
    let mut random = Random::new(seed);
    loop {
        for i in 0..area.len / PAGE {
            if random.below(3) == 0 {
                // The same content, in few kinds.
                area.page(i).fill((i % 3) as u8 + 1);
            }
        }
        thread::sleep(Duration::from_millis(random.below(300) as u64));
    }
}

/// A gigabyte, aligned, of a file in the pool: page tables are shared between
/// the processes that map it until one of them protects a part.
pub fn pooled(world: &World, seed: u64, place: usize) -> ! {
    for_ever("hugetlb", || {
        let file = sys::memfd(c"pool", libc::MFD_HUGETLB | libc::MFD_HUGE_2MB, PAGE_1G)?;
        for i in 0..2 {
            let pool = &file;
            process::fork_tied(move || {
                let _ = share(world, pool, seed + i as u64, place + i);
                process::sleep_for_ever()
            })?;
        }
        share(world, &file, seed + 2, place + 2)
    })
}

fn share(world: &World, file: &File, seed: u64, place: usize) -> io::Result<()> {
    world.post(place);
    let mut random = Random::new(seed);
    let flags = libc::MAP_SHARED | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
    let map = || Area::of_file_at(HUGE_PLACE, file, 0, PAGE_1G, READ_WRITE, flags);
    let mut all = map()?;
    loop {
        let page = all.part(random.below(8) * PAGE_2M, PAGE_2M);
        // Each of these may fail: the pool is small.
        let _ = match random.below(8) {
            0..=3 => page.advise(MADV_POPULATE_WRITE),
            4 => page.advise(libc::MADV_DONTNEED),
            5 => page.advise(libc::MADV_REMOVE),
            6 => page
                .protect(random.pick(&[libc::PROT_READ, libc::PROT_NONE]))
                .and_then(|()| page.protect(READ_WRITE)),
            _ => {
                all.unmap()?;
                all = map()?;
                Ok(())
            }
        };
        thread::sleep(Duration::from_millis(random.below(10) as u64));
    }
}

/// Pages whose faults are handled by this process, of which some are never.
pub fn handled(world: &World, seed: u64, place: usize) -> ! {
    for_ever("userfaultfd", || {
        world.post(place);
        let area = Area::at(UFFD_PLACE, 256 * PAGE, READ_WRITE)?;
        area.huge_pages(false)?;
        let source = Area::anonymous(PAGE)?;
        source.write();
        let features = uffd::FEATURE_WP_UNPOPULATED | uffd::FEATURE_POISON;
        let uffd = Uffd::register(area, features, uffd::MODE_MISSING | uffd::MODE_WP)?;
        // Waits in the kernel for pages that are missing; a poisoned one is
        // an error for it.
        let (mut from, to) = sys::pipe()?;
        let mut other = Random::new(seed + 1);
        thread::spawn(move || loop {
            let page = area.part(other.below(256) * PAGE, 1);
            if raw::write(to.as_raw_fd(), page.start, 1).is_ok() {
                let _ = from.read(&mut [0]);
            }
        });
        let mut random = Random::new(seed);
        loop {
            let first = random.below(256 - 16);
            let part = area.part(first * PAGE, (1 + random.below(16)) * PAGE);
            // Each may fail where a page is there already, or is not.
            let _ = match random.below(6) {
                0 => uffd.copy(part.page(0), source),
                1 => uffd.zero(part),
                2 => uffd.poison(part),
                3 => uffd.protect(part, true),
                4 => uffd.protect(part, false),
                _ => part.advise(libc::MADV_DONTNEED),
            };
            thread::sleep(Duration::from_micros(random.below(2000) as u64));
        }
    })
}
