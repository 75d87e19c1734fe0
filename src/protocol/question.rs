// SPDX-License-Identifier: GPL-2.0

//! Questions, read with what this machine says of their addresses.

use crate::{
    abstractions::pgtable::{
        paging,
        untagged_addr, //
    },
    model::{
        end::Named,
        question::{
            PageQuestion,
            PhysicalQuestion,
            RangeQuestion,
            Refused,
            WalkQuestion, //
        },
        words::Refusal, //
    },
};

/// Reads a question about one address, strips its tag, and checks in which half it is.
pub(crate) fn parse_walk(text: &[u8]) -> Result<WalkQuestion, Refused<WalkQuestion>> {
    check_walk(WalkQuestion::parse(text)?)
}

fn check_walk(mut question: WalkQuestion) -> Result<WalkQuestion, Refused<WalkQuestion>> {
    question.va = untagged_addr(question.va);
    let checked = question.check_half(&paging().1);
    checked.map_err(|refusal| Refused::new(question, refusal))?;
    Ok(question)
}

/// Reads a question about a page; what is said above holds for a virtual address.
pub(crate) fn parse_page(text: &[u8]) -> Result<PageQuestion, Refused<WalkQuestion>> {
    let question = PageQuestion::parse(text, paging().0.shift[0])?;
    match question {
        PageQuestion::Virtual(question) => check_walk(question).map(PageQuestion::Virtual),
        PageQuestion::Physical(_) | PageQuestion::Totals(..) => Ok(question),
    }
}

/// A question that is answered with rows.
pub(crate) trait Question: Copy + Named + Send + Unpin {
    /// Reads a question, strips its addresses of their tags, and checks in which half they are.
    ///
    /// `accepts` tells which of them a file answers.
    fn read(text: &[u8], accepts: fn(&Self) -> bool) -> Result<Self, Refused<Self>>;

    /// Returns whether the answer is the last line alone.
    fn only_totals(&self) -> bool;
}

impl Question for RangeQuestion {
    fn read(text: &[u8], accepts: fn(&Self) -> bool) -> Result<Self, Refused<Self>> {
        let (paging, halves) = paging();
        let question = RangeQuestion::parse(text, paging.shift[0], untagged_addr)?;
        if !accepts(&question) {
            return Err(Refusal::NotAQuestion.into());
        }
        let checked = question.check_half(&halves);
        checked.map_err(|refusal| Refused::new(question, refusal))?;
        Ok(question)
    }

    fn only_totals(&self) -> bool {
        self.totals
    }
}

impl Question for PhysicalQuestion {
    fn read(text: &[u8], _accepts: fn(&Self) -> bool) -> Result<Self, Refused<Self>> {
        Ok(PhysicalQuestion::parse(text, paging().0.shift[0])?)
    }

    fn only_totals(&self) -> bool {
        false
    }
}
