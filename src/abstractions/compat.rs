// SPDX-License-Identifier: GPL-2.0

//! What differs between the kernels that memintro is built for: 7.2 and newer.
//!
//! The one place where Rust code asks which kernel it is; `src/helpers/compat.h` is that of the C
//! code. Kbuild says so: `before_7_3` is set for 7.2. Everyone else uses what the newest kernel has,
//! by its name there, from here. A branch goes when the last kernel that needs it does.

use kernel::{
    bindings,
    prelude::*, //
};

#[cfg(not(before_7_3))]
pub(crate) use kernel::interrupt::{
    local_interrupt_disable,
    LocalInterruptDisabled, //
};

/// No data available. The kernel's own constant is there since 7.3.
pub(crate) fn enodata() -> Error {
    // CAST: error numbers are small.
    Error::from_errno(-(bindings::ENODATA as c_int))
}

/// The flag of a mapping that is, or may be made, shared.
///
/// `kernel::mm::virt::flags::MAYSHARE` has the value of `VM_MAYEXEC` in 7.2, and in candidates of
/// 7.3; `src/helpers/compat.h` holds this number against the kernel's.
pub(crate) const VM_MAYSHARE: bindings::vm_flags_t = 0x80;

#[cfg(before_7_3)]
pub(crate) use interrupt::{
    local_interrupt_disable,
    LocalInterruptDisabled, //
};

/// `rust/kernel/interrupt.rs` of 7.3, over `local_irq_save()`: that file's counter of nested guards
/// is not there, but each guard restores what it found.
///
/// Guards are dropped in the reverse order of their making, or else interrupts would come back too
/// early: here nobody holds two.
#[cfg(before_7_3)]
mod interrupt {
    use crate::abstractions::bindings;
    use kernel::{
        prelude::*,
        types::NotThreadSafe, //
    };

    /// Proves that interrupts are off on this processor.
    pub(crate) struct LocalInterruptDisabled {
        flags: c_ulong,
        _here: NotThreadSafe,
    }

    /// Turns interrupts off on this processor until the result is dropped.
    pub(crate) fn local_interrupt_disable() -> LocalInterruptDisabled {
        LocalInterruptDisabled {
            flags: bindings::memintro_local_irq_save(),
            _here: NotThreadSafe,
        }
    }

    impl Drop for LocalInterruptDisabled {
        fn drop(&mut self) {
            // SAFETY: The flags are those of this processor: with interrupts off the task that
            // made the guard, which cannot be sent to another, stayed on it.
            unsafe { bindings::memintro_local_irq_restore(self.flags) };
        }
    }
}
