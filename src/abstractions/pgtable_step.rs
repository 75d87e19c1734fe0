// SPDX-License-Identifier: GPL-2.0

//! Page tables of processes over a range, a table at a time.
//!
//! Nothing here waits, not even for the lock of a mapping.

use super::{
    pgtable::UserTables,
    vma::{
        LockVma,
        Unavailable, //
    },
};
use crate::model::{
    pgtable::Entry,
    range::{
        step,
        Found, //
    },
    PhysAddr,
    VirtAddr, //
};
use kernel::{
    mm::{
        virt::VmaRef,
        MmWithUser, //
    },
    prelude::*,
    sync::rcu, //
};

/// Finds what is behind the first mapped address from `va` to `last`, as far as one table says;
/// `None` if there is none.
///
/// The lock of the mapping is held for one table. Where the physical address `wanted` is given,
/// other pages may be left out, and a few tables without it are looked at under one lock.
///
/// # Errors
///
/// As [`LockVma::lock_vma`] and [`step_vma`].
///
/// # Examples
///
/// ```
/// use crate::{
///     abstractions::{
///         pgtable_step::{step_user, step_vma},
///         vma::{LockVma, Unavailable},
///     },
///     model::{pgtable::Entry, VirtAddr},
/// };
/// use kernel::mm::MmWithUser;
///
/// /// Counts the pages of the first table of a process that has any.
/// fn pages(mm: &MmWithUser, entries: &mut [Entry]) -> Result<usize, Unavailable> {
///     let found = step_user(mm, VirtAddr(0), VirtAddr::MAX, None, entries)?;
///     Ok(found.map_or(0, |found| found.entries.len()))
/// }
///
/// /// The same where the mapping is locked already.
/// fn pages_of_mapping(mm: &MmWithUser, entries: &mut [Entry]) -> Result<usize, Unavailable> {
///     let Some(vma) = mm.lock_vma(VirtAddr(0), VirtAddr::MAX)? else {
///         return Ok(0);
///     };
///     let found = step_vma(&vma, VirtAddr(0), VirtAddr::MAX, None, entries)?;
///     Ok(found.entries.len())
/// }
/// ```
pub(crate) fn step_user<'a>(
    mm: &MmWithUser,
    va: VirtAddr,
    last: VirtAddr,
    wanted: Option<PhysAddr>,
    buffer: &'a mut [Entry],
) -> Result<Option<Found<'a>>, Unavailable> {
    match mm.lock_vma(va, last)? {
        Some(vma) => step_vma(&vma, va, last, wanted, buffer).map(Some),
        None => Ok(None),
    }
}

/// Finds what is behind a mapping from `va` on, as far as one table says; `wanted` as above.
///
/// # Errors
///
/// [`Unavailable::Unstable`] if the tables kept changing.
#[inline]
pub(crate) fn step_vma<'a>(
    vma: &VmaRef,
    va: VirtAddr,
    last: VirtAddr,
    wanted: Option<PhysAddr>,
    buffer: &'a mut [Entry],
) -> Result<Found<'a>, Unavailable> {
    // CAST: addresses have 64 bits; a mapping is not empty.
    let (start, last_of_vma) = (VirtAddr(vma.start() as u64), VirtAddr(vma.end() as u64 - 1));
    let rcu = rcu::read_lock();
    step(
        &UserTables::new(vma, &rcu),
        va.max(start),
        last.min(last_of_vma),
        wanted,
        buffer,
    )
    .ok_or(Unavailable::Unstable)
}
