// SPDX-License-Identifier: GPL-2.0

//! What the commands do: they ask the files, and draw what these say.

mod contiguous;
mod doctor;
mod explain;
mod map;
mod metrics;
mod process;
mod questions;
mod shared;
mod tables;
mod watch;
mod who;
mod wx;

use crate::{
    cli::Command,
    failure::Result,
    look::Look, //
};

/// Runs a command; false if something was not answered.
pub fn run(command: Command, look: &Look) -> Result<bool> {
    match command {
        Command::Tasks(args) => tables::run("tasks", &args),
        Command::Vm(args) => tables::run("vm", &args),
        Command::Heapmax(args) => tables::run("heapmax", &args),
        Command::Kstack(args) => tables::run("kstack", &args),
        Command::Kmem(args) => tables::run("kmem", &args),
        Command::Layout(args) => tables::run("layout", &args),
        Command::Walk(args) => questions::run("walk", &args),
        Command::Vmas(args) => questions::run("vmas", &args),
        Command::Extents(args) => questions::run("extents", &args),
        Command::Rmap(args) => questions::run("rmap", &args),
        Command::Page(args) => questions::run("page", &args),
        Command::Tables(args) => questions::run("tables", &args),
        Command::Explain(args) => explain::run(&args, &look.here()),
        Command::Map(args) => map::run(&args, &look.here()),
        Command::Who(args) => who::run(&args, &look.here()),
        Command::Shared(args) => shared::run(&args, &look.here()),
        Command::Contiguous(args) => contiguous::run(&args, &look.here()),
        Command::Watch(args) => watch::run(&args, &look.here()),
        Command::Wx(args) => wx::run(&args, &look.here()),
        Command::Metrics => metrics::run(),
        Command::Doctor => doctor::run(),
    }
}
