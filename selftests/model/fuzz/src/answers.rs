// SPDX-License-Identifier: GPL-2.0

//! Answer lines, from any values: keys in their order, values that a shell may eval, and no
//! physical address where there is no page.

use super::{
    input::Input,
    lines::{address, line, number, pairs},
};
use memintro_model::model::{
    addr::{PhysAddr, VirtAddr},
    answer::{self, KernelAddress, Memo, Symbol},
    end,
    levels::{Levels, LEVELS_MAX},
    pgtable::{flags, Kind, Level},
    question::{Part, PhysicalQuestion, RangeQuestion, WalkQuestion, Whose},
    text::Line,
    walk::{Absent, Answer, Page, Path, PathEntry},
    words::{Refusal, Why},
};

const WHYS: [Why; 11] = [
    Why::NoVma,
    Why::NotPopulated,
    Why::Swap,
    Why::Migration,
    Why::Device,
    Why::HwPoison,
    Why::Poison,
    Why::Guard,
    Why::Uffd,
    Why::NotMapped,
    Why::Retry,
];

const REFUSALS: [Refusal; 12] = [
    Refusal::NotAQuestion,
    Refusal::NotAnAddress,
    Refusal::Need0x,
    Refusal::TooLong,
    Refusal::NotCanonical,
    Refusal::KernelAddress,
    Refusal::UserAddress,
    Refusal::NoProcess,
    Refusal::KernelThread,
    Refusal::NoMemory,
    Refusal::NeedCapSyslog,
    Refusal::Retry,
];

fn print_whose(whose: Whose) -> String {
    match whose {
        Whose::Process(pid) => pid.unsigned_abs().to_string(),
        Whose::Kernel => "kernel".into(),
    }
}

fn check_perm(text: &str, perm: u32) {
    let letters = [
        (flags::READ, "r-"),
        (flags::WRITE, "w-"),
        (flags::EXEC, "x-"),
        (flags::USER, "uk"),
    ];
    let letter = |(flag, names): (u32, &str)| names.as_bytes()[usize::from(perm & flag == 0)];
    assert_eq!(text.as_bytes(), letters.map(letter));
}

fn check_flags(text: &str, bits: u32) {
    let named = |name: &str| {
        flags::NAMES
            .iter()
            .position(|other| *other == name)
            .expect("a flag")
    };
    let read = match text {
        "-" => 0,
        _ => text.split(',').fold(0, |bits, name| {
            bits | (1 << (named(name) as u32 + flags::FIRST))
        }),
    };
    assert_eq!(read, bits & 0x7ff0);
}

/// Checks the last line of an answer.
pub fn check_line(whose: Whose, va: VirtAddr, kernel: Option<&KernelAddress<'_>>, answer: &Answer) {
    let text = line(|line| answer::walk(line, whose, va, kernel, answer, &mut Memo::default()));
    // What was answered before makes no difference.
    let mut memo = Memo::default();
    let mut again =
        |answer: &Answer| line(|line| answer::walk(line, whose, va, kernel, answer, &mut memo));
    if let Ok(page) = *answer {
        for bit in 0..32 {
            let (perm, flags) = (
                page.perm ^ ((1 << bit) & flags::PERM),
                page.flags ^ (1 << bit),
            );
            let other = Ok(Page {
                perm,
                flags: flags & !flags::PERM,
                ..page
            });
            again(&other);
            assert_eq!(again(answer), text);
        }
    }
    assert_eq!(again(answer), text);
    assert_eq!(again(answer), text);
    let pairs = pairs(&text);
    let keys: Vec<_> = pairs.iter().map(|pair| pair.0).collect();
    let value = |key| pairs.iter().find(|pair| pair.0 == key).expect(key).1;

    let mut expected = vec!["pid", "va"];
    if let Some(kernel) = kernel {
        expected.extend(["region", "pa_linear", "agree"]);
        assert_eq!(address(value("pa_linear")), kernel.pa_linear.0);
        let agree = answer.is_ok_and(|page| page.pa == kernel.pa_linear);
        assert_eq!(value("agree"), if agree { "yes" } else { "no" });
    }
    assert_eq!(value("pid"), print_whose(whose));
    assert_eq!(address(value("va")), va.0);
    match answer {
        Ok(page) => {
            expected.extend(["pa", "page", "level", "perm", "flags"]);
            assert_eq!(address(value("pa")), page.pa.0);
            assert_eq!(value("level"), page.level.as_str());
            check_perm(value("perm"), page.perm);
            check_flags(value("flags"), page.flags);
            if page.flags & flags::HAS_PKEY != 0 {
                expected.push("pkey");
                assert_eq!(number(value("pkey")), u64::from((page.flags >> 20) & 15));
            }
            let cache = ((page.flags >> 16) & 15) as usize;
            if (1..flags::CACHES.len()).contains(&cache) {
                expected.push("cache");
                assert_eq!(value("cache"), flags::CACHES[cache]);
            }
        }
        Err(absent) => {
            expected.extend(["pa", "why", "level"]);
            assert_eq!(value("pa"), "none");
            assert_eq!(value("why"), absent.why.as_str());
            assert_eq!(value("level"), absent.level.map_or("-", Level::as_str));
            if let Some((area, offset)) = absent.swap {
                expected.push("swap");
                assert_eq!(value("swap"), format!("{area}:{offset}"));
            }
        }
    }
    if let Some(kernel) = kernel {
        expected.extend(["symbol", "offset", "module"]);
        match kernel.symbol {
            Some(symbol) => {
                assert_eq!(value("symbol").len(), symbol.name.len());
                assert_eq!(address(value("offset")), symbol.offset);
                assert_eq!(value("module").len(), symbol.module.unwrap_or(b"-").len());
            }
            None => assert_eq!(["symbol", "offset", "module"].map(value), ["-"; 3]),
        }
    }
    assert_eq!(keys, expected);
}

