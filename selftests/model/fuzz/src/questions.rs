// SPDX-License-Identifier: GPL-2.0

//! Questions: accepted exactly if they are spelled as documented, and read as they are spelled.

use super::input::mode;
use memintro_model::model::{
    addr::{Halves, PhysAddr, VirtAddr},
    question::{Part, PhysicalQuestion, RangeQuestion, WalkQuestion, Whose, QUESTION_MAX},
    words::{Errno, Refusal},
};

/// The words of a question, if it has not too many bytes and one line.
fn words(text: &[u8]) -> Option<Vec<&str>> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = std::str::from_utf8(text).ok()?;
    let fits = text.len() <= QUESTION_MAX && !text.contains('\n');
    let text = text.strip_suffix('\r').unwrap_or(text);
    fits.then(|| {
        text.split([' ', '\t'])
            .filter(|word| !word.is_empty())
            .collect()
    })
}

fn whose(word: &str) -> Option<Whose> {
    if word == "kernel" {
        return Some(Whose::Kernel);
    }
    let digits = word.len() <= 10 && word.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| word.parse().ok().map(Whose::Process))?
}

fn address(word: &str) -> Option<u64> {
    let digits = word.strip_prefix("0x")?;
    let good = digits.len() <= 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    good.then(|| u64::from_str_radix(digits, 16).ok())?
}

/// What a question about one address says, as the documentation has it.
fn walk(text: &[u8]) -> Option<WalkQuestion> {
    let (pid, va, levels) = match words(text)?.as_slice() {
        [pid, va] => (*pid, *va, false),
        [pid, va, "levels"] => (*pid, *va, true),
        _ => return None,
    };
    Some(WalkQuestion {
        whose: whose(pid)?,
        va: VirtAddr(address(va)?),
        levels,
    })
}

/// And about many; the last address of a range is that of its last page.
fn range(text: &[u8], shift: u8, untag: fn(VirtAddr) -> VirtAddr) -> Option<RangeQuestion> {
    let mut words = words(text)?;
    // What is asked of frames stands at the end, each once.
    let mut last = |wanted| {
        let is = words.last() == Some(&wanted);
        words.truncate(words.len() - usize::from(is));
        is
    };
    let nodes = last("nodes");
    let folios = last("folios");
    let nodes = nodes || folios && last("nodes");
    let (pid, part, totals) = match words.as_slice() {
        [pid] => (*pid, None, false),
        [pid, "totals"] => (*pid, None, true),
        [pid, part] => (*pid, Some(*part), false),
        [pid, part, "totals"] => (*pid, Some(*part), true),
        _ => return None,
    };
    let part = match part.map(|part| part.split_once('-').ok_or(part)) {
        None => Part::Whole,
        Some(Err(va)) => Part::At(untag(VirtAddr(address(va)?))),
        Some(Ok((start, end))) => {
            let (start, end) = (VirtAddr(address(start)?), VirtAddr(address(end)?));
            let (start, end) = (untag(start).0, untag(end).0);
            let page = 1u128 << shift;
            let first = u128::from(start) / page * page;
            let after = match end {
                // The last address of all can be named no other way.
                u64::MAX => 1 << 64,
                end => u128::from(end).div_ceil(page) * page,
            };
            let range = || Part::Range(VirtAddr(first as u64), VirtAddr((after - 1) as u64));
            (start < end).then(range)?
        }
    };
    (totals || !folios && !nodes).then_some(RangeQuestion {
        whose: whose(pid)?,
        part,
        totals,
        folios,
        nodes,
    })
}

fn print_whose(whose: Whose) -> String {
    match whose {
        Whose::Process(pid) => pid.to_string(),
        Whose::Kernel => "kernel".into(),
    }
}

