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
        pgtable::{
            paging,
            untagged_addr,
            UserTables, //
        },
        vma::LockVma, //
    },
    model::{
        answer::{
            self,
            KernelAddress, //
        },
        pgtable::Level,
        question::{
            WalkQuestion,
            Whose, //
        },
        text::LINE_MAX,
        walk::{
            walk,
            walk_twice,
            Answer,
            Steps,
            NO_VMA, //
        },
        words::Refusal,
    },
    protocol::{
        access::{
            Access,
            KernelAddresses, //
        },
        conversation::{
            Conversation,
            Out,
            Reader,
            Stop, //
        },
        visit::Visit, //
    },
};
use kernel::{
    fs::LocalFile,
    pid_namespace::PidNamespace,
    prelude::*,
    sync::rcu, //
};

/// Reads a question, strips the tag of its address, and checks the address.
///
/// A refusal comes with the question, as far as it could be read.
pub(crate) fn parse(text: &[u8]) -> Result<WalkQuestion, (Option<WalkQuestion>, Refusal)> {
    let mut question = WalkQuestion::parse(text).map_err(|refusal| (None, refusal))?;
    question.va = untagged_addr(question.va);
    question
        .check_half(&paging().1)
        .map_err(|refusal| (Some(question), refusal))?;
    Ok(question)
}

/// Finds what a question asks for; notes the levels in `steps`, where that is given.
///
/// # Errors
///
/// A refusal, or [`Stop::Busy`].
pub(crate) fn find(
    question: &WalkQuestion,
    opener: &LocalFile,
    addresses: KernelAddresses,
    ns: &PidNamespace,
    visit: &mut Visit,
    steps: Option<&mut Steps>,
) -> Result<Answer, Stop> {
    let va = question.va;
    match question.whose {
        Whose::Kernel => {
            addresses.check(opener)?;
            let irq = local_interrupt_disable();
            Ok(walk_twice(&KernelTables::new(&irq), va, steps))
        }
        Whose::Process(pid) => {
            // CAST: addresses have 64 bits.
            let Some(vma) = visit.process(pid, ns)?.lock_vma(va as usize, va as usize)? else {
                return Ok(NO_VMA);
            };
            let rcu = rcu::read_lock();
            Ok(walk(&UserTables::new(&vma, &rcu), va, steps))
        }
    }
}

/// The conversation.
pub(crate) struct WalkConversation;

impl Conversation for WalkConversation {
    const ACCESS: Access = Access::ANY_PROCESS;
    const USAGE: &'static str = "PID 0xADDRESS | kernel 0xADDRESS, each with ' levels' or without";

    type Answer = Result<WalkQuestion, (Option<WalkQuestion>, Refusal)>;

    fn begin(_reader: &mut Reader<'_>, question: &[u8]) -> Self::Answer {
        parse(question)
    }

    fn refuse(answer: &mut Self::Answer, refusal: Refusal) {
        *answer = Err((answer.ok(), refusal));
    }

    fn proceed(
        answer: &mut Self::Answer,
        reader: &mut Reader<'_>,
        out: &mut Out,
    ) -> Result<bool, Stop> {
        let question = match *answer {
            Ok(question) => question,
            Err((question, refusal)) => {
                out.line(|line| {
                    let whose = question.map(|question| question.whose);
                    answer::refusal(line, whose, question.map(|question| question.va), refusal);
                })?;
                return Ok(true);
            }
        };
        let WalkQuestion { whose, va, levels } = question;
        let Reader {
            file,
            addresses,
            visit,
            ..
        } = reader;
        let mut steps = levels.then(Steps::default);
        let found = find(&question, file, *addresses, file.pid_ns(), visit, steps.as_mut())?;
        if let Some(steps) = steps {
            // Each level has a line, and the answer too.
            out.reserve((Level::ALL.len() + 1) * LINE_MAX)?;
            let show_entry = addresses.check(file).is_ok();
            for (level, step, folded) in answer::levels(steps.iter()) {
                out.line(|line| answer::step(line, level, step, folded, show_entry))?;
            }
        }
        let kernel = (whose == Whose::Kernel).then(|| KernelAddress {
            region: kernel_pgtable::region(va, found.ok().map(|page| page.pa)),
            pa_linear: kernel_pgtable::pa_linear(va),
        });
        out.line(|line| answer::walk(line, whose, va, kernel.as_ref(), &found))?;
        Ok(true)
    }
}
