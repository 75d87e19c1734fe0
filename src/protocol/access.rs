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

/// What the opener of a file needs besides the file's mode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    capabilities: &'static [Capability],
    /// Whether kernel lockdown in confidentiality mode refuses the file.
    confidential: bool,
    /// Whether the file is nothing without kernel addresses, which kptr_restrict may hide.
    addresses: bool,
}

impl Access {
    /// No address is shown, so an administrator may give the file to others.
    pub(crate) const NO_ADDRESSES: Access = Access {
        capabilities: &[],
        confidential: false,
        addresses: false,
    };

    /// Physical addresses of any process; [`Opener::check_kernel_addresses`] checks who asks about
    /// the kernel.
    pub(crate) const ANY_PROCESS: Access = Access {
        capabilities: &[Capability::SysAdmin, Capability::SysPtrace],
        confidential: true,
        addresses: false,
    };

    /// Kernel addresses.
    pub(crate) const KERNEL: Access = Access {
        capabilities: &[Capability::Syslog],
        confidential: true,
        addresses: true,
    };

    /// Kernel and physical addresses.
    pub(crate) const KERNEL_PHYSICAL: Access = Access {
        capabilities: &[Capability::SysAdmin, Capability::Syslog],
        ..Self::KERNEL
    };

    /// Checks capabilities, lockdown and kptr_restrict for an opener.
    ///
    /// # Errors
    ///
    /// Returns `EPERM`.
    pub(crate) fn check(&self, file: &LocalFile) -> Result {
        self.check_lockdown()?;
        if !self
            .capabilities
            .iter()
            .all(|&capability| file.capable(capability))
        {
            return Err(EPERM);
        }
        if self.addresses && KernelAddresses::decide().hidden {
            return Err(EPERM);
        }
        Ok(())
    }

    /// Checks lockdown alone, which can be raised after a file was opened: by each read and write.
    ///
    /// # Errors
    ///
    /// Returns `EPERM`.
    pub(crate) fn check_lockdown(&self) -> Result {
        if self.confidential {
            locked_down(Lockdown::Kcore)?;
        }
        Ok(())
    }
}

/// Whether kernel addresses may be seen, as it was decided when a file was opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KernelAddresses {
    /// `kptr_restrict` was 2: nobody may.
    hidden: bool,
}

impl KernelAddresses {
    /// Decides for a file that is being opened, or that has no open hook.
    ///
    /// Context: process context.
    #[doc(alias = "kallsyms_show_value")]
    pub(crate) fn decide() -> Self {
        KernelAddresses {
            hidden: kptr_restricted(),
        }
    }
}

/// Who opened a file: whose rights count, and whose PIDs.
#[derive(Clone, Copy)]
pub(crate) struct Opener<'a> {
    /// The open file.
    pub(crate) file: &'a LocalFile,
    /// What was decided when it was opened.
    pub(crate) addresses: KernelAddresses,
    /// The namespace of the PIDs that are asked for.
    pub(crate) ns: &'a PidNamespace,
}

impl Opener<'_> {
    /// Checks whether the opener may see kernel addresses.
    pub(crate) fn check_kernel_addresses(&self) -> Result<(), Refusal> {
        if !self.file.capable(Capability::Syslog) {
            Err(Refusal::NeedCapSyslog)
        } else if self.addresses.hidden {
            Err(Refusal::KptrRestrict)
        } else {
            Ok(())
        }
    }
}
