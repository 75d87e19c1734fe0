// SPDX-License-Identifier: GPL-2.0

//! Processes whose memory never rests, and many that ask about them; for the
//! program of this name.

use tally::Tally;

use crate::churn::Slot;
use crate::prelude::*;

pub mod ask;
pub mod tally;
pub mod targets;
pub mod uneasy;
pub mod verify;

/// The slots of each process that churns (see [`crate::churn`]).
pub const SLOTS: usize = 6;

/// A process that churns.
#[derive(Clone, Copy)]
pub struct Churned {
    /// Its number.
    pub pid: Pid,
    /// One for each slot.
    pub counters: &'static [AtomicU64],
}

/// What all processes of a run share.
#[derive(Clone)]
pub struct World {
    /// What is counted.
    pub tally: Tally,
    /// Processes whose answers are verified.
    pub churned: Vec<Churned>,
    /// The numbers of other processes; 0 where a place is free.
    pub board: &'static [AtomicU64],
    /// How many of them are busy for ever.
    pub stuck: u64,
}

impl World {
    /// Says that this process may be asked about.
    pub fn post(&self, place: usize) {
        let pid = u64::from(std::process::id());
        self.board[place % self.board.len()].store(pid, Ordering::Relaxed);
    }

    /// Some process, which may have ended.
    pub fn some_pid(&self, random: &mut Random) -> u64 {
        match self.board[random.below(self.board.len())].load(Ordering::Relaxed) {
            0 => u64::from(std::process::id()),
            pid => pid,
        }
    }

    /// One of the pages that are left alone: whose, and its address.
    pub fn still_page(&self, random: &mut Random) -> (Pid, usize) {
        let slot = Slot::new(1 + 2 * random.below(SLOTS / 2));
        let page = random.below(crate::churn::STILL);
        (random.pick(&self.churned).pid, slot.start() + page * PAGE)
    }
}
