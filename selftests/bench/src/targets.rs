// SPDX-License-Identifier: GPL-2.0

//! The speeds that memintro's design must reach, beside its peers.

use crate::results::Results;

/// A ratio that must not be exceeded.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The benchmark.
    pub bench: &'static str,
    /// What the work is, after its size.
    pub work: &'static str,
    /// The size of the work; the largest that was measured if smaller.
    pub x: u64,
    /// The variant that is memintro.
    pub ours: &'static str,
    /// The variant that it is compared with.
    pub peer: &'static str,
    /// How much of the peer's time it may take.
    pub most: f64,
}

/// All of them: benchmark, size, ours, the peer, how much of its time, and the work.
const TARGETS: &str = "\
tasks 10000 memintro ps 0.02 processes
tasks 10000 memintro bpf-iterator 1 processes
memory 10000 memintro-heapmax every-status 0.02 processes
memory 10000 memintro-vm every-status 0.0666666667 processes
walk 1 memintro pread-pagemap 1.5 question
walk 10000 memintro pread-pagemap 0.4 questions
totals-4k 1024 memintro pagemap-scan 1 MiB of 4K pages
totals-huge 1024 memintro pagemap-scan 1.2 MiB of 2M pages
totals-one-page 65536 memintro pagemap-scan 1 MiB, one page touched
list-scattered 1024 memintro pagemap-runs 0.5 MiB, scattered
list-contiguous 1024 memintro pagemap-runs 0.5 MiB, contiguous
rmap 200 memintro every-pagemap 0.1 processes";

/// All targets.
pub fn targets() -> impl Iterator<Item = Target> {
    TARGETS.lines().filter_map(|line| {
        let mut words = line.splitn(6, ' ');
        let mut word = || words.next();
        Some(Target {
            bench: word()?,
            x: word()?.parse().ok()?,
            ours: word()?,
            peer: word()?,
            most: word()?.parse().ok()?,
            work: word()?,
        })
    })
}

/// The most bytes that a conversation may need.
pub const CONVERSATION_MOST: f64 = 256.0 * 1024.0;
/// The most bytes that the loaded module with its samples may need.
pub const MODULE_MOST: f64 = 768.0 * 1024.0;

/// A target and what was measured.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// The size of the work.
    pub x: u64,
    /// The median of memintro.
    pub ours: f64,
    /// The median of the peer.
    pub peer: f64,
}

impl Measured {
    /// How much of the peer's time memintro takes.
    pub fn ratio(&self) -> f64 {
        self.ours / self.peer
    }
}

impl Target {
    /// What was measured; `None` if the benchmark was not run.
    pub fn measured(&self, results: &Results) -> Option<Measured> {
        let sizes = results.sizes(self.bench);
        let x = sizes.into_iter().filter(|x| *x <= self.x).next_back()?;
        Some(Measured {
            x,
            ours: results.median(self.bench, self.ours, x)?,
            peer: results.median(self.bench, self.peer, x)?,
        })
    }
}
