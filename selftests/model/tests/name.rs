// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/name.rs`.

use memintro_model::model::{
    name::{put_name, until_nul, COMM_MAX},
    text::{Line, LINE_MAX},
};
use proptest::{collection::vec, prelude::*};

#[path = "support/common.rs"]
mod common;
#[path = "support/unescape.rs"]
mod unescape;
use unescape::unescape;

fn named(name: &[u8]) -> Vec<u8> {
    let mut bytes = [0; LINE_MAX];
    let mut line = Line::new(&mut bytes);
    put_name(&mut line, name);
    assert!(line.is_whole());
    line.as_bytes().to_vec()
}

#[track_caller]
fn check(name: &[u8], expected: &str) {
    assert_eq!(String::from_utf8_lossy(&named(name)), expected);
}

#[test]
fn ordinary_names_stay() {
    check(b"bash", "bash");
    check(b"kworker/0:1-ev", "kworker/0:1-ev");
    check(b"(sd-pam)", "(sd-pam)");
    check(b"!~#", "!~#");
}

#[test]
fn other_bytes_become_octal() {
    check(b"a b", "a\\040b");
    check(b"a\tb\n", "a\\011b\\012");
    check(b"\\", "\\134");
    check(b"\x00\x7f\x80\xff", "\\000\\177\\200\\377");
    check("é".as_bytes(), "\\303\\251");
    check(b"Web Content", "Web\\040Content");
}

#[test]
fn names_that_mean_something_else() {
    check(b"", "-");
    check(b"-", "\\055");
    check(b"denied", "\\144enied");
    check(b"--", "--");
    check(b"-denied", "-denied");
    check(b"denied!", "denied!");
    check(b"denie", "denie");
    check(b"Denied", "Denied");
}

#[test]
fn a_name_that_looks_escaped_is_escaped() {
    check(b"\\055", "\\134055");
    check(b"\\144enied", "\\134144enied");
}

#[test]
fn the_first_nul_ends_a_name() {
    assert_eq!(until_nul(b"bash\0\0\0"), b"bash");
    assert_eq!(until_nul(b"bash\0old"), b"bash");
    assert_eq!(until_nul(b"bash"), b"bash");
    assert_eq!(until_nul(b"\0bash"), b"");
    assert_eq!(until_nul(b""), b"");
}

#[test]
fn the_longest_name_is_that_of_the_kernel() {
    assert_eq!(COMM_MAX, 15);
}

/// Names of which many have bytes that need care.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(b" \\-\t\n\x7e\x7f\x20\x21\x00denied".to_vec()),
    ];
    vec(byte, 0..100)
}

proptest! {
    #![proptest_config(common::config(8))]

    #[test]
    fn a_name_is_one_field_that_decodes_back(name in name()) {
        let field = named(&name);
        prop_assert!(field.iter().all(|byte| matches!(byte, 0x21..=0x7e)));
        prop_assert!(!field.is_empty());
        prop_assert_eq!(unescape(&field), Some(name));
    }

    #[test]
    fn different_names_differ(a in name(), b in name()) {
        prop_assert_eq!(named(&a) == named(&b), a == b);
    }

    #[test]
    fn until_nul_is_a_c_string(bytes in vec(0u8..3, 0..20)) {
        let mut terminated = bytes.clone();
        terminated.push(0);
        let c = std::ffi::CStr::from_bytes_until_nul(&terminated).unwrap();
        prop_assert_eq!(until_nul(&bytes), c.to_bytes());
    }
}
