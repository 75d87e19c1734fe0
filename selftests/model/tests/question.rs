// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/question.rs`.

use memintro_model::model::{
    addr::{Halves, VirtAddr},
    question::{WalkQuestion, Whose, QUESTION_MAX},
    words::Refusal,
};
use proptest::{collection::vec, prelude::*};

#[path = "support/common.rs"]
mod common;
#[path = "question/range.rs"]
mod range;

fn parse(text: &[u8]) -> Result<WalkQuestion, Refusal> {
    WalkQuestion::parse(text)
}

#[track_caller]
fn accept(text: impl AsRef<[u8]>, whose: Whose, va: u64, levels: bool) {
    let text = text.as_ref();
    let va = VirtAddr(va);
    let expected = Ok(WalkQuestion { whose, va, levels });
    assert_eq!(parse(text), expected, "{}", text.escape_ascii());
}

#[track_caller]
fn refuse(text: impl AsRef<[u8]>, why: Refusal) {
    let text = text.as_ref();
    assert_eq!(parse(text), Err(why), "{}", text.escape_ascii());
}

#[test]
fn both_kinds_of_question() {
    accept(
        "812 0x7f2878000000",
        Whose::Process(812),
        0x7f28_7800_0000,
        false,
    );
    accept("812 0x1000 levels", Whose::Process(812), 0x1000, true);
    accept(
        "kernel 0xffffc90000000000",
        Whose::Kernel,
        0xffff_c900_0000_0000,
        false,
    );
    accept("kernel 0x0 levels", Whose::Kernel, 0, true);
}

#[test]
fn blanks_and_one_newline_do_not_count() {
    let same = Whose::Process(1);
    for text in [
        "1 0x2\n",
        "1\t0x2",
        " 1 0x2",
        "1 0x2 ",
        "\t 1 \t\t 0x2 \t\n",
        "  1    0x2  \n",
    ] {
        accept(text, same, 2, false);
    }
    accept("\t1\t0x2\tlevels\t\n", same, 2, true);
    refuse("1 0x2\n\n", Refusal::NotAQuestion);
    refuse("\n1 0x2", Refusal::NotAQuestion);
    refuse("1\n0x2", Refusal::NotAQuestion);
    refuse("1 0x2\n ", Refusal::NotAQuestion);
    refuse("1 0x2\n3 0x4\n", Refusal::NotAQuestion);
}

#[test]
fn blank_lines_are_no_questions() {
    for text in ["", "\n", " ", "\t", " \t \n", "\n\n"] {
        refuse(text, Refusal::NotAQuestion);
    }
}

#[test]
fn too_few_and_too_many_words() {
    for text in [
        "812",
        "kernel",
        "0x1000",
        "levels",
        "812 0x1000 level",
        "812 0x1000 Levels",
        "812 0x1000 levels levels",
        "812 0x1000 levels 1",
        "812 0x1000 totals",
        "812 0x1000 0x2000",
        "levels 812 0x1000",
        "812 kernel 0x1000",
    ] {
        refuse(text, Refusal::NotAQuestion);
    }
    refuse("812 levels", Refusal::NotAnAddress);
    refuse("812 levels 0x1000", Refusal::NotAQuestion);
}

#[test]
fn a_pid_is_1_to_10_digits_and_fits_in_a_pid_t() {
    accept("0 0x1", Whose::Process(0), 1, false);
    accept("7 0x1", Whose::Process(7), 1, false);
    accept("0000000007 0x1", Whose::Process(7), 1, false);
    accept("2147483647 0x1", Whose::Process(i32::MAX), 1, false);
    for pid in [
        "2147483648",
        "2147483650",
        "4294967295",
        "4294967297",
        "9999999999",
        "00000000007",
        "12345678901",
        "99999999999999999999999",
        "-1",
        "+1",
        "1.",
        "1,",
        "0x1",
        "1a",
        "a1",
        "١",
        "self",
        "Kernel",
        "KERNEL",
        "kernel1",
        "kerne",
    ] {
        refuse(format!("{pid} 0x1000"), Refusal::NotAQuestion);
    }
}

