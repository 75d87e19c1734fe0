// SPDX-License-Identifier: GPL-2.0

//! A process whose mappings change constantly, and pages that it does not touch.
//!
//! Its memory is slots of 2 MiB at fixed addresses. Each has a counter, which goes up by one
//! before an operation on it and by one after. An operation gives a page at most one new place,
//! so that who sees the same place before and after, and not more than one operation between,
//! knows that the page was nowhere else.

use crate::prelude::*;
use crate::sys::MADV_COLLAPSE;

/// Where the slots are: far from what the kernel places itself. A slot is followed by a hole as
/// large, and all share page tables of the upper levels.
const FIRST: usize = 0x20_0000_0000;

/// The pages at the start of a slot that are left alone, where it has any.
pub const STILL: usize = 16;
pub const PAGES: usize = PAGE_2M / PAGE;

/// The operations, in the order of [`Slot::operate`].
const NAMES: [&str; 9] = words! {
    "unmap+map" "dontneed" "mprotect" "collapse" "pageout" "fork+write" "mremap-away-and-back"
    "mremap-onto" "touch"
};

#[derive(Clone, Copy)]
pub struct Slot {
    number: usize,
}

impl Slot {
    pub fn new(number: usize) -> Self {
        Self { number }
    }

    pub fn start(self) -> usize {
        FIRST + self.number * 2 * PAGE_2M
    }

    /// Whether its first pages are left alone: every second slot.
    pub fn has_still(self) -> bool {
        self.number % 2 == 1
    }

    fn is_shared(self) -> bool {
        self.number % 4 == 2
    }

    /// The part that is never left alone.
    fn restless(self) -> Area {
        let all = Area::new(self.start(), PAGE_2M);
        let still = if self.has_still() { STILL * PAGE } else { 0 };
        all.part(still, PAGE_2M - still)
    }

    fn map(area: Area, shared: bool) -> io::Result<()> {
        match shared {
            true => Area::shared_at(area.start, area.len)?,
            false => Area::at(area.start, area.len, READ_WRITE)?,
        };
        // What the kernel then gives is often a huge page.
        area.huge_pages(true)
    }

    pub fn set_up(self) -> io::Result<()> {
        Self::map(self.restless(), self.is_shared())?;
        self.restless().write();
        if self.has_still() {
            let area = Area::at(self.start(), STILL * PAGE, READ_WRITE)?;
            area.write();
            area.lock()?;
        }
        Ok(())
    }

    /// Does one thing to a random part; says whether the kernel did it.
    fn operate(self, what: &str, random: &mut Random) -> io::Result<()> {
        let all = self.restless();
        let count = all.len / PAGE;
        let first = random.below(count);
        // Mostly small parts, at times the whole slot.
        let most = [64, count][usize::from(random.below(8) == 0)].min(count - first);
        let part = all.part(first * PAGE, (1 + random.below(most)) * PAGE);
        match what {
            "unmap+map" => {
                part.unmap()?;
                Self::map(part, self.is_shared())?;
                part.write();
            }
            "dontneed" => part.advise(libc::MADV_DONTNEED)?,
            "mprotect" => {
                let prot = random.pick(&[libc::PROT_NONE, libc::PROT_READ, READ_WRITE]);
                part.protect(prot)?;
            }
            "collapse" if !self.has_still() => all.advise(MADV_COLLAPSE)?,
            "pageout" => part.advise(libc::MADV_PAGEOUT)?,
            "fork+write" => {
                // The child takes no lock that another thread could hold.
                let child = process::fork(|| {})?;
                part.protect(READ_WRITE)?;
                part.write();
                process::reap(child);
            }
            "mremap-away-and-back" => {
                let away = Area::new(part.start + PAGE_2M, part.len);
                Area::at(away.start, away.len, libc::PROT_NONE)?;
                part.move_to(away)?;
                let back = Area::at(part.start, part.len, libc::PROT_NONE)?;
                away.move_to(back)?;
            }
            "mremap-onto" => {
                // A new page for each, from another place.
                let fresh = Area::new(part.start + PAGE_2M, part.len);
                Self::map(fresh, self.is_shared())?;
                fresh.write();
                fresh.move_to(part)?;
            }
            _ => {
                part.protect(READ_WRITE)?;
                part.write();
            }
        }
        Ok(())
    }
}

/// Operates on the slots of one thread forever.
///
/// The kernel may refuse one thing or another, as a moved part is several mappings; that is no
/// operation that failed half-way.
pub fn churn(slots: &[Slot], counters: &[AtomicU64], seed: u64) -> ! {
    let mut random = Random::new(seed);
    loop {
        let slot = slots[random.below(slots.len())];
        let what = random.below(NAMES.len());
        counters[slot.number].fetch_add(1, Ordering::SeqCst);
        if slot.operate(NAMES[what], &mut random).is_err() {
            repair(slot);
        }
        counters[slot.number].fetch_add(1, Ordering::SeqCst);
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
