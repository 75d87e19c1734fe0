// SPDX-License-Identifier: GPL-2.0

//! The last line of an answer with rows, and the words of a refusal.

use super::{
    question::{
        Part,
        PhysicalQuestion,
        RangeQuestion, //
    },
    text::Line,
    words::Refusal,
    VirtAddr, //
};

/// A question that the last line of its answer names.
pub trait Named {
    /// Writes it as `key=value`, each after a space.
    fn put(&self, line: &mut Line<'_>);
}

impl Named for RangeQuestion {
    fn put(&self, line: &mut Line<'_>) {
        line.put(b" pid=");
        self.whose.put(line);
        match self.part {
            Part::Whole => (),
            Part::At(va) => {
                line.put(b" va=").hex(va.0);
            }
            Part::Range(start, last) => {
                line.put(b" start=").hex(start.0);
                line.put(b" end=").hex_end(last);
            }
        }
    }
}

impl Named for PhysicalQuestion {
    fn put(&self, line: &mut Line<'_>) {
        if let PhysicalQuestion::Kernel(_) = self {
            line.put(b" pid=kernel");
        }
        line.put(b" pa=");
        match self {
            PhysicalQuestion::Page(pa) | PhysicalQuestion::Kernel(pa) => line.hex(pa.0),
            PhysicalQuestion::Range(first, last) => {
                line.hex(first.0).put_byte(b'-').hex_end(VirtAddr(last.0))
            }
        };
    }
}

/// Writes the beginning of the last line: `# end` and the question.
pub fn begin<'a, 'b>(line: &'a mut Line<'b>, question: &impl Named) -> &'a mut Line<'b> {
    line.put(b"# end");
    question.put(line);
    line
}

/// Writes the last line of an answer that is refused or given up; it names the question if that
/// could be parsed.
pub fn refused(line: &mut Line<'_>, question: Option<&impl Named>, refusal: Refusal) {
    line.put(b"# end");
    if let Some(question) = question {
        question.put(line);
    }
    put_refusal(line, refusal);
}

/// Ends a line with why there is no answer: `error=… why=…`.
pub fn put_refusal(line: &mut Line<'_>, refusal: Refusal) {
    line.put(b" error=")
        .put(refusal.errno().as_str().as_bytes())
        .put(b" why=")
        .put(refusal.as_str().as_bytes())
        .end();
}
