// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/vm`: what the memory of every process amounts to.

use crate::{
    abstractions::{
        mm::{
            Memories,
            MmExt, //
        },
        proc_fs::ProcFile,
        task::TaskExt, //
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

/// The table.
pub(crate) struct MemoryTable;

impl Table for MemoryTable {
    type Data = ();

    const ACCESS: Access = Access::NoAddresses;

    fn write(_data: &(), file: &ProcFile, text: &mut Text) -> Result {
        let mut memories = Memories::new(file.pid_ns());

        text.line(rows::Memory::header)?;
        text.rows(|rcu, line| {
            let memory = memories.next(rcu, |mm| (mm.stat(), mm.heap_size()))?;
            if let Some((pid, process, (stat, heap))) = memory {
                rows::Memory {
                    pid: pid.unsigned_abs(),
                    stat,
                    heap,
                    comm: until_nul(&process.comm()),
                }
                .row(line);
            }
            Some(())
        })
    }
}
