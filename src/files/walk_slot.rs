// SPDX-License-Identifier: GPL-2.0

//! `/sys/kernel/memintro/walk`: a write asks, reads repeat the answer.
//!
//! There is one slot in the system, and the last write wins. `/proc/memintro/walk` has an answer
//! for each open file.

use super::walk::find;
use crate::{
    abstractions::{
        compat::enodata,
        file::FileExt,
        security::kptr_restricted,
        sysfs::BinOperations,
        task::nap, //
    },
    model::{
        answer::{
            value,
            VALUE_MAX, //
        },
        question::WalkQuestion,
        text::Line,
        walk::Answer,
        words::{
            Errno,
            Refusal, //
        },
    },
    protocol::{
        access::{
            Access,
            Opener, //
        },
        mm_cache::MmCache,
        question::parse_walk,
        waiting::{
            patience,
            Stop, //
        },
    },
};
use kernel::{
    current,
    fs::LocalFile,
    new_mutex,
    prelude::*,
    sync::Mutex, //
};

/// The slot.
#[pin_data]
pub(crate) struct WalkSlot {
    #[pin]
    answer: Mutex<Option<Answer>>,
}

impl WalkSlot {
    /// Makes a slot without an answer.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(WalkSlot {
            answer <- new_mutex!(None, "memintro::WalkSlot::answer"),
        })
    }

    /// Answers a question of the current task.
    ///
    /// While others hold what it needs, it is tried again.
    fn ask(question: &WalkQuestion, file: &LocalFile) -> Result<Answer> {
        let task = current!();
        let opener = Opener {
            file,
            kptr_restricted: kptr_restricted(),
            ns: task.active_pid_ns().ok_or(ESRCH)?,
        };
        for _ in 0..patience() {
            // The reference to the address space is given up before anything waits.
            match find(question, &opener, &mut MmCache::new(), None) {
                Err(Stop::Busy) => nap(),
                Err(Stop::Refused(refusal)) => return Err(to_error(refusal)),
                Err(Stop::Failed(error)) => return Err(error),
                Ok(answer) => return Ok(answer),
            }
            if task.signal_pending() {
                return Err(ERESTARTSYS);
            }
        }
        Err(to_error(Refusal::Busy))
    }
}

/// Reads a question; the slot holds one value, so it has no levels.
fn parse_value(from: &[u8]) -> Result<WalkQuestion> {
    let question = parse_walk(from).map_err(|why| to_error(why.refusal))?;
    if question.levels {
        return Err(EINVAL);
    }
    Ok(question)
}

fn to_error(refusal: Refusal) -> Error {
    match refusal.errno() {
        Errno::Einval => EINVAL,
        Errno::Eperm => EPERM,
        Errno::Esrch => ESRCH,
        Errno::Eagain => EAGAIN,
    }
}

impl BinOperations for WalkSlot {
    fn read(&self, file: &LocalFile, to: &mut [u8], pos: usize) -> Result<usize> {
        Access::AnyProcess.check(file)?;
        let answer = (*self.answer.lock()).ok_or_else(enodata)?;
        let mut bytes = [0; VALUE_MAX];
        let mut line = Line::new(&mut bytes);
        value(&mut line, &answer);
        let rest = line.as_bytes().get(pos..).unwrap_or(&[]);
        let count = rest.len().min(to.len());
        if let Some((to, from)) = to.get_mut(..count).zip(rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }

    fn write(&self, file: &LocalFile, from: &[u8]) -> Result {
        // sysfs would read the answer from where the question ended.
        let question = if file.is_readable() {
            Err(EINVAL)
        } else {
            parse_value(from)
        };
        // Without the right to ask there is no effect on the slot, not even by a bad question.
        if let Err(denied) = Access::AnyProcess.check(file) {
            return Err(question.err().unwrap_or(denied));
        }
        let answer = question.and_then(|question| Self::ask(&question, file));
        if answer.as_ref().err() != Some(&EPERM) {
            *self.answer.lock() = answer.as_ref().ok().copied();
        }
        answer.map(|_| ())
    }
}
