// SPDX-License-Identifier: GPL-2.0

//! Mappings of other processes: finding and locking them, without waiting.
//!
//! C headers: [`include/linux/mm.h`](srctree/include/linux/mm.h),
//! [`include/linux/mmap_lock.h`](srctree/include/linux/mmap_lock.h)

use super::{
    bindings,
    compat::VM_MAYSHARE, //
};
use crate::model::{
    vmas::Perm,
    VirtAddr, //
};
use core::{
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    mm::{
        virt::{
            flags,
            VmaRef, //
        },
        MmWithUser,
        MmapReadGuard,
        VmaReadGuard, //
    },
    prelude::*,
    sync::rcu, //
};

/// How often a mapping is looked for again that has changed before it was locked.
const TRIES: usize = 8;

/// Why nothing can be said of some memory now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// Others hold its lock, now or again and again.
    Busy,
    /// Its page tables kept changing.
    Unstable,
}

/// A mapping that is locked for reading.
///
/// # Invariants
///
/// The mapping of `Mmap` is one of the address space whose lock the guard holds.
pub(crate) enum VmaGuard<'a> {
    /// By its own lock.
    Vma(VmaReadGuard<'a>),
    /// By the lock of its address space.
    Mmap {
        /// The mapping.
        vma: NonNull<VmaRef>,
        /// What keeps it.
        _guard: MmapReadGuard<'a>,
    },
}

impl Deref for VmaGuard<'_> {
    type Target = VmaRef;

    #[inline]
    fn deref(&self) -> &VmaRef {
        match self {
            VmaGuard::Vma(vma) => vma,
            // SAFETY: Mappings leave an address space, and are freed, with its lock held for
            // writing only; by the type invariant the guard holds that lock for reading.
            VmaGuard::Mmap { vma, .. } => unsafe { vma.as_ref() },
        }
    }
}

/// Where a mapping was when it was looked for.
struct Place {
    start: usize,
    /// Which one it was. It may be freed, and its memory be another mapping's: not to be followed.
    vma: *const bindings::vm_area_struct,
}

impl Place {
    /// Finds the first mapping that ends after `va`, if it begins at `last` or before.
    ///
    /// The answer was true at a moment during the call.
    #[doc(alias = "vma_next")]
    fn find(mm: &MmWithUser, va: usize, last: usize) -> Option<Self> {
        let mut state = bindings::ma_state {
            // SAFETY: The mm is valid; only where its tree is is computed.
            tree: unsafe { &raw mut (*mm.as_raw()).__bindgen_anon_1.mm_mt },
            index: va,
            last: va,
            max: usize::MAX,
            status: bindings::maple_status_ma_start,
            ..Default::default()
        };
        let _rcu = rcu::read_lock();
        // SAFETY: The state is that of MA_STATE(), and not used outside of this RCU read-side
        // critical section. The tree's nodes are freed by call_rcu(), but for exit_mmap(), which
        // the count of users behind `mm` holds back (MM_MT_FLAGS has MT_FLAGS_USE_RCU, which
        // only exit_mmap(), and dup_mmap() in a tree that nobody knows yet, take back). Where the
        // mapping begins is in the tree too: nothing is read from the mapping itself.
        let vma = unsafe { bindings::mas_find(&mut state, last) };
        (!vma.is_null()).then_some(Place {
            start: state.index,
            vma: vma.cast(),
        })
    }
}

/// Finding mappings and locking them.
///
/// # Examples
///
/// ```
/// use crate::{
///     abstractions::vma::{LockVma, Unavailable, VmaGuard},
///     model::VirtAddr,
/// };
/// use kernel::mm::MmWithUser;
///
/// /// Returns how large the first mapping of a process is.
/// fn first_size(mm: &MmWithUser) -> Result<usize, Unavailable> {
///     let vma: Option<VmaGuard<'_>> = mm.lock_vma(VirtAddr(0), VirtAddr::MAX)?;
///     Ok(vma.map_or(0, |vma| vma.end() - vma.start()))
/// }
/// ```
pub(crate) trait LockVma {
    /// Locks for reading the first mapping that ends after `va`, if it begins at `last` or before.
    ///
    /// Returns `None` where there is no such mapping. Between `va` and the start of the mapping
    /// there is none either, at a moment while it was locked.
    ///
    /// Does not wait: no process can block the caller by what it does to its mappings.
    ///
    /// Context: process context.
    ///
    /// # Errors
    ///
    /// [`Unavailable::Busy`] where a writer holds the mapping, or keeps mapping and unmapping.
    #[doc(alias = "find_vma_intersection")]
    #[doc(alias = "lock_next_vma")]
    fn lock_vma(&self, va: VirtAddr, last: VirtAddr) -> Result<Option<VmaGuard<'_>>, Unavailable>;
}

