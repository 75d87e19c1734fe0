// SPDX-License-Identifier: GPL-2.0

//! Those who are asked about: processes that churn, that come and go, that are short of memory;
//! and with memory of the uncommon kinds: merged pages, huge pages of a pool that processes
//! share, with their page tables, and userfaultfd.
//!
//! What churns is slots of 2 MiB at fixed addresses. Each has a counter, which goes up by one
//! before an operation on it and by one after. An operation gives a page at most one new place,
//! so that who sees the same place before and after, and not more than one operation between,
//! knows that the page was nowhere else.

use super::{tally, Churned, SLOTS};
use crate::prelude::*;

/// Where the slots are: far from what the kernel places itself. A slot is followed by a hole as
/// large, and all share page tables of the upper levels.
const FIRST: usize = 0x20_0000_0000;

/// The pages at the start of a slot that are left alone, where it has any.
pub const STILL: usize = 16;
pub const PAGES: usize = PAGE_2M / PAGE;

#[derive(Clone, Copy)]
pub struct Slot(pub usize);

impl Slot {
    pub fn start(self) -> usize {
        FIRST + self.0 * 2 * PAGE_2M
    }

    pub fn has_still(self) -> bool {
        self.0 % 2 == 1
    }

    fn is_shared(self) -> bool {
        self.0 % 4 == 2
    }

    fn restless(self) -> Area {
        let all = Area::new(self.start(), PAGE_2M);
        let still = if self.has_still() { STILL * PAGE } else { 0 };
        all.part(still, PAGE_2M - still)
    }

    fn map(area: Area, shared: bool) -> io::Result<()> {
        let area = match shared {
            true => Area::shared_at(area.start, area.len)?,
            false => Area::at(area.start, area.len, READ_WRITE)?,
        };
        // What the kernel then gives is often a huge page.
        area.huge_pages(true).map(drop)
    }

    fn set_up(self) -> io::Result<()> {
        Self::map(self.restless(), self.is_shared())?;
        self.restless().write();
        if self.has_still() {
            let area = Area::at(self.start(), STILL * PAGE, READ_WRITE)?;
            area.write().lock()?;
        }
        Ok(())
    }

    fn operate(self, random: &mut Random) -> io::Result<()> {
        let all = self.restless();
        let count = all.len / PAGE;
        let first = random.usize(..count);
        // Mostly small parts, at times the whole slot.
        let most = [64, count][usize::from(random.usize(..8) == 0)].min(count - first);
        let part = all.part(first * PAGE, (1 + random.usize(..most)) * PAGE);
        match random.usize(..9) {
            0 => {
                part.unmap()?;
                Self::map(part, self.is_shared())?;
                part.write();
            }
            1 => drop(part.advise(libc::MADV_DONTNEED)?),
            2 => _ = part.protect(random.pick(&[libc::PROT_NONE, libc::PROT_READ, READ_WRITE]))?,
            3 if !self.has_still() => drop(all.advise(MADV_COLLAPSE)?),
            4 => drop(part.advise(libc::MADV_PAGEOUT)?),
            5 => {
                // The child takes no lock that another thread could hold.
                let child = process::fork(|| {})?;
                part.protect(READ_WRITE)?.write();
                process::reap(child);
            }
            6 => {
                let away = Area::new(part.start + PAGE_2M, part.len);
                Area::at(away.start, away.len, libc::PROT_NONE)?;
                part.move_to(away)?;
                let back = Area::at(part.start, part.len, libc::PROT_NONE)?;
                away.move_to(back)?;
            }
            7 => {
                // A new page for each, from another place.
                let fresh = Area::new(part.start + PAGE_2M, part.len);
                Self::map(fresh, self.is_shared())?;
                fresh.write();
                fresh.move_to(part)?;
            }
            _ => drop(part.protect(READ_WRITE)?.write()),
        }
        Ok(())
    }
}

/// Operates on the slots of one thread forever.
///
/// The kernel may refuse one thing or another, as a moved part is several mappings; that is no
/// operation that failed half-way.
fn churn(slots: &[Slot], counters: &[AtomicU64], seed: u64) -> ! {
    let mut random = Random::with_seed(seed);
    loop {
        let slot = slots[random.usize(..slots.len())];
        counters[slot.0].fetch_add(1, Ordering::SeqCst);
        if slot.operate(&mut random).is_err() {
            repair(slot);
        }
        counters[slot.0].fetch_add(1, Ordering::SeqCst);
    }
}

/// Makes a slot whole that an operation left in pieces; its pages are gone.
fn repair(slot: Slot) {
    let all = slot.restless();
    let away = Area::new(all.start + PAGE_2M, all.len);
    // What cannot be repaired stays a hole: that is allowed, too.
    let _ = away.unmap();
    let _ = all.unmap();
    let _ = Slot::map(all, slot.is_shared());
}

pub fn churner(seed: u64) -> io::Result<Churned> {
    let counters = counters(SLOTS)?;
    let pid = process::fork_resting(|| {
        let slots = (0..SLOTS).map(Slot).collect_vec();
        slots.iter().try_for_each(|slot| slot.set_up())?;
        for (i, slots) in slots.chunks(SLOTS / 2).enumerate() {
            let slots = slots.to_vec();
            thread::spawn(move || churn(&slots, counters, seed + i as u64));
        }
        Ok(())
    })?;
    Ok(Churned { pid, counters })
}

