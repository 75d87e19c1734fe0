// SPDX-License-Identifier: GPL-2.0

//! Text, one line at a time.
//!
//! Rows are made of decimal and hexadecimal numbers, words and padding. They are written into a
//! buffer of fixed size without the formatting machinery of `core::fmt`, which costs several times
//! as much per number.

use super::addr::VirtAddr;

/// The longest line that is written, in bytes; a buffer for one line has that size.
pub const LINE_MAX: usize = 640;

/// How long most words are at most, in bytes.
const WORD_MAX: usize = 16;

/// A short text whose length only shows when it is written: all of it is written, and what is too
/// much is overwritten later. That takes a few stores, where a copy of as many bytes takes a call.
#[derive(Clone, Copy, Debug)]
pub struct Word<const MAX: usize = WORD_MAX> {
    text: [u8; MAX],
    len: usize,
}

impl<const MAX: usize> Word<MAX> {
    /// Makes a word of a text that is no longer than the longest.
    pub const fn new(text: &str) -> Self {
        let mut word = Word {
            text: [0; MAX],
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
}

impl Word {
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

    /// Returns what was written after the first `before` bytes; `None` if that is longer than the
    /// longest word, or ends so close to the end of the buffer.
    #[inline(always)]
    pub(super) fn word_since<const MAX: usize>(&self, before: usize) -> Option<Word<MAX>> {
        let len = self.len.checked_sub(before).filter(|len| *len <= MAX)?;
        // What follows in the buffer is overwritten where the word is written.
        let text = self.bytes.get(before..)?.first_chunk()?;
        self.whole.then_some(Word { text: *text, len })
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

    /// Returns all that is left of the buffer.
    #[inline(always)]
    fn rest(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.len..).unwrap_or_default()
    }

    /// Makes room for `len` bytes at the end.
    #[inline(always)]
    fn room(&mut self, len: usize) -> Option<&mut [u8]> {
        let end = self.len.checked_add(len)?;
        let room = self.bytes.get_mut(self.len..end)?;
        self.len = end;
        Some(room)
    }

    /// Appends `bytes`.
    // Inlined, so that a short word becomes a store or two instead of a call.
    #[inline(always)]
    pub fn put(&mut self, bytes: &[u8]) -> &mut Self {
        match self.room(bytes.len()) {
            Some(room) => room.copy_from_slice(bytes),
            None => self.whole = false,
        }
        self
    }

    /// Appends a word.
    #[inline(always)]
    pub fn put_word<const MAX: usize>(&mut self, word: &Word<MAX>) -> &mut Self {
        self.put_first(&word.text, word.len)
    }

    /// Appends the first `len` bytes of `text`: all of it is written where there is room.
    #[inline(always)]
    pub(super) fn put_first<const N: usize>(&mut self, text: &[u8; N], len: usize) -> &mut Self {
        let before = self.len;
        match self.room(N) {
            Some(room) => {
                // A few words at a time: all at once would be a call.
                let pieces = room.chunks_mut(32).zip(text.chunks(32));
                pieces.for_each(|(room, text)| room.copy_from_slice(text));
                self.len = before.wrapping_add(len);
                self
            }
            None => self.put(text.get(..len).unwrap_or(&[])),
        }
    }

    /// Appends one byte.
    #[inline(always)]
    pub fn put_byte(&mut self, byte: u8) -> &mut Self {
        self.put(&[byte])
    }

    /// Appends `value` in decimal.
    pub fn dec(&mut self, value: u64) -> &mut Self {
        if value < 10 {
            // CAST: it is a digit.
            return self.put_byte(b'0' | value as u8);
        }
        if value >= EIGHT_DIGITS {
            return self.dec_long(value);
        }
        // CAST: it is below that.
        let digits = decimal_digits(value as u32);
        // The last one is there in any case. CAST: a number of digits fits anywhere.
        let left_out = (digits | (1 << 56)).trailing_zeros() & !7;
        let text = ((digits | ZEROS) >> left_out).to_le_bytes();
        self.put_first(&text, 8usize.wrapping_sub(left_out as usize / 8))
    }

    #[inline(never)]
    fn dec_long(&mut self, value: u64) -> &mut Self {
        // CAST: a remainder of that fits.
        let last = decimal_digits((value % EIGHT_DIGITS) as u32) | ZEROS;
        self.dec(value / EIGHT_DIGITS).put(&last.to_le_bytes())
    }

    /// Appends `value` as `0x` and lower-case hexadecimal digits without leading zeros.
    pub fn hex(&mut self, value: u64) -> &mut Self {
        self.key_hex(b"", value)
    }

    /// Appends a key, and a value as [`Line::hex`].
    // Inlined, so that the key is a store or two, and there is one check whether all fits.
    #[inline(always)]
    pub(super) fn key_hex<const N: usize>(&mut self, key: &[u8; N], value: u64) -> &mut Self {
        // CAST: a number of digits fits anywhere.
        let count = (67 - (value | 1).leading_zeros()) / 4;
        let [a, b, c, d, e, f, g, h] = value.wrapping_shl(64 - 4 * count).to_be_bytes();
        let pairs = |bytes: [u8; 4]| bytes.map(|byte| HEX_DIGITS[usize::from(byte)]);
        let before = self.len;
        let Some(room) = self.room(N + 18) else {
            return self.put(key).hex_at_end(value);
        };
        // The first digit that is wanted comes first; those that are too many are overwritten later.
        if let Some((room, [zero, x, digits @ ..])) = room.split_first_chunk_mut::<N>() {
            *room = *key;
            (*zero, *x) = (b'0', b'x');
            let (high, low) = digits.split_at_mut(8);
            high.copy_from_slice(pairs([a, b, c, d]).as_flattened());
            if count > 8 {
                low.copy_from_slice(pairs([e, f, g, h]).as_flattened());
            }
        }
        self.len = before.wrapping_add(N + 2 + count as usize);
        self
    }

    /// As [`Line::hex`], at the end of the buffer.
    #[cold]
    fn hex_at_end(&mut self, value: u64) -> &mut Self {
        let digits = value.checked_ilog(16).unwrap_or(0);
        self.put(b"0x");
        for digit in (0..=digits).rev() {
            // CAST: four bits fit anywhere.
            let pair = HEX_DIGITS[((value >> (4 * digit)) & 15) as usize];
            self.put_byte(pair[1]);
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
        const SPACES: [u8; WORD_MAX] = [b' '; WORD_MAX];
        self.column = self.column.wrapping_add(width);
        let count = self.column.saturating_sub(self.len).max(1);
        if count <= WORD_MAX {
            self.put_first(&SPACES, count);
        } else {
            match self.room(count) {
                Some(room) => room.fill(b' '),
                None => self.whole = false,
            }
        }
        if !self.whole {
            self.rest().fill(b' ');
            self.len = self.bytes.len();
        }
        self.column = self.len;
        self
    }

    /// Ends the line.
    pub fn end(&mut self) -> &mut Self {
        self.put_byte(b'\n')
    }
}

/// The text that was written last of what mostly stays the same, and what it was made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept<T, const MAX: usize> {
    of: Option<T>,
    text: Word<MAX>,
}

impl<T: Copy + PartialEq, const MAX: usize> Kept<T, MAX> {
    /// None.
    pub(super) const EMPTY: Self = Kept {
        of: None,
        text: Word::new(""),
    };

    /// Writes the text of `of`: that is copied where it was the last one, else made by `write`,
    /// and kept.
    #[inline(always)]
    pub(super) fn put(&mut self, line: &mut Line<'_>, of: T, write: impl FnOnce(&mut Line<'_>)) {
        if self.of == Some(of) {
            line.put_word(&self.text);
        } else {
            self.put_new(line, of, write);
        }
    }

    /// Has `write` write the text of `of`, and keeps that if it has fitted and is not too long.
    #[inline(always)]
    pub(super) fn put_new(
        &mut self,
        line: &mut Line<'_>,
        of: T,
        write: impl FnOnce(&mut Line<'_>),
    ) {
        let before = line.len;
        write(line);
        self.of = None;
        if let Some(text) = line.word_since(before) {
            (self.of, self.text) = (Some(of), text);
        }
    }
}

/// The first number that has nine digits.
const EIGHT_DIGITS: u64 = 100_000_000;

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
    let fours = u64::from(high) | (u64::from(low) << 32);
    let hundreds = (fours.wrapping_mul(10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds | (fours.wrapping_sub(hundreds.wrapping_mul(100)) << 16);
    let tens = (twos.wrapping_mul(103) >> 10) & 0x000f_000f_000f_000f;
    tens | (twos.wrapping_sub(tens.wrapping_mul(10)) << 8)
}

/// The two hexadecimal digits of each byte.
static HEX_DIGITS: [[u8; 2]; 256] = {
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        let digits = b"0123456789abcdef";
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};
