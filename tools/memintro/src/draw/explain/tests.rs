// SPDX-License-Identifier: GPL-2.0

use super::*;
use crate::lines::Answer;
use anstream::adapter::strip_str;

const WALK: &str = "\
level=pgd index=0 entry=0xff1efce00418a000 value=0x8000000004189067 next=0x4189000 kind=table folded=no
level=p4d index=254 entry=0xff1efce0041897f0 value=0x418c067 next=0x418c000 kind=table folded=no
level=pud index=161 entry=0xff1efce00418c508 value=0x418d067 next=0x418d000 kind=table folded=no
level=pmd index=448 entry=0xff1efce00418de00 value=0x418e067 next=0x418e000 kind=table folded=no
level=pte index=0 entry=0xff1efce00418e000 value=0x8000000205018867 next=0x205018000 kind=page folded=no
pid=812 va=0x7f2878000123 pa=0x205018123 page=4K level=pte perm=rw-u flags=accessed,dirty,nx
";
const VMAS: &str = "\
START END PERM SIZE_KB PRESENT_KB HUGE_KB ZERO_KB SWAP_KB EMPTY_KB NAME
0x7f2878000000 0x7f2878021000 rw-p 132 8 0 0 0 124 -
# end pid=812 va=0x7f2878000123 rows=1
";
const RMAP: &str = "\
PID VA PAGE PERM COMM
812 0x7f2878000123 4K rw-u sh
# end pa=0x205018123 rows=1 outside=0 busy=0
";

fn drawn(walk: &str, vmas: &str, rmap: &str, width: usize, ascii: bool) -> String {
    let walk = Walk::parse(walk).unwrap();
    let vmas = Answer::parse(vmas).unwrap();
    let vmas = Vma::all(&vmas).unwrap();
    let answer = Answer::parse(rmap).unwrap();
    let mapped = Mapped {
        mappers: Mapper::all(&answer).unwrap(),
        outside: answer.end.number("outside").unwrap_or(0),
        busy: answer.end.number("busy").unwrap_or(0),
    };
    let place = Place {
        title: "process 812 (sh)".to_owned(),
        walk: &walk,
        vma: vmas.first(),
        mapped: Some(&mapped),
        page_shift: 12,
    };
    strip_str(&draw(&place, &Look::plain(width, ascii))).to_string()
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap()
}

#[test]
fn it_holds_together_at_any_width() {
    for ascii in [false, true] {
        for width in [60, 80, 200] {
            let text = drawn(WALK, VMAS, RMAP, width, ascii);
            assert!(widest(&text) <= width, "{width}\n{text}");
            assert!(!ascii || text.is_ascii());
            for part in ["p4d[254]", "0x123", "= 0x205018123", "no fault"] {
                assert!(text.contains(part), "{part}\n{text}");
            }
        }
    }
}

#[test]
fn bits_are_those_of_the_machine() {
    let text = drawn(WALK, VMAS, RMAP, 80, true);
    for bits in ["48..", "47-39", "38-30", "29-21", "20-12", "11-0"] {
        assert!(text.contains(bits), "{bits}\n{text}");
    }
    // Four levels, a huge page.
    let walk = "\
level=pgd index=254 entry=denied value=0x418c067 next=0x418c000 kind=table folded=no
level=p4d index=254 entry=denied value=0x418c067 next=0x418c000 kind=table folded=yes
level=pud index=161 entry=denied value=0x418d067 next=0x418d000 kind=table folded=no
level=pmd index=448 entry=denied value=0x80000002052008e7 next=0x205200000 kind=page folded=no
pid=812 va=0x7f2878012345 pa=0x205212345 page=2M level=pmd perm=rw-u flags=accessed,dirty,nx
";
    let text = drawn(walk, VMAS, RMAP, 80, true);
    for part in [
        "39..",
        "38-30",
        "29-21",
        "20-0",
        "0x12345",
        "no such level",
        "page of 2M at 0x205200000",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn where_no_page_is_it_says_why() {
    let walk = "\
level=pgd index=0 entry=denied value=0x4189067 next=0x4189000 kind=table folded=no
level=p4d index=254 entry=denied value=0x0 next=- kind=none folded=no
pid=812 va=0x7f2878000123 pa=none why=not-populated level=p4d
";
    let text = drawn(walk, VMAS, "# end pa=0x0 rows=0\n", 80, true);
    for part in [
        "empty",
        "never touched",
        "minor fault: the zero page",
        "minor fault: a new page",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn those_who_share_are_named() {
    let rmap = "PID VA PAGE PERM COMM\n\
                812 0x7f2878000123 4K r--u sh\n\
                813 0x7f2878000123 4K r--u sh\n\
                814 0x1123 4K r--u cat\n\
                # end pa=0x205018123 rows=3 outside=2 busy=1\n";
    let text = drawn(WALK, VMAS, rmap, 200, true);
    for part in [
        "and 2 other mappings: sh (813), cat (814)",
        "2 mappings outside",
        "1 process could not",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}
