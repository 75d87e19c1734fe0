// SPDX-License-Identifier: GPL-2.0

//! Text of answers that is ready to be read.

use super::bytes::Bytes;
use crate::model::text::{
    Line,
    LINE_MAX, //
};
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    iov::IovIterDest,
    prelude::*, //
};

/// How many bytes of answers are made at a time.
const OUT_MAX: usize = 16 << 10;

/// Text that is ready to be read.
pub(crate) struct Out {
    /// Empty before the first read. Lines are written where they are read from.
    bytes: Bytes,
    /// How many bytes are text.
    len: usize,
    /// How many bytes of the text were read.
    read: usize,
    /// How many bytes the current read can still take.
    wanted: usize,
}

impl Out {
    /// Begins without text.
    pub(crate) const fn new() -> Self {
        Out {
            bytes: Bytes::new(),
            len: 0,
            read: 0,
            wanted: 0,
        }
    }

    /// Says how many bytes the reader waits for.
    pub(crate) fn want(&mut self, bytes: usize) {
        self.wanted = bytes;
    }

    /// Returns whether nothing is ready.
    pub(crate) fn is_empty(&self) -> bool {
        self.read == self.len
    }

    /// Returns whether to write one more line: it fits, and the reader waits for it.
    pub(crate) fn has_room(&self) -> bool {
        self.len - self.read < self.wanted && self.len + LINE_MAX <= OUT_MAX
    }

    /// Makes room for `more` bytes after the text. Only a line past what fits needs more memory.
    fn make_room(&mut self, more: usize) -> Result {
        let end = self.len + more;
        if end > self.bytes.len() {
            self.bytes.grow_to(end.max(OUT_MAX), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    }

    /// Makes room for more text than a line, so that writing it cannot fail half-way: what is
    /// written stays, and the next read would continue the same answer after it.
    pub(crate) fn reserve(&mut self, bytes: usize) -> Result {
        // A line wants room for the longest.
        self.make_room(bytes + LINE_MAX)
    }

    /// Appends a line, even past what the reader waits for; one longer than [`LINE_MAX`] where room
    /// is reserved.
    #[inline]
    pub(crate) fn line(&mut self, write: impl FnOnce(&mut Line<'_>)) -> Result {
        self.make_room(LINE_MAX)?;
        let mut line = Line::new(self.bytes.get_mut(self.len..).unwrap_or(&mut []));
        write(&mut line);
        self.len += line.as_bytes().len();
        Ok(())
    }

    /// Copies to the reader what is ready, and returns how much that was.
    pub(crate) fn copy_to(&mut self, iov: &mut IovIterDest<'_>) -> Result<usize> {
        let ready = self.bytes.get(self.read..self.len).unwrap_or(&[]);
        let copied = iov.copy_to_iter(ready);
        if copied == 0 && !ready.is_empty() {
            return Err(EFAULT);
        }
        self.read += copied;
        if self.read == self.len {
            self.len = 0;
            self.read = 0;
        }
        Ok(copied)
    }
}
