// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/extents`: physically contiguous runs.

use crate::{
    abstractions::{
        kernel_pgtable::step_kernel,
        pgtable::{
            paging,
            step_user, //
        },
    },
    model::{
        addr::VirtAddr,
        end,
        extents::{
            Extent,
            Extents, //
        },
        question::{
            Part,
            RangeQuestion,
            Whose, //
        },
        text::{
            Line,
            LINE_MAX, //
        },
        words::Refusal, //
    },
    protocol::{
        conversation::Progress,
        out::Out,
        reader::Reader,
        rows::Rows,
        waiting::Stop, //
    },
};
use kernel::{
    mm::Mm,
    prelude::*,
    sync::aref::ARef, //
};

/// The memory that a question is about.
enum Target {
    /// A process's, held by `mm_count` alone.
    Process(ARef<Mm>),
    /// The kernel's.
    Kernel,
}

/// Extents in ascending order.
pub(crate) struct ExtentRows {
    target: Target,
    /// The addresses that were not read yet, first and last.
    rest: (VirtAddr, VirtAddr),
    extents: Extents,
}

impl Rows for ExtentRows {
    const USAGE: &'static str =
        "PID | PID 0xSTART-0xEND | kernel 0xSTART-0xEND, each with ' totals' or without";

    type Question = RangeQuestion;

    fn accepts(question: &RangeQuestion) -> bool {
        match question.part {
            Part::Whole => question.whose != Whose::Kernel,
            Part::Range(..) => true,
            Part::At(_) => false,
        }
    }

    fn begin(question: &RangeQuestion, reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let target = match question.whose {
            Whose::Process(pid) => Target::Process(reader.mm_of(pid)?),
            Whose::Kernel => {
                reader.opener.check_kernel_addresses()?;
                Target::Kernel
            }
        };
        let rest = match question.part {
            Part::Range(start, last) => (start, last),
            Part::Whole | Part::At(_) => (VirtAddr(0), VirtAddr::MAX),
        };
        Ok(ExtentRows {
            target,
            rest,
            extents: Extents::default(),
        })
    }

    fn header(line: &mut Line<'_>) {
        Extent::header(line);
    }

    /// Reads one table, and writes the rows that it completes while there is room.
    fn proceed(
        &mut self,
        question: &RangeQuestion,
        reader: &mut Reader<'_>,
        out: &mut Out,
    ) -> Result<Progress, Stop> {
        let buffer = reader.entries.get()?;
        let (va, last) = self.rest;
        let found = match &self.target {
            Target::Kernel => Some(step_kernel(va, last, buffer)?),
            Target::Process(mm) => step_user(reader.mm.users_of(mm)?, va, last, None, buffer)?,
        };
        let Some(found) = found else {
            return Ok(Progress::Complete);
        };
        let mut reached = va;
        if question.totals {
            self.extents.push_all(&found);
            let end = found
                .next()
                .map_or(VirtAddr::MAX, |next| VirtAddr(next.0 - 1));
            reached = end.min(found.last);
        } else {
            for piece in found.pieces() {
                reached = piece.last;
                if let Some(row) = self.extents.push(&piece) {
                    out.line(|line| row.row(line))?;
                    if !out.has_room() {
                        break;
                    }
                }
            }
        }
        match reached.next().filter(|next| *next <= last) {
            Some(next) => {
                self.rest = (next, last);
                Ok(Progress::More)
            }
            None => Ok(Progress::Complete),
        }
    }

    fn end(&mut self, question: &RangeQuestion, out: &mut Out) -> Result {
        out.reserve(2 * LINE_MAX)?;
        let row = self.extents.finish().filter(|_| !question.totals);
        if let Some(row) = row {
            out.line(|line| row.row(line))?;
        }
        out.line(|line| {
            end::begin(line, question);
            self.extents.totals.put(line, question.part, &paging().0);
            line.end();
        })
    }
}
