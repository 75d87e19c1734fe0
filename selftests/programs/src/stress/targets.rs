// SPDX-License-Identifier: GPL-2.0

//! Those who are asked about: processes that churn, that come and go, and that
//! are short of memory.

use std::{os::unix::process::CommandExt, process::Command};

use super::{World, SLOTS};
use crate::churn::{churn, Slot, NAMES};
use crate::prelude::*;

/// Has this process churn for ever. `done` counts what was done, `ready` is 1
/// when the memory is there.
pub fn churner(seed: u64, counters: &[AtomicU64], done: &[AtomicU64], ready: &AtomicU64) -> ! {
    let slots: Vec<_> = (0..SLOTS).map(Slot::new).collect();
    if let Some(error) = slots.iter().find_map(|slot| slot.set_up().err()) {
        println!("wrong: the memory cannot be set up: {error}");
        process::exit_now();
    }
    ready.store(1, Ordering::SeqCst);
    thread::scope(|scope| {
        for (i, slots) in slots.chunks(SLOTS / 2).enumerate() {
            scope.spawn(move || churn(slots, counters, &done[..NAMES.len()], seed + i as u64));
        }
    });
    process::exit_now()
}

/// Forks children that map memory, fork on, run another program, and exit or
/// are killed: at most a few at a time.
pub fn forker(world: &World, seed: u64, place: usize) -> ! {
    let mut random = Random::new(seed);
    let mut children: Vec<Pid> = Vec::new();
    loop {
        let how = random.below(4);
        let pages = 1 + random.below(256);
        world.tally.add("forks", 1);
        let child = process::fork_tied(|| {
            world.post(place + children.len());
            if let Ok(area) = Area::anonymous(pages * PAGE) {
                area.write();
                // A grandchild has the same pages until one of them writes.
                let grandchild = process::fork(|| {
                    world.post(place + 7);
                    area.part(0, pages.div_ceil(2) * PAGE).write();
                });
                area.write();
                if let Ok(grandchild) = grandchild {
                    process::reap(grandchild);
                }
            }
            match how {
                0 => {
                    world.tally.add("execs", 1);
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
            // It may have ended, sleep for ever, or be in the midst of exec.
            process::kill(child);
            process::reap(child);
        }
        thread::sleep(Duration::from_millis(random.below(5) as u64));
    }
}

/// Uses more memory than a cgroup allows: at times it is swapped out, at times
/// the cgroup's OOM killer comes. Waits where there is no such cgroup.
pub fn hog(world: &World, cgroup: &str, seed: u64, place: usize) -> ! {
    let mut random = Random::new(seed);
    for round in 0.. {
        // However short a run is, it has an OOM kill.
        let kill = round == 0 || random.below(2) == 0;
        let limits = [("memory.max", "16M"), ("memory.swap.max", "0")];
        for (file, limit) in limits {
            let limit = if kill || file == "memory.max" {
                limit
            } else {
                "max"
            };
            let _ = fs::write(format!("{cgroup}/{file}"), limit);
        }
        let child = process::fork_tied(|| {
            world.post(place);
            let _ = greedy(cgroup, kill);
        });
        if let Ok(child) = child {
            if process::reap_killed(child) {
                world.tally.add("oom_kills", 1);
            }
        }
        thread::sleep(Duration::from_millis(100));
    }
    process::exit_now()
}

fn greedy(cgroup: &str, kill: bool) -> io::Result<()> {
    let mut procs = fs::OpenOptions::new()
        .write(true)
        .open(format!("{cgroup}/cgroup.procs"))?;
    procs.write_all(b"0")?;
    // From here on: a slow kernel takes seconds to move a process.
    let end = Instant::now() + Duration::from_millis(1500);
    let area = Area::anonymous((if kill { 40 } else { 24 }) << 20)?;
    while Instant::now() < end {
        area.write();
    }
    Ok(())
}