#[test]
fn an_address_is_0x_and_1_to_16_digits() {
    let whose = Whose::Process(1);
    accept("1 0x0", whose, 0, false);
    accept("1 0x0000000000001000", whose, 0x1000, false);
    accept("1 0xffffffffffffffff", whose, u64::MAX, false);
    accept("1 0xFFFFffffFFFFffff", whose, u64::MAX, false);
    accept("1 0xABCDEF", whose, 0xab_cdef, false);
    accept("1 0xabcdef", whose, 0xab_cdef, false);
    for va in [
        "0x",
        "0x00000000000001000",
        "0x10000000000000000",
        "0xg",
        "0x1g",
        "0x 1",
        "0x-1",
        "0x+1",
        "0x1_000",
        "0x1.",
        "0x0x1",
        "x1000",
        "0X1000",
        "+0x1000",
        "-0x1000",
        "0x1000-0x2000",
        "400000-401000",
        "-1",
        "+1",
        "main",
        "0x１",
    ] {
        let why = match va.contains(' ') {
            // Two words.
            true => Refusal::NotAQuestion,
            false => Refusal::NotAnAddress,
        };
        refuse(format!("1 {va}"), why);
    }
}

#[test]
fn digits_without_0x_are_named_as_such() {
    for va in [
        "0",
        "1000",
        "400000",
        "7f2878000000",
        "DEADBEEF",
        "ffffffffffffffff",
    ] {
        refuse(format!("1 {va}"), Refusal::Need0x);
        refuse(format!("kernel {va} levels\n"), Refusal::Need0x);
    }
    // With its 0x this would not be an address either.
    refuse("1 10000000000000000", Refusal::NotAnAddress);
}

#[test]
fn a_bad_first_word_comes_before_a_bad_second() {
    refuse("x 1000", Refusal::NotAQuestion);
    refuse("1 1000 x", Refusal::NotAQuestion);
}

#[test]
fn other_bytes_are_not_blanks() {
    for byte in [0, 0x0b, 0x0c, 0x7f, 0x80, 0xa0, 0xff] {
        let with = |text: &[u8]| -> Vec<u8> {
            let here = |from: &u8| if *from == b'_' { byte } else { *from };
            text.iter().map(here).collect()
        };
        refuse(with(b"1_0x2"), Refusal::NotAQuestion);
        refuse(with(b"_1 0x2"), Refusal::NotAQuestion);
        refuse(with(b"1_ 0x2"), Refusal::NotAQuestion);
        refuse(with(b"1 0x2_"), Refusal::NotAnAddress);
        refuse(with(b"1 0x2_\n"), Refusal::NotAnAddress);
        refuse(with(b"1 0x2 levels_"), Refusal::NotAQuestion);
        refuse(with(b"1 0x2\n_"), Refusal::NotAQuestion);
    }
    refuse([0; 8], Refusal::NotAQuestion);
}

#[test]
fn a_line_may_end_in_carriage_return_and_newline() {
    let question = parse(b"1 0x2 levels");
    assert!(question.is_ok());
    for end in ["\r\n", "\r", " \r\n", "\t\r"] {
        assert_eq!(parse(format!("1 0x2 levels{end}").as_bytes()), question);
    }
    // Nowhere else, and one is enough.
    refuse("1\r0x2", Refusal::NotAQuestion);
    refuse("\r1 0x2", Refusal::NotAQuestion);
    refuse("1 0x2\r ", Refusal::NotAnAddress);
    refuse("1 0x2\r\r\n", Refusal::NotAnAddress);
    refuse("1 0x2\n\r", Refusal::NotAQuestion);
    refuse("\r\n", Refusal::NotAQuestion);
    // It counts: a longer line that was cut behind one is no question.
    let longest = format!("1 0x2{}\r", " ".repeat(250));
    assert_eq!(longest.len(), 256);
    assert!(parse(longest.as_bytes()).is_ok());
    refuse(format!("1 0x2{}\r", " ".repeat(251)), Refusal::TooLong);
}

