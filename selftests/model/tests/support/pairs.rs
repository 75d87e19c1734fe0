// SPDX-License-Identifier: GPL-2.0

//! The rules that hold for every line of `key=value`.

/// Returns the keys and values of a line.
pub fn pairs(line: &str) -> Vec<(&str, &str)> {
    let line = line.strip_suffix('\n').expect("a line");
    let pairs: Vec<_> = line
        .split(' ')
        .map(|field| field.split_once('=').unwrap_or_else(|| panic!("{line:?}")))
        .collect();
    let mut names = std::collections::BTreeSet::new();
    for (key, value) in &pairs {
        // A shell may `eval` it: the key is a name, and nothing in the value means anything.
        let of_a_key = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(
            key.starts_with(|c: char| c.is_ascii_lowercase()),
            "{line:?}"
        );
        assert!(key.chars().all(of_a_key), "{line:?}");
        let safe = |c: char| c.is_ascii_alphanumeric() || "_.,:-".contains(c);
        assert!(!value.is_empty() && value.chars().all(safe), "{line:?}");
        assert!(names.insert(*key), "twice: {line:?}");
    }
    pairs
}
