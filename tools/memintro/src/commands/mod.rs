// SPDX-License-Identifier: GPL-2.0

//! What the commands do: they ask the files, and draw what these say.

mod contiguous;
mod explain;
pub mod map;
mod metrics;
mod process;
mod questions;
mod shared;
mod tables;
mod watch;
mod who;
mod wx;

use std::{env, os::unix::process::CommandExt, path::Path};

use crate::{cli::Command, look::Look, Failure, Result};

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
        Command::Metrics(args) => metrics::run(&args),
        Command::Doctor => doctor(),
    }
}

/// Becomes the doctor, a script, which needs no module.
fn doctor() -> Result<bool> {
    let here = env::current_exe().unwrap_or_default();
    let here = here.parent().unwrap_or(Path::new("/"));
    // Beside this program; where it was installed; where cargo built it.
    for folder in [".", "../share/memintro", "../../.."] {
        let doctor = here.join(folder).join("doctor");
        if doctor.is_file() {
            let error = std::process::Command::new(&doctor).exec();
            return Err(Failure::unanswered(format!(
                "{}: {error}",
                doctor.display()
            )));
        }
    }
    Err(Failure::unanswered(
        "the doctor is not installed: it comes with the package, with make install, and in the source as \
         tools/doctor",
    ))
}
