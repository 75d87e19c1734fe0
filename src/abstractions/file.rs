// SPDX-License-Identifier: GPL-2.0

//! Open files: who opened them, and what that allows.
//!
//! Everything here asks the credentials of the *opener* (`struct file`'s `f_cred`), which travel
//! with a descriptor, and never those of the task that happens to read or write.
//!
//! C headers: [`include/linux/capability.h`](srctree/include/linux/capability.h),
//! [`include/linux/security.h`](srctree/include/linux/security.h)

use super::bindings;
use crate::model::words::Refusal;
use kernel::{
    error::to_result,
    fs::LocalFile,
    pid_namespace::PidNamespace,
    prelude::*, //
};

/// A capability that is asked for in the initial user namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Capability {
    /// `CAP_SYS_PTRACE`.
    SysPtrace = bindings::CAP_SYS_PTRACE,
    /// `CAP_SYS_ADMIN`.
    SysAdmin = bindings::CAP_SYS_ADMIN,
    /// `CAP_SYSLOG`.
    Syslog = bindings::CAP_SYSLOG,
}

/// What the opener of a file needs besides the file's mode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    /// The capabilities.
    pub(crate) capabilities: &'static [Capability],
    /// Whether kernel lockdown in confidentiality mode refuses the file.
    pub(crate) confidential: bool,
    /// Whether the file is nothing without kernel addresses, which kptr_restrict may hide.
    pub(crate) addresses: bool,
}

impl Access {
    /// Checks capabilities, lockdown and kptr_restrict for an opener.
    ///
    /// # Errors
    ///
    /// Returns `EPERM`.
    pub(crate) fn check(&self, file: &LocalFile) -> Result {
        self.check_lockdown()?;
        for &capability in self.capabilities {
            if !opener_capable(file, capability) {
                return Err(EPERM);
            }
        }
        if self.addresses && KernelAddresses::decide().hidden {
            return Err(EPERM);
        }
        Ok(())
    }

    /// Checks lockdown alone, which can be raised after a file was opened.
    ///
    /// # Errors
    ///
    /// Returns `EPERM`.
    pub(crate) fn check_lockdown(&self) -> Result {
        if self.confidential {
            // SAFETY: An FFI call without requirements.
            to_result(unsafe {
                bindings::security_locked_down(bindings::lockdown_reason_LOCKDOWN_KCORE)
            })?;
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
            hidden: bindings::memintro_kptr_restricted(),
        }
    }

    /// Checks whether the opener of `file` may see them.
    pub(crate) fn check(self, file: &LocalFile) -> Result<(), Refusal> {
        if !opener_capable(file, Capability::Syslog) {
            Err(Refusal::NeedCapSyslog)
        } else if self.hidden {
            Err(Refusal::KptrRestrict)
        } else {
            Ok(())
        }
    }
}

/// Tells whether the opener of `file` had a capability in the initial user namespace.
#[doc(alias = "file_ns_capable")]
fn opener_capable(file: &LocalFile, capability: Capability) -> bool {
    // CAST: capabilities are small numbers.
    // SAFETY: `file` is valid, so its `f_cred` is; `init_user_ns` is static and never freed.
    unsafe {
        bindings::file_ns_capable(
            file.as_ptr(),
            &raw mut bindings::init_user_ns,
            capability as c_int,
        )
    }
}

/// Returns the PID namespace of the procfs mount through which `file` was opened.
pub(crate) fn proc_pid_ns(file: &super::proc_fs::ProcFile) -> &PidNamespace {
    // SAFETY: `file` is a file of procfs, so its superblock has a `struct proc_fs_info`. That
    // holds a reference to the namespace until the superblock is killed, which an open file
    // prevents; the returned reference lives no longer than `file`.
    unsafe { PidNamespace::from_ptr(bindings::memintro_proc_pid_ns(file.as_ptr())) }
}

/// Tells whether `file` was opened for reading.
pub(crate) fn is_readable(file: &LocalFile) -> bool {
    // SAFETY: `file` is valid, and its mode does not change after it was opened.
    unsafe { bindings::memintro_file_is_readable(file.as_ptr()) }
}
