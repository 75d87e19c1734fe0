// SPDX-License-Identifier: GPL-2.0

//! The kernel's own page tables.
//!
//! # What keeps a table from being freed while it is read
//!
//! No lock that a module can take: those that vmalloc's huge mappings, module text, memory hotplug
//! and ptdump use are not exported. So a table is treated as memory that may be freed at any time:
//!
//! - Entries are copied by `copy_from_kernel_nofault()`, and a table is entered only where its
//!   frame has memory behind it that may be read. A freed table is read as what the page holds
//!   now, without a fault and without a write.
//! - Interrupts are off, which on x86 holds back most frees: they wait for an interprocessor
//!   interrupt. On arm64 they do not wait; there only the other two help.
//! - [`crate::model::walk::walk_twice`] uses only what two consecutive walks agree on;
//!   [`crate::model::range::step`] reads the entries above a table again after those in it.
//!
//! Nothing here sleeps.

use super::{
    bindings,
    compat::{
        local_interrupt_disable,
        LocalInterruptDisabled, //
    },
    pgtable::{
        entry_at,
        paging, //
    },
    vma::Unavailable, //
};
use crate::model::{
    addr::{
        PhysAddr,
        VirtAddr, //
    },
    pgtable::{
        Entry,
        Kind,
        Level,
        PageTables,
        Paging,
        Reading, //
    },
    range::{
        before_table,
        step,
        BulkTables,
        Found,
        Many, //
    },
};
use kernel::prelude::*;

/// What might be a table of a level.
#[derive(Clone, Copy)]
pub(crate) struct KernelTable {
    level: Level,
    table: *const c_void,
}

impl KernelTable {
    /// Reads entries from `first` on.
    fn read(self, first: c_uint, entries: &mut [Entry]) {
        // CAST: a table has at most 65536 entries.
        let count = entries.len() as c_uint;
        // SAFETY: `entries` has room for `count`. The table may be read whatever it is: it is copied
        // from with faults handled.
        unsafe {
            bindings::memintro_read_kernel_entries(
                self.level as c_uint,
                self.table,
                first,
                count,
                entries.as_mut_ptr(),
            );
        }
    }
}

/// The page tables behind kernel addresses.
///
/// # Examples
///
/// ```
/// use crate::{
///     abstractions::{
///         compat::local_interrupt_disable,
///         kernel_pgtable::{pa_linear, region, KernelTable, KernelTables},
///     },
///     model::{pgtable::PageTables, walk::walk_twice, VirtAddr},
/// };
///
/// let va = VirtAddr(0xffff_8880_0000_0000);
/// let irq = local_interrupt_disable();
/// let tables = KernelTables::new(&irq);
/// let _pgd: KernelTable = tables.root();
/// if let Ok(page) = walk_twice(&tables, va, None) {
///     let region = region(va, Some(page.pa));
///     // Where the linear map is, its formula gives the same.
///     pr_info!("{region}: {:x}, {:x}\n", page.pa.0, pa_linear(va).0);
/// }
/// ```
pub(crate) struct KernelTables<'a> {
    paging: Paging,
    _irq: &'a LocalInterruptDisabled,
}

impl<'a> KernelTables<'a> {
    /// Gives access to the kernel's tables while interrupts are off.
    #[inline]
    pub(crate) fn new(irq: &'a LocalInterruptDisabled) -> Self {
        KernelTables {
            paging: paging().0,
            _irq: irq,
        }
    }
}

impl PageTables for KernelTables<'_> {
    type Table = KernelTable;

    fn paging(&self) -> &Paging {
        &self.paging
    }

    fn root(&self) -> KernelTable {
        KernelTable {
            level: self.paging.top,
            table: bindings::memintro_kernel_pgd(),
        }
    }

    fn root_pa(&self) -> PhysAddr {
        // CAST: addresses have 64 bits.
        pa_linear(VirtAddr(self.root().table.addr() as u64))
    }

    fn read(&self, table: KernelTable, va: VirtAddr) -> Option<Reading<KernelTable>> {
        let level = table.level;
        // CAST: a table has at most 65536 entries.
        let index = self.paging.index(level, va) as c_uint;
        let mut entry = Entry::default();
        table.read(index, core::slice::from_mut(&mut entry));
        let next = match (entry.kind(), level.below()) {
            (Kind::Table, Some(level)) => Some(KernelTable {
                level,
                table: bindings::memintro_kernel_table_at(entry.target),
            })
            .filter(|next| !next.table.is_null()),
            _ => None,
        };
        Some(Reading {
            at: entry_at(table.table, index),
            entry,
            next,
        })
    }
}

