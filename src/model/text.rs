// SPDX-License-Identifier: GPL-2.0

//! Text, one line at a time.
//!
//! Rows are made of decimal and hexadecimal numbers, words and padding. They are written into a
//! buffer of fixed size without the formatting machinery of `core::fmt`, which costs several times
//! as much per number.

/// The longest line that a [`Line`] can hold, in bytes.
pub const LINE_MAX: usize = 512;

/// A line in the making.
///
/// What does not fit is dropped, and [`Line::is_whole`] says so. Every row of this module has a
/// bound that is far below [`LINE_MAX`]; the host tests check it for the widest values.
pub struct Line {
    bytes: [u8; LINE_MAX],
    len: usize,
    column: usize,
    whole: bool,
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

impl Line {
    /// Returns an empty line.
    pub const fn new() -> Self {
        Line {
            bytes: [0; LINE_MAX],
            len: 0,
            column: 0,
            whole: true,
        }
    }

    /// Returns what was written so far.
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

    /// Appends `bytes`.
    pub fn put(&mut self, bytes: &[u8]) -> &mut Self {
        match self.bytes.get_mut(self.len..self.len + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            None => self.whole = false,
        }
        self
    }

    /// Appends one byte.
    pub fn put_byte(&mut self, byte: u8) -> &mut Self {
        match self.bytes.get_mut(self.len) {
            Some(room) => {
                *room = byte;
                self.len += 1;
            }
            None => self.whole = false,
        }
        self
    }

    /// Appends `value` in decimal.
    pub fn dec(&mut self, mut value: u64) -> &mut Self {
        // 2^64 - 1 has 20 digits.
        let mut digits = [0; 20];
        let mut first = digits.len();
        for digit in digits.iter_mut().rev() {
            // CAST: a remainder of ten fits in a byte.
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
            first -= 1;
            if value == 0 {
                break;
            }
        }
        self.put(digits.get(first..).unwrap_or(&[]))
    }

    /// Appends `value` as `0x` and lower-case hexadecimal digits without leading zeros.
    pub fn hex(&mut self, mut value: u64) -> &mut Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; 16];
        let mut first = digits.len();
        for digit in digits.iter_mut().rev() {
            *digit = DIGITS[(value & 15) as usize];
            value >>= 4;
            first -= 1;
            if value == 0 {
                break;
            }
        }
        self.put(b"0x").put(digits.get(first..).unwrap_or(&[]))
    }

    /// Ends a column of a table: pads to `width` bytes since the column began, at least one space.
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
