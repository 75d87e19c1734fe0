// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/words.rs`, the words that scripts compare with, and of
//! `src/model/end.rs`, the last lines of the design.

use memintro_model::model::{
    addr::{PhysAddr, VirtAddr},
    end::{self, Named},
    question::{Part, PhysicalQuestion, RangeQuestion, Whose},
    words::{Errno, Refusal, Why},
};

#[path = "support/common.rs"]
mod common;
use common::line;

const WHYS: [(Why, &str); 11] = [
    (Why::NoVma, "no-vma"),
    (Why::NotPopulated, "not-populated"),
    (Why::Swap, "swap"),
    (Why::Migration, "migration"),
    (Why::Device, "device"),
    (Why::HwPoison, "hwpoison"),
    (Why::Poison, "poison"),
    (Why::Guard, "guard"),
    (Why::Uffd, "uffd"),
    (Why::NotMapped, "not-mapped"),
    (Why::Retry, "retry"),
];

const REFUSALS: [(Refusal, &str, &str); 14] = [
    (Refusal::NotAQuestion, "not-a-question", "EINVAL"),
    (Refusal::NotAnAddress, "not-an-address", "EINVAL"),
    (Refusal::Need0x, "need-0x", "EINVAL"),
    (Refusal::TooLong, "too-long", "EINVAL"),
    (Refusal::NotCanonical, "not-canonical", "EINVAL"),
    (Refusal::KernelAddress, "kernel-address", "EINVAL"),
    (Refusal::UserAddress, "user-address", "EINVAL"),
    (Refusal::NoProcess, "no-process", "ESRCH"),
    (Refusal::KernelThread, "kernel-thread", "ESRCH"),
    (Refusal::NoMemory, "no-memory", "ESRCH"),
    (Refusal::NeedCapSyslog, "need-cap-syslog", "EPERM"),
    (Refusal::KptrRestrict, "kptr-restrict", "EPERM"),
    (Refusal::Retry, "retry", "EAGAIN"),
    (Refusal::Busy, "busy", "EAGAIN"),
];

#[test]
fn words_without_a_page() {
    assert_eq!(WHYS.map(|(why, _)| why), Why::ALL);
    for (why, word) in WHYS {
        assert_eq!(why.as_str(), word);
    }
}

#[test]
fn words_of_errors_and_their_numbers() {
    assert_eq!(REFUSALS.map(|(refusal, ..)| refusal), Refusal::ALL);
    for (refusal, word, errno) in REFUSALS {
        assert_eq!(refusal.as_str(), word);
        assert_eq!(refusal.errno().as_str(), errno, "{word}");
    }
    assert_eq!(Errno::Einval.as_str(), "EINVAL");
    assert_eq!(Errno::Eperm.as_str(), "EPERM");
    assert_eq!(Errno::Esrch.as_str(), "ESRCH");
    assert_eq!(Errno::Eagain.as_str(), "EAGAIN");
}

// A shell may `eval` key=value lines, and one word must not be taken for another.
#[test]
fn words_are_distinct_and_safe_to_eval() {
    let mut words: Vec<&str> = WHYS.iter().map(|(_, word)| *word).collect();
    // An entry that keeps changing has one word, whatever answers.
    words.extend(
        REFUSALS
            .iter()
            .map(|(_, word, _)| *word)
            .filter(|word| *word != "retry"),
    );
    for word in &words {
        let safe = |c: char| c.is_ascii_alphanumeric() || "_.,:-".contains(c);
        assert!(!word.is_empty() && word.chars().all(safe), "{word}");
        // These mean something else.
        assert!(!["-", "denied", "none"].contains(word));
    }
    let count = words.len();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), count);
}

const RANGE: Part = Part::Range(VirtAddr(0x1000), VirtAddr(0x2fff));

fn begun(question: impl Named) -> String {
    line(|l| {
        end::begin(l, &question).put(b" rows=41").end();
    })
}

fn question(whose: Whose, part: Part) -> RangeQuestion {
    RangeQuestion {
        whose,
        part,
        totals: true,
        folios: false,
        nodes: false,
    }
}

#[test]
fn each_question_is_named() {
    let process = Whose::Process(812);
    for (whose, part, name) in [
        (process, Part::Whole, "pid=812"),
        (process, Part::At(VirtAddr(0x1234)), "pid=812 va=0x1234"),
        (process, RANGE, "pid=812 start=0x1000 end=0x3000"),
        (Whose::Kernel, RANGE, "pid=kernel start=0x1000 end=0x3000"),
        (
            Whose::Kernel,
            Part::Range(VirtAddr(0xffff_8000_0000_0000), VirtAddr::MAX),
            "pid=kernel start=0xffff800000000000 end=0xffffffffffffffff",
        ),
    ] {
        let question = question(whose, part);
        assert_eq!(begun(question), format!("# end {name} rows=41\n"));
        assert_eq!(
            line(|l| end::refused(l, Some(&question), Refusal::KernelThread)),
            format!("# end {name} error=ESRCH why=kernel-thread\n")
        );
    }
    let physical = PhysicalQuestion::Page(PhysAddr(0x2_0501_8123));
    assert_eq!(begun(physical), "# end pa=0x205018123 rows=41\n");
    assert_eq!(
        line(|l| end::refused(l, Some(&physical), Refusal::Busy)),
        "# end pa=0x205018123 error=EAGAIN why=busy\n"
    );
}

#[test]
fn what_is_no_question_has_no_name() {
    let nothing = None::<&RangeQuestion>;
    assert_eq!(
        line(|l| end::refused(l, nothing, Refusal::NotAQuestion)),
        "# end error=EINVAL why=not-a-question\n"
    );
}
