// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/tasks`: every process.

use crate::{
    abstractions::{
        file::{
            proc_pid_ns,
            Access, //
        },
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
    protocol::snapshot::{
        Table,
        Text, //
    },
};
use kernel::prelude::*;

/// The table.
pub(crate) struct TaskTable;

impl<D: Sync> Table<D> for TaskTable {
    // No address is shown, so an administrator may give the file to others.
    const ACCESS: Access = Access {
        capabilities: &[],
        confidential: false,
        addresses: false,
    };

    fn write(_data: &D, file: &ProcFile, text: &mut Text) -> Result {
        let ns = proc_pid_ns(file);
        let mut processes = Tasks::new(ns, PidType::Process);

        text.line(rows::Task::header)?;
        text.rows(|rcu, line| {
            let (pid, Some(task)) = processes.next(rcu)? else {
                return Some(());
            };
            rows::Task {
                pid: pid.unsigned_abs(),
                ppid: task.ppid(ns).unsigned_abs(),
                uid: task.euid_for(file, rcu),
                state: task.state(),
                threads: task.threads(),
                comm: until_nul(&task.comm()),
            }
            .row(line);
            Some(())
        })
    }
}
