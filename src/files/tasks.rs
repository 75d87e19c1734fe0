// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/tasks`: every process.

use crate::{
    abstractions::{
        file::FileExt,
        proc_fs::ProcFile,
        task::{
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
pub(crate) struct TaskTable;

impl Table for TaskTable {
    type Data = ();

    const ACCESS: Access = Access::NoAddresses;

    fn write(_data: &(), file: &ProcFile, text: &mut Text) -> Result {
        let ns = file.pid_ns();
        let mut processes = Tasks::new(ns, PidType::Process);

        text.line(rows::Task::header)?;
        text.rows(|rcu, line| {
            let (pid, Some(task)) = processes.next(rcu)? else {
                return Some(());
            };
            rows::Task {
                pid: pid.unsigned_abs(),
                ppid: task.ppid(ns).unsigned_abs(),
                uid: file.uid_munged(task.cred(rcu).euid()),
                state: task.state(),
                threads: task.threads(),
                comm: until_nul(&task.comm()),
            }
            .row(line);
            Some(())
        })
    }
}
