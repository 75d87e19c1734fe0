// SPDX-License-Identifier: GPL-2.0

//! How long to wait for what must come.

use crate::prelude::*;

/// Only what hangs takes longer, however busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A wait that has begun.
pub struct Wait(Instant);

impl Wait {
    /// Begins to wait.
    pub fn begin() -> Self {
        Self(Instant::now())
    }

    /// Whether what was waited for does not come.
    pub fn is_over(&self) -> bool {
        self.0.elapsed() > PATIENCE
    }
}

/// Waits until something is so, looking every few milliseconds; whether it came.
pub fn until(mut is_so: impl FnMut() -> bool) -> bool {
    let wait = Wait::begin();
    while !is_so() {
        if wait.is_over() {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}
