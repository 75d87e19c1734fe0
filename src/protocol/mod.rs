// SPDX-License-Identifier: GPL-2.0

//! What open files have in common: who may open them, tables that are snapshots, and conversations.
#![deny(unsafe_code)]

pub(crate) mod access;
mod bytes;
pub(crate) mod conversation;
pub(crate) mod mm_cache;
pub(crate) mod out;
pub(crate) mod question;
pub(crate) mod reader;
pub(crate) mod rows;
pub(crate) mod snapshot;
pub(crate) mod waiting;
