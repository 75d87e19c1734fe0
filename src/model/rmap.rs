// SPDX-License-Identifier: GPL-2.0

//! Who maps physical memory.

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
    question::PhysicalQuestion,
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

/// Returns how many bytes of what a step found are mapped to the range from `first` to `last`; a
/// page that is mapped twice counts twice.
pub fn bytes_in(found: &Found<'_>, first: PhysAddr, last: PhysAddr) -> u64 {
    let pieces = found.pieces().filter(|piece| piece.kind == Kind::Leaf);
    let overlaps = pieces.map(|piece| {
        let end = piece.pa.wrapping_add(piece.size().wrapping_sub(1));
        let (start, end) = (piece.pa.max(first).0, end.min(last).0);
        match end.checked_sub(start) {
            Some(rest) => rest.saturating_add(1),
            None => 0,
        }
    });
    overlaps.fold(0, u64::saturating_add)
}

/// Writes the header of the rows that answer a question.
pub fn header(question: &PhysicalQuestion, line: &mut Line<'_>) {
    let header: &[u8] = match question {
        PhysicalQuestion::Page(_) => b"PID VA PAGE PERM COMM",
        PhysicalQuestion::Range(..) => b"PID KB COMM",
        PhysicalQuestion::Kernel(_) => b"VA PAGE PERM REGION",
    };
    line.put(header).end();
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

/// Writes the row of a process that maps something of a range.
pub fn range_row(line: &mut Line<'_>, pid: u32, bytes: u64, comm: &[u8]) {
    line.dec(u64::from(pid))
        .put_byte(b' ')
        .dec(bytes >> 10)
        .put_byte(b' ');
    put_name(line, comm);
    line.end();
}

/// Writes the row of a mapping of the kernel.
pub fn kernel_row(line: &mut Line<'_>, hit: &Hit, region: &str) {
    line.hex(hit.va.0).put_byte(b' ');
    put_page_size(line, hit.shift);
    line.put_byte(b' ');
    put_perm(line, hit.perm);
    line.put_byte(b' ').put(region.as_bytes()).end();
}

/// What a whole answer adds up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many rows.
    pub rows: u64,
    /// How many mappings there are in processes of other namespaces; of a range, how many of these
    /// processes map something.
    pub outside: u64,
    /// How many processes could not be read.
    pub busy: u64,
    /// Of a range, how many bytes the processes map that have a row.
    pub bytes: u64,
    /// Of a range, how many bytes the processes of other namespaces map.
    pub outside_bytes: u64,
}

impl Totals {
    /// Writes the totals of the answer to a question as `key=value`.
    pub fn put(&self, line: &mut Line<'_>, question: &PhysicalQuestion) {
        line.put(b" rows=").dec(self.rows);
        if let PhysicalQuestion::Kernel(_) = question {
            return;
        }
        line.put(b" outside=").dec(self.outside);
        line.put(b" busy=").dec(self.busy);
        if let PhysicalQuestion::Range(..) = question {
            line.put(b" kb=").dec(self.bytes >> 10);
            line.put(b" outside_kb=").dec(self.outside_bytes >> 10);
        }
    }
}
