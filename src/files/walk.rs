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
        self,
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
            Walk, //
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
        visit::Visit, //
    },
};
use kernel::{
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

/// Walks to what a question asks for, and notes the levels.
///
/// Context and errors as for [`find`].
fn find_levels(
    question: &WalkQuestion,
    may_see_kernel: impl FnOnce() -> Result<(), Refusal>,
    ns: &PidNamespace,
    visit: &mut Visit,
) -> Result<Walk, Stop> {
    let va = question.va;
    look(
        question,
        may_see_kernel,
        ns,
        visit,
        Walk::NO_VMA,
        |tables| walk(tables, va),
        |tables| walk_twice(tables, va),
    )
}

/// Finds what a question asks for; `may_see_kernel` is asked before kernel addresses are looked at.
///
/// # Errors
///
/// A refusal, or [`Stop::Busy`].
pub(crate) fn find(
    question: &WalkQuestion,
    may_see_kernel: impl FnOnce() -> Result<(), Refusal>,
    ns: &PidNamespace,
    visit: &mut Visit,
) -> Result<Answer, Stop> {
    let va = question.va;
    look(
        question,
        may_see_kernel,
        ns,
        visit,
        Walk::NO_VMA.answer,
        |tables| model::walk::find(tables, va),
        |tables| walk_twice(tables, va).answer,
    )
}

/// Gives the tables that a question is about to one of two walks; `nothing` is the result where
/// there is no mapping.
fn look<R>(
    question: &WalkQuestion,
    may_see_kernel: impl FnOnce() -> Result<(), Refusal>,
    ns: &PidNamespace,
    visit: &mut Visit,
    nothing: R,
    user: impl FnOnce(&UserTables<'_>) -> R,
    kernel: impl FnOnce(&KernelTables<'_>) -> R,
) -> Result<R, Stop> {
    // CAST: addresses have 64 bits.
    let va = question.va as usize;
    match question.whose {
        Whose::Kernel => {
            may_see_kernel()?;
            let irq = local_interrupt_disable();
            Ok(kernel(&KernelTables::new(&irq)))
        }
        Whose::Process(pid) => {
            let Some(vma) = visit.process(pid, ns)?.lock_vma(va, va)? else {
                return Ok(nothing);
            };
            let rcu = rcu::read_lock();
            Ok(user(&UserTables::new(&vma, &rcu)))
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
        let may_see_kernel = || addresses.check(file);
        let ns = file.pid_ns();
        let found = if levels {
            let walk = find_levels(&question, may_see_kernel, ns, visit)?;
            // Each level has a line, and the answer too.
            out.reserve((Level::ALL.len() + 1) * LINE_MAX)?;
            let show_entry = may_see_kernel().is_ok();
            answer::levels(walk.steps(), show_entry, |write| out.line(write))?;
            walk.answer
        } else {
            find(&question, may_see_kernel, ns, visit)?
        };
        let kernel = (whose == Whose::Kernel).then(|| KernelAddress {
            region: kernel_pgtable::region(va, found.ok().map(|page| page.pa)),
            pa_linear: kernel_pgtable::pa_linear(va),
        });
        out.line(|line| answer::walk(line, whose, va, kernel.as_ref(), &found))?;
        Ok(true)
    }
}
