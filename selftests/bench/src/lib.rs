// SPDX-License-Identifier: GPL-2.0

//! Benchmarks: what the guest measures, and what is made of it on the host.

pub mod clock;
pub mod command;
pub mod conversation;
pub mod memory;
pub mod pagemap;
pub mod plot;
pub mod results;
pub mod subject;
pub mod targets;
