// SPDX-License-Identifier: GPL-2.0

//! How the page tables of this architecture look, by its manual.

use crate::prelude::*;

#[cfg_attr(target_arch = "x86_64", path = "layout/x86.rs")]
#[cfg_attr(target_arch = "aarch64", path = "layout/arm64.rs")]
mod arch;

pub use arch::{has_flag, next_table, permissions, RUN, RUN_HUGE};

const PAGE_SHIFT: u32 = PAGE.trailing_zeros();
/// How many bits of an address choose an entry of a whole table.
const PER_LEVEL: u32 = PAGE_SHIFT - 3;

/// The levels from the top, each with how many address bits lie below its
/// index.
pub const LEVELS: [(&str, u32); 5] = [
    ("pgd", PAGE_SHIFT + 4 * PER_LEVEL),
    ("p4d", PAGE_SHIFT + 3 * PER_LEVEL),
    ("pud", PAGE_SHIFT + 2 * PER_LEVEL),
    ("pmd", PAGE_SHIFT + PER_LEVEL),
    ("pte", PAGE_SHIFT),
];

/// A size of pages.
pub struct Size {
    /// Its name in answers.
    pub name: &'static str,
    /// The key of its sum in the last line of `extents`.
    pub key: &'static str,
    /// How many bits are the offset in such a page.
    pub shift: u32,
    /// The level of its entries.
    pub level: &'static str,
    /// Whether it is a run of several entries.
    pub contiguous: bool,
}

const fn size(
    name: &'static str,
    key: &'static str,
    level: &'static str,
    shift: u32,
    contiguous: bool,
) -> Size {
    Size {
        name,
        key,
        shift,
        level,
        contiguous,
    }
}

const SIZES_4K: &[Size] = &[
    size("4K", "kb_4k", "pte", 12, false),
    size("64K", "kb_64k", "pte", 16, true),
    size("2M", "kb_2m", "pmd", 21, false),
    size("32M", "kb_32m", "pmd", 25, true),
    size("1G", "kb_1g", "pud", 30, false),
];

const SIZES_16K: &[Size] = &[
    size("16K", "kb_16k", "pte", 14, false),
    size("2M", "kb_2m", "pte", 21, true),
    size("32M", "kb_32m", "pmd", 25, false),
    size("1G", "kb_1g", "pmd", 30, true),
];

/// The sizes of pages, in ascending order: the base page is the first, a run of it
/// the second, a huge page the third.
pub const SIZES: &[Size] = if PAGE == 4 << 10 { SIZES_4K } else { SIZES_16K };

/// The size that has a name in answers.
pub fn size_of(page: &str) -> io::Result<&'static Size> {
    SIZES
        .iter()
        .find(|size| size.name == page && !(size.contiguous && RUN == 1))
        .ok_or_else(|| error!("page={page}"))
}

/// How many bits are the offset in a page.
pub fn page_shift(page: &str) -> io::Result<u32> {
    Ok(size_of(page)?.shift)
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

    /// Whether addresses have as many bits as they may.
    pub fn has_most(self) -> bool {
        self.bits == arch::BITS[0]
    }

    /// How many levels are folded into the first.
    pub fn folded(self) -> usize {
        LEVELS
            .iter()
            .filter(|(_, shift)| *shift >= self.bits)
            .count()
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
        // The one table of several that are folded is the lowest.
        let depth = depth.max(self.folded());
        let shift = LEVELS[depth].1;
        let bits = if depth > self.folded() || arch::FULL_TOP {
            PER_LEVEL
        } else {
            self.bits - shift
        };
        (va >> shift) & ((1 << bits) - 1)
    }
}
