// SPDX-License-Identifier: GPL-2.0

//! Tables.
//!
//! A table lists objects that come and go. The first read generates its text in full, and keeps it
//! with the open file; a read at offset 0 generates it again. So it can be sought, and read in
//! pieces of any size, without torn, doubled or missing rows.

use super::access::Access;
use crate::{
    abstractions::{
        proc_fs::{
            Operations,
            ProcFile, //
        },
        task::{
            being_killed,
            reschedule, //
        },
    },
    model::text::{
        Line,
        LINE_MAX, //
    },
};
use kernel::{
    alloc::flags::{
        GFP_KERNEL_ACCOUNT,
        GFP_NOWAIT, //
    },
    fs::Kiocb,
    iov::IovIterDest,
    new_mutex,
    prelude::*,
    sync::{
        rcu,
        Mutex, //
    },
};

/// How many objects are read in one RCU read-side critical section: well under a millisecond.
///
/// Not every object has a row: the IDs of a process's threads, for example, have none.
const BATCH: usize = 64;

/// How many bytes there is room for at first: what a few hundred rows need.
const ROOM: usize = 16 << 10;

/// A table.
pub(crate) trait Table: 'static {
    /// What the module keeps for it; each open file has a copy.
    type Data: Clone + Send + Sync + 'static;

    /// Who may read it.
    const ACCESS: Access;

    /// Makes the whole text, for the opener of `file`.
    ///
    /// Context: process context, may sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or `EINTR` when the reader is being killed.
    fn write(data: &Self::Data, file: &ProcFile, text: &mut Text) -> Result;
}

/// The text of a table in progress.
///
/// Its memory is charged to the memory cgroup of the task that reads.
pub(crate) struct Text {
    bytes: KVVec<u8>,
    /// Whether it is complete.
    complete: bool,
}

impl Text {
    /// Appends a line.
    ///
    /// Context: may sleep.
    pub(crate) fn line(&mut self, write: impl FnOnce(&mut Line<'_>)) -> Result {
        let mut bytes = [0; LINE_MAX];
        let mut line = Line::new(&mut bytes);
        write(&mut line);
        self.bytes
            .extend_from_slice(line.as_bytes(), GFP_KERNEL_ACCOUNT)?;
        Ok(())
    }

    /// Returns whether the longest line fits without more memory.
    fn has_room(&self) -> bool {
        self.bytes.capacity() - self.bytes.len() >= LINE_MAX
    }

    /// Appends rows, many at a time inside one RCU read-side critical section.
    ///
    /// `next` reads the next object, and writes its row if it has one; it returns `None` after the
    /// last.
    ///
    /// Context: may sleep, but `next` may not.
    pub(crate) fn rows(
        &mut self,
        mut next: impl FnMut(&rcu::Guard, &mut Line<'_>) -> Option<()>,
    ) -> Result {
        let mut bytes = [0; LINE_MAX];
        let mut line = Line::new(&mut bytes);
        loop {
            if being_killed() {
                return Err(EINTR);
            }
            // This at least doubles the room.
            if !self.has_room() {
                self.bytes.reserve(ROOM, GFP_KERNEL_ACCOUNT)?;
            }
            let guard = rcu::read_lock();
            for _ in 0..BATCH {
                if !self.has_room() {
                    break;
                }
                line.clear();
                if next(&guard, &mut line).is_none() {
                    return Ok(());
                }
                // There is room, so this does not allocate.
                self.bytes.extend_from_slice(line.as_bytes(), GFP_NOWAIT)?;
            }
            drop(guard);
            reschedule();
        }
    }
}

/// An open file that shows a table.
#[pin_data]
pub(crate) struct Snapshot<T: Table> {
    #[pin]
    text: Mutex<Text>,
    data: T::Data,
}

#[vtable]
impl<T: Table> Operations for Snapshot<T> {
    type Ptr = Pin<KBox<Self>>;
    type Data = T::Data;

    const SEEKABLE: bool = true;

    fn open(file: &ProcFile, data: &T::Data) -> Result<Self::Ptr> {
        T::ACCESS.check(file)?;
        let text = Text {
            bytes: KVVec::new(),
            complete: false,
        };
        KBox::pin_init(
            pin_init!(Snapshot {
                text <- new_mutex!(text, "memintro::Snapshot::text"),
                data: data.clone(),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    fn read_iter(
        mut kiocb: Kiocb<'_, Self::Ptr>,
        file: &ProcFile,
        iov: &mut IovIterDest<'_>,
    ) -> Result<usize> {
        T::ACCESS.check_lockdown()?;
        if iov.is_empty() {
            return Ok(0);
        }
        let this = kiocb.file();
        let pos = kiocb.ki_pos_mut();
        // Waiting for the lock is not killable, and copying to another reader's memory may take for
        // ever.
        let mut text = this.text.try_lock().ok_or(EBUSY)?;
        if *pos == 0 || !text.complete {
            text.complete = false;
            text.bytes.clear();
            T::write(&this.data, file, &mut text)?;
            text.complete = true;
        }
        let at_end = usize::try_from(*pos).map_or(true, |pos| pos >= text.bytes.len());
        match iov.simple_read_from_buffer(pos, &text.bytes)? {
            0 if !at_end => Err(EFAULT),
            count => Ok(count),
        }
    }
}
