// SPDX-License-Identifier: GPL-2.0

//! The lines that `walk` answers, whose keys and order are promised.

/// The keys of the answers of `walk`, each list in its promised order.
const SHAPES: [&[&str]; 7] = [
    &["pid", "va", "pa", "page", "level", "perm", "flags"],
    &["pid", "va", "pa", "why", "level"],
    &["pid", "va", "pa", "why", "level", "swap"],
    &["pid", "va", "pa", "error", "why"],
    &[
        "pid",
        "va",
        "region",
        "pa_linear",
        "agree",
        "pa",
        "page",
        "level",
        "perm",
        "flags",
    ],
    &[
        "pid",
        "va",
        "region",
        "pa_linear",
        "agree",
        "pa",
        "why",
        "level",
    ],
    &["level", "index", "entry", "value", "next", "kind", "folded"],
];

/// A line of `key=value` words.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    pairs: Vec<(&'a str, &'a str)>,
}

impl<'a> Line<'a> {
    /// Parses a line, and checks what is promised of every line: one space
    /// between words, known keys in their order, values that a shell may
    /// `eval`.
    pub fn parse(line: &'a str) -> Result<Self, String> {
        let mut pairs = Vec::with_capacity(10);
        for word in line.split(' ') {
            let Some((key, value)) = word.split_once('=') else {
                return Err(format!("not key=value: {line:?}"));
            };
            let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"_.,:-".contains(&byte);
            if value.is_empty() || !value.bytes().all(fine) {
                return Err(format!("no value for eval: {line:?}"));
            }
            pairs.push((key, value));
        }
        let keys = || pairs.iter().map(|(key, _)| *key);
        if !SHAPES.iter().any(|shape| keys().eq(shape.iter().copied())) {
            return Err(format!("not the promised keys: {line:?}"));
        }
        Ok(Self { pairs })
    }

    /// The value of a key; empty where the line has none.
    pub fn get(&self, key: &str) -> &'a str {
        self.pairs
            .iter()
            .find(|(name, _)| *name == key)
            .map_or("", |(_, value)| value)
    }

    /// The value of a key that must be `0x` and lower-case hex digits.
    pub fn hex(&self, key: &str) -> Result<u64, String> {
        let value = self.get(key);
        value
            .strip_prefix("0x")
            .filter(|digits| !digits.bytes().any(|byte| byte.is_ascii_uppercase()))
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .ok_or_else(|| format!("{key}={value} is no address"))
    }

    /// Whether `flags` holds this one.
    pub fn has_flag(&self, flag: &str) -> bool {
        self.get("flags").split(',').any(|name| name == flag)
    }

    /// Whether this is the line of a level, which comes before an answer.
    pub fn is_level(&self) -> bool {
        self.pairs.first().is_some_and(|(key, _)| *key == "level")
    }
}

/// The answers in a text: of each the lines of its levels and its last line.
pub fn answers(text: &str) -> impl Iterator<Item = Result<(Vec<Line<'_>>, Line<'_>), String>> {
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        let mut levels = Vec::new();
        loop {
            match Line::parse(lines.next()?) {
                Err(error) => return Some(Err(error)),
                Ok(line) if line.is_level() => levels.push(line),
                Ok(line) => return Some(Ok((levels, line))),
            }
        }
    })
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
        assert_eq!(all[1].1.hex("va"), Ok(0x20));
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
}
