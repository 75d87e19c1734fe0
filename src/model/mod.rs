// SPDX-License-Identifier: GPL-2.0

//! The part of memintro that needs no kernel.
//!
//! Everything here is a function of its arguments: how a question reads, what a page-table entry
//! means, how a walk goes from the top table to a page, how an answer is spelled. It uses `core`
//! alone, so that the same files are compiled into the module and, by cargo, into host tests,
//! property tests and fuzzers (`selftests/model`).
#![forbid(unsafe_code)]

pub mod addr;
pub mod answer;
mod digits;
pub mod end;
pub mod extents;
pub mod frame;
pub mod layout;
pub mod levels;
pub mod name;
pub mod page;
pub mod pgtable;
pub mod question;
pub mod queue;
pub mod range;
pub mod rmap;
pub mod rows;
pub mod tables;
pub mod text;
pub mod vmas;
pub mod walk;
pub mod words;

pub use addr::{
    PhysAddr,
    VirtAddr, //
};
