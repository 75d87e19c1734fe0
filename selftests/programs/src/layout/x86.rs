// SPDX-License-Identifier: GPL-2.0

//! Intel SDM volume 3, "Paging"; Documentation/arch/x86/x86_64/5level-paging.rst.

use std::sync::OnceLock;

use crate::prelude::*;

/// How many bits user addresses may have, the most first.
pub const BITS: [u32; 2] = [56, 47];
/// The first table has as many entries as a page holds.
pub const FULL_TOP: bool = true;
/// How many entries the TLB may hold as one.
pub const RUN: usize = 1;
/// The same of huge pages.
pub const RUN_HUGE: usize = 1;

const PRESENT: u64 = 1;
const WRITE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
const ACCESSED: u64 = 1 << 5;
/// The second one is a shadow stack's, kept by software.
const DIRTY: u64 = (1 << 6) | (1 << 58);
const GLOBAL: u64 = 1 << 8;
const NX: u64 = 1 << 63;

/// Where a table's entry leads.
pub fn next_table(value: u64) -> u64 {
    value & 0x000f_ffff_ffff_f000
}

/// Whether a kernel page's entry has what a flag tells of.
pub fn has_flag(value: u64, name: &str) -> bool {
    let bits = match name {
        "accessed" => ACCESSED,
        "dirty" => DIRTY,
        "global" => GLOBAL,
        _ => 0,
    };
    value & bits != 0
}

/// What the entries of all levels allow, the first `top` of them of the first
/// table: "Access Rights". With page-table isolation the kernel's copy of a
/// user's top entry forbids what the other copy allows.
pub fn permissions(values: &[u64], top: usize) -> String {
    static ISOLATION: OnceLock<bool> = OnceLock::new();
    let isolation = *ISOLATION.get_or_init(|| {
        fs::read_to_string("/proc/cpuinfo")
            .is_ok_and(|info| info.split_ascii_whitespace().any(|word| word == "pti"))
    });
    let mut allowed = !0;
    let mut forbidden = 0;
    for (depth, value) in values.iter().enumerate() {
        allowed &= value;
        let poisoned = isolation && depth < top && value & USER != 0;
        forbidden |= if poisoned { 0 } else { value & NX };
    }
    let letter = |set: bool, letter| if set { letter } else { '-' };
    [
        letter(allowed & PRESENT != 0, 'r'),
        letter(allowed & WRITE != 0, 'w'),
        letter(forbidden == 0, 'x'),
        if allowed & USER != 0 { 'u' } else { 'k' },
    ]
    .into_iter()
    .collect()
}
