// SPDX-License-Identifier: GPL-2.0

//! The questions of a conversation that wait for their answers.
//!
//! Writes bring bytes; lines come out. The queue is bounded, and a line is taken as a whole or not
//! at all; but a line that was begun can always be finished.

use super::question::QUESTION_MAX;

/// How many bytes of lines may wait, their newlines included.
pub const QUEUE_MAX: usize = 64 << 10;

/// How many bytes a line keeps: enough to see that it is too long.
pub const LINE_KEPT: usize = QUESTION_MAX + 1;

/// How many bytes the memory of a [`Queue`] must have.
///
/// A line that was begun when the queue was almost full may grow past [`QUEUE_MAX`].
pub const QUEUE_MEMORY: usize = QUEUE_MAX + LINE_KEPT + 1;

/// No more line fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Where the lines are in the memory that the caller provides, always the same
/// [`QUEUE_MEMORY`] bytes.
///
/// # Examples
///
/// ```
/// use memintro_model::model::queue::{Queue, QUEUE_MEMORY};
///
/// let mut memory = [0; QUEUE_MEMORY];
/// let mut queue = Queue::new();
/// assert_eq!(queue.push(&mut memory, b"1 0x1000\n2 0x2000"), Ok(17));
/// assert_eq!(queue.pop(&memory), Some(b"1 0x1000".as_slice()));
/// assert_eq!(queue.pop(&memory), Some(b"2 0x2000".as_slice()));
/// assert_eq!(queue.pop(&memory), None);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Queue {
    start: usize,
    end: usize,
    /// How many bytes of the last line are kept, while its newline has not come.
    begun: Option<usize>,
}

impl Queue {
    /// Returns an empty queue.
    pub const fn new() -> Self {
        Queue {
            start: 0,
            end: 0,
            begun: None,
        }
    }

    /// Returns whether no line waits, finished or not.
    pub fn is_empty(&self) -> bool {
        self.start == self.end && self.begun.is_none()
    }

    /// Takes as many lines of `bytes` as fit, and returns how many bytes that was.
    ///
    /// A last line without its newline is begun; what is pushed next continues it.
    ///
    /// # Errors
    ///
    /// [`Full`] if not one line fits. Nothing was taken then.
    pub fn push(&mut self, memory: &mut [u8], bytes: &[u8]) -> Result<usize, Full> {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            let lines = self.push_lines(memory, rest);
            if lines > 0 {
                taken += lines;
                continue;
            }
            let newline = rest.iter().position(|&byte| byte == b'\n');
            let piece = rest.get(..newline.unwrap_or(rest.len())).unwrap_or(rest);
            if !self.push_piece(memory, piece, newline.is_some()) {
                break;
            }
            taken += piece.len() + usize::from(newline.is_some());
        }
        if taken == 0 && !bytes.is_empty() {
            return Err(Full);
        }
        Ok(taken)
    }

    /// Takes the whole lines at the beginning of `bytes`, as far as none of them can be too long;
    /// returns how many bytes that was, 0 also where they do not fit.
    fn push_lines(&mut self, memory: &mut [u8], bytes: &[u8]) -> usize {
        let few = bytes.get(..LINE_KEPT).unwrap_or(bytes);
        let Some(newline) = few.iter().rposition(|&byte| byte == b'\n') else {
            return 0;
        };
        let lines = few.get(..=newline).unwrap_or(&[]);
        if self.begun.is_some() || self.end - self.start + lines.len() > QUEUE_MAX {
            return 0;
        }
        self.make_room(memory, lines.len());
        let Some(room) = memory.get_mut(self.end..self.end + lines.len()) else {
            return 0;
        };
        room.copy_from_slice(lines);
        self.end += lines.len();
        lines.len()
    }

    /// Moves what waits to the beginning of the memory if fewer than `needed` bytes are after it.
    fn make_room(&mut self, memory: &mut [u8], needed: usize) {
        if self.end + needed > memory.len() {
            memory.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
    }

    /// Takes a line, or a piece of one; `false` if a new line does not fit.
    fn push_piece(&mut self, memory: &mut [u8], piece: &[u8], ends: bool) -> bool {
        let kept = self.begun.unwrap_or(0);
        let piece = piece.get(..LINE_KEPT - kept).unwrap_or(piece);
        let needed = piece.len() + usize::from(ends);
        if self.begun.is_none() && self.end - self.start + piece.len() + 1 > QUEUE_MAX {
            return false;
        }
        self.make_room(memory, needed);
        let Some(room) = memory.get_mut(self.end..self.end + needed) else {
            return false;
        };
        let (text, newline) = room.split_at_mut(piece.len());
        text.copy_from_slice(piece);
        newline.fill(b'\n');
        self.end += needed;
        self.begun = (!ends).then_some(kept + piece.len());
        true
    }

    /// Takes the first line out, without its newline.
    ///
    /// A line that was begun and is the only one counts as finished.
    pub fn pop<'a>(&mut self, memory: &'a [u8]) -> Option<&'a [u8]> {
        let waiting = memory.get(self.start..self.end)?;
        if let Some(newline) = first_newline(waiting) {
            self.start += newline + 1;
            return waiting.get(..newline);
        }
        self.begun.take()?;
        self.start = self.end;
        Some(waiting)
    }
}

/// Returns where the first newline is. Lines are short, so that words of eight bytes are the
/// fastest way.
fn first_newline(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const NEWLINES: u64 = ONES * b'\n' as u64;

    let words = bytes.chunks_exact(8).map(|chunk| {
        let word = chunk.try_into().map_or(0, u64::from_le_bytes) ^ NEWLINES;
        // The lowest bit that is set is in the first byte that is 0.
        word.wrapping_sub(ONES) & !word & (ONES << 7)
    });
    for (number, found) in words.enumerate() {
        if found != 0 {
            // CAST: a number of a bit fits anywhere.
            return Some(8 * number + found.trailing_zeros() as usize / 8);
        }
    }
    let rest = bytes.len() & !7;
    let newline = bytes.get(rest..)?.iter().position(|&byte| byte == b'\n')?;
    Some(rest + newline)
}
