// SPDX-License-Identifier: GPL-2.0

//! The form of what memintro says: tables, answers, and lines of `key=value`.

use crate::prelude::*;

/// The keys of the answers of `walk`, each list in its promised order.
const SHAPES: [&str; 7] = [
    "pid va pa page level perm flags",
    "pid va pa why level",
    "pid va pa why level swap",
    "pid va pa error why",
    "pid va region pa_linear agree pa page level perm flags",
    "pid va region pa_linear agree pa why level",
    "level index entry value next kind folded",
];

/// A line of `key=value` words.
#[derive(Clone, Debug)]
pub struct Line<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Line<'a> {
    /// Parses a line: one space between words, values that a shell may `eval`.
    fn words(line: &'a str) -> io::Result<Self> {
        let mut pairs = Vec::with_capacity(10);
        for word in line.split(' ') {
            let pair = word
                .split_once('=')
                .ok_or_else(|| error!("not key=value: {line:?}"))?;
            let fit = |byte: u8| byte.is_ascii_alphanumeric() || b"_.,:-".contains(&byte);
            let fits = !pair.1.is_empty() && pair.1.bytes().all(fit);
            ensure!(fits, "a value unfit for eval: {line:?}");
            pairs.push(pair);
        }
        Ok(Self(pairs))
    }

    /// Parses a line of `walk`, whose keys and their order are promised.
    pub fn parse(line: &'a str) -> io::Result<Self> {
        let parsed = Self::words(line)?;
        let is = |shape: &&str| shape.split(' ').eq(parsed.0.iter().map(|(key, _)| *key));
        ensure!(SHAPES.iter().any(is), "not the promised keys: {line:?}");
        Ok(parsed)
    }

    /// The value of a key; empty where the line has none.
    pub fn get(&self, key: &str) -> &'a str {
        let pair = self.0.iter().find(|(name, _)| *name == key);
        pair.map_or("", |(_, value)| value)
    }

    /// The value of a key that must be an address.
    pub fn hex(&self, key: &str) -> io::Result<u64> {
        hex(self.get(key)).map_err(|error| error!("{key}: {error}"))
    }

    /// Checks the value of a key.
    pub fn expect(&self, key: &str, want: &str) -> io::Result<()> {
        let got = self.get(key);
        ensure!(got == want, "{key}={got} expected {want}");
        Ok(())
    }

    /// Whether `flags` holds this one.
    pub fn has_flag(&self, flag: &str) -> bool {
        self.get("flags").split(',').any(|name| name == flag)
    }
}

/// The answers of `walk` in a text: of each the lines of its levels and its last line.
pub fn answers(text: &str) -> impl Iterator<Item = io::Result<(Vec<Line<'_>>, Line<'_>)>> {
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        let mut levels = Vec::new();
        loop {
            match Line::parse(lines.next()?) {
                Err(error) => return Some(Err(error)),
                Ok(line) if line.0[0].0 == "level" => levels.push(line),
                Ok(line) => return Some(Ok((levels, line))),
            }
        }
    })
}

/// A line of `key=value` by itself, its keys in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(String);

impl Keys {
    /// Parses a line, whose keys must not repeat.
    pub fn parse(line: &str) -> io::Result<Self> {
        let mut keys = BTreeSet::new();
        let twice = Line::words(line)?
            .0
            .iter()
            .any(|(key, _)| !keys.insert(*key));
        ensure!(!twice, "a key twice: {line:?}");
        Ok(Self(line.to_owned()))
    }

    /// The value of a key; empty if the line does not have it.
    pub fn get(&self, key: &str) -> &str {
        let mut words = self.0.split(' ');
        words
            .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
            .unwrap_or("")
    }

    /// The value of a key that must be a decimal number.
    pub fn number(&self, key: &str) -> io::Result<u64> {
        number(self.get(key))
    }
}

/// The fields of a row, checked against the rules that hold for all.
fn row(line: &str, fields: Vec<&str>, columns: usize) -> io::Result<Vec<String>> {
    let printable =
        |field: &&str| !field.is_empty() && field.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    let right = fields.len() == columns && fields.iter().all(printable);
    ensure!(right, "wrong fields: {line:?}");
    let remark = line.starts_with(|first: char| first == '#' || first.is_ascii_uppercase());
    ensure!(
        !remark,
        "a row that looks like a header or remark: {line:?}"
    );
    Ok(fields.into_iter().map(str::to_owned).collect())
}

/// A table: a header and rows, in columns of blanks.
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
        let lines = text
            .strip_suffix('\n')
            .ok_or_else(|| error!("no newline at the end"))?;
        let mut rows = Vec::new();
        for (i, line) in lines.split('\n').enumerate() {
            // Blanks at the end are padding nobody needs; at the start, a shell could
            // not tell the kind of the line.
            let tidy = line
                .bytes()
                .all(|byte| byte == b' ' || byte.is_ascii_graphic());
            ensure!(
                tidy && !line.starts_with(' '),
                "blanks or bytes of {line:?}"
            );
            let fields: Vec<_> = line.split_ascii_whitespace().collect();
            match i {
                0 => ensure!(fields.join(" ") == header, "not the header: {line:?}"),
                _ => rows.push(row(line, fields, header.split(' ').count())?),
            }
        }
        Ok(Self { rows })
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
            .ok_or_else(|| error!("no newline at the end"))?;
        let mut lines: Vec<_> = lines.split('\n').collect();
        let last = lines.pop().unwrap_or_default();
        let end = last
            .strip_prefix("# end ")
            .ok_or_else(|| error!("no last line: {last:?}"))?;
        let mut lines = lines.into_iter();
        if let Some(first) = lines.next() {
            ensure!(first == header, "not the header: {first:?}");
        }
        let columns = header.split(' ').count();
        let rows = lines.map(|line| row(line, line.split(' ').collect(), columns));
        Ok(Self {
            rows: rows.collect::<io::Result<_>>()?,
            end: Keys::parse(end)?,
            last: last.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promised_lines_are_parsed() {
        let text = "level=pgd index=1 entry=0xff value=0x0 next=- kind=none folded=no\n\
                    pid=1 va=0x10 pa=none why=swap level=pte swap=0:7\n\
                    pid=1 va=0x20 pa=none why=no-vma level=-\n";
        let all: Vec<_> = answers(text).map(Result::unwrap).collect();
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].0.len(), all[1].0.len()), (1, 0));
        assert_eq!(all[0].1.get("swap"), "0:7");
        assert_eq!(all[1].1.hex("va").unwrap(), 0x20);
        assert!(all[1].1.hex("pa").is_err());
    }

    #[test]
    fn other_lines_are_refused() {
        for line in [
            "",
            "pid=1 va=0x10",
            "pid=1  va=0x20 pa=none why=no-vma level=-",
            "pid=1 va=0x20 pa=none why=no-vma",
            "va=0x20 pid=1 pa=none why=no-vma level=-",
            "pid=1 va=0x20 pa=none why= level=-",
            "pid=1 va=0x20 pa=none why=$(x) level=-",
            "pid=1 va=0x20 pa=none why=a;b level=-",
        ] {
            assert!(Line::parse(line).is_err(), "{line:?}");
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
}
