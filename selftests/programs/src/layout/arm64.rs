// SPDX-License-Identifier: GPL-2.0

//! Arm ARM D8, "VMSAv8-64 translation table format descriptors", 4K granule;
//! Documentation/arch/arm64/memory.rst.

use crate::sys::{PAGE, PAGE_RUN};

/// How many bits user addresses may have, the most first.
pub const BITS: [u32; 2] = if PAGE == 4 << 10 { [52, 48] } else { [52, 47] };
/// With five levels, or larger pages, the first table is small.
pub const FULL_TOP: bool = false;
/// How many ptes the TLB may hold as one.
pub const RUN: usize = PAGE_RUN / PAGE;
/// How many pmds.
pub const RUN_HUGE: usize = if PAGE == 4 << 10 { 16 } else { 32 };

/// AP[1]: user code may access it.
const USER: u64 = 1 << 6;
/// AP[2]: writing faults.
const READ_ONLY: u64 = 1 << 7;
const ACCESSED: u64 = 1 << 10;
const NOT_GLOBAL: u64 = 1 << 11;
/// DBM: a first write makes it writable.
const MODIFIER: u64 = 1 << 51;
const PRIVILEGED_NX: u64 = 1 << 53;
const USER_NX: u64 = 1 << 54;
/// Linux's own note that it was written.
const SOFT_DIRTY: u64 = 1 << 55;

/// Where a table's entry leads; bits 50 and 51 of an address are in 8 and 9.
pub fn next_table(value: u64) -> u64 {
    (value & 0x0003_ffff_ffff_f000 & !(PAGE as u64 - 1)) | (((value >> 8) & 3) << 50)
}

/// Whether a kernel page's entry has what a flag tells of.
pub fn has_flag(value: u64, name: &str) -> bool {
    match name {
        "accessed" => value & ACCESSED != 0,
        "dirty" => value & SOFT_DIRTY != 0 || value & (MODIFIER | READ_ONLY) == MODIFIER,
        "global" => value & NOT_GLOBAL == 0,
        _ => false,
    }
}

/// What the entry of the page allows: Linux takes nothing away by the levels
/// above. A page that user code may only execute has no USER.
pub fn permissions(values: &[u64], _top: usize) -> String {
    let value = values.last().copied().unwrap_or_default();
    let user = value & USER != 0 || value & USER_NX == 0;
    let exec = value & if user { USER_NX } else { PRIVILEGED_NX } == 0;
    let letter = |set: bool, letter| if set { letter } else { '-' };
    [
        letter(!user || value & USER != 0, 'r'),
        letter(value & MODIFIER != 0, 'w'),
        letter(exec, 'x'),
        if user { 'u' } else { 'k' },
    ]
    .into_iter()
    .collect()
}
