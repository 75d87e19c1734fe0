// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/end.rs`: the last lines of the design.

use memintro_model::model::{
    addr::{PhysAddr, VirtAddr},
    end::{self, Named},
    question::{Part, PhysicalQuestion, RangeQuestion, Whose},
    words::Refusal,
};

#[path = "support/common.rs"]
mod common;
use common::line;

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
