// SPDX-License-Identifier: GPL-2.0

//! Numbers and names, as memintro writes them.

use std::fmt::Write;

use crate::prelude::*;

/// The words of a text, which has one blank between them.
pub const fn words<const N: usize>(text: &'static str) -> [&'static str; N] {
    let (mut all, mut count, mut rest) = ([""; N], 0, text.as_bytes());
    while count < N {
        let mut len = 0;
        while len < rest.len() && rest[len] != b' ' {
            len += 1;
        }
        let (word, more) = rest.split_at(len);
        all[count] = match std::str::from_utf8(word) {
            Ok(word) => word,
            Err(_) => panic!("not text"),
        };
        rest = more.split_at(if more.is_empty() { 0 } else { 1 }).1;
        count += 1;
    }
    assert!(rest.is_empty(), "more words than that");
    all
}

/// Parses a decimal number.
pub fn number(field: &str) -> io::Result<u64> {
    field.parse().map_err(|_| error!("not a number: {field:?}"))
}

/// Parses `0x` and hex digits, in whatever form others write them.
pub fn parse_hex(text: &str) -> io::Result<u64> {
    let digits = text
        .strip_prefix("0x")
        .and_then(|digits| u64::from_str_radix(digits, 16).ok());
    digits.ok_or_else(|| error!("not a hex number: {text:?}"))
}

/// Parses an address in the one way to write it: `0x`, lower-case digits, no more
/// than are needed.
pub fn hex(field: &str) -> io::Result<u64> {
    let value = parse_hex(field)?;
    let mut form = String::with_capacity(18);
    let _ = write!(form, "{value:#x}");
    ensure!(field == form, "not in the one way to write it: {field:?}");
    Ok(value)
}

/// Writes a name as memintro's tables must have it.
pub fn escape(name: &[u8]) -> String {
    if name.is_empty() {
        return "-".to_owned();
    }
    let reserved = name == b"-" || name == b"denied";
    let mut text = String::new();
    for (i, &byte) in name.iter().enumerate() {
        if (0x21..=0x7e).contains(&byte) && byte != b'\\' && !(reserved && i == 0) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "\\{byte:03o}");
        }
    }
    text
}

/// The bytes that an escaped name stands for; `-` is an empty name.
pub fn unescape(name: &str) -> io::Result<Vec<u8>> {
    if name == "-" {
        return Ok(Vec::new());
    }
    let mut pieces = name.split('\\');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let digits = piece
            .get(..3)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(digits.ok_or_else(|| error!("not an escape: {name:?}"))?);
        bytes.extend_from_slice(&piece.as_bytes()[3..]);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_come_back() {
        for (name, text) in [
            (&b""[..], "-"),
            (b"-", "\\055"),
            (b"--", "--"),
            (b"denied", "\\144enied"),
            (b"a b\n\\", "a\\040b\\012\\134"),
            (b"\\012", "\\134012"),
            (b"\xff~!", "\\377~!"),
            (b"x", "x"),
        ] {
            assert_eq!(escape(name), text);
            assert_eq!(unescape(text).unwrap(), name);
        }
        for text in ["\\", "\\1", "\\12", "\\999"] {
            assert!(unescape(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_have_one_form() {
        assert_eq!(hex("0xffffffffffffffff").unwrap(), u64::MAX);
        for text in ["0x", "1", "0X1", "0x0A", "0x01", "0x1g"] {
            assert!(hex(text).is_err(), "{text}");
        }
    }
}
