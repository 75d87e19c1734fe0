// SPDX-License-Identifier: GPL-2.0

//! Numbers, read from digits.

use super::words::Refusal;

/// Reads a PID: 1 to 10 decimal digits that fit in a `pid_t`.
pub(super) fn parse_pid(word: &[u8]) -> Result<i32, Refusal> {
    if !matches!(word.len(), 1..=10) {
        return Err(Refusal::NotAQuestion);
    }
    let mut pid = 0u64;
    for byte in word {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(Refusal::NotAQuestion);
        }
        // Ten digits fit.
        pid = pid.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    i32::try_from(pid).map_err(|_too_large| Refusal::NotAQuestion)
}

/// What bytes are worth as hexadecimal digits; [`NO_DIGIT`] for those that are none.
static DIGITS: [u8; 256] = digits();
const NO_DIGIT: u8 = 0x80;

const fn digits() -> [u8; 256] {
    let mut digits = [NO_DIGIT; 256];
    let mut digit = 0;
    // A const function has no iterators.
    while digit < 16 {
        digits[b"0123456789abcdef"[digit as usize] as usize] = digit;
        digits[b"0123456789ABCDEF"[digit as usize] as usize] = digit;
        digit += 1;
    }
    digits
}

/// Reads 1 to 16 hexadecimal digits of either case.
pub(super) fn parse_hex(digits: &[u8]) -> Option<u64> {
    if !matches!(digits.len(), 1..=16) {
        return None;
    }
    let (value, all) = digits.iter().fold((0, 0), |(value, all), &byte| {
        let digit = DIGITS[usize::from(byte)];
        ((value << 4) | u64::from(digit & 15), all | digit)
    });
    (all & NO_DIGIT == 0).then_some(value)
}
