// SPDX-License-Identifier: GPL-2.0

//! The client of the kernel module memintro: for people. Scripts use the files.
//!
//! What goes where: [`cli`] is the command line; `commands` has one file for each that is
//! more than a table; `files` reads and asks the module's files; `lines` understands
//! their lines; `draw` turns what was understood into text, and knows no file.

pub mod cli;
mod commands;
mod draw;
mod failure;
mod files;
mod human;
mod json;
mod lines;
mod look;
mod physical;
mod pids;
mod verdict;

use std::{io::Write, process::ExitCode};

use clap::{CommandFactory, Parser};
use clap_complete::CompleteEnv;

use failure::Failure;

/// Does what the command line says.
///
/// The exit status is 0, 1 if something was not answered, 2 on misuse.
pub fn main() -> ExitCode {
    // A shell asks for completions this way; not to be looked for at each start.
    if std::env::var_os("COMPLETE").is_some() {
        CompleteEnv::with_factory(cli::Cli::command)
            .bin("memintro")
            .completer("memintro")
            .complete();
    }
    let cli = cli::Cli::without_options(std::env::args_os()).unwrap_or_else(cli::Cli::parse);
    let look = cli.look.resolve();
    match commands::run(cli.command, &look) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        // Whoever reads has had enough.
        Err(Failure::Closed) => ExitCode::SUCCESS,
        Err(Failure::Misuse(text)) => complain(&text, 2),
        Err(Failure::Unanswered(text)) => complain(&text, 1),
    }
}

fn complain(text: &str, status: u8) -> ExitCode {
    // In one piece, as others may write there too; nobody is left to hear of an error.
    let _ = std::io::stderr().write_all(format!("memintro: {text}\n").as_bytes());
    ExitCode::from(status)
}