/// A symbol is read as the kernel prints it, and nothing else is one.
fn check_symbol(text: &[u8]) {
    let Some(Symbol {
        name,
        offset,
        module,
    }) = Symbol::parse(text)
    else {
        return;
    };
    assert!(!name.is_empty() && module.is_none_or(|module| !module.is_empty()));
    let mut again = [name, format!("+{offset:#x}/0x1").as_bytes()].concat();
    if let Some(module) = module {
        again.extend([b" [", module, b"]"].concat());
    }
    assert_eq!(
        Symbol::parse(&again).map(|symbol| symbol.offset),
        Some(offset)
    );
}

/// Checks the lines of the levels: one for each from the pgd on, with or without the addresses.
pub fn check_levels(path: &[PathEntry], top: Level) {
    for show_entry in [false, true] {
        let way = Path::new(PhysAddr(0x1000), path.iter().copied());
        let write = |levels: &mut Levels, way: &Path| {
            let mut bytes = [0; LEVELS_MAX];
            let mut line = Line::new(&mut bytes);
            levels.put(&mut line, way, show_entry);
            assert!(line.is_whole());
            String::from_utf8(line.as_bytes().to_vec()).expect("ASCII")
        };
        let all = write(&mut Levels::default(), &way);
        // What was written before makes no difference: all of them are others, or one.
        let mut levels = Levels::default();
        for other in 0..=path.len() {
            let mut steps = path.to_vec();
            if let Some(step) = steps.get_mut(other) {
                step.entry.target ^= 0x1000;
            }
            write(&mut levels, &Path::new(PhysAddr(0x1000), steps));
            assert_eq!(write(&mut levels, &way), all);
        }
        let lines: Vec<_> = all
            .split_inclusive('\n')
            .skip(1)
            .map(str::to_owned)
            .collect();
        let folded = if path.is_empty() {
            0
        } else {
            Level::Pgd as usize - top as usize
        };
        assert_eq!(lines.len(), folded + path.len());
        let real = path.iter().take(1).cycle().take(folded).chain(path);
        for (number, (text, step)) in lines.iter().zip(real).enumerate() {
            let pairs = pairs(text);
            let keys = pairs.iter().map(|pair| pair.0);
            let expected = ["level", "index", "entry", "value", "next", "kind", "folded"];
            assert!(keys.eq(expected));
            assert_eq!(pairs[0].1, Level::ALL[number].as_str());
            assert_eq!(number_of(pairs[1].1), step.index);
            match show_entry {
                true => assert_eq!(address(pairs[2].1), step.at.0),
                false => assert_eq!(pairs[2].1, "denied"),
            }
            assert_eq!(address(pairs[3].1), step.entry.value);
            match step.entry.kind() {
                Kind::Table | Kind::Leaf => assert_eq!(address(pairs[4].1), step.entry.target),
                _ => assert_eq!(pairs[4].1, "-"),
            }
            let is_folded = (1..=folded).contains(&number);
            assert_eq!(pairs[6].1, if is_folded { "yes" } else { "no" });
        }
    }
}

fn number_of(text: &str) -> usize {
    number(text) as usize
}

