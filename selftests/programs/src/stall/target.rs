// SPDX-License-Identifier: GPL-2.0

//! The process that is examined: it uses memory, and measures how long that
//! takes.

use super::examiner::Subject;
use crate::prelude::*;

/// What is measured.
pub const KINDS: [&str; 3] = ["mmap+munmap", "mprotect", "fault"];
/// Memory that is only there: many mappings, and full page tables.
const PIECES: usize = 1000;
const DENSE: usize = 32 << 20;
/// Pages of one operation.
const PAGES: usize = 16;

/// Memory that the process and who runs it share.
#[derive(Clone, Copy)]
pub struct Shared {
    /// The number of the round that is to be measured; 0 before the first.
    pub round: &'static AtomicU64,
    /// The last round that is over.
    pub done: &'static AtomicU64,
    /// Nanoseconds: samples of the first kind, then of the next.
    pub samples: &'static [AtomicU64],
}

/// Runs the target, which never returns.
pub fn run(subject: Subject, shared: Shared) -> ! {
    if let Err(error) = rounds(subject, shared) {
        println!("stall: the target failed: {error}");
    }
    process::exit_now()
}

/// Maps what is only there, and returns what is used; tells both to who asks.
fn furnish(subject: Subject) -> io::Result<Area> {
    let all = Area::anonymous(PIECES * PAGE)?;
    all.write();
    all.break_up()?;
    let dense = Area::anonymous(DENSE)?;
    dense.huge_pages(false)?;
    dense.write();
    let area = Area::anonymous(PAGES * PAGE)?;
    area.huge_pages(false)?;
    area.write();
    let pid = u64::from(std::process::id());
    subject.pid.store(pid, Ordering::SeqCst);
    subject.place.store(area.start as u64, Ordering::SeqCst);
    Ok(area)
}

/// Runs the twin: the same memory, of a process that rests.
pub fn twin(subject: Subject) -> ! {
    if let Err(error) = furnish(subject) {
        println!("stall: the twin failed: {error}");
    }
    process::sleep_for_ever()
}

fn rounds(subject: Subject, shared: Shared) -> io::Result<()> {
    let area = furnish(subject)?;
    let count = shared.samples.len() / KINDS.len();
    loop {
        let round = shared.round.load(Ordering::SeqCst);
        if round == shared.done.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(2));
            continue;
        }
        for i in 0..count {
            let times = [map_and_unmap()?, protect(area)?, fault(area)?];
            for (kind, time) in times.into_iter().enumerate() {
                shared.samples[kind * count + i].store(time, Ordering::Relaxed);
            }
        }
        shared.done.store(round, Ordering::SeqCst);
    }
}

fn nanos(begun: Instant) -> u64 {
    begun.elapsed().as_nanos() as u64
}

fn map_and_unmap() -> io::Result<u64> {
    let begun = Instant::now();
    Area::anonymous(PAGES * PAGE)?.unmap()?;
    Ok(nanos(begun))
}

fn protect(area: Area) -> io::Result<u64> {
    let begun = Instant::now();
    area.protect(libc::PROT_READ)?;
    let time = nanos(begun);
    area.protect(libc::PROT_READ | libc::PROT_WRITE)?;
    Ok(time)
}

fn fault(area: Area) -> io::Result<u64> {
    let page = area.page(0);
    page.advise(libc::MADV_DONTNEED)?;
    let begun = Instant::now();
    page.write();
    Ok(nanos(begun))
}
