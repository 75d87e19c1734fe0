// SPDX-License-Identifier: GPL-2.0

//! How the page tables of this architecture look, by its manual.

use crate::prelude::*;

#[cfg_attr(target_arch = "x86_64", path = "layout/x86.rs")]
#[cfg_attr(target_arch = "aarch64", path = "layout/arm64.rs")]
mod arch;

pub use arch::{has_flag, next_table, permissions, RUN};

/// The levels from the top, each with how many address bits lie below its
/// index.
pub const LEVELS: [(&str, u32); 5] = [
    ("pgd", 48),
    ("p4d", 39),
    ("pud", 30),
    ("pmd", 21),
    ("pte", 12),
];

/// How many bits are the offset in a page.
pub fn page_shift(page: &str) -> io::Result<u32> {
    match page {
        "4K" => Ok(12),
        "64K" if RUN > 1 => Ok(16),
        "2M" => Ok(21),
        "32M" if RUN > 1 => Ok(25),
        "1G" => Ok(30),
        _ => Err(error!("page={page}")),
    }
}

/// The paging mode of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// How many bits user addresses have, and kernel addresses below the ones
    /// that they begin with.
    pub bits: u32,
}

impl Mode {
    /// Finds out where the kernel lets user addresses end.
    pub fn of_this_machine() -> io::Result<Self> {
        for bits in arch::BITS {
            // On x86 the last page cannot be mapped.
            let last = (1 << bits) - 2 * PAGE;
            match Area::at(last, PAGE, libc::PROT_NONE) {
                Ok(area) if area.start == last => {
                    area.unmap()?;
                    return Ok(Self { bits });
                }
                Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {
                    return Ok(Self { bits });
                }
                _ => {}
            }
        }
        Err(error!("user addresses end nowhere known"))
    }

    /// Whether all five levels are in use.
    pub fn has_five(self) -> bool {
        self.bits == arch::BITS[0]
    }

    /// How many bits user addresses have with the smaller of the two modes.
    pub fn fewer_bits(self) -> u32 {
        arch::BITS[1]
    }

    /// The first address of the kernel's half.
    pub fn kernel_first(self) -> u64 {
        !0 << self.bits
    }

    /// The index that an address has at a level, counted from the top.
    pub fn index(self, va: u64, depth: usize) -> u64 {
        // The one table of a folded pair is the lower one.
        let depth = if self.has_five() { depth } else { depth.max(1) };
        let bits = if depth == 0 { self.bits - 48 } else { 9 };
        let bits = if arch::FULL_TOP { 9 } else { bits };
        (va >> LEVELS[depth].1) & ((1 << bits) - 1)
    }
}
