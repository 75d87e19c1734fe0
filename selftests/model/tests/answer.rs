// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/answer.rs`.

use memintro_model::model::{
    addr::{PhysAddr, VirtAddr},
    answer::{self, put_flags, put_page_size, put_perm, KernelAddress, Memo, Symbol},
    levels::Levels,
    pgtable::{flags, Entry, Level},
    question::{WalkQuestion, Whose},
    text::{Line, LINE_MAX},
    walk::{Absent, Answer, Page, Path, PathEntry},
    words::{Refusal, Why},
};
use proptest::prelude::*;

#[path = "support/common.rs"]
mod common;
use common::pairs;

fn written(write: impl FnOnce(&mut Line<'_>)) -> String {
    // Room for all levels, with values that no table has.
    let mut bytes = [0; 2 * LINE_MAX];
    let mut line = Line::new(&mut bytes);
    write(&mut line);
    assert!(line.is_whole());
    String::from_utf8(line.as_bytes().to_vec()).unwrap()
}

fn walked(whose: Whose, va: u64, kernel: Option<&KernelAddress<'_>>, answer: &Answer) -> String {
    written(|line| {
        answer::walk(
            line,
            whose,
            VirtAddr(va),
            kernel,
            answer,
            &mut Memo::default(),
        )
    })
}

const PAGE: Page = Page {
    pa: PhysAddr(0x2_0501_8123),
    shift: 12,
    level: Level::Pte,
    perm: flags::READ | flags::WRITE | flags::USER,
    flags: flags::ACCESSED | flags::DIRTY | flags::NX,
};

#[test]
fn lines_of_the_design() {
    let va = 0x7f28_7800_0123;
    assert_eq!(
        walked(Whose::Process(812), va, None, &Ok(PAGE)),
        "pid=812 va=0x7f2878000123 pa=0x205018123 page=4K level=pte perm=rw-u \
         flags=accessed,dirty,nx\n"
    );
    let swap = Absent {
        why: Why::Swap,
        level: Some(Level::Pte),
        swap: Some((0, 22716)),
    };
    assert_eq!(
        walked(Whose::Process(812), va, None, &Err(swap)),
        "pid=812 va=0x7f2878000123 pa=none why=swap level=pte swap=0:22716\n"
    );
    let refused = |line: &mut Line<'_>| {
        let question = WalkQuestion {
            whose: Whose::Process(9999),
            va: VirtAddr(0x1000),
            levels: false,
        };
        answer::refused(line, Some(&question), Refusal::NoProcess);
    };
    assert_eq!(
        written(refused),
        "pid=9999 va=0x1000 pa=none error=ESRCH why=no-process\n"
    );
}

#[test]
fn kernel_addresses_show_both_ways() {
    let page = Page {
        perm: flags::READ | flags::WRITE,
        flags: 0,
        ..PAGE
    };
    let va = 0xffff_c900_0000_0123;
    for (pa_linear, agree) in [(page.pa.0, "yes"), (page.pa.0 + 1, "no"), (0, "no")] {
        let kernel = KernelAddress {
            region: "vmalloc",
            pa_linear: PhysAddr(pa_linear),
            symbol: None,
        };
        assert_eq!(
            walked(Whose::Kernel, va, Some(&kernel), &Ok(page)),
            format!(
                "pid=kernel va=0xffffc90000000123 region=vmalloc pa_linear={pa_linear:#x} \
                 agree={agree} pa=0x205018123 page=4K level=pte perm=rw-k flags=- \
                 symbol=- offset=- module=-\n"
            )
        );
    }
    // What has no page agrees with nothing.
    let absent = Absent {
        why: Why::NotMapped,
        level: Some(Level::Pmd),
        swap: None,
    };
    let kernel = KernelAddress {
        region: "linear",
        pa_linear: PhysAddr(0),
        symbol: Symbol::parse(b"core::$f+0x10/0x20 [zram]"),
    };
    assert_eq!(
        walked(Whose::Kernel, va, Some(&kernel), &Err(absent)),
        "pid=kernel va=0xffffc90000000123 region=linear pa_linear=0x0 agree=no \
         pa=none why=not-mapped level=pmd symbol=core::_f offset=0x10 module=zram\n"
    );
}

