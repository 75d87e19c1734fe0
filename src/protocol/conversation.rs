// SPDX-License-Identifier: GPL-2.0

//! Conversations: write question lines, read answer lines.
//!
//! Each open file is a conversation of its own. It is a stream, not seekable: a read continues
//! where the last one stopped, and returns 0 when everything is answered; then more can be asked.
//!
//! Answers are made while they are read, never ahead of the reader's buffer, so that what a read
//! returns was true during that read. Only the end of a line that did not fit waits for the next.
//!
//! An answer that needs memory which others hold locked waits as [`super::waiting`] says. What is
//! ready is given first.
//!
//! Two locks: that of the answers, which a read holds for its whole duration, and inside of it or
//! alone that of the questions, for as long as bytes are copied in memory. A second read at the
//! same time gets `EBUSY` instead of waiting for the first: that wait would not be killable.

use super::{
    access::{
        Access,
        Opener, //
    },
    bytes::Bytes,
    mm_cache::MmCache,
    out::Out,
    reader::{
        Entries,
        Reader, //
    },
    waiting::{
        Stop,
        Wait, //
    },
};
use crate::{
    abstractions::{
        file::FileExt,
        proc_fs::{
            Operations,
            ProcFile, //
        },
        security::kptr_restricted,
        task::{
            nap,
            reschedule, //
        },
    },
    model::{
        answer::Memo,
        levels::Levels,
        page,
        queue::{
            Queue,
            LINE_KEPT,
            QUEUE_MAX,
            QUEUE_MEMORY, //
        },
        words::Refusal, //
    },
};
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    current,
    fs::Kiocb,
    iov::IovIterDest,
    new_mutex,
    prelude::*,
    sync::Mutex,
    uaccess::{
        UserPtr,
        UserSlice, //
    },
};

/// A write of at most that many bytes needs no memory.
const SHORT: usize = 128;

/// Who may open a conversation.
const ACCESS: Access = Access::AnyProcess;

/// Whether there is more of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// There may be.
    More,
    /// That was all.
    Complete,
}

/// The answer to one question, as one kind of file gives it.
///
/// Between two steps it keeps no lock, and no reference that pins memory of another process.
pub(crate) trait Answer: Sized + Send + Unpin + 'static {
    /// How to ask, without `# usage: ` and newline.
    const USAGE: &'static str;

    /// Begins to answer a question.
    ///
    /// Context: process context, may sleep, but waits for no other process.
    fn begin(reader: &mut Reader<'_>, question: &[u8]) -> Self;

    /// Makes the next step, unless `out` has no room.
    ///
    /// Steps are short: signals are checked between them, and other tasks may run.
    ///
    /// Context: process context, may sleep, but waits for no other process.
    fn proceed(&mut self, reader: &mut Reader<'_>, out: &mut Out) -> Result<Progress, Stop>;

    /// Gives up; what is left is to say why.
    fn refuse(&mut self, refusal: Refusal);

    /// Decides what to do where others hold what the next step needs, after it was tried again
    /// `tries` times.
    fn wait(&mut self, tries: u32) -> Wait {
        Wait::after(tries)
    }
}

/// The questions that wait.
struct Questions {
    queue: Queue,
    /// Empty before the first write, then at least [`QUEUE_MEMORY`] bytes.
    memory: Bytes,
}

/// What is being answered.
struct Answers<A> {
    out: Out,
    /// Room for a question, which is read outside of the lock of the questions.
    question: [u8; LINE_KEPT],
    current: Option<A>,
    /// How often its next step was tried again.
    tries: u32,
    entries: Entries,
    memo: Memo,
    page_memo: page::Memo,
    levels: Levels,
    /// Or something was asked before the first read.
    usage_shown: bool,
}

/// An open file whose questions are answered by `A`.
#[pin_data]
pub(crate) struct Conversation<A: Answer> {
    #[pin]
    questions: Mutex<Questions>,
    #[pin]
    answers: Mutex<Answers<A>>,
    kptr_restricted: bool,
}

impl<A: Answer> Conversation<A> {
    /// Begins the answer to the next question, if there is one.
    fn next_answer(&self, room: &mut [u8; LINE_KEPT], reader: &mut Reader<'_>) -> Option<A> {
        let question = {
            let mut guard = self.questions.lock();
            let Questions { queue, memory } = &mut *guard;
            let question = queue.pop(memory)?;
            let room = room.get_mut(..question.len())?;
            room.copy_from_slice(question);
            room
        };
        Some(A::begin(reader, question))
    }

    /// Makes answers until the reader's buffer is full; returns `false` if there is no more for now:
    /// all is answered, or the next answer has to wait and there is text to return first, in `out`
    /// or, as `given` says, in the reader's buffer already.
    fn make(&self, answers: &mut Answers<A>, file: &ProcFile, given: bool) -> Result<bool> {
        let mut reader = Reader {
            opener: Opener {
                file,
                kptr_restricted: self.kptr_restricted,
                ns: file.pid_ns(),
            },
            mm: MmCache::new(),
            entries: &mut answers.entries,
            memo: &mut answers.memo,
            page_memo: &mut answers.page_memo,
            levels: &mut answers.levels,
            shows: None,
        };
        while answers.out.has_room() {
            if answers.current.is_none() {
                answers.current = self.next_answer(&mut answers.question, &mut reader);
                answers.tries = 0;
            }
            let Some(current) = &mut answers.current else {
                return Ok(false);
            };
            let tries = core::mem::take(&mut answers.tries);
            match current.proceed(&mut reader, &mut answers.out) {
                Ok(Progress::More) => (),
                Ok(Progress::Complete) => answers.current = None,
                Err(Stop::Refused(refusal)) => current.refuse(refusal),
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Busy) => match current.wait(tries) {
                    Wait::Skip => (),
                    Wait::GiveUp => current.refuse(Refusal::Busy),
                    Wait::Again if given || !answers.out.is_empty() => {
                        answers.tries = tries;
                        return Ok(false);
                    }
                    Wait::Again => {
                        answers.tries = tries + 1;
                        reader.mm.clear();
                        nap();
                    }
                },
            }
            if current!().signal_pending() {
                return Err(ERESTARTSYS);
            }
            reschedule();
        }
        Ok(true)
    }
}

