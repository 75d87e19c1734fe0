// SPDX-License-Identifier: GPL-2.0

//! Text, one line at a time.
//!
//! Rows are made of decimal and hexadecimal numbers, words and padding. They are written into a
//! buffer of fixed size without the formatting machinery of `core::fmt`, which costs several times
//! as much per number.

use super::addr::VirtAddr;

/// The longest line that is written, in bytes; a buffer for one line has that size.
pub const LINE_MAX: usize = 640;

/// The longest [`Word`], in bytes.
const WORD_MAX: usize = 16;

/// A short text whose length only shows when it is written: all of it is written, and what is too
/// much is overwritten later. That takes two stores, where a copy of as many bytes takes a call.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    text: [u8; WORD_MAX],
    len: usize,
}

impl Word {
    /// Makes a word of at most 16 bytes.
    pub const fn new(text: &str) -> Self {
        let mut word = Word {
            text: [0; WORD_MAX],
            len: text.len(),
        };
        // A const function has no iterators. A word that is too long does not compile.
        let mut i = 0;
        while i < word.len {
            word.text[i] = text.as_bytes()[i];
            i += 1;
        }
        word
    }

    /// Makes words of all of some names.
    pub const fn all<const N: usize>(names: [&str; N]) -> [Word; N] {
        let mut words = [Word::new(""); N];
        let mut i = 0;
        while i < N {
            words[i] = Word::new(names[i]);
            i += 1;
        }
        words
    }
}

/// A line in progress, in a buffer of the caller's: at best where it will be read from.
///
/// What does not fit is dropped, and [`Line::is_whole`] says so. Every row of this module has a
/// bound that is far below [`LINE_MAX`]; the host tests check it for the widest values.
///
/// # Examples
///
/// ```
/// use memintro_model::model::text::Line;
///
/// let mut bytes = [0; 64];
/// let mut line = Line::new(&mut bytes);
/// line.put(b"pid=").dec(812).put(b" va=").hex(0x401000).end();
/// assert_eq!(line.as_bytes(), b"pid=812 va=0x401000\n");
/// ```
pub struct Line<'a> {
    bytes: &'a mut [u8],
    len: usize,
    column: usize,
    whole: bool,
}

impl<'a> Line<'a> {
    /// Returns an empty line, whose text goes to the beginning of `bytes`.
    #[inline]
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Line {
            bytes,
            len: 0,
            column: 0,
            whole: true,
        }
    }

    /// Returns what was written so far.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }

    /// Returns whether everything that was written has fitted.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Forgets what was written.
    pub fn clear(&mut self) {
        self.len = 0;
        self.column = 0;
        self.whole = true;
    }

    /// Makes room for `len` bytes at the end.
    #[inline(always)]
    fn room(&mut self, len: usize) -> Option<&mut [u8]> {
        let end = self.len.wrapping_add(len);
        let room = self.bytes.get_mut(self.len..end);
        if room.is_some() {
            self.len = end;
        } else {
            self.whole = false;
        }
        room
    }

    /// Appends `bytes`.
    // Inlined, so that a short word becomes a store or two instead of a call.
    #[inline(always)]
    pub fn put(&mut self, bytes: &[u8]) -> &mut Self {
        if let Some(room) = self.room(bytes.len()) {
            room.copy_from_slice(bytes);
        }
        self
    }

    /// Appends a word.
    #[inline(always)]
    pub fn put_word(&mut self, word: &Word) -> &mut Self {
        match self
            .bytes
            .get_mut(self.len..self.len.wrapping_add(WORD_MAX))
        {
            Some(room) => {
                room.copy_from_slice(&word.text);
                self.len = self.len.wrapping_add(word.len);
                self
            }
            None => self.put(word.text.get(..word.len).unwrap_or(&[])),
        }
    }

    /// Appends one byte.
    #[inline(always)]
    pub fn put_byte(&mut self, byte: u8) -> &mut Self {
        if let Some([room]) = self.room(1) {
            *room = byte;
        }
        self
    }

    /// Appends `value` in decimal.
    pub fn dec(&mut self, mut value: u64) -> &mut Self {
        let digits = value.checked_ilog10().map_or(1, |log| log as usize + 1);
        if let Some(room) = self.room(digits) {
            for digit in room.iter_mut().rev() {
                // CAST: a remainder of ten fits in a byte.
                *digit = b'0' + (value % 10) as u8;
                value /= 10;
            }
        }
        self
    }

    /// Appends `value` as `0x` and lower-case hexadecimal digits without leading zeros.
    pub fn hex(&mut self, value: u64) -> &mut Self {
        let digits = value.checked_ilog2().map_or(1, |log| log as usize / 4 + 1);
        // The first digit that is wanted comes first. CAST: a number of digits fits anywhere.
        let value = value.wrapping_shl(64 - 4 * digits as u32);
        // CAST: the two halves.
        let text = [hex_digits((value >> 32) as u32), hex_digits(value as u32)];
        self.put(b"0x");
        // All sixteen are two stores; those that are too many are overwritten later.
        match self.bytes.get_mut(self.len..self.len.wrapping_add(16)) {
            Some(room) => {
                room.copy_from_slice(text.as_flattened());
                self.len = self.len.wrapping_add(digits);
            }
            None => {
                self.put(text.as_flattened().get(..digits).unwrap_or(&[]));
            }
        }
        self
    }

    /// Appends the END of a half-open range, given its last address.
    ///
    /// The end after the last address of all is written as that address, as in a question.
    pub fn hex_end(&mut self, last: VirtAddr) -> &mut Self {
        self.hex(last.next().unwrap_or(last).0)
    }

    /// Ends a column of a table: pads to `width` bytes since the column began, at least one space.
    ///
    /// # Examples
    ///
    /// ```
    /// use memintro_model::model::text::Line;
    ///
    /// let mut bytes = [0; 64];
    /// let mut line = Line::new(&mut bytes);
    /// line.dec(1).pad(8).put(b"init").end();
    /// assert_eq!(line.as_bytes(), b"1       init\n");
    /// ```
    pub fn pad(&mut self, width: usize) -> &mut Self {
        self.column += width;
        self.put_byte(b' ');
        while self.len < self.column {
            self.put_byte(b' ');
            if !self.whole {
                break;
            }
        }
        self.column = self.len;
        self
    }

    /// Ends the line.
    pub fn end(&mut self) -> &mut Self {
        self.put_byte(b'\n')
    }
}

/// Returns the eight hexadecimal digits of `value`.
fn hex_digits(value: u32) -> [u8; 8] {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // A digit to each byte.
    let x = u64::from(value);
    let x = (x | (x << 16)) & 0x0000_ffff_0000_ffff;
    let x = (x | (x << 8)) & 0x00ff_00ff_00ff_00ff;
    let x = (x | (x << 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    // 1 in each byte whose digit is a letter.
    let letters = (x.wrapping_add(6 * ONES) >> 4) & ONES;
    let above = letters.wrapping_mul(u64::from(b'a' - b'0' - 10));
    x.wrapping_add(u64::from(b'0') * ONES)
        .wrapping_add(above)
        .to_be_bytes()
}
