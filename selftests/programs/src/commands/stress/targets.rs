// SPDX-License-Identifier: GPL-2.0

//! Those who are asked about: processes that churn, that come and go, that are short of memory;
//! and with memory of the uncommon kinds: merged pages, huge pages of a pool that processes
//! share, with their page tables, and userfaultfd.

use std::{os::unix::process::CommandExt, process::Command};

use super::{
    churn::{churn, Slot},
    tally::Tally,
    SLOTS,
};
use crate::prelude::*;
use crate::sys::{
    raw::{self, Uffd},
    PAGE_1G,
};

pub fn churner(seed: u64, counters: &'static [AtomicU64]) -> io::Result<Pid> {
    process::fork_resting(|| {
        let slots: Vec<_> = (0..SLOTS).map(Slot::new).collect();
        slots.iter().try_for_each(|slot| slot.set_up())?;
        for (i, slots) in slots.chunks(SLOTS / 2).enumerate() {
            let slots = slots.to_vec();
            thread::spawn(move || churn(&slots, counters, seed + i as u64));
        }
        Ok(())
    })
}

/// Forks children that map memory, fork on, run another program, and exit or are killed: at
/// most a few at a time.
pub fn forker(tally: Tally, seed: u64) -> ! {
    let mut random = Random::new(seed);
    let mut children: Vec<Pid> = Vec::new();
    loop {
        let how = random.below(4);
        let pages = 1 + random.below(256);
        tally.add("forks", 1);
        let child = process::fork_tied(|| {
            if let Ok(area) = Area::anonymous(pages * PAGE) {
                area.write();
                // A grandchild has the same pages until one of them writes.
                let grandchild = process::fork(|| {
                    area.part(0, pages.div_ceil(2) * PAGE).write();
                });
                area.write();
                if let Ok(grandchild) = grandchild {
                    process::reap(grandchild);
                }
            }
            match how {
                0 => {
                    tally.add("execs", 1);
                    let _ = Command::new("/proc/self/exe")
                        .args(["stress", "--nap"])
                        .exec();
                }
                1 => process::sleep_for_ever(),
                _ => {}
            }
        });
        children.extend(child);
        if children.len() > 5 {
            let child = children.remove(random.below(5));
            // It may have ended, sleep forever, or be in the midst of exec.
            process::kill(child);
            process::reap(child);
        }
        thread::sleep(Duration::from_millis(random.below(5) as u64));
    }
}

/// Uses more memory than a cgroup allows: at times it is swapped out, at times the cgroup's OOM
/// killer comes. Waits where there is no such cgroup.
pub fn hog(tally: Tally, cgroup: &str, seed: u64) -> ! {
    let mut random = Random::new(seed);
    for round in 0.. {
        // However short a run is, it has an OOM kill.
        let kill = round == 0 || random.below(2) == 0;
        let swap = if kill { "0" } else { "max" };
        for (file, limit) in [("memory.max", "16M"), ("memory.swap.max", swap)] {
            let _ = fs::write(format!("{cgroup}/{file}"), limit);
        }
        let child = process::fork_tied(|| {
            let _ = greedy(cgroup, kill);
        });
        if let Ok(child) = child {
            if process::reap_killed(child) {
                tally.add("oom_kills", 1);
            }
        }
        thread::sleep(Duration::from_millis(100));
    }
    process::exit_now()
}

fn greedy(cgroup: &str, kill: bool) -> io::Result<()> {
    fs::write(format!("{cgroup}/cgroup.procs"), "0")?;
    // From here on: a slow kernel takes seconds to move a process.
    let end = Instant::now() + Duration::from_millis(1500);
    let area = Area::anonymous((if kill { 40 } else { 24 }) << 20)?;
    while Instant::now() < end {
        area.write();
    }
    Ok(())
}

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

/// Equal pages, merged by ksmd and written again all the time, in two processes.
pub fn merged(seed: u64) -> ! {
    for_ever("ksm", || {
        let area = Area::at(KSM_PLACE, 128 * PAGE, READ_WRITE)?;
        area.huge_pages(false)?;
        area.advise(libc::MADV_MERGEABLE)?;
        process::fork_tied(|| rewrite(area, seed + 1))?;
        rewrite(area, seed)
    })
}

fn rewrite(area: Area, seed: u64) -> ! {
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

/// A gigabyte, aligned, of a file in the pool: page tables are shared between the processes
/// that map it until one of them protects a part.
pub fn pooled(seed: u64) -> ! {
    for_ever("hugetlb", || {
        let file = sys::memfd(c"pool", libc::MFD_HUGETLB | libc::MFD_HUGE_2MB, PAGE_1G)?;
        for i in 0..2 {
            let pool = &file;
            process::fork_tied(move || {
                let _ = share(pool, seed + i as u64);
                process::sleep_for_ever()
            })?;
        }
        share(&file, seed + 2)
    })
}

fn share(file: &File, seed: u64) -> io::Result<()> {
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
pub fn handled(seed: u64) -> ! {
    for_ever("userfaultfd", || {
        let area = Area::at(UFFD_PLACE, 256 * PAGE, READ_WRITE)?;
        area.huge_pages(false)?;
        let source = Area::anonymous(PAGE)?;
        source.write();
        let features = raw::FEATURE_WP_UNPOPULATED | raw::FEATURE_POISON;
        let uffd = Uffd::register(area, features, raw::MODE_MISSING | raw::MODE_WP)?;
        // Waits in the kernel for pages that are missing; a poisoned one is an error for it.
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
