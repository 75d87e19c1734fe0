// SPDX-License-Identifier: GPL-2.0

//! Questions about many addresses.

use super::{common, oracle_of_address, oracle_of_whose};
use memintro_model::model::{
    addr::{Halves, VirtAddr},
    question::{Part, RangeQuestion, Whose},
    words::Refusal,
};
use proptest::{collection::vec, prelude::*};

/// The part at an address.
fn at(va: u64) -> Part {
    Part::At(VirtAddr(va))
}

/// The part from a first to a last address.
fn range(start: u64, last: u64) -> Part {
    Part::Range(VirtAddr(start), VirtAddr(last))
}

/// A question as it is written: neither rounded, as if a page were a byte, nor stripped.
fn parse(text: &[u8]) -> Result<RangeQuestion, Refusal> {
    RangeQuestion::parse(text, 0, |va| va)
}

#[track_caller]
fn accept(text: &str, whose: Whose, part: Part, totals: bool) {
    let question = RangeQuestion {
        whose,
        part,
        totals,
        folios: false,
        nodes: false,
    };
    assert_eq!(parse(text.as_bytes()), Ok(question), "{text:?}");
}

#[track_caller]
fn refuse(text: &str, why: Refusal) {
    assert_eq!(parse(text.as_bytes()), Err(why), "{text:?}");
}

#[test]
fn each_form_with_and_without_totals() {
    let one = Whose::Process(1);
    for (text, whose, part) in [
        ("1", one, Part::Whole),
        ("1 0x1234", one, at(0x1234)),
        ("1 0x1000-0x2000", one, range(0x1000, 0x1fff)),
        ("1 0x1-0x2", one, range(1, 1)),
        ("1 0x0-0xffffffffffffffff", one, range(0, u64::MAX)),
        ("1 0x0-0xfffffffffffffffe", one, range(0, u64::MAX - 2)),
        ("kernel", Whose::Kernel, Part::Whole),
        (
            "kernel 0xFFFFC90000000000-0xffffc90000001000",
            Whose::Kernel,
            range(0xffff_c900_0000_0000, 0xffff_c900_0000_0fff),
        ),
    ] {
        accept(text, whose, part, false);
        accept(&format!("{text} totals"), whose, part, true);
        accept(&format!("\t{text}\t totals \n"), whose, part, true);
        refuse(&format!("{text} totals totals"), Refusal::NotAQuestion);
        refuse(&format!("{text} totals 0x1"), Refusal::NotAQuestion);
        refuse(&format!("{text}\n\n"), Refusal::NotAQuestion);
    }
    refuse("1 0x1 0x2", Refusal::NotAQuestion);
    refuse("1 0x1 levels", Refusal::NotAQuestion);
}

