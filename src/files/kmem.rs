// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/kmem`: kinds of kernel memory, and where they are in physical memory.
//!
//! Shows that the formula of the linear map, `__pa()`, holds for kmalloc memory only: the page
//! tables say where everything else is.

use crate::{
    abstractions::{
        kernel_pgtable::{
            pa_linear,
            step_kernel, //
        },
        own::{
            own,
            Area, //
        },
        proc_fs::ProcFile,
    },
    model::{
        extents::Extents,
        pgtable::Entry,
        range::STEP_ENTRIES,
        rows, //
    },
    protocol::{
        access::Access,
        snapshot::{
            Table,
            Text, //
        },
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// The size of each sample.
const SAMPLE_SIZE: usize = 64 << 10;

/// The record that each sample begins with: `id` at 0 and `value` at 8, for another module to
/// read.
const ID: i64 = 1530;
const VALUE: i32 = 50;

/// Memory that the module allocates when it is loaded, and keeps.
pub(crate) struct Samples {
    kmalloc: KVec<u8>,
    vmalloc: VVec<u8>,
    module: &'static ThisModule,
}

impl Samples {
    /// Allocates the samples.
    pub(crate) fn new(module: &'static ThisModule) -> Result<Arc<Self>> {
        let mut samples = Samples {
            kmalloc: KVec::from_elem(0, SAMPLE_SIZE, GFP_KERNEL)?,
            vmalloc: VVec::from_elem(0, SAMPLE_SIZE, GFP_KERNEL)?,
            module,
        };
        for sample in [&mut samples.kmalloc[..], &mut samples.vmalloc[..]] {
            let record = Iterator::chain(ID.to_ne_bytes().into_iter(), VALUE.to_ne_bytes());
            for (to, from) in sample.iter_mut().zip(record) {
                *to = from;
            }
        }
        Ok(Arc::new(samples, GFP_KERNEL)?)
    }
}

/// The table.
pub(crate) struct KernelMemoryTable;

impl Table for KernelMemoryTable {
    type Data = Arc<Samples>;

    const ACCESS: Access = Access::KernelPhysical;

    fn write(samples: &Arc<Samples>, _file: &ProcFile, text: &mut Text) -> Result {
        let [code, data, percpu, stack] = own(samples.module);
        let mut buffer = KVec::from_elem(Entry::default(), STEP_ENTRIES, GFP_KERNEL)?;

        text.line(rows::KernelMemory::header)?;
        for (kind, area) in [
            ("kmalloc", Area::of(&samples.kmalloc)),
            ("vmalloc", Area::of(&samples.vmalloc)),
            ("module-text", code),
            ("module-data", data),
            ("percpu", percpu),
            ("kernel-stack", stack),
        ] {
            let row = examine(kind, area, &mut buffer)?;
            text.line(|line| row.row(line))?;
        }
        Ok(())
    }
}

/// Walks the page tables behind an area of memory.
fn examine(kind: &'static str, area: Area, buffer: &mut [Entry]) -> Result<rows::KernelMemory> {
    let mut extents = Extents::default();
    let mut walked = None;
    let last = area.va.wrapping_add(area.size - 1);
    let mut va = area.va;
    loop {
        let found = step_kernel(va, last, buffer).map_err(|_unstable| EAGAIN)?;
        for piece in found.pieces() {
            if piece.start == area.va && piece.is_present() {
                walked = Some((piece.pa, piece.shift));
            }
            extents.push(&piece);
            va = piece.last;
        }
        if va >= last {
            break;
        }
        va = va.wrapping_add(1);
    }
    Ok(rows::KernelMemory {
        kind,
        va: area.va,
        size: area.size,
        pa_linear: pa_linear(area.va),
        walked,
        runs: extents.totals.runs,
    })
}
