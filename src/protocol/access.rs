// SPDX-License-Identifier: GPL-2.0

//! Who may open which file, and see what in it.
//!
//! What counts is the opener of a file, not who reads or writes it.

use crate::{
    abstractions::{
        file::{
            Capability,
            FileExt, //
        },
        security::{
            kptr_restricted,
            locked_down,
            Lockdown, //
        },
    },
    model::words::Refusal, //
};
use kernel::{
    fs::LocalFile,
    pid_namespace::PidNamespace,
    prelude::*, //
};

/// What the opener of a file needs besides the file's mode, by what the file shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// No address: an administrator may give the file to others.
    NoAddresses,
    /// Physical addresses of any process; [`Opener::check_kernel_addresses`] checks who asks about
    /// the kernel.
    AnyProcess,
    /// Kernel addresses.
    Kernel,
    /// Kernel and physical addresses.
    KernelPhysical,
}

impl Access {
    fn capabilities(self) -> &'static [Capability] {
        match self {
            Access::NoAddresses => &[],
            Access::AnyProcess => &[Capability::SysAdmin, Capability::SysPtrace],
            Access::Kernel => &[Capability::Syslog],
            Access::KernelPhysical => &[Capability::SysAdmin, Capability::Syslog],
        }
    }

    /// Checks capabilities, lockdown and kptr_restrict for an opener.
    ///
    /// # Errors
    ///
    /// Returns `EPERM`.
    pub(crate) fn check(self, file: &LocalFile) -> Result {
        self.check_lockdown()?;
        let mut needed = self.capabilities().iter();
        if !needed.all(|&capability| file.capable(capability)) {
            return Err(EPERM);
        }
        // The file is nothing without kernel addresses.
        let kernel = matches!(self, Access::Kernel | Access::KernelPhysical);
        if kernel && kptr_restricted() {
            return Err(EPERM);
        }
        Ok(())
    }

    /// Checks lockdown in confidentiality mode alone, which can be raised after a file was opened:
    /// for each read and write.
    ///
    /// # Errors
    ///
    /// Returns `EPERM`.
    pub(crate) fn check_lockdown(self) -> Result {
        match self {
            Access::NoAddresses => Ok(()),
            _ => locked_down(Lockdown::Kcore),
        }
    }
}

/// Who opened a file: whose rights count, and whose PIDs.
#[derive(Clone, Copy)]
pub(crate) struct Opener<'a> {
    /// The open file.
    pub(crate) file: &'a LocalFile,
    /// Whether `kptr_restrict` was 2, so that nobody may see kernel addresses: as it was when the
    /// file was opened, or when the question came where a file has no open hook.
    pub(crate) kptr_restricted: bool,
    /// The namespace of the PIDs that are asked for.
    pub(crate) ns: &'a PidNamespace,
}

impl Opener<'_> {
    /// Checks whether the opener may see kernel addresses.
    #[doc(alias = "kallsyms_show_value")]
    pub(crate) fn check_kernel_addresses(&self) -> Result<(), Refusal> {
        if !self.file.capable(Capability::Syslog) {
            Err(Refusal::NeedCapSyslog)
        } else if self.kptr_restricted {
            Err(Refusal::KptrRestrict)
        } else {
            Ok(())
        }
    }
}
