// SPDX-License-Identifier: GPL-2.0

//! What the kernel as a whole refuses, whoever asks.
//!
//! C header: [`include/linux/security.h`](srctree/include/linux/security.h)

use super::bindings;
use kernel::{
    error::to_result,
    prelude::*, //
};

/// What kernel lockdown may refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Lockdown {
    /// To read the kernel's memory, or what tells where it is: refused in confidentiality mode.
    Kcore = bindings::lockdown_reason_LOCKDOWN_KCORE,
}

/// Checks whether kernel lockdown allows something now; it can be raised at any time.
///
/// # Errors
///
/// `EPERM` where it does not.
///
/// # Examples
///
/// ```
/// use crate::abstractions::security::{locked_down, Lockdown};
///
/// locked_down(Lockdown::Kcore)?;
/// # Ok::<(), Error>(())
/// ```
#[doc(alias = "security_locked_down")]
#[inline]
pub(crate) fn locked_down(what: Lockdown) -> Result {
    // CAST: an enumeration of C has this type.
    // SAFETY: An FFI call without requirements.
    to_result(unsafe { bindings::security_locked_down(what as bindings::lockdown_reason) })
}

/// Returns whether `kptr_restrict` is 2: nobody may see kernel addresses.
///
/// Context: process context.
///
/// # Examples
///
/// ```
/// use crate::abstractions::security::kptr_restricted;
///
/// if kptr_restricted() {
///     return Err(EPERM);
/// }
/// # Ok::<(), Error>(())
/// ```
#[doc(alias = "kptr_restrict")]
#[inline]
pub(crate) fn kptr_restricted() -> bool {
    bindings::memintro_kptr_restricted()
}
