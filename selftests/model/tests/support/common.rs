// SPDX-License-Identifier: GPL-2.0

//! How the property tests run, and the rules that hold for every line and every table. No test
//! uses all of it.

#![allow(dead_code)]

use memintro_model::model::text::{Line, LINE_MAX};
use proptest::test_runner::Config;
use std::collections::BTreeSet;

/// `times` as many cases as usual; `PROPTEST_CASES` in the environment changes what is usual.
///
/// A failure is printed with its smallest input and nothing is written into the source tree: who
/// fixes it keeps that input as a unit test.
pub fn config(times: u32) -> Config {
    let usual = Config::default();
    Config {
        cases: usual.cases.saturating_mul(times),
        failure_persistence: None,
        ..usual
    }
}

/// Writes one line and returns it, checked by the rules for every line.
pub fn line(write: impl FnOnce(&mut Line<'_>)) -> String {
    let mut bytes = [0; LINE_MAX];
    let mut line = Line::new(&mut bytes);
    write(&mut line);
    assert!(line.is_whole());
    let text = String::from_utf8(line.as_bytes().to_vec()).expect("ASCII");
    assert!(text.is_ascii());
    assert_eq!(text.find('\n'), Some(text.len() - 1), "one line: {text:?}");
    assert!(!text.ends_with(" \n") && !text.contains('\t'), "{text:?}");
    text
}

/// A header: capital letters first, column names and nothing else.
pub fn header(write: impl FnOnce(&mut Line<'_>)) -> String {
    let text = line(write);
    assert!(
        text.starts_with(|c: char| c.is_ascii_uppercase()),
        "{text:?}"
    );
    let of_a_name = |c: char| c.is_ascii_uppercase() || c == '_';
    assert!(
        text.split_whitespace()
            .all(|name| name.chars().all(of_a_name)),
        "{text:?}"
    );
    text
}

/// The fields of a row, by the names of their columns.
pub fn fields<'a>(header: &'a str, row: &'a str) -> Vec<(&'a str, &'a str)> {
    let first = row.as_bytes()[0];
    assert!(
        !first.is_ascii_uppercase() && first != b'#' && first != b' ',
        "{row:?}"
    );
    let names: Vec<_> = header.split_whitespace().collect();
    let fields: Vec<_> = row.split_whitespace().collect();
    assert_eq!(names.len(), fields.len(), "{header}{row}");
    names.into_iter().zip(fields).collect()
}

/// Checks that each field stands under the name of its column.
pub fn assert_aligned(header: &str, row: &str) {
    let starts = |line: &str| -> Vec<usize> {
        let begins = |at: &usize| {
            let bytes = line.as_bytes();
            !bytes[*at].is_ascii_whitespace() && (*at == 0 || bytes[*at - 1] == b' ')
        };
        (0..line.len()).filter(begins).collect()
    };
    assert_eq!(starts(header), starts(row), "\n{header}{row}");
}

/// Returns the keys and values of a line of `key=value`, checked by the rules for all of those.
pub fn pairs(line: &str) -> Vec<(&str, &str)> {
    let line = line.strip_suffix('\n').expect("a line");
    let pairs: Vec<_> = line
        .split(' ')
        .map(|field| field.split_once('=').unwrap_or_else(|| panic!("{line:?}")))
        .collect();
    let mut names = BTreeSet::new();
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
