// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/queue.rs`.

use memintro_model::model::{
    question::QUESTION_MAX,
    queue::{Full, Queue, QUEUE_MAX, QUEUE_MEMORY},
};
use proptest::{collection::vec, prelude::*};
use std::collections::VecDeque;

#[path = "support/common.rs"]
mod common;

/// A queue with its memory.
struct Lines {
    queue: Queue,
    memory: Vec<u8>,
}

impl Lines {
    fn new() -> Self {
        Lines {
            queue: Queue::new(),
            // Not zeros, so that what was never written does not pass for nothing.
            memory: vec![b'?'; QUEUE_MEMORY],
        }
    }

    fn push(&mut self, bytes: impl AsRef<[u8]>) -> Result<usize, Full> {
        self.queue.push(&mut self.memory, bytes.as_ref())
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        self.queue.pop(&self.memory).map(<[u8]>::to_vec)
    }

    /// Takes all lines out.
    fn all(&mut self) -> Vec<String> {
        let lines = std::iter::from_fn(|| self.pop());
        lines.map(|line| String::from_utf8(line).unwrap()).collect()
    }
}

#[test]
fn an_empty_queue() {
    let mut lines = Lines::new();
    assert!(lines.queue.is_empty());
    assert_eq!(lines.pop(), None);
    assert_eq!(lines.push(""), Ok(0));
    assert!(lines.queue.is_empty());
}

#[test]
fn lines_come_out_in_order_and_without_their_newlines() {
    let mut lines = Lines::new();
    assert_eq!(lines.push("a\nbc\n\nd\n"), Ok(8));
    assert!(!lines.queue.is_empty());
    assert_eq!(lines.all(), ["a", "bc", "", "d"]);
    assert!(lines.queue.is_empty());
}

#[test]
fn a_line_may_come_in_pieces() {
    let mut lines = Lines::new();
    for piece in ["x\n8", "1", "2 0x", "1000", "\ny"] {
        assert_eq!(lines.push(piece), Ok(piece.len()));
    }
    assert_eq!(lines.all(), ["x", "812 0x1000", "y"]);
}

#[test]
fn a_read_finishes_a_line_that_was_begun() {
    let mut lines = Lines::new();
    lines.push("a\nb").unwrap();
    assert_eq!(lines.pop().unwrap(), b"a");
    assert!(!lines.queue.is_empty());
    assert_eq!(lines.pop().unwrap(), b"b");
    assert!(lines.queue.is_empty());
    // What comes now is a line of its own, even a blank one.
    lines.push("\nc").unwrap();
    assert_eq!(lines.all(), ["", "c"]);
}

#[test]
fn the_rest_of_a_long_line_is_dropped() {
    let long = "x".repeat(1000);
    for pieces in [1, 3, 100, 1000] {
        let mut lines = Lines::new();
        for piece in long.as_bytes().chunks(1000 / pieces) {
            assert_eq!(lines.push(piece), Ok(piece.len()));
        }
        assert_eq!(lines.push("\nnext\n"), Ok(6));
        let all = lines.all();
        assert_eq!(all.len(), 2);
        // Still too long to be a question, so that it is refused as such.
        assert!(all[0].len() > QUESTION_MAX && long.starts_with(&all[0]));
        assert_eq!(all[1], "next");
    }
    // The longest question is whole.
    let longest = "y".repeat(QUESTION_MAX);
    let mut lines = Lines::new();
    lines.push(longest.clone() + "\n").unwrap();
    assert_eq!(lines.all(), [longest]);
}

#[test]
fn a_line_larger_than_the_queue_is_one_line() {
    let mut lines = Lines::new();
    let huge = vec![b'x'; 3 * QUEUE_MAX];
    assert_eq!(lines.push(&huge), Ok(huge.len()));
    assert_eq!(lines.push("\n"), Ok(1));
    assert_eq!(lines.all().len(), 1);
}

