// SPDX-License-Identifier: GPL-2.0

//! Answers of `walk`, with their levels.

use super::{odd, Keys};
use crate::failure::Result;

/// An entry on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level<'a> {
    /// Its level: pgd, p4d, pud, pmd, pte.
    pub name: &'a str,
    /// Which entry of its table.
    pub index: u64,
    /// Where it stands; none if that is denied.
    pub entry: Option<u64>,
    /// What it holds.
    pub value: u64,
    /// The physical address it leads to.
    pub next: Option<u64>,
    /// What it is: table, page, none, swap, …
    pub kind: &'a str,
    /// Whether the paging mode has no such level.
    pub folded: bool,
}

/// The answer to one question.
#[derive(Debug)]
pub struct Walk<'a> {
    /// The way, from the top; without `levels` empty.
    pub levels: Vec<Level<'a>>,
    /// The last line.
    pub keys: Keys<'a>,
}

impl<'a> Walk<'a> {
    /// Takes the answer to one question apart.
    pub fn parse(text: &'a str) -> Result<Self> {
        let mut levels = Vec::new();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let keys = Keys::parse(line)?;
            if lines.peek().is_none() {
                return Ok(Self { levels, keys });
            }
            levels.push(Level::of(&keys).ok_or_else(|| odd("a level", line))?);
        }
        Err(odd("nothing", text))
    }
}

impl<'a> Level<'a> {
    fn of(keys: &Keys<'a>) -> Option<Self> {
        Some(Self {
            name: keys.get("level")?,
            index: keys.number("index")?,
            entry: keys.hex("entry"),
            value: keys.hex("value")?,
            next: keys.hex("next"),
            kind: keys.get("kind")?,
            folded: keys.get("folded")? == "yes",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_come_before_the_answer() {
        let text = "level=pgd index=254 entry=denied value=0x5eed067 next=0x5eed000 kind=table folded=no\n\
                    level=p4d index=254 entry=0xff1efce005eec010 value=0x0 next=- kind=none folded=yes\n\
                    pid=1 va=0x1000 pa=none why=not-populated level=p4d\n";
        let walk = Walk::parse(text).unwrap();
        assert_eq!(walk.levels.len(), 2);
        assert_eq!(walk.levels[0].entry, None);
        assert_eq!(walk.levels[1].next, None);
        assert!(walk.levels[1].folded);
        assert_eq!(walk.keys.get("why"), Some("not-populated"));
        assert!(Walk::parse("").is_err());
        assert!(Walk::parse("level=pgd\npid=1 pa=none\n").is_err());
    }
}
