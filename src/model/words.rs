// SPDX-License-Identifier: GPL-2.0

//! The words that answers are made of.

/// Defines an enum with the word that an answer prints for each of its values.
macro_rules! words {
    ($(#[$attribute:meta])* pub enum $name:ident {
        $($(#[$doc:meta])* $value:ident = $word:literal,)*
    }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$doc])* $value,)*
        }

        impl $name {
            /// All of them, in their order.
            pub const ALL: [Self; [$($word),*].len()] = [$($name::$value),*];

            /// Their words, in the same order.
            pub const WORDS: [&'static str; Self::ALL.len()] = [$($word),*];

            /// Returns the word that an answer prints.
            pub fn as_str(self) -> &'static str {
                Self::WORDS[self as usize]
            }
        }
    };
}
pub(super) use words;

words! {
    /// Why there is no page behind an address.
    pub enum Why {
        /// The address belongs to no mapping of the process.
        NoVma = "no-vma",
        /// The entry is empty: the memory was never touched, or was freed.
        NotPopulated = "not-populated",
        /// The page is in swap.
        Swap = "swap",
        /// The page is being moved to another frame.
        Migration = "migration",
        /// The page is private or exclusive to a device.
        Device = "device",
        /// The page's memory has failed.
        HwPoison = "hwpoison",
        /// A marker of `UFFDIO_POISON`.
        Poison = "poison",
        /// A marker of `MADV_GUARD_INSTALL`.
        Guard = "guard",
        /// A marker of userfaultfd's write protection.
        Uffd = "uffd",
        /// A kernel address that the page tables do not translate.
        NotMapped = "not-mapped",
        /// The entry kept changing: ask again.
        Retry = "retry",
    }
}

words! {
    /// The error number that belongs to a [`Refusal`].
    pub enum Errno {
        /// The question is not one.
        Einval = "EINVAL",
        /// The opener of the file may not ask this.
        Eperm = "EPERM",
        /// There is no such process, or it has no memory of its own.
        Esrch = "ESRCH",
        /// The page tables kept changing, or the memory is locked.
        Eagain = "EAGAIN",
    }
}

words! {
    /// Why a question is not answered.
    pub enum Refusal {
        /// The words do not form a question of this file.
        NotAQuestion = "not-a-question",
        /// A word is not an address where one is expected.
        NotAnAddress = "not-an-address",
        /// An address lacks its `0x`.
        Need0x = "need-0x",
        /// The line has more than [`super::question::QUESTION_MAX`] bytes.
        TooLong = "too-long",
        /// The address lies in neither half of the address space.
        NotCanonical = "not-canonical",
        /// A kernel address, asked of a process.
        KernelAddress = "kernel-address",
        /// A user address, asked of the kernel.
        UserAddress = "user-address",
        /// The namespace has no such process.
        NoProcess = "no-process",
        /// A kernel thread has no memory of its own.
        KernelThread = "kernel-thread",
        /// The process has no address space any more: it is exiting, or a zombie.
        NoMemory = "no-memory",
        /// Kernel addresses need CAP_SYSLOG.
        NeedCapSyslog = "need-cap-syslog",
        /// `kptr_restrict` hid kernel addresses from everyone when the file was opened.
        KptrRestrict = "kptr-restrict",
        /// The page tables kept changing: ask again.
        Retry = "retry",
        /// Others kept the memory of the process locked: ask again.
        Busy = "busy",
    }
}

impl Refusal {
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
