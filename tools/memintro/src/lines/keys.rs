// SPDX-License-Identifier: GPL-2.0

//! Lines of `key=value`.

use super::{hex, odd};
use crate::failure::Result;

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
mod tests {
    use super::*;

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