#[test]
fn keys_and_caches_follow_the_flags() {
    let page = |bits| Page {
        flags: PAGE.flags | bits,
        ..PAGE
    };
    let tail = |bits| {
        let line = walked(Whose::Process(1), 0, None, &Ok(page(bits)));
        line.split_once(" flags=").unwrap().1.to_owned()
    };
    let cache = |number: u32| number << flags::CACHE_SHIFT;
    assert_eq!(tail(cache(1)), "accessed,dirty,nx cache=wb\n");
    assert_eq!(tail(cache(3)), "accessed,dirty,nx cache=uc-\n");
    assert_eq!(tail(cache(10)), "accessed,dirty,nx cache=tagged\n");
    // What is unknown is not told.
    assert_eq!(tail(cache(11)), "accessed,dirty,nx\n");
    // A key counts where there are keys, 0 too.
    assert_eq!(tail(5 << flags::PKEY_SHIFT), "accessed,dirty,nx\n");
    assert_eq!(
        tail(flags::HAS_PKEY | (5 << flags::PKEY_SHIFT) | cache(1)),
        "accessed,dirty,nx pkey=5 cache=wb\n"
    );
    assert_eq!(tail(flags::HAS_PKEY), "accessed,dirty,nx pkey=0\n");
}

#[test]
fn the_root_is_a_table() {
    assert_eq!(
        written(|line| {
            Levels::default().put(line, &Path::new(PhysAddr(0x5eed000), []), true);
        }),
        "level=root index=- entry=- value=- next=0x5eed000 kind=table folded=no\n"
    );
}

#[test]
fn symbols_are_read_as_the_kernel_prints_them() {
    let symbol = Symbol::parse(b"_RNv+0x1c/0x40").unwrap();
    assert_eq!(
        (symbol.name, symbol.offset, symbol.module),
        (&b"_RNv"[..], 0x1c, None)
    );
    // What has a plus in its name, and what bpf is called.
    let symbol = Symbol::parse(b"a+b+0x0/0x1 [bpf]").unwrap();
    assert_eq!((symbol.name, symbol.offset), (&b"a+b"[..], 0));
    for text in [
        &b"0xffffffff81000000"[..],
        b"",
        b"+0x1/0x2",
        b"name",
        b"name+1/0x2",
        b"name+0x/0x2",
        b"name+0x1",
        b"name+0x1/0x2 bpf",
        b"name+0x1/0x2 [bpf",
    ] {
        assert_eq!(Symbol::parse(text), None, "{text:?}");
    }
    assert_eq!(Symbol::parse(b"name+0x1/0x2 []").unwrap().module, None);
}

#[test]
fn a_line_that_is_no_question_has_nothing_to_repeat() {
    let refused = |line: &mut Line<'_>| answer::refused(line, None, Refusal::NotAQuestion);
    assert_eq!(
        written(refused),
        "pid=- va=- pa=none error=EINVAL why=not-a-question\n"
    );
}

#[test]
fn one_value_and_nothing_else() {
    let written = |answer| {
        let mut bytes = [0; answer::VALUE_MAX];
        let mut line = Line::new(&mut bytes);
        answer::value(&mut line, &answer);
        assert!(line.is_whole());
        String::from_utf8(line.as_bytes().to_vec()).unwrap()
    };
    assert_eq!(written(Ok(PAGE)), "0x205018123\n");
    let last = Page {
        pa: PhysAddr(u64::MAX),
        ..PAGE
    };
    assert_eq!(written(Ok(last)), "0xffffffffffffffff\n");
    let longest = Absent {
        why: Why::NotPopulated,
        level: None,
        swap: None,
    };
    assert_eq!(written(Err(longest)), "not-populated\n");
}

#[test]
fn sizes_of_pages() {
    for (shift, size) in [
        (12, "4K"),
        (14, "16K"),
        (16, "64K"),
        (19, "512K"),
        (20, "1M"),
        (21, "2M"),
        (25, "32M"),
        (29, "512M"),
        (30, "1G"),
        (34, "16G"),
    ] {
        assert_eq!(written(|line| put_page_size(line, shift)), size);
    }
}

