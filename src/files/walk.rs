// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/walk`: what is behind an address.
//!
//! [`super::walk_slot`] offers the same through sysfs, one question at a time.

use crate::{
    abstractions::{
        compat::local_interrupt_disable,
        kernel_pgtable::{
            self,
            KernelTables,
            SymbolText, //
        },
        pgtable::UserTables,
        vma::LockVma, //
    },
    model::{
        addr::VirtAddr,
        answer::{
            self,
            KernelAddress,
            Memo, //
            Symbol,
        },
        levels::LEVELS_MAX,
        question::{
            Refused,
            WalkQuestion,
            Whose, //
        },
        text::LINE_MAX,
        walk::{
            walk,
            walk_twice,
            Answer,
            Path,
            NO_VMA, //
        },
        words::Refusal, //
    },
    protocol::{
        access::Opener,
        conversation::{
            self,
            Progress, //
        },
        mm_cache::MmCache,
        out::Out,
        question::parse_walk,
        reader::Reader,
        waiting::Stop, //
    },
};
use kernel::{
    prelude::*,
    sync::rcu, //
};

/// Finds what a question asks for; writes the levels to `path`, where that is given.
///
/// # Errors
///
/// A refusal, or [`Stop::Busy`].
pub(crate) fn find(
    question: &WalkQuestion,
    opener: &Opener<'_>,
    mm: &mut MmCache,
    path: Option<&mut Path>,
) -> Result<Answer, Stop> {
    let va = question.va;
    match question.whose {
        Whose::Kernel => {
            opener.check_kernel_addresses()?;
            let irq = local_interrupt_disable();
            Ok(walk_twice(&KernelTables::new(&irq), va, path))
        }
        Whose::Process(pid) => {
            let vma = mm.of_process(pid, opener.ns)?.lock_vma(va, va)?;
            let Some(vma) = vma else {
                return Ok(NO_VMA);
            };
            let rcu = rcu::read_lock();
            Ok(walk(&UserTables::new(&vma, &rcu), va, path))
        }
    }
}

/// A question that waits for its answer, or is refused.
pub(crate) struct WalkAnswer(Result<WalkQuestion, Refused<WalkQuestion>>);

impl conversation::Answer for WalkAnswer {
    const USAGE: &'static str = "PID 0xADDRESS | kernel 0xADDRESS, each with ' levels' or without";

    fn begin(_reader: &mut Reader<'_>, question: &[u8]) -> Self {
        WalkAnswer(parse_walk(question))
    }

    fn refuse(&mut self, refusal: Refusal) {
        let question = self.0.map_or_else(|why| why.question, Some);
        self.0 = Err(Refused { question, refusal });
    }

    fn proceed(&mut self, reader: &mut Reader<'_>, out: &mut Out) -> Result<Progress, Stop> {
        let question = match &self.0 {
            Ok(question) => question,
            Err(why) => {
                out.line(|line| answer::refused(line, why.question.as_ref(), why.refusal))?;
                return Ok(Progress::Complete);
            }
        };
        let WalkQuestion { whose, va, levels } = *question;
        let mut path = levels.then(Path::default);
        let found = find(question, &reader.opener, &mut reader.mm, path.as_mut())?;
        if let Some(path) = path {
            // And the answer.
            out.reserve(LEVELS_MAX + LINE_MAX)?;
            let show_entry = reader.shows_kernel_addresses();
            out.line(|line| reader.levels.put(line, &path, show_entry))?;
        }
        match whose {
            Whose::Kernel => kernel_line(va, &found, reader.memo, out)?,
            Whose::Process(_) => {
                out.line(|line| answer::walk(line, whose, va, None, &found, reader.memo))?;
            }
        }
        Ok(Progress::Complete)
    }
}

/// Writes the answer about a kernel address.
// Not inlined: the text of a symbol needs more of the stack than all else.
#[inline(never)]
fn kernel_line(va: VirtAddr, found: &Answer, memo: &mut Memo, out: &mut Out) -> Result {
    let text = SymbolText::at(va);
    let kernel = KernelAddress {
        region: kernel_pgtable::region(va, found.ok().map(|page| page.pa)),
        pa_linear: kernel_pgtable::pa_linear(va),
        symbol: Symbol::parse(text.as_bytes()),
    };
    // The name of a symbol may be nearly as long as a line.
    out.reserve(2 * LINE_MAX)?;
    out.line(|line| answer::walk(line, Whose::Kernel, va, Some(&kernel), found, memo))
}
