// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/frame.rs` and `page.rs`.

use memintro_model::model::{
    addr::{PhysAddr, VirtAddr},
    frame::{traits, Frame, Kind, Run},
    page::{self, settle, Memo, Totals},
    question::{PageQuestion, WalkQuestion, Whose},
    text::{Line, LINE_MAX},
    words::Refusal,
};

#[path = "support/common.rs"]
mod common;
use common::line;

/// The answer, where nothing was asked before.
fn answer(
    line: &mut Line<'_>,
    asked: Option<(Whose, VirtAddr)>,
    pa: PhysAddr,
    frame: Option<&Frame>,
    page_shift: u8,
) {
    page::answer(line, asked, pa, frame, page_shift, &mut Memo::default());
}

fn anon() -> Frame {
    let mut frame = Frame::default();
    frame.flags = (1 << 3) | (1 << 5) | (1 << 11) | (1 << 12) | (1 << 14) | (1 << 16) | (1 << 22);
    frame.head = 0x20_5010;
    frame.cgroup = 4026531835;
    frame.traits = traits::ANON | traits::SWAPBACKED;
    (frame.refs, frame.maps, frame.order, frame.zone) = (17, 16, 4, 2);
    frame
}

#[test]
fn a_page_of_a_folio() {
    assert_eq!(
        line(|l| answer(l, None, PhysAddr(0x2_0501_8123), Some(&anon()), 12)),
        "pa=0x205018123 kind=anon \
         flags=uptodate,lru,mmap,anonymous,swapbacked,compound_tail,thp folio=64K \
         head=0x205010000 refs=17 maps=16 pinned=no node=0 zone=Normal cgroup=4026531835\n"
    );
}

#[test]
fn a_page_of_a_file() {
    let mut frame = Frame::default();
    frame.traits = traits::FILE;
    (frame.dev, frame.inode, frame.index, frame.refs) = (2049, 131, 3, 2);
    frame.pinned = true;
    let asked = Some((Whose::Process(812), VirtAddr(0x40_0123)));
    assert_eq!(
        line(|l| answer(l, asked, PhysAddr(0x123), Some(&frame), 12)),
        "pid=812 va=0x400123 pa=0x123 kind=file flags=- folio=4K head=0x0 refs=2 maps=0 \
         pinned=yes node=0 zone=DMA cgroup=- dev=2049 inode=131 offset=0x3123\n"
    );
    assert_eq!(
        line(|l| answer(l, asked, PhysAddr(0x123), None, 12)),
        "pid=812 va=0x400123 pa=0x123 why=retry\n"
    );
}

#[test]
fn what_is_not_there_has_no_values() {
    for (bit, kind) in [
        (traits::NONE, "none"),
        (traits::DEVICE, "device"),
        (traits::OFFLINE_SECTION, "offline"),
    ] {
        let mut frame = anon();
        (frame.flags, frame.traits) = (0, frame.traits | bit);
        assert_eq!(
            line(|l| answer(l, None, PhysAddr(0), Some(&frame), 12)),
            format!(
                "pa=0x0 kind={kind} flags=- folio=- head=- refs=- maps=- pinned=- node=- \
                 zone=- cgroup=-\n"
            )
        );
    }
}

#[test]
fn the_kind_is_the_first_that_holds() {
    use traits::*;
    for (bits, kind) in [
        (0, Kind::Kernel),
        (SWAPBACKED, Kind::Kernel),
        (SWAPBACKED | SWAPCACHE, Kind::Swapcache),
        (FILE, Kind::File),
        (FILE | SWAPBACKED, Kind::Shmem),
        (FILE | SWAPBACKED | SWAPCACHE, Kind::Shmem),
        (ANON | SWAPBACKED | SWAPCACHE, Kind::Anon),
        (HUGETLB | ANON, Kind::Hugetlb),
        (HUGETLB | FILE, Kind::Hugetlb),
        (RESERVED | ZERO, Kind::Zero),
        (RESERVED, Kind::Reserved),
        (SLAB | HWPOISON, Kind::Poisoned),
        (TYPED, Kind::Kernel),
        (OFFLINE, Kind::Offline),
    ] {
        assert_eq!(Kind::of(bits), kind, "{bits:#x}");
    }
    for (number, kind) in Kind::ALL.into_iter().enumerate() {
        assert_eq!(kind as usize, number);
    }
}

