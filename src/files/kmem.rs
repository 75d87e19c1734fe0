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
            Piece, //
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

    const ACCESS: Access = Access::KERNEL_PHYSICAL;

    fn write(samples: &Arc<Samples>, _file: &ProcFile, text: &mut Text) -> Result {
        let own = own(samples.module);
        let mut buffer = KVec::from_elem(Entry::default(), STEP_ENTRIES, GFP_KERNEL)?;

        text.line(rows::KernelMemory::header)?;
        for (kind, piece) in [
            ("kmalloc", Piece::of(&samples.kmalloc)),
            ("vmalloc", Piece::of(&samples.vmalloc)),
            ("module-text", own.text),
            ("module-data", own.data),
            ("percpu", own.percpu),
            ("kernel-stack", own.stack),
        ] {
            let row = examine(kind, piece, &mut buffer)?;
            text.line(|line| row.row(line))?;
        }
        Ok(())
    }
}

/// Walks the page tables behind a piece of memory.
fn examine(kind: &'static str, piece: Piece, buffer: &mut [Entry]) -> Result<rows::KernelMemory> {
    let mut extents = Extents::default();
    let mut walked = None;
    let last = piece.va + (piece.size - 1);
    let mut va = piece.va;
    loop {
        let found = step_kernel(va, last, buffer).ok_or(EAGAIN)?;
        for part in found.pieces() {
            if part.start == piece.va && part.is_present() {
                walked = Some((part.pa, part.shift));
            }
            extents.push(&part);
            va = part.last;
        }
        if va >= last {
            break;
        }
        va += 1;
    }
    Ok(rows::KernelMemory {
        kind,
        va: piece.va,
        size: piece.size,
        pa_linear: pa_linear(piece.va),
        walked,
        runs: extents.totals.runs,
    })
}
