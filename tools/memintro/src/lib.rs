// SPDX-License-Identifier: GPL-2.0

//! The client of the kernel module memintro: for people. Scripts use the files.
//!
//! What goes where: [`cli`] is the command line; `files` reads and asks the module's files;
//! `lines` understands their lines. `commands` has one file for each command that is more
//! than a table: it asks, and draws what was said with `bar`, `levels`, `svg`, and in the
//! words of `frame`, `verdict` and `human`.

mod bar;
pub mod cli;
mod commands;
mod files;
mod frame;
mod human;
mod json;
mod levels;
mod lines;
mod look;
mod physical;
mod svg;
mod verdict;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{CommandFactory, Parser};
use clap_complete::CompleteEnv;

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
    let _ = io::stderr().write_all(format!("memintro: {text}\n").as_bytes());
    ExitCode::from(status)
}

/// Why a command ended early; texts say what to do where something can be done.
#[derive(Debug)]
pub enum Failure {
    /// The command line makes no sense.
    Misuse(String),
    /// The module cannot be asked, or did not answer.
    Unanswered(String),
    /// Nobody reads what is written any more.
    Closed,
}

impl Failure {
    /// As [`Failure::Unanswered`].
    pub fn unanswered(text: impl Into<String>) -> Self {
        Self::Unanswered(text.into())
    }

    /// An error of what is written to.
    pub fn of_output(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Unanswered(format!("standard output: {error}")),
        }
    }
}

/// What commands and their parts give.
pub type Result<T> = std::result::Result<T, Failure>;
