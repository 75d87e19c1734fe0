// SPDX-License-Identifier: GPL-2.0

//! Questions and answers about page frames: a question is accepted exactly if it is spelled as
//! documented; an answer has its keys in their order, and every flag, and can be read back.

use super::{
    input::Input,
    lines::{address, line, number, pairs},
};
use memintro_model::model::{
    addr::{PhysAddr, VirtAddr},
    frame::{traits, Frame, Kind, Run},
    page::{answer, settle, Memo, Totals, FLAGS},
    question::{PageQuestion, Whose},
    words::Errno,
};

fn frame(input: &mut Input<'_>) -> Frame {
    let mut frame = Frame::default();
    frame.flags = input.number();
    frame.head = input.number() >> 12;
    frame.cgroup = input.number();
    frame.inode = input.number();
    frame.index = input.number() >> 12;
    frame.dev = input.number() as u32;
    frame.node = i32::from(input.byte());
    frame.traits = input.number() as u32;
    frame.refs = input.number() as i32;
    frame.maps = input.number() as i32;
    frame.order = input.byte() & 31;
    frame.pinned = input.bit();
    frame.zone = input.byte();
    frame
}

fn check_answer(input: &mut Input<'_>, shift: u8) {
    let frame = frame(input);
    let pa = PhysAddr(input.number());
    let asked = input
        .bit()
        .then(|| (Whose::Kernel, VirtAddr(input.number())));
    let mut memo = Memo::default();
    let mut text = || line(|line| answer(line, asked, pa, Some(&frame), shift, &mut memo));
    let (text, again) = (text(), text());
    assert_eq!(text, again);
    let pairs = pairs(&text);
    let keys: Vec<_> = pairs.iter().map(|pair| pair.0).collect();
    let value = |key| pairs.iter().find(|pair| pair.0 == key).expect(key).1;
    let mut expected = vec!["pid", "va", "pa", "kind", "flags", "folio", "head", "refs"];
    expected.extend(["maps", "pinned", "node", "zone", "cgroup"]);
    if asked.is_none() {
        expected.drain(..2);
    }
    let kind = Kind::of(frame.traits);
    assert_eq!(value("kind"), kind.as_str());
    let of_file = matches!(kind, Kind::File | Kind::Shmem)
        || kind == Kind::Hugetlb && frame.traits & traits::FILE != 0;
    if of_file {
        expected.extend(["dev", "inode", "offset"]);
        assert_eq!(number(value("inode")), frame.inode);
        assert_eq!(address(value("offset")) >> shift, frame.index);
    }
    assert_eq!(keys, expected);
    assert_eq!(address(value("pa")), pa.0);
    let named = |name: &str| {
        FLAGS
            .iter()
            .position(|other| *other == name)
            .expect("a flag")
    };
    let bits = match value("flags") {
        "-" => 0,
        names => names
            .split(',')
            .fold(0u64, |bits, name| bits | (1 << named(name))),
    };
    let known = FLAGS
        .iter()
        .enumerate()
        .filter(|(_, name)| !name.is_empty())
        .fold(0u64, |bits, (bit, _)| bits | (1 << bit));
    assert_eq!(bits, frame.flags & known);
    // Nothing is said of what was not looked at.
    let absent = matches!(kind, Kind::None | Kind::Device) || value("zone") == "-";
    if absent && frame.zone < 5 {
        assert!(["folio", "head", "refs", "maps", "pinned", "node"]
            .iter()
            .all(|key| value(key) == "-"));
    }
}

fn check_totals(input: &mut Input<'_>, shift: u8) {
    let mut totals = Totals::default();
    let mut sums = [0u64; Kind::ALL.len()];
    for _ in 0..input.byte() & 7 {
        let mut run = Run::default();
        run.pages = input.number() >> 12;
        run.traits = input.number() as u32;
        totals.add(&run);
        sums[Kind::of(run.traits) as usize] += run.pages;
    }
    let (first, last) = (input.number(), input.number());
    let text = line(|line| totals.end(line, PhysAddr(first), PhysAddr(last), shift));
    let pairs = pairs(text.strip_prefix("# end ").expect("the last line"));
    let (start, end) = pairs[0].1.split_once('-').expect("a range");
    assert_eq!(
        (pairs[0].0, address(start), address(end)),
        ("pa", first, last.saturating_add(1))
    );
    for ((kind, pages), (key, value)) in Kind::ALL.iter().zip(sums).zip(&pairs[1..]) {
        assert_eq!(*key, format!("kb_{}", kind.as_str()));
        assert_eq!(number(value), pages << (shift - 10));
    }
    assert_eq!(pairs.len(), 1 + Kind::ALL.len());
}

/// The first reading of a frame that did not change meanwhile is believed.
fn check_settle(input: &mut Input<'_>) {
    let mut readings = Vec::new();
    let said = settle(|| {
        readings.push(input.byte() & 3 == 0);
        readings[readings.len() - 1]
    });
    assert!(readings.len() <= 4);
    assert_eq!(
        readings.iter().position(|stayed| *stayed),
        said.then_some(readings.len() - 1)
    );
    assert!(said || readings.len() == 4);
}

fn check_question(text: &[u8], shift: u8) {
    let parsed = PageQuestion::parse(text, shift);
    let words: Vec<_> = text
        .strip_suffix(b"\n")
        .unwrap_or(text)
        .split(|byte| b" \t".contains(byte))
        .filter(|word| !word.is_empty())
        .collect();
    match parsed {
        Err(refusal) => assert_eq!(refusal.errno(), Errno::Einval),
        Ok(PageQuestion::Physical(PhysAddr(pa))) => {
            assert_eq!(words.len(), 1);
            let again = format!("\t{pa:#x} \n");
            assert_eq!(PageQuestion::parse(again.as_bytes(), shift), parsed);
        }
        Ok(PageQuestion::Virtual(question)) => {
            assert!(words.len() == 2 && !question.levels);
        }
        Ok(PageQuestion::Totals(PhysAddr(first), PhysAddr(last))) => {
            assert!(words.len() == 2 && first < last);
            assert_eq!(
                (first, last & ((1 << shift) - 1)),
                (first >> shift << shift, (1 << shift) - 1)
            );
            let again = format!("{first:#x}-{:#x} totals", last.saturating_add(1));
            assert_eq!(PageQuestion::parse(again.as_bytes(), shift), parsed);
        }
    }
}

/// The first byte chooses the size of pages, and what is tried.
pub fn check(bytes: &[u8]) {
    let mut input = Input(bytes);
    let choice = input.byte();
    let shift = [12, 14, 16][usize::from(choice >> 4) % 3];
    match choice & 3 {
        0 => check_question(input.0, shift),
        1 => check_totals(&mut input, shift),
        2 => check_settle(&mut input),
        _ => check_answer(&mut input, shift),
    }
}