impl BulkTables for KernelTables<'_> {
    fn read_many(&self, table: KernelTable, va: VirtAddr, entries: &mut [Entry]) -> Option<Many> {
        let index = self.paging.index(table.level, va);
        let count = self
            .paging
            .entries_from(table.level, index)
            .min(entries.len());
        let entries = entries.get_mut(..count)?;
        // CAST: a table has at most 65536 entries.
        table.read(index as c_uint, entries);
        Some(Many {
            empty: 0,
            written: before_table(entries),
        })
    }
}

/// Finds what is behind `va` and the kernel addresses above it, as far as one table says.
///
/// Interrupts are off while it reads.
///
/// # Errors
///
/// [`Unavailable::Unstable`] if the tables kept changing.
///
/// # Examples
///
/// ```
/// use crate::{
///     abstractions::{kernel_pgtable::step_kernel, vma::Unavailable},
///     model::{
///         pgtable::Entry,
///         range::{Found, STEP_ENTRIES},
///         VirtAddr,
///     },
/// };
///
/// fn first(entries: &mut [Entry]) -> Result<Found<'_>, Unavailable> {
///     step_kernel(VirtAddr(0xffff_8880_0000_0000), VirtAddr::MAX, entries)
/// }
/// ```
pub(crate) fn step_kernel(
    va: VirtAddr,
    last: VirtAddr,
    buffer: &mut [Entry],
) -> Result<Found<'_>, Unavailable> {
    let irq = local_interrupt_disable();
    step(&KernelTables::new(&irq), va, last, None, buffer).ok_or(Unavailable::Unstable)
}

/// Returns what the formula of the linear map gives for a kernel address.
#[doc(alias = "__pa")]
#[inline]
pub(crate) fn pa_linear(va: VirtAddr) -> PhysAddr {
    PhysAddr(bindings::memintro_pa_linear(va.0))
}

/// Returns the name of the region of the kernel's half that an address lies in.
///
/// `pa` is what the page tables say of it, if it is mapped.
pub(crate) fn region(va: VirtAddr, pa: Option<PhysAddr>) -> &'static str {
    let pa = pa.map_or(bindings::MEMINTRO_NO_PA, |pa| pa.0);
    // SAFETY: The function returns string literals.
    let name = unsafe { CStr::from_char_ptr(bindings::memintro_region(va.0, pa)) };
    name.to_str().unwrap_or("other")
}

/// The text about the symbol at or before a kernel address.
///
/// # Examples
///
/// ```
/// use crate::{abstractions::kernel_pgtable::SymbolText, model::VirtAddr};
///
/// let text = SymbolText::at(VirtAddr(0xffff_ffff_8100_0000));
/// let symbol = core::str::from_utf8(text.as_bytes()).unwrap_or("-");
/// pr_info!("{symbol}\n");
/// ```
pub(crate) struct SymbolText {
    text: [u8; bindings::MEMINTRO_SYMBOL_MAX],
    len: usize,
}

impl SymbolText {
    /// Looks a symbol up.
    ///
    /// A module's symbols stay while they are looked up: RCU keeps the module, as in
    /// `sprint_symbol()`; its name and theirs are copied.
    ///
    /// Context: any that RCU watches.
    #[doc(alias = "sprint_symbol")]
    pub(crate) fn at(va: VirtAddr) -> Self {
        let mut text = [0; bindings::MEMINTRO_SYMBOL_MAX];
        // SAFETY: `text` may be written, and has as much room as the function wants.
        let len = unsafe { bindings::memintro_symbol(va.0, text.as_mut_ptr()) };
        SymbolText {
            text,
            len: len as usize,
        }
    }

    /// Returns `name+offset/size [module]`, or an address if there is no symbol.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or(&[])
    }
}