fn check_refusal(question: Option<WalkQuestion>, refusal: Refusal) {
    let text = line(|line| answer::refused(line, question.as_ref(), refusal));
    let hex = |va: VirtAddr| format!("{:#x}", va.0);
    let error = [
        ("error", refusal.errno().as_str().to_string()),
        ("why", refusal.as_str().to_string()),
    ];
    let expected = [
        (
            "pid",
            question.map_or("-".into(), |question| print_whose(question.whose)),
        ),
        (
            "va",
            question.map_or("-".into(), |question| hex(question.va)),
        ),
        ("pa", "none".into()),
    ];
    check_pairs(&text, &[&expected[..], &error].concat());

    // The last line of a conversation with rows.
    let last = |write: &dyn Fn(&mut Line<'_>), named: &[(&str, String)]| {
        let text = line(|line| write(line));
        let text = text.strip_prefix("# end ").expect("the last line");
        check_pairs(text, &[named, &error].concat());
    };
    last(
        &|line| end::refused(line, None::<&PhysicalQuestion>, refusal),
        &[],
    );
    let Some(WalkQuestion { whose, va, .. }) = question else {
        return;
    };
    let pid = ("pid", print_whose(whose));
    let end = hex(va.next().unwrap_or(va));
    let (pa, kernel) = (PhysAddr(va.0), ("pid", "kernel".into()));
    for (question, named) in [
        (PhysicalQuestion::Page(pa), vec![("pa", hex(va))]),
        (
            PhysicalQuestion::Range(pa, pa),
            vec![("pa", format!("{}-{end}", hex(va)))],
        ),
        (PhysicalQuestion::Kernel(pa), vec![kernel, ("pa", hex(va))]),
    ] {
        last(&|line| end::refused(line, Some(&question), refusal), &named);
    }
    for (part, named) in [
        (Part::Whole, vec![pid.clone()]),
        (Part::At(va), vec![pid.clone(), ("va", hex(va))]),
        (
            Part::Range(va, va),
            vec![pid, ("start", hex(va)), ("end", end)],
        ),
    ] {
        let question = RangeQuestion {
            whose,
            part,
            totals: false,
            folios: false,
            nodes: false,
        };
        last(&|line| end::refused(line, Some(&question), refusal), &named);
    }
}

fn check_pairs(text: &str, expected: &[(&str, String)]) {
    assert!(pairs(text)
        .into_iter()
        .eq(expected.iter().map(|pair| (pair.0, pair.1.as_str()))));
}

/// Makes an answer of any values.
pub fn check(bytes: &[u8]) {
    let mut input = Input(bytes);
    let whose = match input.bit() {
        true => Whose::Kernel,
        false => Whose::Process(input.number() as i32 & i32::MAX),
    };
    let va = VirtAddr(input.number());
    let level = Level::ALL[usize::from(input.byte()) % 5];
    let why = WHYS[usize::from(input.byte()) % WHYS.len()];
    let answer = match input.bit() {
        true => Ok(Page {
            pa: PhysAddr(input.number()),
            shift: input.byte(),
            level,
            perm: input.number() as u32,
            flags: input.number() as u32,
        }),
        false => Err(Absent {
            why,
            level: input.bit().then_some(level),
            swap: input.bit().then(|| (input.number() as u16, input.number())),
        }),
    };
    let kernel = input.bit().then(|| KernelAddress {
        region: ["linear", "vmalloc", "text", "other"][usize::from(input.byte() & 3)],
        pa_linear: match input.bit() {
            true => PhysAddr(input.number()),
            false => answer.map_or(PhysAddr(0), |page| page.pa),
        },
        symbol: None,
    });
    let text = [b"main+0x1".as_slice(), input.0].concat();
    check_symbol(&text);
    check_symbol(input.0);
    let name = input.0.get(..8).unwrap_or(b"init");
    let symbol = Some(Symbol {
        name,
        offset: va.0,
        module: input.0.first().map(|_| name),
    });
    let kernel = kernel.map(|kernel| KernelAddress {
        symbol: symbol.filter(|_| va.0 & 1 != 0),
        ..kernel
    });
    check_line(whose, va, kernel.as_ref(), &answer);

    let refusal = REFUSALS[usize::from(input.byte()) % REFUSALS.len()];
    let levels = input.bit();
    let question = WalkQuestion { whose, va, levels };
    check_refusal(input.bit().then_some(question), refusal);

    let top = Level::ALL[usize::from(input.byte()) % 3];
    let count = usize::from(input.byte()) % (top as usize + 2);
    let path: Vec<_> = Level::ALL
        .into_iter()
        .filter(|level| *level <= top)
        .take(count)
        .map(|level| PathEntry {
            level,
            index: input.number() as u16 as usize,
            at: VirtAddr(input.number()),
            entry: input.entry(),
        })
        .collect();
    check_levels(&path, top);
}
