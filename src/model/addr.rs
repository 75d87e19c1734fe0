// SPDX-License-Identifier: GPL-2.0

//! Addresses and frame numbers, and the halves of the address space.

use core::ops::Sub;

/// A virtual address, of a process or of the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub struct VirtAddr(pub u64);

impl VirtAddr {
    /// The last address of all.
    pub const MAX: VirtAddr = VirtAddr(u64::MAX);

    /// Returns the next address, unless this is the last of all.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(VirtAddr)
    }

    /// Returns the address `bytes` further on; it wraps at the end of all addresses.
    pub const fn wrapping_add(self, bytes: u64) -> Self {
        VirtAddr(self.0.wrapping_add(bytes))
    }
}

impl Sub for VirtAddr {
    type Output = u64;

    fn sub(self, other: Self) -> u64 {
        self.0 - other.0
    }
}

/// A physical address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub struct PhysAddr(pub u64);

impl PhysAddr {
    /// Returns the address `bytes` further on; it wraps at the end of all addresses.
    pub const fn wrapping_add(self, bytes: u64) -> Self {
        PhysAddr(self.0.wrapping_add(bytes))
    }

    /// Returns the number of the frame that contains it; frames have `1 << shift` bytes.
    pub fn pfn(self, shift: u8) -> Pfn {
        Pfn(self.0.checked_shr(u32::from(shift)).unwrap_or(0))
    }
}

/// The number of a page frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Pfn(pub u64);

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
    /// Returns the first address of the kernel's half.
    pub fn kernel(&self) -> VirtAddr {
        let inside = u64::MAX.checked_shr(64 - self.kernel_bits);
        VirtAddr(!inside.unwrap_or(0))
    }

    /// Tells where `va` lies.
    pub fn half(&self, va: VirtAddr) -> Half {
        if va.0.checked_shr(self.user_bits) == Some(0) {
            Half::User
        } else if (!va.0).checked_shr(self.kernel_bits) == Some(0) {
            Half::Kernel
        } else {
            Half::NonCanonical
        }
    }
}
