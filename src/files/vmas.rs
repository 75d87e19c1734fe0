// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/vmas`: the mappings of a process, and what is behind them.

use crate::{
    abstractions::{
        pgtable_step::step_vma,
        vma::{
            LockVma,
            VmaExt,
            VmaId,
            VMA_NAME_MAX, //
        },
    },
    model::{
        addr::VirtAddr,
        end,
        pgtable::Entry,
        question::{
            Part,
            RangeQuestion,
            Whose, //
        },
        text::Line,
        vmas::{
            self,
            header,
            Behind,
            Perm,
            ROW_MAX, //
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
    alloc::flags::GFP_KERNEL_ACCOUNT,
    mm::{
        virt::VmaRef,
        Mm,
        MmWithUser, //
    },
    prelude::*,
    sync::aref::ARef, //
};

/// A mapping, as it is now.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mapping {
    start: VirtAddr,
    end: VirtAddr,
    perm: Perm,
    id: VmaId,
}

impl Mapping {
    fn of(vma: &VmaRef) -> Self {
        // CAST: addresses have 64 bits.
        Mapping {
            start: VirtAddr(vma.start() as u64),
            end: VirtAddr(vma.end() as u64),
            perm: vma.perm(),
            id: vma.id(),
        }
    }
}

/// A row in progress.
struct Row {
    mapping: Mapping,
    /// Where the row begins: not before the end of the last one, should mappings have changed.
    start: VirtAddr,
    /// Where it ends, once all of it is counted.
    end: Option<VirtAddr>,
    behind: Behind,
    name_length: usize,
}

/// The mappings of a process in ascending order.
pub(crate) struct VmaRows {
    /// Held by `mm_count` alone.
    mm: ARef<Mm>,
    /// Where the row continues, or the search for the next mapping, and the last address that a
    /// mapping may begin at.
    rest: (VirtAddr, VirtAddr),
    /// The end of the last row.
    floor: VirtAddr,
    row: Option<Row>,
    rows: u64,
    total: Behind,
    /// Of the row, up to its length.
    name: KVec<u8>,
}

impl VmaRows {
    /// Counts one table of the row's mapping, or of the next one; `Complete` if there is none.
    fn count(&mut self, mm: &MmWithUser, entries: &mut [Entry]) -> Result<Progress, Stop> {
        let (va, last) = self.rest;
        let Some(vma) = mm.lock_vma(va, last.max(va))? else {
            let Some(row) = &mut self.row else {
                return Ok(Progress::Complete);
            };
            row.end = Some(va);
            return Ok(Progress::More);
        };
        let mapping = Mapping::of(&vma);
        let mut from = va;
        let row = match &mut self.row {
            Some(row) if row.mapping == mapping => row,
            // Another mapping is there now.
            Some(row) => {
                row.end = Some(va);
                return Ok(Progress::More);
            }
            None if mapping.start > last => return Ok(Progress::Complete),
            none => {
                from = mapping.start.max(self.floor);
                none.insert(Row {
                    mapping,
                    start: from,
                    end: None,
                    behind: Behind::default(),
                    name_length: vma.name(&mut self.name).len(),
                })
            }
        };
        let found = step_vma(&vma, from, VirtAddr::MAX, None, entries)?;
        let mut reached = from;
        for piece in found.pieces() {
            row.behind.count(&piece);
            reached = piece.last.wrapping_add(1);
        }
        self.rest.0 = reached;
        if reached >= mapping.end {
            row.end = Some(mapping.end);
        }
        Ok(Progress::More)
    }

    /// Writes the row, if all of it is counted.
    fn finish_row(&mut self, totals: bool, out: &mut Out) -> Result {
        let Some(Row {
            end: Some(end),
            name_length,
            ..
        }) = self.row
        else {
            return Ok(());
        };
        if !totals {
            // A byte of the name becomes four at the most.
            out.reserve(ROW_MAX + 4 * name_length)?;
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
        let name = self.name.get(..name_length).unwrap_or(&[]);
        out.line(|line| vmas::row(line, row.start, end, row.mapping.perm, &row.behind, name))
    }
}

impl Rows for VmaRows {
    const USAGE: &'static str =
        "PID | PID 0xADDRESS | PID 0xSTART-0xEND, each with ' totals' or without";

    type Question = RangeQuestion;

    fn accepts(question: &RangeQuestion) -> bool {
        question.whose != Whose::Kernel && !question.frames()
    }

    fn begin(question: &RangeQuestion, reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let Whose::Process(pid) = question.whose else {
            return Err(Refusal::NotAQuestion);
        };
        Ok(VmaRows {
            mm: reader.mm_of(pid)?,
            rest: match question.part {
                Part::Whole => (VirtAddr(0), VirtAddr::MAX),
                Part::At(va) => (va, va),
                Part::Range(start, last) => (start, last),
            },
            floor: VirtAddr(0),
            row: None,
            rows: 0,
            total: Behind::default(),
            name: KVec::new(),
        })
    }

    fn header(_question: &RangeQuestion, line: &mut Line<'_>) {
        header(line);
    }

    fn proceed(
        &mut self,
        question: &RangeQuestion,
        reader: &mut Reader<'_>,
        out: &mut Out,
    ) -> Result<Progress, Stop> {
        // It may have failed before.
        if self.name.is_empty() {
            let resized = self.name.resize(VMA_NAME_MAX, 0, GFP_KERNEL_ACCOUNT);
            resized.map_err(Error::from)?;
        }
        let entries = reader.entries.get()?;
        // A row that is counted was not written, for want of memory.
        if !matches!(self.row, Some(Row { end: Some(_), .. })) {
            let mm = reader.mm.users_of(&self.mm)?;
            if let Progress::Complete = self.count(mm, entries)? {
                return Ok(Progress::Complete);
            }
        }
        self.finish_row(question.totals, out)?;
        Ok(Progress::More)
    }

    fn end(&mut self, question: &RangeQuestion, out: &mut Out) -> Result {
        out.line(|line| {
            end::begin(line, question).put(b" rows=").dec(self.rows);
            self.total.put(line);
            line.end();
        })
    }
}
