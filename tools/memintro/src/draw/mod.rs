// SPDX-License-Identifier: GPL-2.0

//! Text and pictures of what was understood. Nothing here asks anything.

pub mod bar;
pub mod contiguous;
pub mod explain;
pub mod grid;
pub mod map;
pub mod shared;
pub mod svg;
pub mod watch;
pub mod who;
pub mod wx;
