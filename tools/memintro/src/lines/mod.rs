// SPDX-License-Identifier: GPL-2.0

//! The lines of the module's files, as sysfs-layout.md describes them.

mod rows;
mod tables;

pub use rows::{Extent, Level, Mapper, Vma, Walk};
pub use tables::{is_name, Answer, Table};

use crate::{Failure, Result};

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// The names of columns.
    Header(Vec<&'a str>),
    /// Fields, as many as there are columns.
    Row(Vec<&'a str>),
    /// `key=value` words; those after `# end` too.
    Keys(Keys<'a>),
    /// Any other remark.
    Remark(&'a str),
}

impl<'a> Line<'a> {
    /// Tells by its first byte what a line is.
    pub fn parse(line: &'a str) -> Result<Self> {
        let fields = || line.split_ascii_whitespace().collect();
        match line.as_bytes() {
            [b'A'..=b'Z', ..] => Ok(Self::Header(fields())),
            [b'#', ..] => match line.strip_prefix("# end ") {
                Some(rest) => Keys::parse(rest).map(Self::Keys),
                None => Ok(Self::Remark(line)),
            },
            // No row's first field has one.
            _ if line
                .split(' ')
                .next()
                .is_some_and(|word| word.contains('=')) =>
            {
                Keys::parse(line).map(Self::Keys)
            }
            _ => Ok(Self::Row(fields())),
        }
    }
}

/// What is not as it was promised.
fn odd(what: &str, line: &str) -> Failure {
    let line: String = line.chars().take(200).collect();
    Failure::unanswered(format!(
        "an answer that this version does not understand: {what}: {line:?}"
    ))
}

/// An address.
pub fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

/// A name as it was before its bytes were escaped, if that is a text.
pub fn unescape(name: &str) -> Option<String> {
    if name == "-" {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let digits = after.get(..3)?;
        let octal = digits.iter().try_fold(0u32, |sum, digit| match digit {
            b'0'..=b'7' => Some(sum * 8 + u32::from(digit - b'0')),
            _ => None,
        });
        bytes.push(u8::try_from(octal?).ok()?);
        rest = &after[3..];
    }
    String::from_utf8(bytes).ok()
}

/// The words of a line, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Keys<'a> {
    /// Takes a line apart.
    pub fn parse(line: &'a str) -> Result<Self> {
        let pairs = line.split(' ').map(|word| word.split_once('='));
        match pairs.collect() {
            Some(pairs) => Ok(Self(pairs)),
            None => Err(odd("not key=value", line)),
        }
    }

    /// The value of a key, if the line has it.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        let found = self.0.iter().find(|(name, _)| *name == key);
        found.map(|(_, value)| *value)
    }

    /// The value of a key that is a number.
    pub fn number(&self, key: &str) -> Option<u64> {
        self.get(key)?.parse().ok()
    }

    /// The value of a key that is an address.
    pub fn hex(&self, key: &str) -> Option<u64> {
        hex(self.get(key)?)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &(&'a str, &'a str)> {
        self.0.iter()
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A mapping with so much present, huge, zero, swapped, empty.
    pub fn vma(start: u64, parts: [u64; 5], name: &'static str) -> Vma<'static> {
        let [present_kb, huge_kb, zero_kb, swap_kb, empty_kb] = parts;
        let size_kb = present_kb + zero_kb + swap_kb + empty_kb;
        Vma {
            start,
            end: start + (size_kb << 10),
            perm: "rw-p",
            size_kb,
            present_kb,
            huge_kb,
            zero_kb,
            swap_kb,
            empty_kb,
            name,
        }
    }

    #[test]
    fn the_first_byte_tells_the_kind() {
        assert_eq!(
            Line::parse("PID   COMM").unwrap(),
            Line::Header(vec!["PID", "COMM"])
        );
        assert_eq!(
            Line::parse("119 0x1000 4K r-xu error=x").unwrap(),
            Line::Row(vec!["119", "0x1000", "4K", "r-xu", "error=x"])
        );
        let Line::Keys(keys) = Line::parse("# end pid=1 error=ESRCH why=busy").unwrap() else {
            panic!();
        };
        assert_eq!(keys.get("why"), Some("busy"));
        assert!(matches!(
            Line::parse("pid=1 va=0x1").unwrap(),
            Line::Keys(_)
        ));
        assert!(matches!(
            Line::parse("# usage: PID").unwrap(),
            Line::Remark(_)
        ));
        assert!(Line::parse("pid=1 va").is_err());
    }

    #[test]
    fn names_are_unescaped_where_they_are_text() {
        for (name, text) in [
            ("-", Some("")),
            ("\\055", Some("-")),
            ("two\\040words", Some("two words")),
            ("gr\\303\\274n", Some("grün")),
            ("\\377", None),
            ("\\12", None),
            ("\\888", None),
            ("\\777", None),
        ] {
            assert_eq!(unescape(name).as_deref(), text, "{name}");
        }
    }

    #[test]
    fn addresses_need_0x() {
        assert_eq!(hex("0xffffffffffffffff"), Some(u64::MAX));
        assert_eq!(hex("1000"), None);
        assert_eq!(hex("-"), None);
    }

    #[test]
    fn keys_are_found_by_name() {
        let keys =
            Keys::parse("pid=812 va=0x10 pa=none why=swap level=pte swap=0:7 new=1").unwrap();
        assert_eq!(keys.number("pid"), Some(812));
        assert_eq!(keys.hex("va"), Some(16));
        assert_eq!(keys.hex("pa"), None);
        assert_eq!(keys.get("swap"), Some("0:7"));
        assert_eq!(keys.get("flags"), None);
    }
}