#[test]
fn permissions() {
    for perm in 0..=flags::PERM {
        let expected: String = [(0, 'r', '-'), (1, 'w', '-'), (2, 'x', '-'), (3, 'u', 'k')]
            .into_iter()
            .map(|(bit, yes, no)| if (perm >> bit) & 1 == 1 { yes } else { no })
            .collect();
        // Other flags do not matter.
        assert_eq!(written(|line| put_perm(line, perm)), expected);
        assert_eq!(
            written(|line| put_perm(line, perm | !flags::PERM)),
            expected
        );
    }
}

#[test]
fn levels_of_each_paging_mode() {
    // The top level, and the names and foldings of the lines when the walk ends at a pmd.
    let modes = [
        (Level::Pgd, "pgd:no p4d:no pud:no pmd:no"),
        (Level::P4d, "pgd:no p4d:yes pud:no pmd:no"),
        (Level::Pud, "pgd:no p4d:yes pud:yes pmd:no"),
        (Level::Pmd, "pgd:no p4d:yes pud:yes pmd:yes"),
    ];
    for (top, expected) in modes {
        let path: Vec<_> = Level::ALL
            .into_iter()
            .filter(|level| (Level::Pmd..=top).contains(level))
            .map(|level| step(level, 1))
            .collect();
        let lines = levels(&path, true);
        let found: Vec<_> = lines
            .iter()
            .map(|line| {
                let pairs = pairs(line);
                format!("{}:{}", pairs[0].1, pairs.last().unwrap().1)
            })
            .collect();
        assert_eq!(found.join(" "), expected);
        // A folded level repeats the one above.
        let rest = |line: &str| {
            let (_, rest) = line.split_once(" index=").unwrap();
            rest.rsplit_once(' ').unwrap().0.to_string()
        };
        for pair in lines
            .windows(2)
            .filter(|pair| pair[1].contains("folded=yes"))
        {
            assert_eq!(rest(&pair[0]), rest(&pair[1]));
        }
    }
    assert!(levels(&[], true).is_empty());
}

#[test]
fn a_level_of_the_design() {
    let mut step = step(Level::Pmd, 1);
    step.index = 192;
    step.at = VirtAddr(0xffff_8880_1234_5600);
    step.entry.value = 0x8000_0001_0000_0067;
    step.entry.target = 0x1_0000_0000;
    let entry = |show| levels(&[step], show).pop().unwrap();
    let line = "level=pmd index=192 entry=0xffff888012345600 value=0x8000000100000067 \
                next=0x100000000 kind=table folded=yes\n";
    assert_eq!(entry(true), line);
    assert_eq!(entry(false), line.replace("0xffff888012345600", "denied"));
}

#[test]
fn next_is_where_tables_and_pages_lead() {
    let kinds = [
        "none",
        "table",
        "page",
        "swap",
        "migration",
        "device",
        "hwpoison",
        "poison",
        "guard",
        "uffd",
        "bad",
    ];
    for (raw_kind, kind) in (0..).zip(kinds) {
        let lines = levels(&[step(Level::Pgd, raw_kind)], true);
        let pairs = pairs(&lines[0]);
        let next = if ["table", "page"].contains(&kind) {
            "0x2000"
        } else {
            "-"
        };
        assert_eq!(pairs[4..6], [("next", next), ("kind", kind)]);
    }
}

fn step(level: Level, raw_kind: u8) -> PathEntry {
    PathEntry {
        level,
        index: 511,
        at: VirtAddr(0x1ff8),
        entry: Entry {
            value: 0x2067,
            target: 0x2000,
            raw_kind,
            ..Entry::default()
        },
    }
}

fn levels(path: &[PathEntry], show_entry: bool) -> Vec<String> {
    let path = Path::new(PhysAddr(0x1000), path.iter().copied());
    let text = written(|line| Levels::default().put(line, &path, show_entry));
    text.split_inclusive('\n')
        .skip(1)
        .map(str::to_owned)
        .collect()
}

fn whose() -> impl Strategy<Value = Whose> {
    prop_oneof![Just(Whose::Kernel), (0..=i32::MAX).prop_map(Whose::Process)]
}

fn level() -> impl Strategy<Value = Level> {
    prop::sample::select(Level::ALL.to_vec())
}