fn print_range(question: &RangeQuestion) -> String {
    let mut text = print_whose(question.whose);
    match question.part {
        Part::Whole => {}
        Part::At(va) => text += &format!("\t{:#X}", va.0).replace("0X", "0x"),
        Part::Range(start, last) => {
            text += &format!("  {:#x}-{:#x}", start.0, last.0.saturating_add(1));
        }
    }
    for (asked, word) in [
        (question.totals, " totals "),
        (question.nodes, " nodes"),
        (question.folios, "\tfolios "),
    ] {
        text += if asked { word } else { "" };
    }
    text + "\n"
}

/// A refusal says that the question is wrong, and that it is too long only if it is.
fn check_refusal(text: &[u8], refusal: Refusal) {
    assert_eq!(refusal.errno(), Errno::Einval);
    let length = text.strip_suffix(b"\n").unwrap_or(text).len();
    assert_eq!(refusal == Refusal::TooLong, length > QUESTION_MAX);
}

/// An accepted address lies in the half that the question is about.
fn check_half(halves: &Halves, whose: Whose, va: VirtAddr) {
    let va = va.0;
    let kernel = va >> 63 != 0;
    assert_eq!(kernel, whose == Whose::Kernel);
    let bits = if kernel {
        (!va, halves.kernel_bits)
    } else {
        (va, halves.user_bits)
    };
    assert_eq!(bits.0 >> bits.1, 0);
}

/// The first byte chooses the machine, the others are the question.
pub fn check(bytes: &[u8]) {
    let Some((&machine, text)) = bytes.split_first() else {
        return;
    };
    let (paging, halves) = mode(machine);
    let untag: fn(VirtAddr) -> VirtAddr = match machine & 128 {
        0 => |va| va,
        // As arm64 does: bit 55 again and again.
        _ => |va| VirtAddr(((va.0 << 8) as i64 >> 8) as u64),
    };
    let shift = paging.shift[0];

    let parsed = WalkQuestion::parse(text);
    assert_eq!(parsed.ok(), walk(text));
    match parsed {
        Ok(question) => {
            let levels = if question.levels { " levels" } else { "" };
            let again = format!(
                " {} {:#x}{levels}",
                print_whose(question.whose),
                question.va.0
            );
            assert_eq!(WalkQuestion::parse(again.as_bytes()), Ok(question));
            if question.check_half(&halves).is_ok() {
                check_half(&halves, question.whose, question.va);
            }
        }
        Err(refusal) => check_refusal(text, refusal),
    }

    let parsed = RangeQuestion::parse(text, shift, untag);
    assert_eq!(parsed.ok(), range(text, shift, untag));
    match parsed {
        Ok(question) => {
            let again = print_range(&question);
            assert_eq!(
                RangeQuestion::parse(again.as_bytes(), shift, |va| va),
                Ok(question)
            );
            if question.check_half(&halves).is_ok() {
                match question.part {
                    Part::Whole => {}
                    Part::At(va) => check_half(&halves, question.whose, va),
                    Part::Range(start, last) => {
                        assert!(start < last);
                        check_half(&halves, question.whose, start);
                        check_half(&halves, question.whose, last);
                    }
                }
            }
        }
        Err(refusal) => check_refusal(text, refusal),
    }

    let physical = |word: &str| {
        // A range is written as that of a process.
        let Part::Range(first, last) = range(format!("1 {word}").as_bytes(), shift, |va| va)?.part
        else {
            return None;
        };
        Some(PhysicalQuestion::Range(PhysAddr(first.0), PhysAddr(last.0)))
    };
    let expected = match words(text).as_deref() {
        Some([pa]) => match address(pa) {
            Some(pa) => Some(PhysicalQuestion::Page(PhysAddr(pa))),
            None => physical(pa),
        },
        Some([pa, "kernel"]) => address(pa).map(|pa| PhysicalQuestion::Kernel(PhysAddr(pa))),
        _ => None,
    };
    let parsed = PhysicalQuestion::parse(text, shift);
    assert_eq!(parsed.ok(), expected);
    if let Err(refusal) = parsed {
        check_refusal(text, refusal);
    }
}