#[test]
fn the_longest_question() {
    assert_eq!(QUESTION_MAX, 256);
    let whose = Whose::Process(1);
    for end in ["", "\n"] {
        accept(format!("{:256}{end}", "1 0x2"), whose, 2, false);
        accept(format!("{:>256}{end}", "1 0x2"), whose, 2, false);
        refuse(format!("{:257}{end}", "1 0x2"), Refusal::TooLong);
        refuse(format!("{:>257}{end}", "1 0x2"), Refusal::TooLong);
        refuse(format!("{:a>256}{end}", ""), Refusal::NotAQuestion);
        refuse(format!("{:a>257}{end}", ""), Refusal::TooLong);
    }
    refuse([b' '; 256], Refusal::NotAQuestion);
    refuse([b' '; 257], Refusal::TooLong);
    refuse(vec![0; 1 << 16], Refusal::TooLong);
}

#[test]
fn an_address_must_lie_in_the_half_that_is_asked_about() {
    let halves = Halves {
        user_bits: 47,
        kernel_bits: 47,
    };
    let check = |whose, va| {
        let question = WalkQuestion {
            whose,
            va: VirtAddr(va),
            levels: false,
        };
        question.check_half(&halves)
    };
    let process = Whose::Process(1);
    for va in [0, 0x7fff_ffff_f000, 0x7fff_ffff_ffff] {
        assert_eq!(check(process, va), Ok(()));
        assert_eq!(check(Whose::Kernel, va), Err(Refusal::UserAddress));
    }
    for va in [0x8000_0000_0000, 1 << 63, 0xffff_7fff_ffff_ffff] {
        assert_eq!(check(process, va), Err(Refusal::NotCanonical));
        assert_eq!(check(Whose::Kernel, va), Err(Refusal::NotCanonical));
    }
    for va in [0xffff_8000_0000_0000, u64::MAX] {
        assert_eq!(check(process, va), Err(Refusal::KernelAddress));
        assert_eq!(check(Whose::Kernel, va), Ok(()));
    }
}

/// Reads a PID as std does.
fn oracle_of_whose(word: &str) -> Result<Whose, Refusal> {
    match word {
        "kernel" => Ok(Whose::Kernel),
        _ if word.len() > 10 || !word.chars().all(|c| c.is_ascii_digit()) => {
            Err(Refusal::NotAQuestion)
        }
        _ => word
            .parse()
            .map(Whose::Process)
            .map_err(|_| Refusal::NotAQuestion),
    }
}

/// Reads an address as std does.
fn oracle_of_address(word: &str) -> Result<u64, Refusal> {
    let hex = |digits: &str| match digits.chars().all(|c| c.is_ascii_hexdigit()) {
        true if digits.len() <= 16 => u64::from_str_radix(digits, 16).ok(),
        _ => None,
    };
    match (word.strip_prefix("0x"), hex(word)) {
        (Some(digits), _) => hex(digits).ok_or(Refusal::NotAnAddress),
        (None, Some(_)) => Err(Refusal::Need0x),
        (None, None) => Err(Refusal::NotAnAddress),
    }
}

/// What the design says, in terms of std.
///
/// The order of the refusals is: the length, the form of the line, whose, the address.
fn oracle(text: &[u8]) -> Result<WalkQuestion, Refusal> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    if text.len() > 256 {
        return Err(Refusal::TooLong);
    }
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    // No byte outside ASCII may be in a question, so it may as well be replaced by another.
    let text = String::from_utf8_lossy(text);
    let words: Vec<&str> = text
        .split([' ', '\t'])
        .filter(|word| !word.is_empty())
        .collect();
    let (whose, va, levels) = match words[..] {
        [whose, va] => (whose, va, false),
        [whose, va, "levels"] => (whose, va, true),
        _ => return Err(Refusal::NotAQuestion),
    };
    if text.contains('\n') {
        return Err(Refusal::NotAQuestion);
    }
    let whose = oracle_of_whose(whose)?;
    let va = VirtAddr(oracle_of_address(va)?);
    Ok(WalkQuestion { whose, va, levels })
}

