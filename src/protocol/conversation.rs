// SPDX-License-Identifier: GPL-2.0

//! Conversations: write question lines, read answer lines.
//!
//! Each open file is a conversation of its own. It is a stream, not seekable: a read continues
//! where the last one stopped, and returns 0 when everything is answered; then more can be asked.
//!
//! Answers are made while they are read, never ahead of the reader's buffer, so that what a read
//! returns was true during that read. Only the end of a line that did not fit waits for the next.
//!
//! An answer that needs memory which others hold locked is tried again, after a moment without any
//! lock and without a part in that memory, until a signal comes or the answer gives up: a process
//! that holds its own memory locked for ever can hold nobody up. What is ready is given first.
//!
//! Two locks: that of the answers, which a read holds for its whole duration, and inside of it or
//! alone that of the questions, for as long as bytes are copied in memory. A second read at the
//! same time gets `EBUSY` instead of waiting for the first, so that nobody waits unkillably.

use super::{
    access::{
        Access,
        KernelAddresses, //
    },
    visit::Visit, //
};
use crate::{
    abstractions::{
        file::FileExt,
        proc_fs::{
            Operations,
            ProcFile, //
        },
        task::{
            nap,
            reschedule, //
        },
        vma::Busy,
    },
    model::{
        pgtable::Entry,
        queue::{
            Queue,
            LINE_KEPT,
            QUEUE_MAX,
            QUEUE_MEMORY, //
        },
        range::STEP_ENTRIES,
        text::{
            Line,
            LINE_MAX, //
        },
        words::Refusal, //
    },
};
use kernel::{
    alloc::{
        flags::GFP_KERNEL_ACCOUNT,
        AllocError, //
    },
    current,
    fs::Kiocb,
    iov::IovIterDest,
    new_mutex,
    prelude::*,
    sync::Mutex,
    time::msecs_to_jiffies,
    uaccess::UserSliceReader, //
};

/// How many bytes of answers are made at a time.
const OUT_MAX: usize = 16 << 10;

/// A write of at most that many bytes needs no memory.
const SHORT: usize = 128;

/// Returns how often an answer is tried again, each time after a jiffy, while others hold what it
/// needs: for half a second.
pub(crate) fn patience() -> u32 {
    // CAST: half a second is at most 500 jiffies, as a jiffy is a millisecond at least.
    msecs_to_jiffies(500) as u32
}

/// Why a step of an answer has no result.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The question is refused, or given up.
    Refused(Refusal),
    /// Others hold what it needs.
    Busy,
    /// The read fails; the next one goes on with the same answer.
    Failed(Error),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Refused(refusal)
    }
}

