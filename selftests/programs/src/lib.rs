// SPDX-License-Identifier: GPL-2.0

//! What the selftest programs share: system calls as safe functions, the
//! makers of every kind of page, and readers of `/proc`.
//!
//! Nothing here knows how memintro computes an answer: every expected value
//! comes from a file that the project did not write.

pub mod answer;
pub mod ask;
pub mod churn;
mod commands;
pub mod error;
pub mod extents;
pub mod faults;
pub mod fuzz;
pub mod judge;
pub mod kcore;
pub mod kinds;
pub mod layout;
pub mod levels;
pub mod maps;
pub mod memory;
pub mod options;
pub mod pagemap;
pub mod patience;
pub mod prelude;
pub mod proc;
pub mod random;
pub mod reference;
pub mod settle;
pub mod stall;
pub mod stress;
pub mod sys;
pub mod text;
pub mod witness;
pub mod zeros;

pub use commands::main;