#[test]
fn the_widest_lines_are_bounded() {
    let mut frame = anon();
    (frame.flags, frame.traits) = (u64::MAX, traits::FILE | traits::SWAPBACKED);
    (frame.head, frame.index) = (u64::MAX >> 12, u64::MAX >> 12);
    (frame.cgroup, frame.inode, frame.dev) = (u64::MAX, u64::MAX, u32::MAX);
    (frame.refs, frame.maps, frame.node) = (i32::MAX, i32::MAX, 1023);
    let asked = Some((Whose::Process(i32::MAX), VirtAddr::MAX));
    let text = line(|l| answer(l, asked, PhysAddr(u64::MAX), Some(&frame), 12));
    assert!(text.len() < LINE_MAX, "{}", text.len());

    let mut totals = Totals::default();
    let mut run = Run::default();
    run.pages = u64::MAX >> 10;
    for bit in 0..18 {
        run.traits = 1 << bit;
        totals.add(&run);
    }
    let text = line(|l| totals.end(l, PhysAddr(u64::MAX - 0xfff), PhysAddr(u64::MAX), 12));
    assert!(text.len() < LINE_MAX, "{}", text.len());
}

#[test]
fn totals_have_every_kind() {
    let mut totals = Totals::default();
    let mut run = Run::default();
    (run.pages, run.traits) = (3, traits::ANON);
    totals.add(&run);
    totals.add(&run);
    assert_eq!(
        line(|l| totals.end(l, PhysAddr(0), PhysAddr(0x7_ffff), 14)),
        "# end pa=0x0-0x80000 kb_anon=96 kb_file=0 kb_shmem=0 kb_ksm=0 kb_zero=0 kb_hugetlb=0 \
         kb_swapcache=0 kb_slab=0 kb_pgtable=0 kb_buddy=0 kb_kernel=0 kb_reserved=0 \
         kb_unaccepted=0 kb_offline=0 kb_poisoned=0 kb_device=0 kb_none=0\n"
    );
}

#[test]
fn questions_are_read() {
    let parse = |text: &str| PageQuestion::parse(text.as_bytes(), 12);
    assert_eq!(
        parse("0x1234\n"),
        Ok(PageQuestion::Physical(PhysAddr(0x1234)))
    );
    let question = |whose, va| {
        Ok(PageQuestion::Virtual(WalkQuestion {
            whose,
            va: VirtAddr(va),
            levels: false,
        }))
    };
    assert_eq!(parse("812 0x1234"), question(Whose::Process(812), 0x1234));
    assert_eq!(parse("kernel 0x1"), question(Whose::Kernel, 1));
    assert_eq!(
        parse("0x1234-0x2001 totals"),
        Ok(PageQuestion::Totals(PhysAddr(0x1000), PhysAddr(0x2fff)))
    );
    assert_eq!(
        parse("0x0-0xffffffffffffffff totals"),
        Ok(PageQuestion::Totals(PhysAddr(0), PhysAddr(u64::MAX)))
    );
    for (text, refusal) in [
        ("", Refusal::NotAQuestion),
        ("0x1000-0x2000", Refusal::NotAQuestion),
        ("0x1000 totals", Refusal::NotAQuestion),
        ("812 0x1000 levels", Refusal::NotAQuestion),
        ("0x1000 0x2000", Refusal::NotAQuestion),
        ("0x1000-0x2000 totals totals", Refusal::NotAQuestion),
        ("0x2000-0x1000 totals", Refusal::NotAnAddress),
        ("812", Refusal::Need0x),
        ("1000-2000 totals", Refusal::Need0x),
        ("kernel", Refusal::NotAnAddress),
    ] {
        assert_eq!(parse(text), Err(refusal), "{text}");
    }
}

#[test]
fn a_page_is_read_until_it_stays() {
    let readings = |all: &[bool]| {
        let mut all = all.iter();
        let said = settle(|| *all.next().expect("no more than there are"));
        (said, all.len())
    };
    assert_eq!(readings(&[true]), (true, 0));
    assert_eq!(readings(&[false, false, true]), (true, 0));
    assert_eq!(readings(&[false, false, false, true, true]), (true, 1));
    assert_eq!(readings(&[false, false, false, false, true]), (false, 1));
}

#[test]
fn an_answer_owes_nothing_to_the_last_one() {
    let mut memo = Memo::default();
    let frames = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(|which| {
        let mut frame = anon();
        match which {
            1 => frame.flags |= 1,
            2 => frame.flags = u64::MAX,
            3 => frame.traits = traits::BUDDY,
            4 => frame.order = 0,
            5 => frame.refs = 1000,
            6 => frame.maps = 0,
            7 => frame.pinned = true,
            8 => frame.node = 1,
            9 => frame.zone = 3,
            10 => frame.cgroup = 0,
            _ => (),
        }
        frame
    });
    for (one, other) in frames
        .iter()
        .flat_map(|one| frames.map(|other| (one, other)))
    {
        for frame in [one, &other] {
            let mut again = |l: &mut Line<'_>| {
                page::answer(l, None, PhysAddr(0), Some(frame), 12, &mut memo);
            };
            let fresh = line(|l| answer(l, None, PhysAddr(0), Some(frame), 12));
            assert_eq!(line(&mut again), fresh);
            assert_eq!(line(&mut again), fresh);
        }
    }
}
