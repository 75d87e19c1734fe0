// SPDX-License-Identifier: GPL-2.0

//! Memory of the module's own.

use super::{
    bindings,
    pgtable::untagged_addr, //
};
use crate::model::addr::VirtAddr;
use kernel::prelude::*;

/// Where memory is, and its size in bytes.
///
/// # Examples
///
/// ```
/// use crate::abstractions::own::Area;
///
/// let bytes = KVec::from_elem(0, 4096, GFP_KERNEL)?;
/// let area = Area::of(&bytes);
/// pr_info!("{} bytes at {:x}\n", area.size, area.va.0);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    /// The address of the first byte, without a tag: one that the page tables know.
    pub(crate) va: VirtAddr,
    /// The size in bytes.
    pub(crate) size: u64,
}

impl Area {
    /// Returns where a slice is.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        // CAST: addresses and sizes have 64 bits.
        Area {
            va: untagged_addr(VirtAddr(bytes.as_ptr().addr() as u64)),
            size: bytes.len() as u64,
        }
    }
}

/// Returns where memory is that the module has without having allocated it: its code, its writable
/// data, a per-cpu variable, that of the first CPU, and the kernel stack of the current task.
///
/// # Examples
///
/// ```
/// use crate::abstractions::own::own;
///
/// fn size_of_code(module: &'static ThisModule) -> u64 {
///     let [code, _data, _percpu, _stack] = own(module);
///     code.size
/// }
/// ```
pub(crate) fn own(module: &'static ThisModule) -> [Area; 4] {
    let mut areas = [bindings::memintro_area::default(); 4];
    // SAFETY: The module is this one: its description stays while its code runs, and its memory was
    // laid out before. The function writes four areas.
    unsafe { bindings::memintro_own_memory(module.as_ptr(), areas.as_mut_ptr()) };
    areas.map(|bindings::memintro_area { va, size }| Area {
        va: untagged_addr(VirtAddr(va)),
        size,
    })
}
