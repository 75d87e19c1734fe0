// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/heapmax`: the process with the largest heap.

use crate::{
    abstractions::{
        file::{
            proc_pid_ns,
            Access, //
        },
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
    protocol::snapshot::{
        Table,
        Text, //
    },
};
use kernel::prelude::*;

/// The table, of one row.
pub(crate) struct HeapMax;

/// The largest heap so far.
struct Largest {
    pid: u32,
    bytes: u64,
    comm: [u8; TASK_COMM_LEN],
}

impl<D: Sync> Table<D> for HeapMax {
    // No address is shown, so an administrator may give the file to others.
    const ACCESS: Access = Access {
        capabilities: &[],
        confidential: false,
        addresses: false,
    };

    fn write(_data: &D, file: &ProcFile, text: &mut Text) -> Result {
        let mut memories = Memories::new(proc_pid_ns(file));
        let mut largest: Option<Largest> = None;

        text.line(rows::Heap::header)?;
        text.rows(|rcu, _line| {
            if let Some((pid, process, bytes)) = memories.next(rcu, MmExt::heap_size)? {
                // Among equals the first has the lowest PID.
                if largest.as_ref().is_none_or(|largest| bytes > largest.bytes) {
                    largest = Some(Largest {
                        pid: pid.unsigned_abs(),
                        bytes,
                        comm: process.comm(),
                    });
                }
            }
            Some(())
        })?;
        match largest {
            None => Ok(()),
            Some(Largest { pid, bytes, comm }) => text.line(|line| {
                let comm = until_nul(&comm);
                rows::Heap { pid, bytes, comm }.row(line);
            }),
        }
    }
}