#[test]
fn what_is_asked_of_frames_follows_totals_in_any_order() {
    for (text, folios, nodes) in [
        ("1 totals folios", true, false),
        ("1 totals nodes", false, true),
        ("1 totals folios nodes", true, true),
        ("1 totals nodes folios", true, true),
    ] {
        let question = RangeQuestion {
            whose: Whose::Process(1),
            part: Part::Whole,
            totals: true,
            folios,
            nodes,
        };
        assert_eq!(parse(text.as_bytes()), Ok(question), "{text}");
        assert!(question.frames());
    }
    for text in [
        "1 folios",
        "1 nodes totals",
        "1 folios totals",
        "1 totals folios folios",
        "1 totals nodes folios nodes",
        "1 totals folio",
    ] {
        assert!(parse(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn lines_that_are_no_questions() {
    for text in [
        "",
        "\n",
        " ",
        "totals",
        "x",
        "-1",
        "0x1",
        "2147483648",
        "1\n2",
        "1\0",
    ] {
        refuse(text, Refusal::NotAQuestion);
    }
    refuse(&" ".repeat(257), Refusal::TooLong);
    refuse(&format!("{:257}", "1"), Refusal::TooLong);
    accept(
        &format!("{:256}\n", "1"),
        Whose::Process(1),
        Part::Whole,
        false,
    );
}

#[test]
fn ranges_that_are_none() {
    for range in [
        "0x2000-0x1000",
        "0x1000-0x1000",
        "0x0-0x0",
        "0xffffffffffffffff-0xffffffffffffffff",
        "-",
        "-0x1000",
        "0x1000-",
        "0x1000--0x2000",
        "0x1000-0x2000-0x3000",
        "0x1000-x2000",
        "0x1000-+0x2000",
        "0x-0x2000",
        "0x1000,0x2000",
        "0x10000000000000000-0x10000000000000001",
        "Totals",
    ] {
        refuse(&format!("1 {range}"), Refusal::NotAnAddress);
    }
    for range in [
        "400000-401000",
        "400000-0x401000",
        "0x400000-401000",
        "400000",
    ] {
        refuse(&format!("1 {range}"), Refusal::Need0x);
    }
}

#[test]
fn ranges_are_rounded_outward() {
    let normal = |text: &str, page_shift| {
        let question = RangeQuestion::parse(text.as_bytes(), page_shift, |va| va);
        question.unwrap().part
    };
    assert_eq!(normal("1 0x1001-0x1002", 12), range(0x1000, 0x1fff));
    assert_eq!(normal("1 0x1000-0x2000", 12), range(0x1000, 0x1fff));
    assert_eq!(normal("1 0x1fff-0x2001", 12), range(0x1000, 0x2fff));
    assert_eq!(normal("1 0x1001-0x1002", 16), range(0, 0xffff));
    let to_the_end = "kernel 0xfffffffffffff001-0xffffffffffffffff";
    assert_eq!(normal(to_the_end, 12), range(u64::MAX - 0xfff, u64::MAX));
    // The address that is asked about keeps its offset.
    assert_eq!(normal("1 0x1234", 12), at(0x1234));
    assert_eq!(normal("1", 12), Part::Whole);
}

const HALVES: Halves = Halves {
    user_bits: 47,
    kernel_bits: 47,
};

#[test]
fn both_ends_must_lie_in_the_half_that_is_asked_about() {
    let check = |text: &str| parse(text.as_bytes()).unwrap().check_half(&HALVES);
    assert_eq!(check("1"), Ok(()));
    assert_eq!(check("1 0x7fffffffffff"), Ok(()));
    assert_eq!(check("1 0x0-0x800000000000"), Ok(()));
    assert_eq!(check("1 0x0-0x800000000001"), Err(Refusal::NotCanonical));
    assert_eq!(
        check("1 0x0-0xffffffffffffffff"),
        Err(Refusal::KernelAddress)
    );
    assert_eq!(check("1 0x800000000000"), Err(Refusal::NotCanonical));
    let upper = "0xffff800000000000-0xffffffffffffffff";
    assert_eq!(check(&format!("kernel {upper}")), Ok(()));
    assert_eq!(check(&format!("1 {upper}")), Err(Refusal::KernelAddress));
    assert_eq!(check("kernel 0x0-0x1000"), Err(Refusal::UserAddress));
    let across = "kernel 0x1000-0xffffffffffffffff";
    assert_eq!(check(across), Err(Refusal::UserAddress));
}

/// What arm64 does with the tag of an address: its top byte becomes that of bit 55.
fn untag(va: VirtAddr) -> VirtAddr {
    VirtAddr(((va.0 << 8) as i64 >> 8) as u64)
}

/// A question as the files prepare it.
fn prepare(text: &str) -> Result<Part, Refusal> {
    let question = RangeQuestion::parse(text.as_bytes(), 12, untag)?;
    question.check_half(&HALVES)?;
    Ok(question.part)
}

#[test]
fn tags_are_stripped() {
    assert_eq!(prepare("1 0xab00000000001234"), Ok(at(0x1234)));
    let text = "1 0xab00000000001000-0xab00000000002000";
    assert_eq!(prepare(text), Ok(range(0x1000, 0x1fff)));
}

// "Address tags are stripped before any check", and START >= END is one.
#[test]
fn tags_are_stripped_before_the_ends_are_compared() {
    let accepted = "1 0x0200000000001000-0x0100000000002000";
    assert_eq!(prepare(accepted), Ok(range(0x1000, 0x1fff)));
    for refused in [
        "1 0x0100000000003000-0x0200000000001000",
        "1 0x0100000000001000-0x0200000000001000",
    ] {
        assert!(
            prepare(refused).is_err(),
            "{refused:?} is {:x?}",
            prepare(refused)
        );
    }
}

/// What the design says, in terms of std; where two words are wrong, the first is named.
fn oracle(text: &str) -> Result<RangeQuestion, Refusal> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    if text.len() > 256 {
        return Err(Refusal::TooLong);
    }
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.contains('\n') {
        return Err(Refusal::NotAQuestion);
    }
    let words: Vec<&str> = text
        .split([' ', '\t'])
        .filter(|word| !word.is_empty())
        .collect();
    let (whose, rest) = words.split_first().ok_or(Refusal::NotAQuestion)?;
    let whose = oracle_of_whose(whose)?;
    let (part, rest) = match rest {
        [] | ["totals", ..] => (Part::Whole, rest),
        [word, rest @ ..] => match word.split_once('-') {
            None => (at(oracle_of_address(word)?), rest),
            Some((start, end)) => {
                let start = oracle_of_address(start)?;
                let end = oracle_of_address(end)?;
                // 2^64 - 1 is the only way to name the end of the last byte.
                let last = if end == u64::MAX {
                    end
                } else {
                    end.wrapping_sub(1)
                };
                if start >= end {
                    return Err(Refusal::NotAnAddress);
                }
                (range(start, last), rest)
            }
        },
    };
    let (totals, folios, nodes) = match rest {
        [] => (false, false, false),
        ["totals"] => (true, false, false),
        ["totals", "folios"] => (true, true, false),
        ["totals", "nodes"] => (true, false, true),
        ["totals", "folios", "nodes"] | ["totals", "nodes", "folios"] => (true, true, true),
        _ => return Err(Refusal::NotAQuestion),
    };
    Ok(RangeQuestion {
        whose,
        part,
        totals,
        folios,
        nodes,
    })
}

fn nearly() -> impl Strategy<Value = String> {
    let blank = || prop_oneof![8 => "[ \t]{1,2}", 1 => "[ \t\n\r]{0,2}"];
    let whose =
        prop_oneof![6 => "[0-9]{1,9}", 2 => Just("kernel".to_string()), 1 => "[0-9a-z-]{0,12}"];
    let part = prop_oneof![
        2 => Just(String::new()),
        3 => "0x[0-9a-fA-F]{1,16}",
        5 => "0x[0-9a-f]{1,3}-0x[0-9a-f]{3,16}",
        1 => "0x[0-9a-f]{1,16}-0x[f]{15,17}",
        1 => "[0-9a-f]{1,6}-[0-9a-f]{1,6}",
        1 => "[0-9xa-f-]{0,20}",
    ];
    let totals = prop_oneof![3 => Just("totals"), 4 => Just(""), 1 => Just("total"),
        1 => Just("totals nodes"), 1 => Just("totals folios "), 1 => Just("totals nodes folios"),
        1 => Just("folios"), 1 => Just("totals nodes nodes")];
    let end = prop_oneof![3 => Just("\n"), 3 => Just(""), 1 => Just("\n\n")];
    (blank(), whose, blank(), part, blank(), totals, end)
        .prop_map(|(a, b, c, d, e, f, g)| [&*a, &b, &c, &d, &e, f, g].concat())
}

proptest! {
    #![proptest_config(common::config(16))]

    #[test]
    fn near_questions_about_ranges_read_as_the_design_says(text in nearly()) {
        prop_assert_eq!(parse(text.as_bytes()), oracle(&text), "{:?}", text);
    }

    #[test]
    fn any_bytes_are_no_question_about_a_range(text in vec(any::<u8>(), 0..400)) {
        // Bytes outside ASCII are in no question; another character stands for them.
        let lossy: String = text.iter().map(|b| if b.is_ascii() { *b as char } else { '?' }).collect();
        prop_assert_eq!(parse(&text), oracle(&lossy));
    }

    // Whatever was asked: what passes all checks is a range of whole pages, in one half.
    #[test]
    fn what_passes_is_a_range(
        start in any::<u64>(),
        end in any::<u64>(),
        drop in 0u32..64,
        kernel in any::<bool>(),
    ) {
        let whose = if kernel { "kernel" } else { "1" };
        for (start, end) in [(start, end), (start >> drop, end >> drop), (!(start >> drop), !0)] {
            let text = format!("{whose} {start:#x}-{end:#x}");
            if let Ok(Part::Range(VirtAddr(start), VirtAddr(last))) = prepare(&text) {
                prop_assert!(start <= last, "{}", text);
                prop_assert_eq!((start & 0xfff, last & 0xfff), (0, 0xfff));
                prop_assert_eq!((start >> 63 == 1, last >> 63 == 1), (kernel, kernel));
            }
        }
    }
}
