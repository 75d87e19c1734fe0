// SPDX-License-Identifier: GPL-2.0

//! `src/model`, unchanged, as a crate that `tests/` can use.
//!
//! Without `std` and with the kernel's lints, so that what builds here builds in the module.
#![no_std]
#![warn(missing_docs, rust_2018_idioms, unreachable_pub)]

#[path = "../../../src/model/mod.rs"]
pub mod model;