#[vtable]
impl<A: Answer> Operations for Conversation<A> {
    type Ptr = Pin<KBox<Self>>;
    type Data = ();

    const SEEKABLE: bool = false;

    fn open(file: &ProcFile, _data: &()) -> Result<Self::Ptr> {
        ACCESS.check(file)?;
        // The answers of a file that is only written could never be read.
        if !file.is_readable() {
            return Err(EINVAL);
        }
        let questions = Questions {
            queue: Queue::new(),
            memory: Bytes::new(),
        };
        let answers = Answers {
            out: Out::new(),
            question: [0; LINE_KEPT],
            current: None,
            tries: 0,
            entries: Entries::new(),
            memo: Memo::default(),
            page_memo: page::Memo::default(),
            levels: Levels::default(),
            usage_shown: false,
        };
        KBox::pin_init(
            pin_init!(Conversation {
                questions <- new_mutex!(questions, "memintro::Conversation::questions"),
                answers <- new_mutex!(answers, "memintro::Conversation::answers"),
                kptr_restricted: kptr_restricted(),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    fn read_iter(
        kiocb: Kiocb<'_, Self::Ptr>,
        file: &ProcFile,
        iov: &mut IovIterDest<'_>,
    ) -> Result<usize> {
        ACCESS.check_lockdown()?;
        // Nothing to read into: nothing is lost, and nothing begins.
        if iov.is_empty() {
            return Ok(0);
        }
        let this = kiocb.file();
        let mut guard = this.answers.try_lock().ok_or(EBUSY)?;
        let answers = &mut *guard;
        answers.out.reserve(0)?;

        // Nobody has asked anything: say how.
        if !answers.usage_shown {
            answers.usage_shown = true;
            if this.questions.lock().memory.is_empty() {
                answers.out.line(|line| {
                    line.put(b"# usage: ").put(A::USAGE.as_bytes()).end();
                })?;
            }
        }

        let mut total = 0;
        loop {
            answers.out.want(iov.len());
            let more = this.make(answers, file, total > 0);
            match answers.out.copy_to(iov) {
                Ok(copied) => total += copied,
                // What was not copied is not lost: the next read begins with it.
                Err(error) if total == 0 => return Err(error),
                Err(_) => return Ok(total),
            }
            match more {
                Ok(true) if !iov.is_empty() => (),
                Err(error) if total == 0 => return Err(error),
                _ => return Ok(total),
            }
        }
    }

    fn write(this: Pin<&Self>, from: UserPtr, length: usize) -> Result<usize> {
        ACCESS.check_lockdown()?;
        if length == 0 {
            return Ok(0);
        }
        // The user's memory is read first, as a whole: where that fails, nothing was taken.
        let taken = length.min(QUEUE_MAX);
        let mut from = UserSlice::new(from, taken).reader();
        let mut short = [0; SHORT];
        // Made only where it is needed: to drop an empty one takes calls, too.
        let mut long;
        let mut bytes: &[u8] = match short.get_mut(..taken) {
            Some(bytes) => {
                from.read_slice(bytes)?;
                bytes
            }
            None => {
                long = KVVec::new();
                from.read_all(&mut long, GFP_KERNEL_ACCOUNT)?;
                &long
            }
        };
        // Of a write that is too long, only whole lines.
        if taken < length {
            if let Some(newline) = bytes.iter().rposition(|&byte| byte == b'\n') {
                bytes = bytes.get(..=newline).unwrap_or(bytes);
            }
        }

        let mut guard = this.questions.lock();
        if guard.memory.is_empty() {
            drop(guard);
            let mut memory = Bytes::new();
            memory.grow_to(QUEUE_MEMORY, GFP_KERNEL_ACCOUNT)?;
            guard = this.questions.lock();
            // Another first write may have been faster.
            if guard.memory.is_empty() {
                guard.memory = memory;
            }
        }
        let Questions { queue, memory } = &mut *guard;
        queue.push(memory, bytes).map_err(|_full| ENOSPC)
    }
}
