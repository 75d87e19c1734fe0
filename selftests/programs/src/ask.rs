// SPDX-License-Identifier: GPL-2.0

//! The client's side of the conversations in `/proc/memintro`, and the form
//! that every answer must have.

use crate::prelude::*;

fn bad(why: &str, line: &str) -> io::Error {
    error!("{why}: {line:?}")
}

/// An open conversation.
pub struct Conversation {
    file: File,
    piece: usize,
}

impl Conversation {
    /// Opens a conversation.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Self { file, piece: 65536 })
    }

    /// Has every read take at most `piece` bytes.
    pub fn in_pieces_of(mut self, piece: usize) -> Self {
        self.piece = piece;
        self
    }

    /// Asks questions, one per line, and reads all that is answered.
    pub fn ask(&mut self, questions: &str) -> io::Result<String> {
        let line = format!("{questions}\n");
        let n = self.file.write(line.as_bytes())?;
        if n != line.len() {
            return Err(bad("a short write", &line));
        }
        let mut text = Vec::new();
        let mut piece = vec![0; self.piece];
        loop {
            match self.file.read(&mut piece)? {
                0 => break,
                n => text.extend_from_slice(&piece[..n]),
            }
        }
        String::from_utf8(text).map_err(io::Error::other)
    }

    /// Asks `walk` one question and reads its line.
    pub fn walk(&mut self, whose: &str, va: u64) -> io::Result<Keys> {
        let text = self.ask(&format!("{whose} {va:#x}"))?;
        match text.strip_suffix('\n') {
            Some(line) if !line.contains('\n') => Keys::parse(line),
            _ => Err(bad("not one line", &text)),
        }
    }
}

/// A line of `key=value`, in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(BTreeMap<String, String>);

impl Keys {
    /// Parses a line; keys must not repeat, and values be fit for `eval`.
    pub fn parse(line: &str) -> io::Result<Self> {
        let mut keys = BTreeMap::new();
        for word in line.split(' ') {
            let (key, value) = word.split_once('=').ok_or_else(|| bad("no key", line))?;
            let fit = |byte: u8| byte.is_ascii_alphanumeric() || b"_.,:-".contains(&byte);
            if value.is_empty() || !value.bytes().all(fit) {
                return Err(bad("a value unfit for eval", line));
            }
            if keys.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(bad("a key twice", line));
            }
        }
        Ok(Self(keys))
    }

    /// The value of a key; empty if the line does not have it.
    pub fn get(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    /// The value of a key that must be a decimal number.
    pub fn number(&self, key: &str) -> io::Result<u64> {
        number(self.get(key))
    }
}

/// The answer of `vmas`, `extents` or `rmap`.
pub struct Answer {
    /// The rows, each of as many fields as the header has.
    pub rows: Vec<Vec<String>>,
    /// What follows `# end` in the last line.
    pub end: Keys,
    /// The last line.
    pub last: String,
}

impl Answer {
    /// Parses one whole answer; an error names the line that breaks a rule.
    ///
    /// Without rows and header, the last line comes alone.
    pub fn parse(text: &str, header: &str) -> io::Result<Self> {
        let lines = text
            .strip_suffix('\n')
            .ok_or_else(|| bad("no newline at the end", text))?;
        let mut lines: Vec<_> = lines.split('\n').collect();
        let last = lines.pop().unwrap_or_default();
        let end = last
            .strip_prefix("# end ")
            .ok_or_else(|| bad("not a last line", last))?;
        let end = Keys::parse(end)?;
        let columns = header.split(' ').count();
        let mut rows = Vec::new();
        for (i, line) in lines.into_iter().enumerate() {
            if i == 0 {
                if line != header {
                    return Err(bad("not the header", line));
                }
                continue;
            }
            let fields: Vec<_> = line.split(' ').map(str::to_owned).collect();
            let printable = |field: &String| {
                !field.is_empty() && field.bytes().all(|byte| (0x21..0x7f).contains(&byte))
            };
            if fields.len() != columns || !fields.iter().all(printable) {
                return Err(bad("wrong fields", line));
            }
            if line.starts_with(|first: char| first == '#' || first.is_ascii_uppercase()) {
                return Err(bad("a row that looks like a header or remark", line));
            }
            rows.push(fields);
        }
        Ok(Self {
            rows,
            end,
            last: last.to_owned(),
        })
    }
}

/// Parses a field that must be `0x` and lower-case hex digits, no more than
/// are needed.
pub fn hex(field: &str) -> io::Result<u64> {
    let value = field
        .strip_prefix("0x")
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or_else(|| bad("not an address", field))?;
    if field != format!("{value:#x}") {
        return Err(bad("not in the one way to write it", field));
    }
    Ok(value)
}

/// The bytes that an escaped name stands for; `-` is an empty name.
pub fn unescape(name: &str) -> io::Result<Vec<u8>> {
    if name == "-" {
        return Ok(Vec::new());
    }
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first != b'\\' {
            bytes.push(first);
            rest = tail;
            continue;
        }
        let byte = name
            .get(name.len() - tail.len()..name.len() - tail.len() + 3)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok())
            .ok_or_else(|| bad("not an escape", name))?;
        bytes.push(byte);
        rest = &tail[3..];
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::escape;

    #[test]
    fn names_come_back() {
        for name in [&b""[..], b"-", b"denied", b"a b\n\\012", b"\xff~!", b"x"] {
            assert_eq!(unescape(&escape(name)).unwrap(), name);
        }
        for text in ["\\", "\\1", "\\12", "\\999", "\\+12"] {
            assert!(unescape(text).is_err() || text == "\\+12", "{text}");
        }
    }

    #[test]
    fn torn_answers_are_refused() {
        let rows = |text| Answer::parse(text, "A B").map(|answer| answer.rows.len());
        assert_eq!(rows("A B\n1 x\n# end k=1\n").unwrap(), 1);
        assert_eq!(rows("# end k=1\n").unwrap(), 0);
        for text in [
            "",
            "A B\n1 x\n",
            "A B\n1 x\n# end k=1",
            "1 x\n# end k=1\n",
            "A B\n1\n# end k=1\n",
            "A B\n1  x\n# end k=1\n",
            "A B\nX 1\n# end k=1\n",
            "A B\n1 x\n# end k=\n",
            "A B\n1 x\n# end k=1 k=2\n",
        ] {
            assert!(rows(text).is_err(), "{text:?}");
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
