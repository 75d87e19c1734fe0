// SPDX-License-Identifier: GPL-2.0

//! The form of what memintro says: numbers and names, tables, answers, and lines of
//! `key=value`.

use crate::prelude::*;

pub fn number(field: &str) -> io::Result<u64> {
    field.parse().map_err(|_| error!("not a number: {field:?}"))
}

/// Parses `0x` and hex digits, in whatever form others write them.
pub fn parse_hex(text: &str) -> io::Result<u64> {
    let digits = text.strip_prefix("0x");
    let value = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    value.ok_or_else(|| error!("not a hex number: {text:?}"))
}

/// Parses an address in the one way to write it: `0x`, lower-case digits, no more than are
/// needed.
pub fn hex(field: &str) -> io::Result<u64> {
    let value = parse_hex(field)?;
    let form = format!("{value:#x}");
    ensure!(field == form, "not in the one way to write it: {field:?}");
    Ok(value)
}

/// Writes a name as memintro's tables must have it.
pub fn escape(name: &[u8]) -> String {
    if name.is_empty() {
        return "-".to_owned();
    }
    let reserved = name == b"-" || name == b"denied";
    let escaped = |(i, &byte): (usize, &u8)| match byte {
        0x21..=0x7e if byte != b'\\' && !(reserved && i == 0) => char::from(byte).to_string(),
        _ => format!("\\{byte:03o}"),
    };
    name.iter().enumerate().map(escaped).collect()
}

/// The bytes that an escaped name stands for; `-` is an empty name.
pub fn unescape(name: &str) -> io::Result<Vec<u8>> {
    if name == "-" {
        return Ok(Vec::new());
    }
    let mut pieces = name.split('\\');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let digits = piece.get(..3);
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(byte.ok_or_else(|| error!("not an escape: {name:?}"))?);
        bytes.extend_from_slice(&piece.as_bytes()[3..]);
    }
    Ok(bytes)
}

/// The keys of the answers of `walk`, each list in its promised order.
const SHAPES: [&str; 8] = words! {
    "pid va pa page level perm flags cache" "pid va pa page level perm flags pkey cache"
    "pid va pa why level" "pid va pa why level swap" "pid va pa error why"
    "pid va region pa_linear agree pa page level perm flags cache symbol offset module"
    "pid va region pa_linear agree pa why level symbol offset module"
    "level index entry value next kind folded"
};

#[derive(Clone, Debug)]
pub struct Line<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Line<'a> {
    /// Parses a line: one space between words, values that a shell may `eval`.
    fn words(line: &'a str) -> io::Result<Self> {
        let mut pairs = Vec::with_capacity(10);
        for word in line.split(' ') {
            let pair = word.split_once('=');
            let pair = pair.ok_or_else(|| error!("not key=value: {line:?}"))?;
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

    pub fn get(&self, key: &str) -> &'a str {
        let pair = self.0.iter().find(|(name, _)| *name == key);
        pair.map_or("", |(_, value)| value)
    }

    pub fn hex(&self, key: &str) -> io::Result<u64> {
        hex(self.get(key)).map_err(|error| error!("{key}: {error}"))
    }

    pub fn expect(&self, key: &str, want: &str) -> io::Result<()> {
        let got = self.get(key);
        ensure!(got == want, "{key}={got} expected {want}");
        Ok(())
    }

    pub fn has_flag(&self, flag: &str) -> bool {
        self.get("flags").split(',').any(|name| name == flag)
    }
}

/// The answers of `walk` in a text: of each the lines of its levels and its last line.
pub fn answers(text: &str) -> impl Iterator<Item = io::Result<(Vec<Line<'_>>, Line<'_>)>> {
    let mut lines = text.lines().map(Line::parse).peekable();
    std::iter::from_fn(move || {
        let is_level =
            |line: &io::Result<Line<'_>>| line.as_ref().is_ok_and(|it| it.0[0].0 == "level");
        let levels = lines.peeking_take_while(is_level).flatten().collect();
        Some(lines.next()?.map(|line| (levels, line)))
    })
}

/// A line of `key=value` by itself, its keys in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(String);

impl Keys {
    pub fn parse(line: &str) -> io::Result<Self> {
        let once = Line::words(line)?.0.iter().map(|(key, _)| key).all_unique();
        ensure!(once, "a key twice: {line:?}");
        Ok(Self(line.to_owned()))
    }

    pub fn get(&self, key: &str) -> &str {
        let mut words = self.0.split(' ');
        words
            .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
            .unwrap_or("")
    }

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
    ensure!(!remark, "a row like a header or remark: {line:?}");
    Ok(fields.into_iter().map(str::to_owned).collect())
}

fn whole_lines(text: &str) -> io::Result<std::str::Split<'_, char>> {
    let lines = text.strip_suffix('\n');
    let lines = lines.ok_or_else(|| error!("no newline at the end"))?;
    Ok(lines.split('\n'))
}

/// A table: a header and rows, in columns of blanks.
pub struct Table {
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub fn read(path: &Path, header: &str) -> io::Result<Self> {
        Self::parse(&fs::read(path)?, header)
    }

    /// Parses a whole table; an error names the line that breaks a rule.
    pub fn parse(text: &[u8], header: &str) -> io::Result<Self> {
        let text = std::str::from_utf8(text).map_err(io::Error::other)?;
        let mut rows = Vec::new();
        for (i, line) in whole_lines(text)?.enumerate() {
            // Blanks at the end are padding nobody needs; at the start, a shell could not tell
            // the kind of the line.
            let mut bytes = line.bytes();
            let tidy = bytes.all(|byte| byte == b' ' || byte.is_ascii_graphic());
            let tidy = tidy && !line.starts_with(' ');
            ensure!(tidy, "blanks or bytes of {line:?}");
            let fields: Vec<_> = line.split_ascii_whitespace().collect();
            match i {
                0 => ensure!(fields.join(" ") == header, "not the header: {line:?}"),
                _ => rows.push(row(line, fields, header.split(' ').count())?),
            }
        }
        Ok(Self { rows })
    }
}

pub struct Answer {
    pub rows: Vec<Vec<String>>,
    /// What follows `# end` in the last line.
    pub end: Keys,
    pub last: String,
}

impl Answer {
    /// Parses one whole answer; an error names the line that breaks a rule.
    ///
    /// Without rows and header, the last line comes alone.
    pub fn parse(text: &str, header: &str) -> io::Result<Self> {
        let mut lines = whole_lines(text)?;
        let last = lines.next_back().unwrap_or_default();
        let end = last.strip_prefix("# end ");
        let end = end.ok_or_else(|| error!("no last line: {last:?}"))?;
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

    /// The same of one that answered: what it refused is an error.
    pub fn given(text: &str, header: &str) -> io::Result<Self> {
        let answer = Self::parse(text, header)?;
        ensure!(answer.end.get("error").is_empty(), "{}", answer.last);
        let right = answer.end.number("rows")? == answer.rows.len() as u64;
        ensure!(right, "wrong rows: {}", answer.last);
        Ok(answer)
    }
}
