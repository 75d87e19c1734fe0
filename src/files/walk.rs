// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/walk`: what is behind an address.
//!
//! [`super::walk_slot`] offers the same through sysfs, one question at a time.

use crate::{
    abstractions::{
        compat::local_interrupt_disable,
        kernel_pgtable::{
            self,
            KernelTables, //
        },
        pgtable::UserTables,
        vma::LockVma, //
    },
    model::{
        answer::{
            self,
            KernelAddress, //
        },
        pgtable::Level,
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
            // Each level has a line, and the answer too.
            out.reserve((Level::ALL.len() + 1) * LINE_MAX)?;
            let show_entry = reader.opener.check_kernel_addresses().is_ok();
            for (level, read, folded) in answer::levels(path.iter()) {
                out.line(|line| answer::path_entry(line, level, read, folded, show_entry))?;
            }
        }
        let kernel = (whose == Whose::Kernel).then(|| KernelAddress {
            region: kernel_pgtable::region(va, found.ok().map(|page| page.pa)),
            pa_linear: kernel_pgtable::pa_linear(va),
        });
        out.line(|line| answer::walk(line, whose, va, kernel.as_ref(), &found))?;
        Ok(Progress::Complete)
    }
}