#[test]
fn a_full_queue_takes_no_line_but_finishes_one() {
    let line = [b"z".repeat(63), b"\n".to_vec()].concat();
    let many = line.repeat(QUEUE_MAX / line.len() + 10);
    let mut lines = Lines::new();
    // Whole lines, as many as fit.
    assert_eq!(lines.push(&many), Ok(QUEUE_MAX));
    assert_eq!(lines.push(&line), Err(Full));
    assert_eq!(lines.push("\n"), Err(Full));
    assert_eq!(lines.push("a"), Err(Full));
    // Nothing of these was left behind, and a line that went makes room for one.
    assert_eq!(lines.pop().unwrap(), b"z".repeat(63));
    assert_eq!(lines.push("a"), Ok(1));
    let long = "b".repeat(1000);
    assert_eq!(lines.push(&long), Ok(1000));
    assert_eq!(lines.push("\n"), Ok(1));
    assert_eq!(lines.push("c\n"), Err(Full));
    let all = lines.all();
    assert_eq!(all.len(), QUEUE_MAX / line.len());
    assert!(all.last().unwrap().starts_with("abbb"));
}

/// What may be done to a queue.
#[derive(Clone, Debug)]
enum Op {
    Push(Vec<u8>),
    Pop(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let piece = prop_oneof![
        4 => "[a-z]{0,20}",
        4 => Just("\n".to_string()),
        1 => "[a-z]{250,260}",
    ];
    let bytes = vec(piece, 0..12).prop_map(|pieces| pieces.concat());
    // Enough that the queue gets full.
    let repeated = (bytes, prop_oneof![4 => Just(1usize), 2 => 1usize..200]);
    prop_oneof![
        3 => repeated.prop_map(|(bytes, times)| Op::Push(bytes.repeat(times).into_bytes())),
        1 => vec(any::<u8>(), 0..600).prop_map(Op::Push),
        2 => (0usize..400).prop_map(Op::Pop),
    ]
}

/// The lines that wait, as a list.
#[derive(Default)]
struct Oracle {
    lines: VecDeque<Vec<u8>>,
    /// Whether the last of them is not finished.
    begun: bool,
}

impl Oracle {
    /// Takes bytes that the queue took.
    fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if !self.begun {
                self.lines.push_back(Vec::new());
            }
            self.begun = *byte != b'\n';
            if self.begun {
                self.lines.back_mut().unwrap().push(*byte);
            }
        }
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        let mut line = self.lines.pop_front()?;
        self.begun &= !self.lines.is_empty();
        line.truncate(QUESTION_MAX + 1);
        Some(line)
    }

    fn bytes(&self) -> usize {
        let kept = |line: &Vec<u8>| line.len().min(QUESTION_MAX + 1) + 1;
        self.lines.iter().map(kept).sum()
    }
}

proptest! {
    #![proptest_config(common::config(4))]

    #[test]
    fn a_queue_is_a_list_of_lines(ops in vec(op(), 0..60)) {
        let mut lines = Lines::new();
        let mut oracle = Oracle::default();
        for op in ops {
            match op {
                Op::Push(bytes) => {
                    let taken = lines.push(&bytes);
                    let count = taken.unwrap_or(0);
                    oracle.push(&bytes[..count]);
                    if let Some(rest) = bytes.get(count..).filter(|rest| !rest.is_empty()) {
                        // Whole lines were taken, and the next would have been too much.
                        prop_assert!(!oracle.begun);
                        let line = rest.split(|byte| *byte == b'\n').next().unwrap();
                        let needed = line.len().min(QUESTION_MAX + 1) + 1;
                        prop_assert!(oracle.bytes() + needed > QUEUE_MAX);
                    }
                    prop_assert_eq!(taken.is_err(), count == 0 && !bytes.is_empty());
                }
                Op::Pop(count) => {
                    for _ in 0..count {
                        let expected = oracle.pop();
                        prop_assert_eq!(lines.pop(), expected);
                    }
                }
            }
            prop_assert_eq!(lines.queue.is_empty(), oracle.lines.is_empty());
            // A line that was begun may pass the bound, by itself alone.
            prop_assert!(oracle.bytes() <= QUEUE_MEMORY);
        }
        while let Some(line) = oracle.pop() {
            prop_assert_eq!(lines.pop(), Some(line));
        }
        prop_assert_eq!(lines.pop(), None);
    }
}
