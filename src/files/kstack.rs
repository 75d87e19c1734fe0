// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/kstack`: the kernel stack of every thread.

use crate::{
    abstractions::{
        file::{
            proc_pid_ns,
            Access,
            Capability, //
        },
        proc_fs::ProcFile,
        task::{
            KernelStack,
            PidType,
            TaskExt,
            Tasks, //
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

/// The table.
pub(crate) struct KernelStacks;

impl<D: Sync> Table<D> for KernelStacks {
    // Kernel addresses.
    const ACCESS: Access = Access {
        capabilities: &[Capability::Syslog],
        confidential: true,
        addresses: true,
    };

    fn write(_data: &D, file: &ProcFile, text: &mut Text) -> Result {
        let ns = proc_pid_ns(file);
        let mut threads = Tasks::new(ns, PidType::Thread);

        text.line(rows::KernelStack::header)?;
        text.rows(|rcu, line| {
            let (tid, Some(task)) = threads.next(rcu)? else {
                return Some(());
            };
            let KernelStack { stack, sp, size } = task.kernel_stack();
            rows::KernelStack {
                tid: tid.unsigned_abs(),
                pid: task.tgid_nr_ns(Some(ns)).unsigned_abs(),
                state: task.state(),
                stack,
                sp,
                size,
                comm: until_nul(&task.comm()),
            }
            .row(line);
            Some(())
        })
    }
}
