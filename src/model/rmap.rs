// SPDX-License-Identifier: GPL-2.0

//! Who maps a physical address.

use super::{
    answer::{
        put_page_size,
        put_perm, //
    },
    name::put_name,
    pgtable::{
        flags,
        Kind, //
    },
    range::Found,
    text::Line,
    PhysAddr,
    VirtAddr, //
};

/// No row is longer: a name of 15 bytes, each of which may become four, and 40 bytes before it.
pub const ROW_MAX: usize = 112;

/// One mapping of a physical address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The virtual address that maps it.
    pub va: VirtAddr,
    /// The size of the page is `1 << shift` bytes.
    pub shift: u8,
    /// The permissions over all levels.
    pub perm: u32,
}

/// Returns the mappings of `pa` among what a step found.
pub fn hits<'a>(found: &'a Found<'a>, pa: PhysAddr) -> impl Iterator<Item = Hit> + 'a {
    let first = found.first();
    (0u64..)
        .zip(found.entries)
        .filter_map(move |(number, entry)| {
            let offset = pa.0.wrapping_sub(entry.target);
            if offset >= found.span || entry.kind() != Kind::Leaf {
                return None;
            }
            let va = first.wrapping_add(number * found.span + offset);
            // A huge page may begin before the range, or end after it.
            (va >= found.va && va <= found.last).then_some(Hit {
                va,
                shift: entry.page_shift,
                perm: found.perm & entry.flags & flags::PERM,
            })
        })
}

/// Writes the header of `rmap`.
pub fn header(line: &mut Line<'_>) {
    line.put(b"PID VA PAGE PERM COMM").end();
}

/// Writes the row of a mapping.
pub fn row(line: &mut Line<'_>, pid: u32, hit: &Hit, comm: &[u8]) {
    line.dec(u64::from(pid))
        .put_byte(b' ')
        .hex(hit.va.0)
        .put_byte(b' ');
    put_page_size(line, hit.shift);
    line.put_byte(b' ');
    put_perm(line, hit.perm);
    line.put_byte(b' ');
    put_name(line, comm);
    line.end();
}

/// What a whole answer adds up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many rows.
    pub rows: u64,
    /// How many mappings there are in processes of other namespaces.
    pub outside: u64,
    /// How many processes could not be read.
    pub busy: u64,
}

impl Totals {
    /// Writes the totals as `key=value`.
    pub fn put(&self, line: &mut Line<'_>) {
        line.put(b" rows=").dec(self.rows);
        line.put(b" outside=").dec(self.outside);
        line.put(b" busy=").dec(self.busy);
    }
}