/// Lines that are questions, or nearly.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let blank = || prop_oneof![6 => "[ \t]{1,3}", 1 => "[ \t\n\r\0]{0,2}", 1 => " {240,260}"];
    let whose = prop_oneof![
        4 => "[0-9]{1,11}",
        3 => Just("kernel".to_string()),
        1 => "[-+]?(0x)?[0-9a-f]{0,12}",
        1 => "21474836[34][0-9]",
        1 => "[a-z]{0,7}",
    ];
    let va = prop_oneof![
        4 => "0x[0-9a-fA-F]{1,17}",
        2 => "[0-9a-fA-F]{1,17}",
        1 => "[-+0xX]{0,3}[0-9a-gA-G]{0,17}",
        1 => "[0-9a-f]{1,6}-[0-9a-f]{1,6}",
    ];
    let third = prop_oneof![
        4 => Just(String::new()),
        3 => Just("levels".to_string()),
        1 => "[a-z0-9]{1,7}",
    ];
    let end = prop_oneof![3 => Just("\n"), 3 => Just(""), 1 => Just("\n\n"), 1 => Just("\r\n")];
    let line = (blank(), whose, blank(), va, blank(), third, blank(), end);
    let line = line.prop_map(|(a, b, c, d, e, f, g, h)| [&*a, &b, &c, &d, &e, &f, &g, h].concat());
    // One byte in a few is anything.
    let wrong =
        prop_oneof![3 => Just(None), 1 => any::<(prop::sample::Index, u8)>().prop_map(Some)];
    (line, wrong).prop_map(|(line, wrong)| {
        let mut line = line.into_bytes();
        if let Some((place, byte)) = wrong {
            let place = place.index(line.len() + 1);
            line.splice(place..(place + 1).min(line.len()), [byte]);
        }
        line
    })
}

/// A way to write a question.
fn spelled() -> impl Strategy<Value = (WalkQuestion, String)> {
    let whose = prop_oneof![
        (0..=i32::MAX).prop_map(Whose::Process),
        (0..99999).prop_map(Whose::Process),
        Just(Whose::Kernel),
    ];
    let va = (any::<u64>(), 0u32..64).prop_map(|(va, drop)| va >> drop);
    let blanks = [
        "[ \t]{0,9}",
        "[ \t]{1,9}",
        "[ \t]{1,9}",
        "[ \t]{0,9}",
        "\n?",
    ];
    let zeros = (0usize..=10, 0usize..=16, any::<bool>());
    (whose, va, any::<bool>(), zeros, blanks).prop_map(|(whose, va, levels, zeros, blanks)| {
        let [before, first, second, after, end] = blanks;
        let (pid_width, va_width, upper) = zeros;
        let who = match whose {
            Whose::Process(pid) => format!("{pid:0pid_width$}"),
            Whose::Kernel => "kernel".to_string(),
        };
        let digits = match upper {
            true => format!("{va:0va_width$X}"),
            false => format!("{va:0va_width$x}"),
        };
        let third = match levels {
            true => format!("{second}levels"),
            false => String::new(),
        };
        let text = format!("{before}{who}{first}0x{digits}{third}{after}{end}");
        (
            WalkQuestion {
                whose,
                va: VirtAddr(va),
                levels,
            },
            text,
        )
    })
}

proptest! {
    #![proptest_config(common::config(16))]

    #[test]
    fn a_question_reads_as_it_was_written((question, text) in spelled()) {
        prop_assert_eq!(parse(text.as_bytes()), Ok(question));
    }

    #[test]
    fn near_questions_read_as_the_design_says(text in nearly()) {
        prop_assert_eq!(parse(&text), oracle(&text), "{}", text.escape_ascii());
    }

    #[test]
    fn any_bytes_read_as_the_design_says(text in vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(parse(&text), oracle(&text));
    }

    #[test]
    fn few_bytes_read_as_the_design_says(text in "[01x9af \t\n-]{0,12}") {
        prop_assert_eq!(parse(text.as_bytes()), oracle(text.as_bytes()));
    }
}

// A strategy that only makes refused lines would test little.
#[test]
fn near_questions_are_a_fair_mixture() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..4000 {
        let text = nearly().new_tree(&mut runner).unwrap().current();
        let outcome = match oracle(&text) {
            Ok(question) => format!("levels={}", question.levels),
            Err(refusal) => refusal.as_str().to_string(),
        };
        *seen.entry(outcome).or_insert(0) += 1;
    }
    for outcome in [
        "levels=false",
        "levels=true",
        "not-a-question",
        "not-an-address",
        "need-0x",
        "too-long",
    ] {
        assert!(seen.get(outcome) > Some(&100), "{outcome}: {seen:?}");
    }
}
