// SPDX-License-Identifier: GPL-2.0

//! What must hold for `src/model`, whatever bytes come in.
//!
//! Each module is a fuzz target, or two: its `check` makes something of the bytes, asks the model, and
//! panics if the answer breaks a promise. `../tests/corpus.rs` runs the same functions over the
//! inputs that are kept, so that they need no fuzzer to be worth something.

pub mod answers;
mod input;
mod lines;
pub mod page;
pub mod questions;
pub mod queue;
pub mod range;
pub mod rows;
pub mod walk;

/// A function that panics if the model breaks a promise.
pub type Check = fn(&[u8]);

/// All targets by name.
pub const TARGETS: [(&str, Check); 8] = [
    ("answers", answers::check),
    ("names", rows::check_name),
    ("page", page::check),
    ("questions", questions::check),
    ("queue", queue::check),
    ("range", range::check),
    ("rows", rows::check),
    ("walk", walk::check),
];