impl LockVma for MmWithUser {
    #[inline]
    fn lock_vma(&self, va: VirtAddr, last: VirtAddr) -> Result<Option<VmaGuard<'_>>, Unavailable> {
        // CAST: addresses have 64 bits.
        let (va, last) = (va.0 as usize, last.0 as usize);
        match self.lock_vma_under_rcu(va) {
            Some(vma) => Ok(Some(VmaGuard::Vma(vma))),
            None => lock_next_vma(self, va, last),
        }
    }
}

/// Locks a mapping as [`LockVma::lock_vma`], where `va` is in none, or in one that is busy.
fn lock_next_vma(
    mm: &MmWithUser,
    va: usize,
    last: usize,
) -> Result<Option<VmaGuard<'_>>, Unavailable> {
    for _ in 0..TRIES {
        let Some(place) = Place::find(mm, va, last) else {
            return Ok(None);
        };
        let Some(vma) = mm.lock_vma_under_rcu(place.start.max(va)) else {
            continue;
        };
        // Locked, it stays in the tree, where it is, and its address is no other mapping's. Was
        // another one mapped before it meanwhile?
        if vma.start() <= va
            || Place::find(mm, va, last).is_some_and(|place| place.vma == vma.as_ptr())
        {
            return Ok(Some(VmaGuard::Vma(vma)));
        }
    }
    // This succeeds where a mapping's own lock only looks held: its sequence numbers wrap around.
    let guard = mm.mmap_read_trylock().ok_or(Unavailable::Busy)?;
    let Some(place) = Place::find(mm, va, last) else {
        return Ok(None);
    };
    let vma = guard.vma_lookup(place.start).map(NonNull::from);
    // INVARIANT: The mapping was found under this guard.
    Ok(vma.map(|vma| VmaGuard::Mmap { vma, _guard: guard }))
}

/// The longest name of a mapping, in bytes.
pub(crate) const VMA_NAME_MAX: usize = bindings::PATH_MAX as usize;

/// Which mapping it is: one of another file, or of another part of it, has another ID.
///
/// Two of the same may have one ID, where the description of the first is freed and its memory is
/// the second's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VmaId {
    /// The address of its description, not to be followed.
    vma: usize,
    source: bindings::memintro_vma_source,
}

/// What can be read from a mapping that is locked for reading.
///
/// # Examples
///
/// ```
/// use crate::abstractions::vma::{VmaExt, VmaId, VMA_NAME_MAX};
/// use kernel::{mm::virt::VmaRef, prelude::*};
///
/// fn show(vma: &VmaRef, last: VmaId) -> Result {
///     let mut buffer = KVec::from_elem(0, VMA_NAME_MAX, GFP_KERNEL)?;
///     if vma.id() != last && !vma.is_anonymous() && vma.perm().exec {
///         pr_info!("code of {:?}\n", vma.name(&mut buffer));
///     }
///     Ok(())
/// }
/// ```
pub(crate) trait VmaExt {
    /// Returns which mapping it is.
    fn id(&self) -> VmaId;

    /// Returns what the mapping allows.
    fn perm(&self) -> Perm;

    /// Returns whether it is private memory without a file.
    #[doc(alias = "vma_is_anonymous")]
    fn is_anonymous(&self) -> bool;

    /// Writes the name that `/proc/PID/maps` shows, and returns it.
    #[doc(alias = "get_vma_name")]
    fn name<'a>(&self, buffer: &'a mut [u8]) -> &'a [u8];
}

impl VmaExt for VmaRef {
    fn id(&self) -> VmaId {
        let mut source = bindings::memintro_vma_source::default();
        // SAFETY: A `&VmaRef` exists under a lock of the mapping only, which keeps its file, and
        // that its inode and superblock. The structure may be written.
        unsafe { bindings::memintro_vma_source(self.as_ptr(), &mut source) };
        VmaId {
            vma: self.as_ptr().addr(),
            source,
        }
    }

    #[inline]
    fn perm(&self) -> Perm {
        let flags = self.flags();
        Perm {
            read: flags & flags::READ != 0,
            write: flags & flags::WRITE != 0,
            exec: flags & flags::EXEC != 0,
            shared: flags & VM_MAYSHARE != 0,
        }
    }

    #[inline]
    fn is_anonymous(&self) -> bool {
        // SAFETY: A `&VmaRef` exists under a lock of the mapping only, with which the field does not
        // change.
        unsafe { (*self.as_ptr()).vm_ops }.is_null()
    }

    #[inline]
    fn name<'a>(&self, buffer: &'a mut [u8]) -> &'a [u8] {
        // SAFETY: A `&VmaRef` exists under a lock of the mapping only. That keeps its file, its
        // operations and its name: all are changed with the lock held for writing, and put by
        // remove_vma() after that. The buffer has the size that is passed.
        let length = unsafe {
            bindings::memintro_vma_name(self.as_ptr(), buffer.as_mut_ptr(), buffer.len())
        };
        buffer.get(..length).unwrap_or(&[])
    }
}
