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

const fn target(
    bench: &'static str,
    (x, work): (u64, &'static str),
    (ours, peer): (&'static str, &'static str),
    most: f64,
) -> Target {
    Target {
        bench,
        work,
        x,
        ours,
        peer,
        most,
    }
}

/// All of them.
pub const TARGETS: [Target; 12] = [
    target("tasks", (10_000, "processes"), ("memintro", "ps"), 0.02),
    target(
        "tasks",
        (10_000, "processes"),
        ("memintro", "bpf-iterator"),
        1.0,
    ),
    target(
        "memory",
        (10_000, "processes"),
        ("memintro-heapmax", "every-status"),
        0.02,
    ),
    target(
        "memory",
        (10_000, "processes"),
        ("memintro-vm", "every-status"),
        1.0 / 15.0,
    ),
    target("walk", (1, "question"), ("memintro", "pread-pagemap"), 1.5),
    target(
        "walk",
        (10_000, "questions"),
        ("memintro", "pread-pagemap"),
        0.4,
    ),
    target(
        "totals-4k",
        (1024, "MiB of 4K pages"),
        ("memintro", "pagemap-scan"),
        1.0,
    ),
    target(
        "totals-huge",
        (1024, "MiB of 2M pages"),
        ("memintro", "pagemap-scan"),
        1.2,
    ),
    target(
        "totals-one-page",
        (65_536, "MiB, one page touched"),
        ("memintro", "pagemap-scan"),
        1.0,
    ),
    target(
        "list-scattered",
        (1024, "MiB, scattered"),
        ("memintro", "pagemap-runs"),
        0.5,
    ),
    target(
        "list-contiguous",
        (1024, "MiB, contiguous"),
        ("memintro", "pagemap-runs"),
        0.5,
    ),
    target(
        "rmap",
        (200, "processes"),
        ("memintro", "every-pagemap"),
        0.1,
    ),
];

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
