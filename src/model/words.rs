// SPDX-License-Identifier: GPL-2.0

//! The words that answers are made of.

/// Why there is no page behind an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The address belongs to no mapping of the process.
    NoVma,
    /// The entry is empty: the memory was never touched, or was freed.
    NotPopulated,
    /// The page is in swap.
    Swap,
    /// The page is being moved to another frame.
    Migration,
    /// The page is private or exclusive to a device.
    Device,
    /// The page's memory has failed.
    HwPoison,
    /// A marker of `UFFDIO_POISON`.
    Poison,
    /// A marker of `MADV_GUARD_INSTALL`.
    Guard,
    /// A marker of userfaultfd's write protection.
    Uffd,
    /// A kernel address that the page tables do not translate.
    NotMapped,
    /// The entry kept changing: ask again.
    Retry,
}

impl Why {
    /// Returns the word that an answer prints.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::NoVma => "no-vma",
            Why::NotPopulated => "not-populated",
            Why::Swap => "swap",
            Why::Migration => "migration",
            Why::Device => "device",
            Why::HwPoison => "hwpoison",
            Why::Poison => "poison",
            Why::Guard => "guard",
            Why::Uffd => "uffd",
            Why::NotMapped => "not-mapped",
            Why::Retry => "retry",
        }
    }
}

/// The error number that belongs to a [`Refusal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errno {
    /// The question is not one.
    Einval,
    /// The opener of the file may not ask this.
    Eperm,
    /// There is no such process, or it has no memory of its own.
    Esrch,
    /// The page tables kept changing, or the memory is locked.
    Eagain,
}

impl Errno {
    /// Returns the name that an answer prints.
    pub fn as_str(self) -> &'static str {
        match self {
            Errno::Einval => "EINVAL",
            Errno::Eperm => "EPERM",
            Errno::Esrch => "ESRCH",
            Errno::Eagain => "EAGAIN",
        }
    }
}

/// Why a question is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The words do not form a question of this file.
    NotAQuestion,
    /// A word is not an address where one is expected.
    NotAnAddress,
    /// An address lacks its `0x`.
    Need0x,
    /// The line has more than [`super::question::QUESTION_MAX`] bytes.
    TooLong,
    /// The address lies in neither half of the address space.
    NotCanonical,
    /// A kernel address, asked of a process.
    KernelAddress,
    /// A user address, asked of the kernel.
    UserAddress,
    /// The namespace has no such process.
    NoProcess,
    /// A kernel thread has no memory of its own.
    KernelThread,
    /// The process has no address space any more: it is exiting, or a zombie.
    NoMemory,
    /// Kernel addresses need CAP_SYSLOG.
    NeedCapSyslog,
    /// `kptr_restrict` hid kernel addresses from everyone when the file was opened.
    KptrRestrict,
    /// The page tables kept changing: ask again.
    Retry,
    /// Others kept the memory of the process locked: ask again.
    Busy,
}

impl Refusal {
    /// Returns the word that an answer prints.
    pub fn as_str(self) -> &'static str {
        match self {
            Refusal::NotAQuestion => "not-a-question",
            Refusal::NotAnAddress => "not-an-address",
            Refusal::Need0x => "need-0x",
            Refusal::TooLong => "too-long",
            Refusal::NotCanonical => "not-canonical",
            Refusal::KernelAddress => "kernel-address",
            Refusal::UserAddress => "user-address",
            Refusal::NoProcess => "no-process",
            Refusal::KernelThread => "kernel-thread",
            Refusal::NoMemory => "no-memory",
            Refusal::NeedCapSyslog => "need-cap-syslog",
            Refusal::KptrRestrict => "kptr-restrict",
            Refusal::Retry => "retry",
            Refusal::Busy => "busy",
        }
    }

    /// Returns the error number that goes with the word.
    pub fn errno(self) -> Errno {
        match self {
            Refusal::NotAQuestion
            | Refusal::NotAnAddress
            | Refusal::Need0x
            | Refusal::TooLong
            | Refusal::NotCanonical
            | Refusal::KernelAddress
            | Refusal::UserAddress => Errno::Einval,
            Refusal::NoProcess | Refusal::KernelThread | Refusal::NoMemory => Errno::Esrch,
            Refusal::NeedCapSyslog | Refusal::KptrRestrict => Errno::Eperm,
            Refusal::Retry | Refusal::Busy => Errno::Eagain,
        }
    }
}
