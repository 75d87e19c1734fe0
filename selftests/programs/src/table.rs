// SPDX-License-Identifier: GPL-2.0

//! memintro's tables: a header and rows, checked against the rules that
//! hold for every line.

use crate::prelude::*;

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
            text += &format!("\\{byte:03o}");
        }
    }
    text
}

/// A table.
pub struct Table {
    /// The rows, each of as many fields as the header has.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads a file that must have exactly this header.
    pub fn read(path: &Path, header: &str) -> io::Result<Self> {
        Self::parse(&fs::read(path)?, header)
    }

    /// Parses a whole table; an error names the line that breaks a rule.
    pub fn parse(text: &[u8], header: &str) -> io::Result<Self> {
        let text = std::str::from_utf8(text).map_err(io::Error::other)?;
        let bad = |line: &str, why| Err(error!("{why}: {line:?}"));
        let Some(lines) = text.strip_suffix('\n') else {
            return bad(text, "no newline at the end");
        };
        let columns: Vec<_> = header.split(' ').collect();
        let mut rows = Vec::new();
        for (i, line) in lines.split('\n').enumerate() {
            if !line.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
                return bad(line, "not printable ASCII");
            }
            // Blanks at the end are padding nobody needs; at the start, a
            // shell could not tell the kind of the line.
            if line.starts_with(' ') {
                return bad(line, "begins with a blank");
            }
            let fields: Vec<_> = line.split_ascii_whitespace().map(str::to_owned).collect();
            if i == 0 {
                if fields != columns {
                    return bad(line, "not the header");
                }
                continue;
            }
            if fields.len() != columns.len() {
                return bad(line, "wrong number of fields");
            }
            if line.starts_with(|first: char| first == '#' || first.is_ascii_uppercase()) {
                return bad(line, "a row that looks like a header or remark");
            }
            rows.push(fields);
        }
        Ok(Self { rows })
    }
}

/// Parses a field that must be a decimal number.
pub fn number(field: &str) -> io::Result<u64> {
    field.parse().map_err(|_| error!("not a number: {field:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        for (name, text) in [
            (&b""[..], "-"),
            (b"-", "\\055"),
            (b"--", "--"),
            (b"denied", "\\144enied"),
            (b"a b\n\\", "a\\040b\\012\\134"),
            (b"\xff~!", "\\377~!"),
        ] {
            assert_eq!(escape(name), text);
        }
    }

    #[test]
    fn torn_tables_are_refused() {
        assert_eq!(Table::parse(b"A B\n1 x\n", "A B").unwrap().rows.len(), 1);
        for text in [
            "A B\n1 x",
            "A C\n1 x\n",
            "A B\n1\n",
            "A B\n1 x y\n",
            "A B\n 1 x\n",
            "A B\n\n",
        ] {
            assert!(Table::parse(text.as_bytes(), "A B").is_err(), "{text:?}");
        }
    }
}
