// SPDX-License-Identifier: GPL-2.0

//! Answers with rows: a header, rows, and a last line.

use super::{
    conversation::{
        Answer,
        Progress, //
    },
    out::Out,
    question::Question,
    reader::Reader,
    waiting::{
        Stop,
        Wait, //
    },
};
use crate::model::{
    end::refused,
    question::Refused,
    text::Line,
    words::Refusal, //
};
use kernel::prelude::*;

/// The rows of an answer in progress.
pub(crate) trait Rows: Sized + Send + Unpin + 'static {
    /// How to ask, without `# usage: ` and newline.
    const USAGE: &'static str;

    /// What they answer.
    type Question: Question;

    /// Returns whether the file answers a question.
    fn accepts(_question: &Self::Question) -> bool {
        true
    }

    /// Finds what a question is about.
    ///
    /// Context: process context, may sleep, but waits for no other process.
    fn begin(question: &Self::Question, reader: &mut Reader<'_>) -> Result<Self, Refusal>;

    /// Writes the header of the rows that answer a question.
    fn header(question: &Self::Question, line: &mut Line<'_>);

    /// Makes the next step, and writes the rows that it completes.
    ///
    /// Context and errors as for [`Answer::proceed`].
    fn proceed(
        &mut self,
        question: &Self::Question,
        reader: &mut Reader<'_>,
        out: &mut Out,
    ) -> Result<Progress, Stop>;

    /// Writes what is left, and the last line: all of it, or nothing.
    fn end(&mut self, question: &Self::Question, out: &mut Out) -> Result;

    /// As [`Answer::wait`].
    fn wait(&mut self, tries: u32) -> Wait {
        Wait::after(tries)
    }
}

/// What an answer is about to write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Header,
    Rows,
    End,
}

/// An answer with rows.
pub(crate) enum RowsAnswer<R: Rows> {
    /// It is refused, or given up: the last line says why.
    Refused(Refused<R::Question>),
    /// It is in progress.
    Begun(R::Question, R, Stage),
}

impl<R: Rows> Answer for RowsAnswer<R> {
    const USAGE: &'static str = R::USAGE;

    fn begin(reader: &mut Reader<'_>, question: &[u8]) -> Self {
        let begun = R::Question::read(question, R::accepts).and_then(|question| {
            let rows = R::begin(&question, reader).map_err(|why| Refused::new(question, why))?;
            Ok(Self::Begun(question, rows, Stage::Header))
        });
        begun.unwrap_or_else(Self::Refused)
    }

    fn proceed(&mut self, reader: &mut Reader<'_>, out: &mut Out) -> Result<Progress, Stop> {
        let (question, rows, stage) = match self {
            Self::Begun(question, rows, stage) => (question, rows, stage),
            Self::Refused(why) => {
                out.line(|line| refused(line, why.question.as_ref(), why.refusal))?;
                return Ok(Progress::Complete);
            }
        };
        if *stage == Stage::End {
            rows.end(question, out)?;
            return Ok(Progress::Complete);
        }
        if *stage == Stage::Header && !question.only_totals() {
            out.line(|line| R::header(question, line))?;
        }
        *stage = Stage::Rows;
        if let Progress::Complete = rows.proceed(question, reader, out)? {
            *stage = Stage::End;
        }
        Ok(Progress::More)
    }

    fn refuse(&mut self, refusal: Refusal) {
        let question = match self {
            Self::Refused(why) => why.question,
            Self::Begun(question, ..) => Some(*question),
        };
        *self = Self::Refused(Refused { question, refusal });
    }

    fn wait(&mut self, tries: u32) -> Wait {
        match self {
            // It needs nothing that others may hold.
            Self::Refused(_) => Wait::Skip,
            Self::Begun(_, rows, _) => rows.wait(tries),
        }
    }
}
