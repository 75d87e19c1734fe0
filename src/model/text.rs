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
        self.put_first(&word.text, word.len)
    }

    /// Appends the first `len` bytes of `text`: all of it is written where there is room.
    #[inline(always)]
    pub(super) fn put_first<const N: usize>(&mut self, text: &[u8; N], len: usize) -> &mut Self {
        match self.bytes.get_mut(self.len..self.len.wrapping_add(N)) {
            Some(room) => {
                room.copy_from_slice(text);
                self.len = self.len.wrapping_add(len);
                self
            }
            None => self.put(text.get(..len).unwrap_or(&[])),
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

    /// Appends eight digits, the first of them in the lowest byte, but for the first `left_out`.
    #[inline(always)]
    fn put_digits(&mut self, digits: u64, left_out: u32) -> &mut Self {
        let digits = digits.wrapping_shr(8 * left_out).to_le_bytes();
        // CAST: at most 8.
        self.put_first(&digits, 8usize.wrapping_sub(left_out as usize))
    }

    /// Appends `value` in decimal.
    pub fn dec(&mut self, value: u64) -> &mut Self {
        const EIGHT: u64 = 100_000_000;
        if value >= EIGHT {
            // CAST: a remainder of that fits.
            self.dec(value / EIGHT);
            return self.put_digits(decimal_digits((value % EIGHT) as u32) | ZEROS, 0);
        }
        // CAST: it is below that.
        let digits = decimal_digits(value as u32);
        // The last one is there in any case.
        let left_out = (digits | 1 << 56).trailing_zeros() / 8;
        self.put_digits(digits | ZEROS, left_out)
    }

    /// Appends `value` as `0x` and lower-case hexadecimal digits without leading zeros.
    pub fn hex(&mut self, value: u64) -> &mut Self {
        self.put(b"0x");
        // CAST: the two halves.
        let (high, low) = ((value >> 32) as u32, value as u32);
        if high == 0 {
            return self.put_digits(hex_digits(low), (low | 1).leading_zeros() / 4);
        }
        self.put_digits(hex_digits(high), high.leading_zeros() / 4)
            .put_digits(hex_digits(low), 0)
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
        const SPACES: [u8; WORD_MAX] = [b' '; WORD_MAX];
        self.column = self.column.wrapping_add(width);
        let count = self.column.saturating_sub(self.len).max(1);
        if count <= WORD_MAX {
            self.put_first(&SPACES, count);
        } else if let Some(room) = self.room(count) {
            room.fill(b' ');
        }
        if !self.whole {
            let rest = self.bytes.get_mut(self.len..).unwrap_or_default();
            rest.fill(b' ');
            self.len += rest.len();
        }
        self.column = self.len;
        self
    }

    /// Ends the line.
    pub fn end(&mut self) -> &mut Self {
        self.put_byte(b'\n')
    }
}

/// A `0` in each byte.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Returns the eight decimal digits of a value below 10^8 as numbers, a byte each, the first in the
/// lowest.
#[inline]
fn decimal_digits(value: u32) -> u64 {
    // Two halves of four digits each; then four of two, then eight: a division by 100, and one by
    // 10, is a multiplication that is right for what can be in a part.
    let high = value / 10_000;
    let low = value.wrapping_sub(high.wrapping_mul(10_000));
    let fours = u64::from(high) | u64::from(low) << 32;
    let hundreds = (fours.wrapping_mul(10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds | (fours.wrapping_sub(hundreds.wrapping_mul(100)) << 16);
    let tens = (twos.wrapping_mul(103) >> 10) & 0x000f_000f_000f_000f;
    tens | (twos.wrapping_sub(tens.wrapping_mul(10)) << 8)
}

/// Returns the eight hexadecimal digits of `value` as text, the first in the lowest byte.
#[inline]
fn hex_digits(value: u32) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // A digit to each byte.
    let x = u64::from(value.swap_bytes());
    let x = (x | (x << 16)) & 0x0000_ffff_0000_ffff;
    let x = (x | (x << 8)) & 0x00ff_00ff_00ff_00ff;
    let x = ((x >> 4) | (x << 8)) & 0x0f0f_0f0f_0f0f_0f0f;
    // 1 in each byte whose digit is a letter.
    let letters = (x.wrapping_add(6 * ONES) >> 4) & ONES;
    let above = letters.wrapping_mul(u64::from(b'a' - b'0' - 10));
    x.wrapping_add(ZEROS).wrapping_add(above)
}
