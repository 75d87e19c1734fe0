// SPDX-License-Identifier: GPL-2.0

//! Virtual addresses: which half of the address space they belong to.

/// Where an address lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// The lower half, which each process has for itself.
    User,
    /// The upper half, which the kernel shares between all.
    Kernel,
    /// Neither: no page table of this paging mode can translate it.
    NonCanonical,
}

/// The number of address bits that each half of the address space has.
///
/// x86 with 4 levels: 47 and 47; with 5 levels: 56 and 56. arm64: 39, 47, 48 or 52 for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halves {
    /// An address below `1 << user_bits` is a user address. Less than 64.
    pub user_bits: u32,
    /// The upper half is `1 << kernel_bits` bytes, up to the last address. Less than 64.
    pub kernel_bits: u32,
}

impl Halves {
    /// Tells where `va` lies.
    pub fn half(&self, va: u64) -> Half {
        if va.checked_shr(self.user_bits) == Some(0) {
            Half::User
        } else if (!va).checked_shr(self.kernel_bits) == Some(0) {
            Half::Kernel
        } else {
            Half::NonCanonical
        }
    }
}