proptest! {
    #![proptest_config(common::config(4))]

    #[test]
    fn flags_are_named_in_order(bits in any::<u32>()) {
        let names: Vec<_> = flags::NAMES
            .into_iter()
            .enumerate()
            .filter(|(number, _)| (bits >> (*number + 4)) & 1 == 1)
            .map(|(_, name)| name)
            .collect();
        let expected = if names.is_empty() { "-".to_string() } else { names.join(",") };
        prop_assert_eq!(written(|line| put_flags(line, bits)), expected);
    }

    // The widest values included: all are far below the longest line.
    #[test]
    fn pages_have_their_keys_in_order(
        whose in whose(),
        numbers in any::<[u64; 3]>(),
        wide in any::<bool>(),
        shift in 12u8..40,
        level in level(),
        bits in any::<[u32; 2]>(),
    ) {
        let [va, pa, pa_linear] = if wide { [u64::MAX; 3] } else { numbers };
        let perm = bits[0] & flags::PERM;
        let bits = if wide { !flags::PERM } else { bits[1] & !flags::PERM };
        let page = Page { pa: PhysAddr(pa), shift, level, perm, flags: bits };
        let pa_linear = PhysAddr(pa_linear);
        let kernel = KernelAddress { region: "vmemmap", pa_linear, symbol: None };
        let kernel = (whose == Whose::Kernel).then_some(&kernel);
        let line = walked(whose, va, kernel, &Ok(page));
        prop_assert!(line.len() < LINE_MAX / 2, "{}", line);
        let pairs = pairs(&line);
        let keys: Vec<_> = pairs.iter().map(|pair| pair.0).collect();
        let region = if kernel.is_some() { " region pa_linear agree" } else { "" };
        let pkey = if bits & flags::HAS_PKEY != 0 { " pkey" } else { "" };
        let cache = (bits & flags::CACHE) >> flags::CACHE_SHIFT;
        let cache = if (1..11).contains(&cache) { " cache" } else { "" };
        let symbol = if kernel.is_some() { " symbol offset module" } else { "" };
        prop_assert_eq!(
            keys.join(" "),
            format!("pid va{region} pa page level perm flags{pkey}{cache}{symbol}")
        );
        let value = |key| pairs.iter().find(|pair| pair.0 == key).unwrap().1.to_string();
        prop_assert_eq!(value("va"), format!("{va:#x}"));
        prop_assert_eq!(value("pa"), format!("{pa:#x}"));
        prop_assert_eq!(value("level"), level.as_str());
    }

    #[test]
    fn what_has_no_page_has_its_keys_in_order(
        whose in whose(),
        va in any::<u64>(),
        why in prop::sample::select(vec![Why::NoVma, Why::Swap, Why::NotMapped, Why::Retry]),
        level in prop::option::of(level()),
        swap in prop::option::of(any::<(u16, u64)>()),
    ) {
        let line = walked(whose, va, None, &Err(Absent { why, level, swap }));
        let pairs = pairs(&line);
        let mut expected = vec![("pa", "none".to_string()), ("why", why.as_str().to_string())];
        expected.push(("level", level.map_or("-", Level::as_str).to_string()));
        expected.extend(swap.map(|(area, offset)| ("swap", format!("{area}:{offset}"))));
        let found: Vec<_> = pairs[2..].iter().map(|pair| (pair.0, pair.1.to_string())).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn levels_may_be_evaluated_too(
        level in level(),
        index in 0usize..65536,
        numbers in any::<[u64; 3]>(),
        raw_kind in any::<u8>(),
        show in any::<bool>(),
    ) {
        let [at, value, target] = numbers;
        let at = VirtAddr(at);
        let entry = Entry { value, target, raw_kind, ..Entry::default() };
        for line in levels(&[PathEntry { level, index, at, entry }], show) {
            let keys: Vec<_> = pairs(&line).iter().map(|pair| pair.0).collect();
            prop_assert_eq!(keys.join(" "), "level index entry value next kind folded");
            prop_assert!(line.len() < LINE_MAX / 2);
            prop_assert_eq!(line.contains("entry=denied"), !show);
        }
    }
}
