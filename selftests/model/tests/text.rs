// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/text.rs`, lines, and `src/model/name.rs`, names in them.

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

fn written(write: impl FnOnce(&mut Line<'_>)) -> String {
    let mut bytes = [0; LINE_MAX];
    let mut line = Line::new(&mut bytes);
    write(&mut line);
    assert!(line.is_whole());
    String::from_utf8(line.as_bytes().to_vec()).unwrap()
}

#[test]
fn numbers_at_their_edges() {
    assert_eq!(written(|l| _ = l.dec(0)), "0");
    assert_eq!(written(|l| _ = l.dec(10)), "10");
    assert_eq!(written(|l| _ = l.dec(u64::MAX)), "18446744073709551615");
    assert_eq!(written(|l| _ = l.hex(0)), "0x0");
    assert_eq!(written(|l| _ = l.hex(16)), "0x10");
    assert_eq!(written(|l| _ = l.hex(u64::MAX)), "0xffffffffffffffff");
}

#[test]
fn columns_are_padded() {
    let two = |line: &mut Line<'_>| {
        line.put(b"ab").pad(4).put(b"c").pad(3).put(b"d").end();
    };
    assert_eq!(written(two), "ab  c  d\n");
}

#[test]
fn a_wide_value_keeps_one_space_and_moves_the_rest() {
    let exact = |line: &mut Line<'_>| {
        line.put(b"abcd").pad(4).put(b"e").pad(3).put(b"f");
    };
    assert_eq!(written(exact), "abcd e  f");
    let wide = |line: &mut Line<'_>| {
        line.put(b"abcdefg").pad(4).put(b"h").pad(3).put(b"i");
    };
    assert_eq!(written(wide), "abcdefg h  i");
}

#[test]
fn an_empty_column_is_blank() {
    assert_eq!(written(|l| _ = l.pad(3).put(b"a")), "   a");
    assert_eq!(written(|l| _ = l.pad(0).put(b"a")), " a");
}

#[test]
fn a_line_holds_its_most_and_says_when_it_does_not() {
    let mut bytes = [0; LINE_MAX];
    let mut line = Line::new(&mut bytes);
    line.put(&[b'a'; LINE_MAX]);
    assert!(line.is_whole());
    assert_eq!(line.as_bytes().len(), LINE_MAX);
    line.put(b"");
    assert!(line.is_whole());
    line.put_byte(b'b');
    assert!(!line.is_whole());
    assert_eq!(line.as_bytes(), [b'a'; LINE_MAX]);
}

#[test]
fn what_does_not_fit_is_dropped_for_good() {
    let mut bytes = [0; LINE_MAX];
    let mut line = Line::new(&mut bytes);
    line.put(&[b'a'; LINE_MAX - 1]).dec(10);
    assert!(!line.is_whole());
    // What fits later does not make up for it.
    line.put_byte(b'b');
    assert!(!line.is_whole());
    assert!(line.as_bytes().len() <= LINE_MAX);
    line.clear();
    assert!(line.is_whole());
    assert_eq!(line.as_bytes(), b"");
    line.put(b"a").pad(3).put(b"b");
    assert_eq!(line.as_bytes(), b"a  b");
}

#[test]
fn clear_forgets_the_column() {
    let mut bytes = [0; LINE_MAX];
    let mut line = Line::new(&mut bytes);
    line.put(b"abc").pad(10).clear();
    line.put(b"x").pad(3).put(b"y");
    assert_eq!(line.as_bytes(), b"x  y");
}

#[test]
fn padding_past_the_end_ends() {
    let mut bytes = [0; LINE_MAX];
    let mut line = Line::new(&mut bytes);
    line.put(b"a").pad(LINE_MAX * 1000);
    assert!(!line.is_whole());
    assert_eq!(line.as_bytes().len(), LINE_MAX);
    line.pad(LINE_MAX * 1000).end();
    assert!(!line.is_whole());
}

/// Numbers of every length, not only long ones.
fn number() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0u32..64).prop_map(|(number, drop)| number >> drop)
}

/// What may be done to a line.
#[derive(Clone, Debug)]
enum Op {
    Put(Vec<u8>),
    PutByte(u8),
    Dec(u64),
    Hex(u64),
    Pad(usize),
    End,
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => vec(any::<u8>(), 0..60).prop_map(Op::Put),
        2 => any::<u8>().prop_map(Op::PutByte),
        4 => number().prop_map(Op::Dec),
        4 => number().prop_map(Op::Hex),
        4 => (0usize..80).prop_map(Op::Pad),
        1 => Just(Op::End),
        1 => Just(Op::Clear),
    ]
}

proptest! {
    #![proptest_config(common::config(8))]

    #[test]
    fn dec_is_that_of_std(number in number()) {
        prop_assert_eq!(written(|l| _ = l.dec(number)), format!("{number}"));
    }

    #[test]
    fn hex_is_that_of_std(number in number()) {
        prop_assert_eq!(written(|l| _ = l.hex(number)), format!("{number:#x}"));
    }

    #[test]
    fn pad_is_that_of_std(fields in vec(("[!-~]{0,12}", 0usize..16), 0..8)) {
        let mut expected = String::new();
        for (field, width) in &fields {
            let padded = format!("{field:width$}");
            expected += &padded;
            if padded.len() == field.len() {
                expected.push(' ');
            }
        }
        let line = written(|line| {
            for (field, width) in &fields {
                line.put(field.as_bytes()).pad(*width);
            }
        });
        prop_assert_eq!(line, expected);
    }

    // Against a Vec without bounds: as long as that is short enough the two are equal, and once
    // it was not, the line says so until it is cleared.
    #[test]
    fn a_line_is_a_bounded_vec(ops in vec(op(), 0..40)) {
        let mut bytes = [0; LINE_MAX];
        let mut line = Line::new(&mut bytes);
        let mut model = Vec::new();
        let mut column = 0;
        for op in ops {
            match op {
                Op::Put(bytes) => {
                    line.put(&bytes);
                    model.extend(bytes);
                }
                Op::PutByte(byte) => {
                    line.put_byte(byte);
                    model.push(byte);
                }
                Op::Dec(number) => {
                    line.dec(number);
                    model.extend(number.to_string().bytes());
                }
                Op::Hex(number) => {
                    line.hex(number);
                    model.extend(format!("{number:#x}").bytes());
                }
                Op::Pad(width) => {
                    line.pad(width);
                    let to = (column + width).max(model.len() + 1);
                    model.resize(to, b' ');
                    column = to;
                }
                Op::End => {
                    line.end();
                    model.push(b'\n');
                }
                Op::Clear => {
                    line.clear();
                    model.clear();
                    column = 0;
                }
            }
            prop_assert_eq!(line.is_whole(), model.len() <= LINE_MAX);
            if line.is_whole() {
                prop_assert_eq!(line.as_bytes(), &model[..]);
            } else {
                prop_assert!(line.as_bytes().len() <= LINE_MAX);
            }
        }
    }
}

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
