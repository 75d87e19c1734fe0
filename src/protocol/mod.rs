// SPDX-License-Identifier: GPL-2.0

//! What open files have in common: tables that are snapshots, conversations, and whose memory a
//! question is about.
#![deny(unsafe_code)]

pub(crate) mod access;
pub(crate) mod conversation;
pub(crate) mod range;
pub(crate) mod snapshot;
pub(crate) mod visit;
