// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/tables`: what the page tables of a process cost, and how full they are.

use crate::{
    abstractions::{
        pgtable::paging,
        pgtable_step::step_vma,
        vma::{
            LockVma,
            VmaExt, //
        },
    },
    model::{
        addr::VirtAddr,
        end,
        pgtable::Level,
        question::{
            Part,
            RangeQuestion,
            Whose, //
        },
        tables::{
            self,
            Tables, //
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

/// The levels, of which all rows are written at the end.
pub(crate) struct TableRows {
    /// Held by `mm_count` alone.
    mm: ARef<Mm>,
    /// The next address to look at.
    next: VirtAddr,
    tables: Tables,
}

impl Rows for TableRows {
    const USAGE: &'static str = "PID";

    type Question = RangeQuestion;

    fn accepts(question: &RangeQuestion) -> bool {
        question.whose != Whose::Kernel && question.part == Part::Whole && !question.totals
    }

    fn begin(question: &RangeQuestion, reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let Whose::Process(pid) = question.whose else {
            return Err(Refusal::NotAQuestion);
        };
        Ok(TableRows {
            mm: reader.mm_of(pid)?,
            next: VirtAddr(0),
            tables: Tables::default(),
        })
    }

    fn header(_question: &RangeQuestion, line: &mut Line<'_>) {
        tables::header(line);
    }

    fn proceed(
        &mut self,
        _question: &RangeQuestion,
        reader: &mut Reader<'_>,
        _out: &mut Out,
    ) -> Result<Progress, Stop> {
        let entries = reader.entries.get()?;
        let mm = reader.mm.users_of(&self.mm)?;
        let Some(vma) = mm.lock_vma(self.next, VirtAddr::MAX)? else {
            return Ok(Progress::Complete);
        };
        let found = step_vma(&vma, self.next, VirtAddr::MAX, None, entries)?;
        self.tables.count(&paging().0, &found, vma.is_anonymous());
        // The last entry may be for more than the mapping. CAST: addresses have 64 bits.
        let end = VirtAddr(vma.end() as u64);
        self.next = found.next().map_or(end, |next| next.min(end));
        Ok(Progress::More)
    }

    fn end(&mut self, question: &RangeQuestion, out: &mut Out) -> Result {
        let (paging, halves) = paging();
        out.reserve((Level::ALL.len() + 1) * LINE_MAX)?;
        for level in Level::ALL.into_iter().filter(|level| *level <= paging.top) {
            out.line(|line| self.tables.row(line, level, &paging, &halves))?;
        }
        out.line(|line| {
            end::begin(line, question);
            self.tables.put(line, &paging);
            line.end();
        })
    }
}
