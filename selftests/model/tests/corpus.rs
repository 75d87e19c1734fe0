// SPDX-License-Identifier: GPL-2.0

//! The inputs that the fuzzer found and that are kept, with what must hold for them (`fuzz/`).

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::{fs, path::Path};

/// The bytes of an input, as `fuzz/run` writes and reads them: `\0` and three octal digits, or a
/// printable character.
fn input(line: &str) -> Vec<u8> {
    let mut parts = line.split('\\');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(1..4).filter(|_| part.starts_with('0'));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(byte.expect("\\0 and three octal digits"));
        bytes.extend_from_slice(&part.as_bytes()[4..]);
    }
    bytes
}

#[test]
fn every_kept_input_holds() {
    assert_eq!(input(r"a\0134\0012 \0377"), b"a\\\n \xff");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus.txt");
    let text = fs::read_to_string(&path).expect("the kept inputs");
    let mut seen = [0; fuzz::TARGETS.len()];
    for line in text.lines() {
        println!("{line}");
        let (target, rest) = line.split_once(' ').expect("a target and an input");
        let number = fuzz::TARGETS.iter().position(|(name, _)| *name == target);
        let number = number.expect("a target");
        (fuzz::TARGETS[number].1)(&input(rest));
        seen[number] += 1;
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}
