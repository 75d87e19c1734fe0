// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/heapmax`: the process with the largest heap.

use crate::{
    abstractions::{
        mm::{
            Memories,
            MmExt, //
        },
        proc_fs::ProcFile,
        task::{
            TaskExt,
            TASK_COMM_LEN, //
        },
    },
    model::{
        name::until_nul,
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
use kernel::prelude::*;

/// The table, of one row.
pub(crate) struct HeapMax;

impl Table for HeapMax {
    type Data = ();

    const ACCESS: Access = Access::NoAddresses;

    fn write(_data: &(), file: &ProcFile, text: &mut Text) -> Result {
        let mut memories = Memories::new(file.pid_ns());
        let mut largest: Option<(u32, u64, [u8; TASK_COMM_LEN])> = None;

        text.line(rows::Heap::header)?;
        text.rows(|rcu, _line| {
            if let Some((pid, process, bytes)) = memories.next(rcu, MmExt::heap_size)? {
                // Among equals the first has the lowest PID.
                if largest.is_none_or(|(_, so_far, _)| bytes > so_far) {
                    largest = Some((pid.unsigned_abs(), bytes, process.comm()));
                }
            }
            Some(())
        })?;
        match largest {
            None => Ok(()),
            Some((pid, bytes, comm)) => text.line(|line| {
                let comm = until_nul(&comm);
                rows::Heap { pid, bytes, comm }.row(line);
            }),
        }
    }
}
