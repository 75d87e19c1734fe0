// SPDX-License-Identifier: GPL-2.0

//! Why a command ended early.

use std::io;

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
