// SPDX-License-Identifier: GPL-2.0

//! `/proc/PID/pagemap`: the kernel's own word on what backs a page.
//!
//! The crate procfs makes an object of each entry, and does not know guards.
//! Layout: Documentation/admin-guide/mm/pagemap.rst.

use crate::prelude::*;

const FRAME_MASK: u64 = (1 << 55) - 1;
const UFFD_WP: u64 = 1 << 57;
const GUARD_REGION: u64 = 1 << 58;
const SWAPPED: u64 = 1 << 62;
const PRESENT: u64 = 1 << 63;

/// One 64-bit entry of pagemap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry(pub u64);

impl Entry {
    /// The page frame number, if a page is present.
    pub fn frame(self) -> Option<u64> {
        (self.0 & PRESENT != 0).then_some(self.0 & FRAME_MASK)
    }

    /// Whether two readings say the same of where the page is.
    ///
    /// The soft-dirty and exclusive bits may change without a move.
    pub fn same_place(self, other: Self) -> bool {
        let place = PRESENT | SWAPPED | GUARD_REGION | FRAME_MASK;
        self.0 & place == other.0 & place
    }

    /// What pagemap knows of a page that is not present.
    ///
    /// It has no bits for poison markers and failed memory: both are `swap`
    /// or `none` here, as the kernel's version has it.
    pub fn word(self) -> &'static str {
        if self.0 & GUARD_REGION != 0 {
            "guard"
        } else if self.0 & PRESENT == 0 && self.0 & UFFD_WP != 0 && !self.has_swap_offset() {
            "uffd"
        } else if self.0 & SWAPPED != 0 {
            "swap"
        } else {
            "none"
        }
    }

    /// A marker is a swap entry of no device: its offset is the marker.
    fn has_swap_offset(self) -> bool {
        self.0 & SWAPPED != 0 && (self.0 & FRAME_MASK) >> 5 > 7
    }

    /// The physical address of `va`, or the word for a page not present.
    pub fn answer(self, va: usize) -> String {
        match self.frame() {
            Some(frame) => format!("{:#x}", frame * PAGE as u64 + (va % PAGE) as u64),
            None => self.word().to_owned(),
        }
    }
}

/// Entries that one read(2) gets.
const BATCH: u64 = 1 << 16;

/// An open pagemap.
pub struct Pagemap(pub File);

impl Pagemap {
    /// Opens the pagemap of a process: its number, or `self`.
    pub fn open(pid: &str) -> io::Result<Self> {
        File::open(format!("/proc/{pid}/pagemap")).map(Self)
    }

    /// Reads the entry of the page that `va` lies in.
    pub fn entry(&self, va: usize) -> io::Result<Entry> {
        let mut bytes = [0; 8];
        // Past the last user address pagemap ends: no page there.
        let n = self.0.read_at(&mut bytes, (va / PAGE * 8) as u64)?;
        let entry = Entry(u64::from_ne_bytes(bytes));
        match n {
            // Without CAP_SYS_ADMIN the frame reads as 0; so would the page
            // of a broken test pass for equal.
            8 if entry.frame() == Some(0) => Err(error!("pagemap hides page frames")),
            8 => Ok(entry),
            _ => Ok(Entry(0)),
        }
    }

    /// Calls `each` with the address and the entry of every page from `start`
    /// to `end`, and returns the address where pagemap ended.
    pub fn each(
        &self,
        start: u64,
        end: u64,
        mut each: impl FnMut(u64, Entry) -> io::Result<()>,
    ) -> io::Result<u64> {
        const SIZE: u64 = PAGE as u64;
        let mut bytes = vec![0; (BATCH.min((end - start) / SIZE) * 8) as usize];
        let mut va = start;
        while va < end {
            let wanted = bytes.len().min(((end - va) / SIZE * 8) as usize);
            let n = self.0.read_at(&mut bytes[..wanted], va / SIZE * 8)?;
            if n < 8 {
                break;
            }
            for word in bytes[..n].chunks_exact(8) {
                let word = word.try_into().map_err(io::Error::other)?;
                let entry = Entry(u64::from_ne_bytes(word));
                if entry.frame() == Some(0) {
                    bail!("pagemap hides page frames");
                }
                each(va, entry)?;
                va += SIZE;
            }
        }
        Ok(va)
    }

    /// Reads the entries of `count` pages from `va` on, which are user pages.
    pub fn entries(&self, va: usize, count: usize) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::with_capacity(count);
        let end = (va + count * PAGE) as u64;
        let ended = self.each(va as u64, end, |_, entry| {
            entries.push(entry);
            Ok(())
        })?;
        ensure!(ended == end, "pagemap ends at {ended:#x}");
        Ok(entries)
    }
}
