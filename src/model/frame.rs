// SPDX-License-Identifier: GPL-2.0

//! What the kernel records of page frames, and what they are used for.

use super::words::words;

/// What the kind of a frame depends on; the values are those of `enum memintro_page_trait` in
/// `src/helpers/helpers.h`.
pub mod traits {
    /// There is no memory.
    pub const NONE: u32 = 1 << 0;
    /// Memory of a device (`ZONE_DEVICE`).
    pub const DEVICE: u32 = 1 << 1;
    /// Memory that is there, and not in use.
    pub const OFFLINE_SECTION: u32 = 1 << 2;
    /// Memory that has failed.
    pub const HWPOISON: u32 = 1 << 3;
    /// The zero page, or a part of the huge one.
    pub const ZERO: u32 = 1 << 4;
    /// A part of a free block.
    pub const BUDDY: u32 = 1 << 5;
    /// Free memory that the guest has not accepted yet.
    pub const UNACCEPTED: u32 = 1 << 6;
    /// A page that a hypervisor's driver took away.
    pub const OFFLINE: u32 = 1 << 7;
    /// Objects of the kernel.
    pub const SLAB: u32 = 1 << 8;
    /// A page table.
    pub const TABLE: u32 = 1 << 9;
    /// A part of a hugetlb page.
    pub const HUGETLB: u32 = 1 << 10;
    /// Another type of kernel memory.
    pub const TYPED: u32 = 1 << 11;
    /// Not managed by the allocator.
    pub const RESERVED: u32 = 1 << 12;
    /// Anonymous memory that KSM has merged.
    pub const KSM: u32 = 1 << 13;
    /// Anonymous memory.
    pub const ANON: u32 = 1 << 14;
    /// Belongs to an inode.
    pub const FILE: u32 = 1 << 15;
    /// Goes to swap.
    pub const SWAPBACKED: u32 = 1 << 16;
    /// Has a place in swap.
    pub const SWAPCACHE: u32 = 1 << 17;
}

words! {
    /// What a frame is used for, in the order of totals.
    pub enum Kind {
        /// Anonymous memory.
        Anon = "anon",
        /// The page cache of a file.
        File = "file",
        /// Shared memory, and files of tmpfs.
        Shmem = "shmem",
        /// Anonymous memory that KSM has merged.
        Ksm = "ksm",
        /// The zero page, or a part of the huge one.
        Zero = "zero",
        /// A hugetlb page, used or not.
        Hugetlb = "hugetlb",
        /// In the swap cache, and in no process or file yet.
        Swapcache = "swapcache",
        /// Objects of the kernel.
        Slab = "slab",
        /// A page table.
        Pgtable = "pgtable",
        /// Free.
        Buddy = "buddy",
        /// Anything else.
        Kernel = "kernel",
        /// Not managed by the allocator.
        Reserved = "reserved",
        /// Free memory that the guest has not accepted yet.
        Unaccepted = "unaccepted",
        /// Taken out of use.
        Offline = "offline",
        /// Failed.
        Poisoned = "poisoned",
        /// Memory of a device.
        Device = "device",
        /// No memory.
        None = "none",
    }
}

impl Kind {
    /// Returns the kind of a frame with these [`traits`].
    pub fn of(traits: u32) -> Kind {
        // The first that holds: they are in the order of their bits.
        const KINDS: [Kind; 15] = [
            Kind::None,
            Kind::Device,
            Kind::Offline,
            Kind::Poisoned,
            Kind::Zero,
            Kind::Buddy,
            Kind::Unaccepted,
            Kind::Offline,
            Kind::Slab,
            Kind::Pgtable,
            Kind::Hugetlb,
            Kind::Kernel,
            Kind::Reserved,
            Kind::Ksm,
            Kind::Anon,
        ];
        // CAST: a number of a bit fits anywhere.
        if let Some(kind) = KINDS.get(traits.trailing_zeros() as usize) {
            return *kind;
        }
        let file = traits & traits::FILE != 0;
        if file && traits & traits::SWAPBACKED != 0 {
            Kind::Shmem
        } else if file {
            Kind::File
        } else if traits & traits::SWAPCACHE != 0 {
            Kind::Swapcache
        } else {
            Kind::Kernel
        }
    }
}

/// What is recorded of a frame. Mirrors `struct memintro_page`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Frame {
    /// As `/proc/kpageflags` has them.
    pub flags: u64,
    /// The frame of the first page of the folio.
    pub head: u64,
    /// The inode of the cgroup that it is charged to; 0 if none.
    pub cgroup: u64,
    /// The inode of the file.
    pub inode: u64,
    /// Which page of the file it is.
    pub index: u64,
    /// The device of the file, as `stat(2)` has it.
    pub dev: u32,
    /// The NUMA node.
    pub node: i32,
    /// What its kind depends on.
    pub traits: u32,
    /// The reference count of the folio.
    pub refs: i32,
    /// As `/proc/kpagecount` has it.
    pub maps: i32,
    /// The folio has `1 << order` pages.
    pub order: u8,
    /// Whether the folio may be pinned for DMA.
    pub pinned: bool,
    /// The number of a zone.
    pub zone: u8,
    _unused: u8,
}

/// Frames side by side that have the same traits. Mirrors `struct memintro_page_run`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Run {
    /// How many.
    pub pages: u64,
    /// What the kind depends on.
    pub traits: u32,
    _unused: u32,
}

/// Frames side by side in folios of one size on one NUMA node. Mirrors `struct memintro_folio_run`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct FolioRun {
    /// How many.
    pub pages: u64,
    /// The folios have `1 << order` pages.
    pub order: u32,
    /// The node; [`FolioRun::NO_FOLIO`] for frames that are in no folio.
    pub node: u32,
}

impl FolioRun {
    /// The node of what is no memory, a device's, or offline.
    pub const NO_FOLIO: u32 = u32::MAX;
}
