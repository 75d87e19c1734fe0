// SPDX-License-Identifier: GPL-2.0

//! What the address space is divided into.

use super::addr::{
    Halves,
    VirtAddr, //
};

/// The most windows that a layout is made of.
pub const WINDOWS: usize = 16;

/// A part of the address space that has a use; one may lie in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The name of its region.
    pub name: &'static str,
    /// The first address.
    pub start: VirtAddr,
    /// The last address.
    pub last: VirtAddr,
}

/// What is behind the addresses of a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mapped {
    /// Some are mapped.
    pub some: bool,
    /// Some are not.
    pub hole: bool,
}

impl Mapped {
    /// Returns the word that a row prints.
    pub fn as_str(self) -> &'static str {
        match (self.some, self.hole) {
            (true, false) => "yes",
            (true, true) => "partly",
            (false, _) => "no",
        }
    }

    /// Returns whether nothing more could change the word.
    pub fn is_partly(self) -> bool {
        self.some && self.hole
    }
}

/// The regions of the whole address space: they follow each other without a gap.
///
/// What is in no window of the kernel's half is `other`.
pub struct Regions<'a> {
    windows: &'a [Window],
    halves: Halves,
    /// The next address, unless all are done.
    next: Option<VirtAddr>,
}

impl<'a> Regions<'a> {
    /// Lays out the windows of the kernel's half, and the rest.
    pub fn new(windows: &'a [Window], halves: Halves) -> Self {
        Regions {
            windows,
            halves,
            next: Some(VirtAddr(0)),
        }
    }

    /// Returns the last address of the user's half.
    fn user_last(&self) -> VirtAddr {
        let inside = u64::MAX.checked_shr(64 - self.halves.user_bits);
        VirtAddr(inside.unwrap_or(0))
    }
}

impl Iterator for Regions<'_> {
    type Item = Window;

    fn next(&mut self) -> Option<Window> {
        let start = self.next?;
        let (name, last) = if start <= self.user_last() {
            ("user", self.user_last())
        } else if start < self.halves.kernel() {
            ("hole", self.halves.kernel().wrapping_add(u64::MAX))
        } else {
            // The smallest that contains it; and up to where the next begins, inside of it or after.
            let windows = self
                .windows
                .iter()
                .filter(|window| window.start <= window.last);
            let inside = windows
                .clone()
                .filter(|window| (window.start..=window.last).contains(&start))
                .min_by_key(|window| window.last - window.start);
            let next = windows
                .filter(|window| window.start > start)
                .map(|window| window.start.wrapping_add(u64::MAX))
                .min()
                .unwrap_or(VirtAddr::MAX);
            match inside {
                Some(window) => (window.name, window.last.min(next)),
                None => ("other", next),
            }
        };
        self.next = last.next();
        Some(Window { name, start, last })
    }
}
