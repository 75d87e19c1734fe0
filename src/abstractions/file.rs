// SPDX-License-Identifier: GPL-2.0

//! Open files: who opened them, and how.
//!
//! Everything here asks the credentials of the *opener* (`struct file`'s `f_cred`), which travel
//! with a descriptor, and never those of the task that happens to read or write.
//!
//! C headers: [`include/linux/capability.h`](srctree/include/linux/capability.h),
//! [`include/linux/fs.h`](srctree/include/linux/fs.h)

use super::bindings;
use kernel::{
    fs::LocalFile,
    prelude::*,
    task::Kuid, //
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

/// What can be asked of any open file.
///
/// # Examples
///
/// ```
/// use crate::abstractions::file::{Capability, FileExt};
/// use kernel::{fs::LocalFile, prelude::*, task::Task};
///
/// /// Returns the user of a task, for an opener who has the right to read it.
/// fn user_of(file: &LocalFile, task: &Task) -> Result<u32> {
///     if !file.is_readable() || !file.capable(Capability::SysPtrace) {
///         return Err(EPERM);
///     }
///     Ok(file.uid_munged(task.uid()))
/// }
/// ```
pub(crate) trait FileExt {
    /// Returns whether the opener had a capability in the initial user namespace.
    #[doc(alias = "file_ns_capable")]
    fn capable(&self, capability: Capability) -> bool;

    /// Returns whether the file was opened for reading.
    fn is_readable(&self) -> bool;

    /// Returns a user ID as the user namespace of the opener knows it.
    #[doc(alias = "from_kuid_munged")]
    fn uid_munged(&self, uid: Kuid) -> u32;
}

impl FileExt for LocalFile {
    #[inline]
    fn capable(&self, capability: Capability) -> bool {
        // CAST: capabilities are small numbers.
        // SAFETY: The file is valid, so its `f_cred` is; `init_user_ns` is static and never freed.
        unsafe {
            bindings::file_ns_capable(
                self.as_ptr(),
                &raw mut bindings::init_user_ns,
                capability as c_int,
            )
        }
    }

    #[inline]
    fn is_readable(&self) -> bool {
        // SAFETY: The file is valid, and its mode does not change after it was opened.
        unsafe { bindings::memintro_file_is_readable(self.as_ptr()) }
    }

    #[inline]
    fn uid_munged(&self, uid: Kuid) -> u32 {
        // SAFETY: The credentials are valid, and hold a reference to their user namespace, which
        // does not change.
        unsafe { bindings::from_kuid_munged((*self.cred().as_ptr()).user_ns, uid.into_raw()) }
    }
}
