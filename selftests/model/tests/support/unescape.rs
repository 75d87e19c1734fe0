// SPDX-License-Identifier: GPL-2.0

//! What a reader of a table does to get a name back.

/// Decodes one field; `None` if it is not spelled as names are.
pub fn unescape(field: &[u8]) -> Option<Vec<u8>> {
    match field {
        b"-" => return Some(Vec::new()),
        b"denied" | b"" => return None,
        _ => {}
    }
    let mut name = Vec::new();
    let mut rest = field;
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                let octal = String::from_utf8(vec![*a, *b, *c]).ok()?;
                name.push(u8::from_str_radix(&octal, 8).ok()?);
                after
            }
            (0x21..=0x7e, _) if *first != b'\\' => {
                name.push(*first);
                after
            }
            _ => return None,
        };
    }
    Some(name)
}
