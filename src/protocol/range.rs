// SPDX-License-Identifier: GPL-2.0

//! What questions about many addresses have in common: whose memory, and the last line.

use super::conversation::Reader;
use crate::{
    abstractions::pgtable::{
        paging,
        untagged_addr, //
    },
    model::{
        extents::put_end,
        question::{
            Part,
            RangeQuestion,
            Whose, //
        },
        text::Line,
        words::Refusal, //
    },
};
use kernel::{
    mm::Mm,
    prelude::*,
    sync::aref::ARef, //
};

/// The memory that a question is about.
///
/// Between two reads it is held by `mm_count` alone, which keeps the structure, and no memory of
/// the process.
pub(crate) enum Target {
    /// A process.
    Process(ARef<Mm>),
    /// The kernel.
    Kernel,
}

/// A question and its target, or why it is refused.
pub(crate) struct Asked {
    question: Option<RangeQuestion>,
    target: Result<Target, Refusal>,
}

impl Asked {
    /// Reads a question and finds its target; `accepts` says which questions a file answers.
    pub(crate) fn new(
        reader: &mut Reader<'_>,
        text: &[u8],
        accepts: impl FnOnce(&RangeQuestion) -> bool,
    ) -> Self {
        let (paging, halves) = paging();
        let refused = |question, refusal| Asked {
            question,
            target: Err(refusal),
        };
        let question = match RangeQuestion::parse(text, paging.shift[0], untagged_addr) {
            Ok(question) if accepts(&question) => question,
            Ok(_) => return refused(None, Refusal::NotAQuestion),
            Err(refusal) => return refused(None, refusal),
        };
        if let Err(refusal) = question.check_half(&halves) {
            return refused(Some(question), refusal);
        }
        let target = match question.whose {
            Whose::Kernel => reader.addresses.check(reader.file).map(|()| Target::Kernel),
            Whose::Process(pid) => {
                // Only a count of the structure is kept when the read ends.
                let mm = reader.visit.process(pid, reader.file.pid_ns());
                mm.map(|mm| Target::Process(ARef::from(&**mm)))
            }
        };
        Asked {
            question: Some(question),
            target,
        }
    }

    /// Returns the question and its target, unless it is refused.
    pub(crate) fn target(&self) -> Result<(&RangeQuestion, &Target), Refusal> {
        match (&self.question, &self.target) {
            (Some(question), Ok(target)) => Ok((question, target)),
            (_, Err(refusal)) => Err(*refusal),
            (None, Ok(_)) => Err(Refusal::NotAQuestion),
        }
    }

    /// Gives the answer up.
    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        self.target = Err(refusal);
    }

    /// Writes the beginning of the last line: `# end` and the question.
    ///
    /// `always` names a range even if the question has none.
    fn put_question(&self, line: &mut Line<'_>, always: bool) {
        line.put(b"# end");
        let Some(question) = &self.question else {
            return;
        };
        line.put(b" pid=");
        match question.whose {
            Whose::Process(pid) => line.dec(u64::from(pid.unsigned_abs())),
            Whose::Kernel => line.put(b"kernel"),
        };
        match question.part {
            Part::Whole if always => {
                line.put(b" start=- end=-");
            }
            Part::Whole => (),
            Part::At(va) => {
                line.put(b" va=").hex(va);
            }
            Part::Range(start, last) => {
                line.put(b" start=").hex(start).put(b" end=");
                put_end(line, last);
            }
        }
    }

    /// Writes the last line of an answer.
    pub(crate) fn end(
        &self,
        line: &mut Line<'_>,
        always: bool,
        totals: impl FnOnce(&mut Line<'_>),
    ) {
        self.put_question(line, always);
        totals(line);
        line.end();
    }

    /// Writes the last line of an answer that is given up.
    pub(crate) fn end_with(&self, line: &mut Line<'_>, refusal: Refusal) {
        self.put_question(line, false);
        line.put(b" error=")
            .put(refusal.errno().as_str().as_bytes())
            .put(b" why=")
            .put(refusal.as_str().as_bytes())
            .end();
    }
}
