// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/extents`: physically contiguous runs.

use crate::{
    abstractions::{
        kernel_pgtable::step_kernel,
        pgtable::{
            paging,
            step_user,
            UserStep, //
        },
    },
    model::{
        extents::{
            Extent,
            Extents, //
        },
        pgtable::Entry,
        question::{
            Part,
            RangeQuestion,
            Whose, //
        },
        range::Found,
        text::LINE_MAX,
        words::Refusal,
    },
    protocol::{
        access::Access,
        conversation::{
            Conversation,
            Out,
            Reader,
            Stop, //
        },
        range::{
            Asked,
            Target, //
        },
        visit::Visit, //
    },
};
use kernel::prelude::*;

/// The conversation.
pub(crate) struct ExtentsConversation;

/// An answer in the making.
pub(crate) struct ExtentsAnswer {
    asked: Asked,
    /// The addresses that were not looked at yet, first and last; `None` after the last.
    rest: Option<(u64, u64)>,
    header_written: bool,
    extents: Extents,
}

fn accepts(question: &RangeQuestion) -> bool {
    match question.part {
        Part::Whole => question.whose != Whose::Kernel,
        Part::Range(..) => true,
        Part::At(_) => false,
    }
}

impl ExtentsAnswer {
    /// Looks at the next table; `None` after the last mapping.
    fn look<'a>(
        target: &Target,
        visit: &mut Visit,
        (va, last): (u64, u64),
        buffer: &'a mut [Entry],
    ) -> Result<Option<Found<'a>>, Stop> {
        let found = match target {
            Target::Kernel => step_kernel(va, last, buffer),
            Target::Process(mm) => match step_user(visit.users(mm)?, va, last, None, buffer)? {
                UserStep::Over => return Ok(None),
                UserStep::Found(found) => Some(found),
                UserStep::Unstable => None,
            },
        };
        Ok(Some(found.ok_or(Refusal::Retry)?))
    }

    /// Looks at one table, and writes the rows that it completes while there is room.
    fn step(
        &mut self,
        rest: (u64, u64),
        reader: &mut Reader<'_>,
        out: &mut Out,
    ) -> Result<(), Stop> {
        let buffer = reader.entries.get()?;
        let (question, target) = self.asked.target()?;
        let totals = question.totals;
        let Some(found) = Self::look(target, &mut reader.visit, rest, buffer)? else {
            self.rest = None;
            return Ok(());
        };
        let after = |next: Option<u64>| {
            next.filter(|next| *next <= rest.1)
                .map(|next| (next, rest.1))
        };
        if totals {
            self.extents.push_all(&found);
            let reached = found
                .next()
                .map_or(found.last, |next| found.last.min(next - 1));
            self.rest = after(reached.checked_add(1));
            return Ok(());
        }
        for piece in found.pieces() {
            let row = self.extents.push(&piece);
            self.rest = after(piece.last.checked_add(1));
            if let Some(row) = row {
                out.line(|line| row.row(line))?;
                if !out.has_room() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Writes the last row and the last line.
    fn end(&mut self, out: &mut Out) -> Result {
        out.reserve(2 * LINE_MAX)?;
        let row = self.extents.finish();
        let (question, refusal) = match self.asked.target() {
            Ok((question, _)) => (Some(question), None),
            Err(refusal) => (None, Some(refusal)),
        };
        if let (Some(row), Some(true)) = (row, question.map(|question| !question.totals)) {
            out.line(|line| row.row(line))?;
        }
        let range = match question.map(|question| question.part) {
            // A range of all 2^64 addresses cannot be asked for: it lies in one half.
            Some(Part::Range(start, last)) => Some(last - start + 1),
            _ => None,
        };
        out.line(|line| match refusal {
            Some(refusal) => self.asked.end_with(line, refusal),
            None => self.asked.end(line, true, |line| {
                self.extents.totals.put(line, range, &paging().0)
            }),
        })
    }
}

impl Conversation for ExtentsConversation {
    const ACCESS: Access = Access::ANY_PROCESS;
    const USAGE: &'static str =
        "PID | PID 0xSTART-0xEND | kernel 0xSTART-0xEND, each with ' totals' or without";

    type Answer = ExtentsAnswer;

    fn begin(reader: &mut Reader<'_>, question: &[u8]) -> ExtentsAnswer {
        let asked = Asked::new(reader, question, accepts);
        let rest = match asked.target().map(|(question, _)| question.part) {
            Ok(Part::Range(start, last)) => Some((start, last)),
            Ok(_) => Some((0, u64::MAX)),
            Err(_) => None,
        };
        ExtentsAnswer {
            asked,
            rest,
            header_written: false,
            extents: Extents::default(),
        }
    }

    fn refuse(answer: &mut ExtentsAnswer, refusal: Refusal) {
        answer.asked.refuse(refusal);
        answer.rest = None;
    }

    fn proceed(
        answer: &mut ExtentsAnswer,
        reader: &mut Reader<'_>,
        out: &mut Out,
    ) -> Result<bool, Stop> {
        if !answer.header_written {
            if answer
                .asked
                .target()
                .is_ok_and(|(question, _)| !question.totals)
            {
                out.line(Extent::header)?;
            }
            answer.header_written = true;
        }
        let Some(rest) = answer.rest else {
            answer.end(out)?;
            return Ok(true);
        };
        answer.step(rest, reader, out)?;
        Ok(false)
    }
}
