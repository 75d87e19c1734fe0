// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/vm`: what the memory of every process amounts to.

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
        task::TaskExt, //
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

/// The table.
pub(crate) struct MemoryTable;

impl<D: Sync> Table<D> for MemoryTable {
    // No address is shown, so an administrator may give the file to others.
    const ACCESS: Access = Access {
        capabilities: &[],
        confidential: false,
        addresses: false,
    };

    fn write(_data: &D, file: &ProcFile, text: &mut Text) -> Result {
        let mut memories = Memories::new(proc_pid_ns(file));

        text.line(rows::Memory::header)?;
        text.rows(|rcu, line| {
            let memory = memories.next(rcu, |mm| (mm.stat(), mm.heap_size()))?;
            if let Some((pid, process, (stat, heap))) = memory {
                rows::Memory {
                    pid: pid.unsigned_abs(),
                    vsz: stat.total_vm,
                    anon: stat.anon,
                    file: stat.file,
                    shmem: stat.shmem,
                    swap: stat.swap,
                    hugetlb: stat.hugetlb,
                    heap,
                    page_tables: stat.page_tables,
                    vmas: stat.mappings,
                    comm: until_nul(&process.comm()),
                }
                .row(line);
            }
            Some(())
        })
    }
}
