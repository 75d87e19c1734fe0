// SPDX-License-Identifier: GPL-2.0

//! Zeroed bytes, made quickly.
//!
//! A vector of bytes is filled one byte at a time: what a conversation needs would take longer to
//! fill than a question takes to answer. A block at a time it is a call of memset().

use core::ops::{
    Deref,
    DerefMut, //
};

use kernel::{
    alloc::{
        Flags,
        KVVec, //
    },
    prelude::*, //
};

/// How many bytes are filled at a time.
const BLOCK: usize = 256;

/// Bytes whose number grows, in steps of [`BLOCK`].
pub(super) struct Bytes(KVVec<[u8; BLOCK]>);

impl Bytes {
    /// Returns no bytes, without allocating.
    pub(super) const fn new() -> Self {
        Self(KVVec::new())
    }

    /// Makes them at least `len` many; new ones are 0.
    pub(super) fn grow_to(&mut self, len: usize, flags: Flags) -> Result {
        let blocks = len.div_ceil(BLOCK);
        if blocks > self.0.len() {
            self.0.resize(blocks, [0; BLOCK], flags)?;
        }
        Ok(())
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_flattened()
    }
}

impl DerefMut for Bytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0.as_flattened_mut()
    }
}
