// SPDX-License-Identifier: GPL-2.0

//! `/proc/kpageflags`: which page frames are the zero page or the huge one. (The crate
//! procfs fails where a batch reaches past the end of memory.)

use std::cell::RefCell;

use crate::prelude::*;

/// `KPF_ZERO_PAGE` of include/uapi/linux/kernel-page-flags.h.
const ZERO_PAGE: u64 = 1 << 24;
/// Frames that one read(2) gets.
const BATCH: usize = 64;

/// The zero frames. The kernel is asked only for those that someone wants to know
/// of: it takes long to say it of all memory. A frame never becomes one, nor ceases
/// to be.
pub struct Zeros {
    flags: File,
    known: RefCell<HashMap<u64, u64>>,
}

impl Zeros {
    /// Opens the file; needs root.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            flags: File::open("/proc/kpageflags")?,
            known: RefCell::default(),
        })
    }

    /// Whether a frame is a zero page. One without a struct page is none.
    pub fn contains(&self, frame: u64) -> io::Result<bool> {
        let (batch, bit) = (frame / BATCH as u64, frame % BATCH as u64);
        let mut known = self.known.borrow_mut();
        let zeros = match known.get(&batch) {
            Some(zeros) => *zeros,
            None => *known.entry(batch).or_insert(self.read(batch)?),
        };
        Ok(zeros & (1 << bit) != 0)
    }

    fn read(&self, batch: u64) -> io::Result<u64> {
        let mut bytes = [0; BATCH * 8];
        let n = self.flags.read_at(&mut bytes, batch * BATCH as u64 * 8)?;
        let mut zeros = 0;
        for (bit, word) in bytes[..n].chunks_exact(8).enumerate() {
            let flags = u64::from_ne_bytes(word.try_into().map_err(io::Error::other)?);
            zeros |= u64::from(flags & ZERO_PAGE != 0) << bit;
        }
        Ok(zeros)
    }
}
