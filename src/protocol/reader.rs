// SPDX-License-Identifier: GPL-2.0

//! A read of a conversation: what answers are made with.

use super::{
    access::Opener,
    mm_cache::MmCache, //
};
use crate::model::{
    answer::Memo,
    levels::Levels,
    page,
    pgtable::Entry,
    range::STEP_ENTRIES,
    words::Refusal, //
};
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    mm::Mm,
    prelude::*,
    sync::aref::ARef,
    task::Pid, //
};

/// A call that makes answers.
pub(crate) struct Reader<'a> {
    /// Who opened the file.
    pub(crate) opener: Opener<'a>,
    /// Cleared before anything is copied to the reader.
    pub(crate) mm: MmCache,
    /// Kept with the open file.
    pub(crate) entries: &'a mut Entries,
    /// As are the entries: of the last answer about an address.
    pub(crate) memo: &'a mut Memo,
    /// Of the last answer about a frame.
    pub(crate) page_memo: &'a mut page::Memo,
    /// And of the last walk with levels.
    pub(crate) levels: &'a mut Levels,
    /// Whether the opener may see kernel addresses, once it was asked for.
    pub(crate) shows: Option<bool>,
}

impl Reader<'_> {
    /// Returns whether the opener may see kernel addresses, as it was once during this call.
    pub(crate) fn shows_kernel_addresses(&mut self) -> bool {
        let opener = &self.opener;
        *self
            .shows
            .get_or_insert_with(|| opener.check_kernel_addresses().is_ok())
    }

    /// Returns the address space that a process has now, held by `mm_count` alone: that keeps the
    /// structure, and no memory of the process.
    ///
    /// Context: process context, may sleep.
    #[doc(alias = "mmgrab")]
    pub(crate) fn mm_of(&mut self, pid: Pid) -> Result<ARef<Mm>, Refusal> {
        let mm = self.mm.of_process(pid, self.opener.ns)?;
        Ok(ARef::from(&**mm))
    }
}

/// Room for the entries of a table.
pub(crate) struct Entries(KVec<Entry>);

impl Entries {
    /// Begins without memory.
    pub(crate) const fn new() -> Self {
        Entries(KVec::new())
    }

    /// Returns room for [`STEP_ENTRIES`] entries, whatever is in it.
    pub(crate) fn get(&mut self) -> Result<&mut [Entry]> {
        if self.0.is_empty() {
            self.0
                .resize(STEP_ENTRIES, Entry::default(), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(&mut self.0)
    }
}
