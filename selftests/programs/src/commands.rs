// SPDX-License-Identifier: GPL-2.0

//! The programs: one file holds them all, and which of them runs its name says, or
//! its first word.

use std::process::ExitCode;

mod bad_buffer;
mod check_snapshot;
mod compare_extents;
mod compare_heapmax;
mod compare_kernel;
mod compare_kstack;
mod compare_reference;
mod compare_rmap;
mod compare_runs;
mod compare_tasks;
mod compare_vm;
mod compare_vmas;
mod compare_walk;
mod converse;
mod fail_nth;
mod fuzz;
mod heap;
mod hog;
mod kill_readers;
mod lazy;
mod odd_maps;
mod pagemap;
mod raw_question;
mod shared;
mod spawn;
mod stall;
mod storm;
mod stress;
mod subject;
mod walk_million;

/// Every program, by name.
const COMMANDS: [(&str, fn() -> ExitCode); 30] = [
    ("bad-buffer", bad_buffer::main),
    ("check-snapshot", check_snapshot::main),
    ("compare-extents", compare_extents::main),
    ("compare-heapmax", compare_heapmax::main),
    ("compare-kernel", compare_kernel::main),
    ("compare-kstack", compare_kstack::main),
    ("compare-reference", compare_reference::main),
    ("compare-rmap", compare_rmap::main),
    ("compare-runs", compare_runs::main),
    ("compare-tasks", compare_tasks::main),
    ("compare-vm", compare_vm::main),
    ("compare-vmas", compare_vmas::main),
    ("compare-walk", compare_walk::main),
    ("converse", converse::main),
    ("fail-nth", fail_nth::main),
    ("fuzz", fuzz::main),
    ("heap", heap::main),
    ("hog", hog::main),
    ("kill-readers", kill_readers::main),
    ("lazy", lazy::main),
    ("odd-maps", odd_maps::main),
    ("pagemap", pagemap::main),
    ("raw-question", raw_question::main),
    ("shared", shared::main),
    ("spawn", spawn::main),
    ("stall", stall::main),
    ("storm", storm::main),
    ("stress", stress::main),
    ("subject", subject::main),
    ("walk-million", walk_million::main),
];

/// Runs the program that was called.
pub fn main() -> ExitCode {
    let name = crate::options::args().next().unwrap_or_default();
    match COMMANDS.iter().find(|(command, _)| *command == name) {
        Some((_, run)) => run(),
        None => {
            let names = COMMANDS.map(|(name, _)| name).join(" ");
            eprintln!("{name}? commands: {names}");
            ExitCode::from(2)
        }
    }
}
