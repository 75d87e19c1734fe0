// SPDX-License-Identifier: GPL-2.0

//! Waiting for memory that others hold locked.
//!
//! A step of an answer never waits for a lock. Where it does not get one, the answer is tried again
//! after a moment without any lock and without a reference to that memory, until a signal comes or
//! the answer gives up: a process that holds its own memory locked for ever cannot block others.

use crate::{
    abstractions::vma::Unavailable,
    model::words::Refusal, //
};
use kernel::{
    prelude::*,
    time::msecs_to_jiffies, //
};

/// Why a step of an answer has no result.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The question is refused, or given up.
    Refused(Refusal),
    /// Others hold what it needs.
    Busy,
    /// The read fails; the next one continues the same answer.
    Failed(Error),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Refused(refusal)
    }
}

impl From<Unavailable> for Stop {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::Busy => Stop::Busy,
            Unavailable::Unstable => Stop::Refused(Refusal::Retry),
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

/// What an answer does about a step that is [`Stop::Busy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// It tries the step again, after a jiffy.
    Again,
    /// It continues without what is busy.
    Skip,
    /// It gives up.
    GiveUp,
}

impl Wait {
    /// Decides for a step that was tried again `tries` times.
    pub(crate) fn after(tries: u32) -> Self {
        if tries < patience() {
            Wait::Again
        } else {
            Wait::GiveUp
        }
    }
}

/// Returns how often a step is tried again, each time after a jiffy: for half a second.
pub(crate) fn patience() -> u32 {
    // CAST: half a second is at most 500 jiffies, as a jiffy is a millisecond at least.
    msecs_to_jiffies(500) as u32
}
