// SPDX-License-Identifier: GPL-2.0

//! What holds for lines.

use memintro_model::model::text::{Line, LINE_MAX};

/// Writes a line: all of it fits, it is printable ASCII, and has its one newline at the end.
pub fn line(write: impl FnOnce(&mut Line<'_>)) -> String {
    let mut bytes = [0; LINE_MAX];
    let mut line = Line::new(&mut bytes);
    write(&mut line);
    assert!(line.is_whole(), "too long");
    let text = String::from_utf8(line.as_bytes().to_vec()).expect("ASCII");
    let content = text.strip_suffix('\n').expect("a newline");
    assert!(
        content.bytes().all(|byte| matches!(byte, b' '..=b'~')),
        "{text:?}"
    );
    text
}

/// Reads `key=value` words as a shell's `eval` may: with nothing in them that a shell minds.
pub fn pairs(text: &str) -> Vec<(&str, &str)> {
    let value = |byte: u8| byte.is_ascii_alphanumeric() || b"_.,:-".contains(&byte);
    let pair = |word| {
        let (key, text) = str::split_once(word, '=').expect("key=value");
        assert!(
            !key.is_empty()
                && key
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
        );
        assert!(!text.is_empty() && text.bytes().all(value), "{word:?}");
        (key, text)
    };
    text.trim_end_matches('\n').split(' ').map(pair).collect()
}

/// The fields of a row below a header: none is missing, and it is neither header nor remark.
pub fn fields<'a>(header: &str, row: &'a str) -> Vec<&'a str> {
    assert!(header.starts_with(|c: char| c.is_ascii_uppercase()));
    assert!(!row.starts_with(|c: char| c.is_ascii_uppercase() || c == '#' || c == ' '));
    let fields: Vec<_> = row.split_ascii_whitespace().collect();
    assert_eq!(
        fields.len(),
        header.split_ascii_whitespace().count(),
        "{row:?}"
    );
    fields
}

/// Reads an address back, which is spelled in one way only.
pub fn address(text: &str) -> u64 {
    let value = u64::from_str_radix(text.strip_prefix("0x").expect("0x"), 16).expect("hex");
    assert_eq!(text, format!("{value:#x}"));
    value
}

/// Reads a number back, which is spelled in one way only.
pub fn number(text: &str) -> u64 {
    let value: u64 = text.parse().expect("a number");
    assert_eq!(text, value.to_string());
    value
}