/// Forks children that map memory, fork on, run another program, and exit or are killed: at
/// most a few at a time.
pub fn forker(seed: u64) -> ! {
    let mut random = Random::with_seed(seed);
    let mut children: Vec<Pid> = Vec::new();
    loop {
        let how = random.usize(..4);
        let pages = 1 + random.usize(..256);
        tally::add("forks", 1);
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
                    tally::add("execs", 1);
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
            let child = children.remove(random.usize(..5));
            // It may have ended, sleep forever, or be in the midst of exec.
            process::kill(child);
            process::reap(child);
        }
        thread::sleep(Duration::from_millis(random.usize(..5) as u64));
    }
}

/// Uses more memory than a cgroup allows: at times it is swapped out, at times the cgroup's OOM
/// killer comes. Waits where there is no such cgroup.
pub fn hog(cgroup: &str, seed: u64) -> ! {
    let mut random = Random::with_seed(seed);
    for round in 0.. {
        // However short a run is, it has an OOM kill.
        let kill = round == 0 || random.usize(..2) == 0;
        let swap = if kill { "0" } else { "max" };
        for (file, limit) in [("memory.max", "16M"), ("memory.swap.max", swap)] {
            let _ = fs::write(format!("{cgroup}/{file}"), limit);
        }
        let child = process::fork_tied(|| drop(greedy(cgroup, kill)));
        let killed = child.is_ok_and(process::reap_killed);
        tally::add("oom_kills", killed.into());
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
        let area = Area::at(KSM_PLACE, 128 * PAGE, READ_WRITE)?.huge_pages(false)?;
        area.advise(libc::MADV_MERGEABLE)?;
        process::fork_tied(|| rewrite(area, seed + 1))?;
        rewrite(area, seed)
    })
}

fn rewrite(area: Area, seed: u64) -> ! {
    let mut random = Random::with_seed(seed);
    loop {
        for i in 0..area.len / PAGE {
            if random.usize(..3) == 0 {
                // The same content, in few kinds.
                area.page(i).fill((i % 3) as u8 + 1);
            }
        }
        thread::sleep(Duration::from_millis(random.usize(..300) as u64));
    }
}

/// A gigabyte, aligned, of a file in the pool: page tables are shared between the processes
/// that map it until one of them protects a part.
pub fn pooled(seed: u64) -> ! {
    for_ever("hugetlb", || {
        let file = sys::memfd(c"pool", libc::MFD_HUGETLB | libc::MFD_HUGE_2MB, PAGE_1G)?;
        for i in 0..2 {
            process::fork_tied(|| drop(share(&file, seed + i)))?;
        }
        share(&file, seed + 2)
    })
}

fn share(file: &File, seed: u64) -> io::Result<()> {
    let mut random = Random::with_seed(seed);
    let flags = libc::MAP_SHARED | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
    let map = || Area::of_file_at(HUGE_PLACE, file, 0, PAGE_1G, READ_WRITE, flags);
    let mut all = map()?;
    loop {
        let page = all.part(random.usize(..8) * PAGE_2M, PAGE_2M);
        // Each of these may fail: the pool is small.
        let _ = match random.usize(..8) {
            0..=3 => page.advise(MADV_POPULATE_WRITE),
            4 => page.advise(libc::MADV_DONTNEED),
            5 => page.advise(libc::MADV_REMOVE),
            6 => page
                .protect(random.pick(&[libc::PROT_READ, libc::PROT_NONE]))
                .and_then(|page| page.protect(READ_WRITE)),
            _ => {
                all.unmap()?;
                all = map()?;
                Ok(all)
            }
        };
        thread::sleep(Duration::from_millis(random.usize(..10) as u64));
    }
}

/// Pages whose faults are handled by this process, of which some are never.
pub fn handled(seed: u64) -> ! {
    for_ever("userfaultfd", || {
        let area = Area::at(UFFD_PLACE, 256 * PAGE, READ_WRITE)?.huge_pages(false)?;
        let source = Area::anonymous(PAGE)?.write();
        let features = raw::FEATURE_WP_UNPOPULATED | raw::FEATURE_POISON;
        let uffd = Uffd::register(area, features, raw::MODE_MISSING | raw::MODE_WP)?;
        // Waits in the kernel for pages that are missing; a poisoned one is an error for it.
        let (mut from, to) = sys::pipe()?;
        let mut other = Random::with_seed(seed + 1);
        thread::spawn(move || loop {
            let page = area.part(other.usize(..256) * PAGE, 1);
            if raw::write(to.as_raw_fd(), page.start, 1).is_ok() {
                let _ = from.read(&mut [0]);
            }
        });
        let mut random = Random::with_seed(seed);
        loop {
            let first = random.usize(..256 - 16);
            let part = area.part(first * PAGE, (1 + random.usize(..16)) * PAGE);
            // Each may fail where a page is there already, or is not.
            let _ = match random.usize(..6) {
                0 => uffd.copy(part.page(0), source),
                1 => uffd.zero(part),
                2 => uffd.poison(part),
                3 => uffd.protect(part, true),
                4 => uffd.protect(part, false),
                _ => part.advise(libc::MADV_DONTNEED).map(drop),
            };
            thread::sleep(Duration::from_micros(random.usize(..2000) as u64));
        }
    })
}
