// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/extents`: physically contiguous runs.

use crate::{
    abstractions::{
        kernel_pgtable::step_kernel,
        page::{
            count_folios,
            folios_behind,
            node_ids, //
        },
        pgtable::paging,
        pgtable_step::step_user,
    },
    model::{
        addr::VirtAddr,
        end,
        extents::{
            put_nodes,
            Extent,
            Extents,
            Folios,
            LastRow,
            NODE_MAX,
            NO_ROWS, //
        },
        frame::FolioRun,
        pgtable::Entry,
        question::{
            Part,
            RangeQuestion,
            Whose, //
        },
        range::{
            Found,
            Piece, //
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
    alloc::flags::GFP_KERNEL_ACCOUNT,
    mm::Mm,
    prelude::*,
    sync::{
        aref::ARef,
        rcu, //
    },
};

/// How many folios a step looks at before it ends, inside a page too: some milliseconds.
const LOOKS: u64 = 16 << 10;

/// The memory that a question is about.
enum Target {
    /// A process's, held by `mm_count` alone.
    Process(ARef<Mm>),
    /// The kernel's.
    Kernel,
}

/// The frames behind a range.
#[derive(Default)]
struct Frames {
    folios: Folios,
    /// How many bytes each node has; empty unless they are asked for.
    nodes: KVec<u64>,
}

impl Frames {
    /// Counts the frames of a piece, one after the other, as far as patience goes; returns how many
    /// bytes of it these are.
    fn count(&mut self, piece: &Piece, patience: &mut u64) -> u64 {
        let shift = paging().0.shift[0];
        let mut next = piece.pa.pfn(shift);
        let last = piece.pa.wrapping_add(piece.size() - 1).pfn(shift);
        let first = next;
        let mut room = [FolioRun::default(); 16];
        while next.0 <= last.0 && *patience > 0 {
            let rcu = rcu::read_lock();
            for run in count_folios(next, last, &mut room, &rcu) {
                next.0 += run.pages;
                let looks = run.pages.checked_shr(run.order).unwrap_or(0);
                *patience = patience.saturating_sub(looks + 1);
                self.add(run, shift);
            }
        }
        (next.0 - first.0) << shift
    }

    /// Counts the frames that entries lead to, each to one page.
    fn count_pages(&mut self, mut entries: &[Entry], patience: &mut u64) {
        *patience = patience.saturating_sub(entries.len() as u64);
        let mut room = [FolioRun::default(); 16];
        while !entries.is_empty() {
            let rcu = rcu::read_lock();
            for run in folios_behind(entries, &mut room, &rcu) {
                // CAST: no more than there are entries.
                entries = entries.get(run.pages as usize..).unwrap_or(&[]);
                self.add(run, paging().0.shift[0]);
            }
        }
    }

    fn add(&mut self, run: &FolioRun, shift: u8) {
        if run.node == FolioRun::NO_FOLIO {
            return;
        }
        let bytes = run.pages << shift;
        self.folios.add(run.order, bytes);
        if let Some(node) = self.nodes.get_mut(run.node as usize) {
            *node += bytes;
        }
    }
}

/// Extents in ascending order.
pub(crate) struct ExtentRows {
    target: Target,
    /// The addresses that were not read yet, first and last.
    rest: (VirtAddr, VirtAddr),
    extents: Extents,
    last_row: LastRow,
    frames: Frames,
}

/// Takes what a step found, and counts the frames behind it; returns the last address that was
/// taken.
fn count_frames(found: &Found<'_>, extents: &mut Extents, frames: &mut Frames) -> VirtAddr {
    let mut patience = LOOKS;
    let mut reached = found.va;
    let is_page = found.span == 1 << paging().0.shift[0];
    let mut pieces = found.pieces();
    while let Some(mut piece) = pieces.next() {
        if piece.is_present() {
            let counted = frames.count(&piece, &mut patience);
            piece.last = piece.start.wrapping_add(counted - 1);
        }
        extents.push(&piece);
        reached = piece.last;
        // Most are pages that differ in their place alone.
        if piece.is_present() && is_page {
            let pages = pieces.take_alike();
            (reached, _) = extents.push_alike(&piece, found.span, pages, NO_ROWS);
            frames.count_pages(pages, &mut patience);
        }
        if patience == 0 {
            break;
        }
    }
    reached
}

impl Rows for ExtentRows {
    const USAGE: &'static str =
        "PID | PID 0xSTART-0xEND | kernel 0xSTART-0xEND, each with ' totals [folios] [nodes]' or without";

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
            last_row: LastRow::default(),
            frames: Frames::default(),
        })
    }

    fn header(_question: &RangeQuestion, line: &mut Line<'_>) {
        Extent::header(line);
    }

    /// Reads one table, and writes the rows that it completes while there is room.
    fn proceed(
        &mut self,
        question: &RangeQuestion,
        reader: &mut Reader<'_>,
        out: &mut Out,
    ) -> Result<Progress, Stop> {
        if question.nodes && self.frames.nodes.is_empty() {
            let nodes = &mut self.frames.nodes;
            nodes
                .resize(node_ids(), 0, GFP_KERNEL_ACCOUNT)
                .map_err(Error::from)?;
        }
        let buffer = reader.entries.get()?;
        let (va, last) = self.rest;
        let found = match &self.target {
            Target::Kernel => Some(step_kernel(va, last, buffer)?),
            Target::Process(mm) => step_user(reader.mm.users_of(mm)?, va, last, None, buffer)?,
        };
        let Some(found) = found else {
            return Ok(Progress::Complete);
        };
        let reached = if question.frames() {
            count_frames(&found, &mut self.extents, &mut self.frames)
        } else if question.totals {
            self.extents.push_all(&found, NO_ROWS)
        } else {
            let last = &mut self.last_row;
            let mut written = Ok(());
            let write = |row: &Extent| {
                written = out.line(|line| row.row(line, last));
                written.is_ok() && out.has_room()
            };
            let reached = self.extents.push_all(&found, Some(write));
            written.map(|()| reached)?
        };
        match reached.next().filter(|next| *next <= last) {
            Some(next) => {
                self.rest = (next, last);
                Ok(Progress::More)
            }
            None => Ok(Progress::Complete),
        }
    }

    fn end(&mut self, question: &RangeQuestion, out: &mut Out) -> Result {
        out.reserve(2 * LINE_MAX + self.frames.nodes.len() * NODE_MAX)?;
        let row = self.extents.finish().filter(|_| !question.totals);
        if let Some(row) = row {
            out.line(|line| row.row(line, &mut self.last_row))?;
        }
        out.line(|line| {
            end::begin(line, question);
            let paging = paging().0;
            self.extents.totals.put(line, question.part, &paging);
            if question.folios {
                self.frames.folios.put(line, paging.shift[0]);
            }
            put_nodes(line, &self.frames.nodes);
            line.end();
        })
    }
}