impl From<Busy> for Stop {
    fn from(_: Busy) -> Self {
        Stop::Busy
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

impl From<AllocError> for Stop {
    fn from(error: AllocError) -> Self {
        Stop::Failed(error.into())
    }
}

/// What a file of conversations answers.
pub(crate) trait Conversation: Send + Sync + 'static {
    /// Who may open it.
    const ACCESS: Access;

    /// How to ask, without `# usage: ` and newline.
    const USAGE: &'static str;

    /// An answer in the making. It may keep no lock, and no reference that pins memory of another
    /// process.
    type Answer: Send + Unpin;

    /// Begins to answer a question.
    ///
    /// Context: process context, may sleep, but waits for no other process.
    fn begin(reader: &mut Reader<'_>, question: &[u8]) -> Self::Answer;

    /// Continues an answer by a step, unless `out` has no room, and returns whether it is complete.
    ///
    /// Steps are short: between them signals are looked at, and other tasks get their turn.
    ///
    /// Context: process context, may sleep, but waits for no other process.
    fn proceed(
        answer: &mut Self::Answer,
        reader: &mut Reader<'_>,
        out: &mut Out,
    ) -> Result<bool, Stop>;

    /// Gives an answer up; what is left is to say why.
    fn refuse(answer: &mut Self::Answer, refusal: Refusal);

    /// Hears that others hold what the next step needs, and that it was tried again `tries` times.
    ///
    /// Returns whether to try again after a jiffy; else the answer goes on without it.
    fn busy(answer: &mut Self::Answer, tries: u32) -> bool {
        let again = tries < patience();
        if !again {
            Self::refuse(answer, Refusal::Busy);
        }
        again
    }
}

/// A call that makes answers, and what it makes them with.
pub(crate) struct Reader<'a> {
    /// The open file.
    pub(crate) file: &'a ProcFile,
    /// Whether its opener may see kernel addresses.
    pub(crate) addresses: KernelAddresses,
    /// Let go of before anything is copied to the reader.
    pub(crate) visit: Visit,
    /// Kept with the open file.
    pub(crate) entries: &'a mut Entries,
}

/// Room for the entries of a table.
pub(crate) struct Entries(KVec<Entry>);

impl Entries {
    /// Returns room for [`STEP_ENTRIES`] entries, whatever is in it.
    pub(crate) fn get(&mut self) -> Result<&mut [Entry]> {
        if self.0.is_empty() {
            self.0
                .resize(STEP_ENTRIES, Entry::default(), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(&mut self.0)
    }
}

/// Text that is ready to be read.
pub(crate) struct Out {
    /// Empty before the first read. Lines are written where they are read from.
    bytes: KVec<u8>,
    /// How many bytes are text.
    len: usize,
    /// How many bytes of the text were read.
    read: usize,
    /// How many bytes the current read can still take.
    wanted: usize,
}

impl Out {
    /// Returns whether nothing is ready.
    fn is_empty(&self) -> bool {
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
            self.bytes.resize(end.max(OUT_MAX), 0, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    }

    /// Makes room for more text than a line, so that writing it cannot fail half-way: what is
    /// written stays, and the next read would continue the same answer after it.
    pub(crate) fn reserve(&mut self, bytes: usize) -> Result {
        // A line wants room for the longest.
        self.make_room(bytes + LINE_MAX)
    }

    /// Appends text that may be longer than a line, even past what the reader waits for.
    pub(crate) fn text(&mut self, text: &[u8]) -> Result {
        self.make_room(text.len())?;
        if let Some(room) = self.bytes.get_mut(self.len..self.len + text.len()) {
            room.copy_from_slice(text);
            self.len += text.len();
        }
        Ok(())
    }

    /// Appends a line, even past what the reader waits for.
    #[inline]
    pub(crate) fn line(&mut self, write: impl FnOnce(&mut Line<'_>)) -> Result {
        self.make_room(LINE_MAX)?;
        let mut line = Line::new(self.bytes.get_mut(self.len..).unwrap_or(&mut []));
        write(&mut line);
        self.len += line.as_bytes().len();
        Ok(())
    }

    /// Copies to the reader what is ready, and returns how much that was.
    fn copy_to(&mut self, to: &mut IovIterDest<'_>) -> Result<usize> {
        let ready = self.bytes.get(self.read..self.len).unwrap_or(&[]);
        let copied = to.copy_to_iter(ready);
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

/// The questions that wait.
struct Questions {
    queue: Queue,
    /// Empty before the first write, then [`QUEUE_MEMORY`] bytes.
    memory: KVVec<u8>,
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
    /// Or something was asked before the first read.
    usage_shown: bool,
}

/// An open file of a conversation.
#[pin_data]
pub(crate) struct Dialogue<T: Conversation> {
    #[pin]
    questions: Mutex<Questions>,
    #[pin]
    answers: Mutex<Answers<T::Answer>>,
    addresses: KernelAddresses,
}

impl<T: Conversation> Dialogue<T> {
    /// Begins the answer to the next question, if there is one.
    fn next_answer(
        &self,
        room: &mut [u8; LINE_KEPT],
        reader: &mut Reader<'_>,
    ) -> Option<T::Answer> {
        let question = {
            let mut guard = self.questions.lock();
            let Questions { queue, memory } = &mut *guard;
            let question = queue.pop(memory)?;
            let room = room.get_mut(..question.len())?;
            room.copy_from_slice(question);
            room
        };
        Some(T::begin(reader, question))
    }

    /// Makes answers until the reader's wish is met; returns `false` if there is no more for now:
    /// all is answered, or the next answer has to wait and there is something to be given before,
    /// here or, as `given` says, already.
    fn make(&self, answers: &mut Answers<T::Answer>, file: &ProcFile, given: bool) -> Result<bool> {
        let mut reader = Reader {
            file,
            addresses: self.addresses,
            visit: Visit::new(),
            entries: &mut answers.entries,
        };
        while answers.out.has_room() {
            if answers.current.is_none() {
                answers.current = self.next_answer(&mut answers.question, &mut reader);
                answers.tries = 0;
            }
            let Some(current) = &mut answers.current else {
                return Ok(false);
            };
            match T::proceed(current, &mut reader, &mut answers.out) {
                Ok(complete) => {
                    answers.tries = 0;
                    if complete {
                        answers.current = None;
                    }
                }
                Err(Stop::Busy) if T::busy(current, answers.tries) => {
                    if given || !answers.out.is_empty() {
                        return Ok(false);
                    }
                    answers.tries += 1;
                    reader.visit.leave();
                    nap();
                }
                Err(Stop::Busy) => answers.tries = 0,
                Err(Stop::Refused(refusal)) => T::refuse(current, refusal),
                Err(Stop::Failed(error)) => return Err(error),
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
impl<T: Conversation> Operations for Dialogue<T> {
    type Ptr = Pin<KBox<Self>>;
    type Data = ();

    const SEEKABLE: bool = false;

    fn open(file: &ProcFile, _data: &()) -> Result<Self::Ptr> {
        T::ACCESS.check(file)?;
        // The answers of a file that is only written could never be read.
        if !file.is_readable() {
            return Err(EINVAL);
        }
        let questions = Questions {
            queue: Queue::new(),
            memory: KVVec::new(),
        };
        let answers = Answers {
            out: Out {
                bytes: KVec::new(),
                len: 0,
                read: 0,
                wanted: 0,
            },
            question: [0; LINE_KEPT],
            current: None,
            tries: 0,
            entries: Entries(KVec::new()),
            usage_shown: false,
        };
        KBox::pin_init(
            pin_init!(Dialogue {
                questions <- new_mutex!(questions),
                answers <- new_mutex!(answers),
                addresses: KernelAddresses::decide(),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    fn read_iter(
        kiocb: Kiocb<'_, Self::Ptr>,
        file: &ProcFile,
        iov: &mut IovIterDest<'_>,
    ) -> Result<usize> {
        T::ACCESS.check_lockdown()?;
        // Nothing to read into: nothing is lost, and nothing begins.
        if iov.is_empty() {
            return Ok(0);
        }
        let this = kiocb.file();
        let mut guard = this.answers.try_lock().ok_or(EBUSY)?;
        let answers = &mut *guard;
        answers.out.make_room(LINE_MAX)?;
        answers.out.wanted = iov.len();

        // Nobody has asked anything: say how.
        if !answers.usage_shown {
            answers.usage_shown = true;
            if this.questions.lock().memory.is_empty() {
                answers.out.line(|line| {
                    line.put(b"# usage: ").put(T::USAGE.as_bytes()).end();
                })?;
            }
        }

        let mut total = 0;
        loop {
            answers.out.wanted = iov.len();
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

    fn write(this: Pin<&Self>, mut from: UserSliceReader) -> Result<usize> {
        T::ACCESS.check_lockdown()?;
        if from.is_empty() {
            return Ok(0);
        }
        // The user's memory is read first, as a whole: where that fails, nothing was taken.
        let length = from.len().min(QUEUE_MAX);
        let whole = length == from.len();
        let (mut short, mut long) = ([0; SHORT], KVVec::new());
        let mut bytes: &[u8] = match short.get_mut(..length) {
            Some(bytes) => {
                from.read_slice(bytes)?;
                bytes
            }
            None if whole => {
                from.read_all(&mut long, GFP_KERNEL_ACCOUNT)?;
                &long
            }
            None => {
                long.resize(length, 0, GFP_KERNEL_ACCOUNT)?;
                from.read_slice(&mut long)?;
                &long
            }
        };
        // Of a write that is too long, only whole lines.
        if !whole {
            if let Some(newline) = bytes.iter().rposition(|&byte| byte == b'\n') {
                bytes = bytes.get(..=newline).unwrap_or(bytes);
            }
        }

        let mut guard = this.questions.lock();
        if guard.memory.is_empty() {
            drop(guard);
            let memory = KVVec::from_elem(0, QUEUE_MEMORY, GFP_KERNEL_ACCOUNT)?;
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
