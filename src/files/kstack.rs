// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/kstack`: the kernel stack of every thread.

use crate::{
    abstractions::{
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
pub(crate) struct KernelStacks;

impl Table for KernelStacks {
    type Data = ();

    const ACCESS: Access = Access::Kernel;

    fn write(_data: &(), file: &ProcFile, text: &mut Text) -> Result {
        let ns = file.pid_ns();
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
