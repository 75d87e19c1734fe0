// SPDX-License-Identifier: GPL-2.0

//! The queue: what goes in comes out, a line at a time, and the bound is kept.

use super::input::Input;
use memintro_model::model::{
    question::QUESTION_MAX,
    queue::{Full, Queue, QUEUE_MAX, QUEUE_MEMORY},
};
use std::{cell::RefCell, collections::VecDeque, ops::Range};

/// How many bytes of a line matter: one more than it may have.
const KEPT: usize = QUESTION_MAX + 1;

/// How much is pushed for one input: few fill the queue, so that most of them end soon.
///
/// The fuzzer likes those that do, and would try little else if their bytes said it.
fn pushed_max(input: &[u8]) -> usize {
    match input.len() % 32 {
        31 => 96 << 10,
        _ => 1 << 10,
    }
}

/// The queue as the documentation describes it.
#[derive(Default)]
struct Lines {
    /// Everything that was kept, without newlines.
    text: Vec<u8>,
    /// Where the finished lines are in it.
    finished: VecDeque<Range<usize>>,
    /// Where a line begins that has no newline yet.
    begun: Option<usize>,
    /// Bytes in the finished lines, newlines included.
    bytes: usize,
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) -> Result<usize, Full> {
        let mut taken = 0;
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            if self.begun.is_none() && self.bytes + text.len().min(KEPT) + 1 > QUEUE_MAX {
                break;
            }
            let start = self.begun.take().unwrap_or(self.text.len());
            let room = KEPT - (self.text.len() - start);
            self.text.extend_from_slice(&text[..text.len().min(room)]);
            if ends {
                self.bytes += self.text.len() - start + 1;
                self.finished.push_back(start..self.text.len());
            } else {
                self.begun = Some(start);
            }
            taken += piece.len();
        }
        if taken == 0 && !bytes.is_empty() {
            return Err(Full);
        }
        Ok(taken)
    }

    fn pop(&mut self) -> Option<&[u8]> {
        let line = match self.finished.pop_front() {
            Some(line) => {
                self.bytes -= line.len() + 1;
                line
            }
            None => self.begun.take()?..self.text.len(),
        };
        Some(&self.text[line])
    }
}

fn check_pop(queue: &mut Queue, memory: &[u8], lines: &mut Lines) -> bool {
    let line = lines.pop();
    assert_eq!(queue.pop(memory), line);
    line.is_some()
}

thread_local! {
    /// Like the module's, it is not cleared between uses.
    static MEMORY: RefCell<Vec<u8>> = RefCell::new(vec![0; QUEUE_MEMORY]);
}

/// The bytes say what is pushed and when something is taken out.
pub fn check(bytes: &[u8]) {
    MEMORY.with_borrow_mut(|memory| check_in(memory, Input(bytes)));
}

fn check_in(memory: &mut [u8], mut input: Input<'_>) {
    let mut queue = Queue::new();
    let mut lines = Lines::default();
    let mut room = pushed_max(input.0);

    while !input.is_empty() {
        let shape = input.byte();
        let pushed = match shape & 3 {
            0 => {
                for _ in 0..=shape >> 2 {
                    check_pop(&mut queue, memory, &mut lines);
                }
                continue;
            }
            // As it comes, with newlines where the fuzzer puts them.
            1 => input.bytes(usize::from(shape >> 2)).to_vec(),
            // Lines of one length, the last of them perhaps unfinished.
            _ => {
                let size = usize::from(input.byte()) << ((shape >> 2) & 15).min(9);
                let length = usize::from(input.byte()) + usize::from(shape >> 6);
                // A queue full of short lines takes long to empty, and is no other.
                let length = length.max(size >> 8);
                let mut bytes = vec![shape; size.min(room)];
                bytes
                    .iter_mut()
                    .skip(length)
                    .step_by(length + 1)
                    .for_each(|byte| *byte = b'\n');
                bytes
            }
        };
        room -= pushed.len().min(room);
        assert_eq!(queue.push(memory, &pushed), lines.push(&pushed));
        let empty = lines.finished.is_empty() && lines.begun.is_none();
        assert_eq!(queue.is_empty(), empty);
    }
    while check_pop(&mut queue, memory, &mut lines) {}
    assert!(queue.is_empty());
}
