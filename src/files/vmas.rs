// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/vmas`: the mappings of a process, and what is behind them.

use crate::{
    abstractions::{
        pgtable::step_vma,
        vma::{
            Busy,
            LockVma,
            VmaExt,
            VmaId,
            VMA_NAME_MAX, //
        },
    },
    model::{
        name::put_long_name,
        pgtable::Entry,
        question::{
            Part,
            RangeQuestion,
            Whose, //
        },
        vmas::{
            header,
            row_before_name,
            Behind,
            Perm,
            ROW_MAX, //
        },
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
    },
};
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    mm::{
        virt::VmaRef,
        MmWithUser, //
    },
    prelude::*,
};

/// The conversation.
pub(crate) struct VmasConversation;

/// The mapping that is being looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mapping {
    start: u64,
    end: u64,
    perm: Perm,
    id: VmaId,
}

impl Mapping {
    fn of(vma: &VmaRef) -> Self {
        // CAST: addresses have 64 bits.
        Mapping {
            start: vma.start() as u64,
            end: vma.end() as u64,
            perm: vma.perm(),
            id: vma.id(),
        }
    }
}

/// A row in the making.
struct Row {
    mapping: Mapping,
    /// Where the row begins: not before the end of the last one, should mappings have changed.
    start: u64,
    behind: Behind,
    name_length: usize,
}

/// An answer in the making.
pub(crate) struct VmasAnswer {
    asked: Asked,
    /// Where to look for the next mapping, and the last address that it may begin at; `None` after
    /// the last.
    rest: Option<(u64, u64)>,
    /// The end of the last row.
    floor: u64,
    row: Option<Row>,
    /// Where the row ends that is counted and not written, for want of memory.
    counted: Option<u64>,
    rows: u64,
    total: Behind,
    header_written: bool,
    /// Of the row, up to its length.
    name: KVec<u8>,
}

fn accepts(question: &RangeQuestion) -> bool {
    question.whose != Whose::Kernel
}

/// What became of a row by a step.
enum Step {
    /// The mapping goes on at this address.
    More(u64),
    /// The mapping is counted, or another one is there now: the row ends at this address.
    Complete(u64),
    /// No mapping is left.
    Over,
    /// The tables kept changing.
    Unstable,
}

impl VmasAnswer {
    /// Looks at one table of the row's mapping, or of the next one.
    fn step(
        &mut self,
        mm: &MmWithUser,
        va: u64,
        last: u64,
        entries: &mut [Entry],
    ) -> Result<Step, Busy> {
        // CAST: addresses have 64 bits.
        let Some(vma) = mm.lock_vma(va as usize, last.max(va) as usize)? else {
            return Ok(match self.row {
                Some(_) => Step::Complete(va),
                None => Step::Over,
            });
        };
        let mapping = Mapping::of(&vma);
        let mut from = va;
        if self.row.is_none() {
            if mapping.start > last {
                return Ok(Step::Over);
            }
            from = mapping.start.max(self.floor);
            self.row = Some(Row {
                mapping,
                start: from,
                behind: Behind::default(),
                name_length: vma.name(&mut self.name).len(),
            });
        }
        let behind = match &mut self.row {
            Some(row) if row.mapping == mapping => &mut row.behind,
            _ => return Ok(Step::Complete(va)),
        };
        let Some(found) = step_vma(&vma, from, u64::MAX, None, entries) else {
            return Ok(Step::Unstable);
        };
        let mut reached = from;
        for piece in found.pieces() {
            behind.count(&piece);
            reached = piece.last + 1;
        }
        Ok(if reached >= mapping.end {
            Step::Complete(mapping.end)
        } else {
            Step::More(reached)
        })
    }

    /// Writes the row, which ends at `end`.
    fn finish_row(&mut self, end: u64, totals: bool, out: &mut Out) -> Result {
        if let (Some(row), false) = (&self.row, totals) {
            // A byte of the name becomes four at the most.
            out.reserve(ROW_MAX + 4 * row.name_length)?;
        }
        let Some(row) = self.row.take() else {
            return Ok(());
        };
        self.floor = end;
        self.rows += 1;
        self.total.add(&row.behind);
        if totals {
            return Ok(());
        }
        let name = self.name.get(..row.name_length).unwrap_or(&[]);
        out.line(|line| row_before_name(line, row.start, end, row.mapping.perm, &row.behind))?;
        put_long_name(name, |text| out.text(text))?;
        out.text(b"\n")
    }

    /// Goes on with the answer; nothing is left of it when `rest` is `None`.
    fn go_on(
        &mut self,
        (va, last): (u64, u64),
        reader: &mut Reader<'_>,
        out: &mut Out,
    ) -> Result<(), Stop> {
        let entries = reader.entries.get()?;
        let (totals, mm) = match self.asked.target()? {
            (question, Target::Process(mm)) => (question.totals, mm),
            (_, Target::Kernel) => return Err(Refusal::NotAQuestion.into()),
        };
        let step = match self.counted {
            Some(end) => Step::Complete(end),
            None => {
                let mm = reader.visit.users(mm)?;
                self.step(mm, va, last, entries)?
            }
        };
        self.rest = match step {
            Step::More(next) => Some((next, last)),
            Step::Complete(end) => {
                self.counted = Some(end);
                self.finish_row(end, totals, out)?;
                self.counted = None;
                Some((end, last))
            }
            Step::Over => None,
            Step::Unstable => return Err(Refusal::Retry.into()),
        };
        Ok(())
    }
}

impl Conversation for VmasConversation {
    const ACCESS: Access = Access::ANY_PROCESS;
    const USAGE: &'static str =
        "PID | PID 0xADDRESS | PID 0xSTART-0xEND, each with ' totals' or without";

    type Answer = VmasAnswer;

    fn begin(reader: &mut Reader<'_>, question: &[u8]) -> VmasAnswer {
        let asked = Asked::new(reader, question, accepts);
        let rest = match asked.target().map(|(question, _)| question.part) {
            Ok(Part::Whole) => Some((0, u64::MAX)),
            Ok(Part::At(va)) => Some((va, va)),
            Ok(Part::Range(start, last)) => Some((start, last)),
            Err(_) => None,
        };
        VmasAnswer {
            asked,
            rest,
            floor: 0,
            row: None,
            counted: None,
            rows: 0,
            total: Behind::default(),
            header_written: false,
            name: KVec::new(),
        }
    }

    fn refuse(answer: &mut VmasAnswer, refusal: Refusal) {
        answer.asked.refuse(refusal);
        answer.rest = None;
    }

    fn proceed(
        answer: &mut VmasAnswer,
        reader: &mut Reader<'_>,
        out: &mut Out,
    ) -> Result<bool, Stop> {
        if !answer.header_written {
            if answer
                .asked
                .target()
                .is_ok_and(|(question, _)| !question.totals)
            {
                out.line(header)?;
            }
            answer.header_written = true;
        }
        let Some(rest) = answer.rest else {
            out.line(|line| match answer.asked.target() {
                Err(refusal) => answer.asked.end_with(line, refusal),
                Ok(_) => answer.asked.end(line, false, |line| {
                    line.put(b" rows=").dec(answer.rows);
                    answer.total.put(line);
                }),
            })?;
            return Ok(true);
        };
        // It may have failed before.
        if answer.name.is_empty() {
            answer.name.resize(VMA_NAME_MAX, 0, GFP_KERNEL_ACCOUNT)?;
        }
        answer.go_on(rest, reader, out)?;
        Ok(false)
    }
}
