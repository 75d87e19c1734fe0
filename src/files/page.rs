// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/page`: what a page frame is used for.

use super::walk::find;
use crate::{
    abstractions::{
        page::{
            count_frames,
            read_frame, //
        },
        pgtable::paging,
    },
    model::{
        addr::{
            Pfn, //
            PhysAddr,
        },
        answer,
        frame::{
            Frame,
            Run, //
        },
        page::{
            self,
            settle,
            Totals, //
        },
        question::{
            PageQuestion,
            Refused,
            WalkQuestion, //
        },
        words::Refusal, //
    },
    protocol::{
        conversation::{
            Answer,
            Progress, //
        },
        out::Out,
        question::parse_page,
        reader::Reader,
        waiting::Stop, //
    },
};
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    prelude::*,
    sync::rcu, //
};

/// How many runs of frames are counted at a time.
const RUNS: usize = 256;

/// How often a virtual address is followed again because it led elsewhere meanwhile.
const TRIES: usize = 3;

/// How much of a range is counted.
pub(crate) struct Count {
    /// The first and the last address.
    range: (PhysAddr, PhysAddr),
    /// The first frame that is not counted yet.
    next: Pfn,
    /// Not in place: every answer is as large as the largest.
    totals: Option<KBox<Totals>>,
    runs: KVec<Run>,
}

impl Count {
    /// Counts some frames more.
    fn proceed(&mut self) -> Result<Progress> {
        let last = self.range.1.pfn(page_shift());
        if self.next.0 > last.0 {
            return Ok(Progress::Complete);
        }
        if self.runs.is_empty() {
            self.runs.resize(RUNS, Run::default(), GFP_KERNEL_ACCOUNT)?;
        }
        let totals = match &mut self.totals {
            Some(totals) => totals,
            none => none.insert(KBox::new(Totals::default(), GFP_KERNEL_ACCOUNT)?),
        };
        let rcu = rcu::read_lock();
        for run in count_frames(self.next, last, &mut self.runs, &rcu) {
            totals.add(run);
            self.next = Pfn(self.next.0.saturating_add(run.pages));
        }
        Ok(Progress::More)
    }
}

/// An answer in progress.
pub(crate) enum PageAnswer {
    /// The page at a physical address.
    Physical(PhysAddr),
    /// The page behind a virtual address.
    Virtual(WalkQuestion),
    /// How much of a range is of each kind.
    Totals(Count),
    /// Why there is none.
    Refused(Refused<WalkQuestion>),
}

/// Returns how many bits of an address are those inside a page.
fn page_shift() -> u8 {
    paging().0.shift[0]
}

/// Reads what is recorded of the page at a physical address to `frame`; `None` if it kept changing.
fn read(pa: PhysAddr, frame: &mut Frame) -> Option<&Frame> {
    let rcu = rcu::read_lock();
    let settled = settle(|| read_frame(pa.pfn(page_shift()), frame, &rcu));
    settled.then_some(frame)
}

/// Answers about the page that a virtual address led to before and after that was read.
fn virtual_address(
    question: &WalkQuestion,
    reader: &mut Reader<'_>,
    out: &mut Out,
) -> Result<(), Stop> {
    let asked = Some((question.whose, question.va));
    let Reader {
        opener,
        mm,
        memo,
        page_memo,
        ..
    } = reader;
    let mut found = find(question, opener, mm, None)?;
    for _ in 0..TRIES {
        let Ok(at) = found else {
            break;
        };
        let mut frame = Frame::default();
        let frame = read(at.pa, &mut frame);
        found = find(question, opener, mm, None)?;
        if found.is_ok_and(|now| now.pa == at.pa) {
            out.line(|line| page::answer(line, asked, at.pa, frame, page_shift(), page_memo))?;
            return Ok(());
        }
    }
    out.line(|line| match found {
        Ok(at) => page::answer(line, asked, at.pa, None, page_shift(), page_memo),
        Err(_) => answer::walk(line, question.whose, question.va, None, &found, memo),
    })?;
    Ok(())
}

impl Answer for PageAnswer {
    const USAGE: &'static str =
        "0xPHYSICAL-ADDRESS | PID 0xADDRESS | kernel 0xADDRESS | 0xSTART-0xEND totals";

    fn begin(_reader: &mut Reader<'_>, question: &[u8]) -> Self {
        match parse_page(question) {
            Ok(PageQuestion::Physical(pa)) => PageAnswer::Physical(pa),
            Ok(PageQuestion::Virtual(question)) => PageAnswer::Virtual(question),
            Ok(PageQuestion::Totals(first, last)) => PageAnswer::Totals(Count {
                range: (first, last),
                next: first.pfn(page_shift()),
                totals: None,
                runs: KVec::new(),
            }),
            Err(why) => PageAnswer::Refused(why),
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        let question = match self {
            PageAnswer::Virtual(question) => Some(*question),
            PageAnswer::Refused(why) => why.question,
            PageAnswer::Physical(_) | PageAnswer::Totals(_) => None,
        };
        *self = PageAnswer::Refused(Refused { question, refusal });
    }

    fn proceed(&mut self, reader: &mut Reader<'_>, out: &mut Out) -> Result<Progress, Stop> {
        match self {
            PageAnswer::Physical(pa) => {
                let mut frame = Frame::default();
                let (frame, memo) = (read(*pa, &mut frame), &mut *reader.page_memo);
                out.line(|line| page::answer(line, None, *pa, frame, page_shift(), memo))?;
            }
            PageAnswer::Virtual(question) => virtual_address(question, reader, out)?,
            PageAnswer::Totals(count) => {
                if let Progress::More = count.proceed()? {
                    return Ok(Progress::More);
                }
                let (first, last) = count.range;
                let totals = count.totals.as_deref().copied().unwrap_or_default();
                out.line(|line| totals.end(line, first, last, page_shift()))?;
            }
            PageAnswer::Refused(why) => {
                out.line(|line| answer::refused(line, why.question.as_ref(), why.refusal))?;
            }
        }
        Ok(Progress::Complete)
    }
}
