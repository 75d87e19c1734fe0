// SPDX-License-Identifier: GPL-2.0

//! What the kernel records of page frames: `struct page`, and the folio that it belongs to.
//!
//! # What keeps it from being freed while it is read
//!
//! - A `struct page` goes when its memory is removed (memory hotplug). [`Watch`] hears of that
//!   after the memory was marked offline and before its pages are freed, and waits for a grace
//!   period. So whoever saw in an RCU read-side critical section that memory is online may read its
//!   pages to the end of that section. Pages of devices and of memory that is offline are not read.
//! - The descriptions of sections, which say whether a page is there, are never freed, nor is their
//!   table: what is absent is skipped by them.
//! - The folio of a page may be split, freed or used for something else at any time: no reference
//!   is taken, which could keep it. The description of its first page is memory that is online too.
//!   What was read may be of two times: whatever says what the page is used for is read once more
//!   at the end, and [`crate::model::page::settle`] begins anew where it changed.
//! - A memory cgroup, of which `page_cgroup_ino()` tells the inode, is freed through RCU.
//! - The inode of a file is freed through RCU, after its pages were taken from it. But a page that
//!   is no file's may hold anything where the others hold their mapping: so that is followed by
//!   copies that cannot fault, and used where the inode says that the mapping is its own.
//!
//! C headers: [`include/linux/page-flags.h`](srctree/include/linux/page-flags.h),
//! [`include/linux/memory_hotplug.h`](srctree/include/linux/memory_hotplug.h)

use super::bindings;
use crate::model::{
    addr::Pfn,
    frame::{
        FolioRun,
        Frame,
        Run, //
    },
    pgtable::Entry, //
};
use kernel::{
    error::to_result,
    prelude::*,
    sync::rcu, //
};

/// Watches memory being taken away, for as long as it exists; there is one at most.
///
/// Without it no memory counts as online.
///
/// # Invariants
///
/// The notifier is registered.
///
/// # Examples
///
/// ```
/// use crate::{
///     abstractions::page::{
///         count_folios, count_frames, folios_behind, node_ids, read_frame, Watch,
///     },
///     model::{
///         addr::Pfn,
///         frame::{FolioRun, Frame, Run},
///         pgtable::Entry,
///     },
/// };
/// use kernel::sync::rcu;
///
/// let watch = Watch::new()?;
/// {
///     let rcu = rcu::read_lock();
///     let mut frame = Frame::default();
///     if read_frame(Pfn(0x100), &mut frame, &rcu) {
///         pr_info!("order {}\n", frame.order);
///     }
///     let mut room = [Run::default(); 8];
///     let runs = count_frames(Pfn(0), Pfn(0x1000), &mut room, &rcu);
///     let mut room = [FolioRun::default(); 8];
///     let folios = count_folios(Pfn(0), Pfn(0x1000), &mut room, &rcu);
///     pr_info!("{}, {}, {} nodes\n", runs.len(), folios.len(), node_ids());
///     let entries = [Entry::default(); 2];
///     pr_info!("{} runs\n", folios_behind(&entries, &mut room, &rcu).len());
/// }
/// drop(watch);
/// # Ok::<(), Error>(())
/// ```
#[doc(alias = "register_memory_notifier")]
pub(crate) struct Watch(());

impl Watch {
    /// Begins to watch.
    ///
    /// Context: process context, may sleep.
    pub(crate) fn new() -> Result<Self> {
        to_result(bindings::memintro_watch_memory())?;
        // INVARIANT: It was just registered.
        Ok(Watch(()))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        bindings::memintro_unwatch_memory();
    }
}

/// Reads what is recorded of a frame, once; `false` if what it is used for changed meanwhile.
///
/// Context: any that RCU watches.
#[doc(alias = "snapshot_page")]
pub(crate) fn read_frame(pfn: Pfn, frame: &mut Frame, _rcu: &rcu::Guard) -> bool {
    // SAFETY: `frame` may be written. The guard proves that this is an RCU read-side critical
    // section, which keeps the struct pages of memory that is online, that of the frame and those
    // of its folio, and the inode: see the module's documentation.
    unsafe { bindings::memintro_read_page(pfn.0, frame) }
}

/// Reads the traits of the frames from `first` to `last`, as far as there is room and patience.
///
/// Returns the runs of frames that have the same.
///
/// Context: as above; some hundred microseconds.
pub(crate) fn count_frames<'a>(
    first: Pfn,
    last: Pfn,
    room: &'a mut [Run],
    _rcu: &rcu::Guard,
) -> &'a [Run] {
    // CAST: there is room for some hundreds.
    // SAFETY: `room` may be written, as much as is said. The guard proves the same as above.
    let count = unsafe {
        bindings::memintro_count_pages(first.0, last.0, room.as_mut_ptr(), room.len() as c_uint)
    };
    room.get(..count as usize).unwrap_or(&[])
}

/// Returns what the number of every NUMA node is below.
#[doc(alias = "nr_node_ids")]
pub(crate) fn node_ids() -> usize {
    bindings::memintro_node_ids() as usize
}

/// Reads which folios the frames from `first` to `last` belong to, as far as there is room and
/// patience.
///
/// Returns the runs of frames that are in folios of one size on one node.
///
/// Context: as above.
#[doc(alias = "folio_order")]
pub(crate) fn count_folios<'a>(
    first: Pfn,
    last: Pfn,
    room: &'a mut [FolioRun],
    _rcu: &rcu::Guard,
) -> &'a [FolioRun] {
    // CAST: there is room for some hundreds.
    // SAFETY: `room` may be written, as much as is said. The guard proves the same as above.
    let count = unsafe {
        bindings::memintro_count_folios(first.0, last.0, room.as_mut_ptr(), room.len() as c_uint)
    };
    room.get(..count as usize).unwrap_or(&[])
}

/// Reads which folios the pages that entries lead to belong to, as far as there is room; the
/// entries are leaves, each for one page.
///
/// Context: as above.
pub(crate) fn folios_behind<'a>(
    entries: &[Entry],
    room: &'a mut [FolioRun],
    _rcu: &rcu::Guard,
) -> &'a [FolioRun] {
    // CAST: a table has at most 65536 entries, and there is room for some hundreds.
    // SAFETY: `entries` may be read and `room` written, as much as is said. The guard proves the
    // same as above.
    let count = unsafe {
        bindings::memintro_folios_behind(
            entries.as_ptr(),
            entries.len() as c_uint,
            room.as_mut_ptr(),
            room.len() as c_uint,
        )
    };
    room.get(..count as usize).unwrap_or(&[])
}
