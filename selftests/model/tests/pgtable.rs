// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/pgtable.rs`, entries and levels, and `src/model/addr.rs`, addresses.

use memintro_model::model::{
    addr::{Half, Halves, VirtAddr},
    pgtable::{flags, Entry, Kind, Level, Paging},
};
use proptest::prelude::*;
use std::mem::{offset_of, size_of};

#[path = "support/common.rs"]
mod common;
#[path = "support/modes.rs"]
mod modes;

#[test]
fn levels_have_the_kernels_names_and_order() {
    let names: Vec<_> = Level::ALL.iter().map(|level| level.as_str()).collect();
    assert_eq!(names, ["pgd", "p4d", "pud", "pmd", "pte"]);
    for pair in Level::ALL.windows(2) {
        assert_eq!(pair[0].below(), Some(pair[1]));
        assert!(pair[0] > pair[1]);
        assert_eq!(pair[0] as usize, pair[1] as usize + 1);
    }
    assert_eq!(Level::Pte.below(), None);
    assert_eq!(Level::Pte as usize, 0);
}

#[test]
fn spans_and_indices_of_x86() {
    let paging = modes::x86(5).paging;
    assert_eq!(paging.span(Level::Pte), 4 << 10);
    assert_eq!(paging.span(Level::Pmd), 2 << 20);
    assert_eq!(paging.span(Level::Pud), 1 << 30);
    assert_eq!(paging.span(Level::P4d), 512 << 30);
    assert_eq!(paging.span(Level::Pgd), 256 << 40);

    let va = (1 << 48) | (2 << 39) | (3 << 30) | (4 << 21) | (5 << 12) | 0xabc;
    let indices = Level::ALL.map(|level| paging.index(level, VirtAddr(va)));
    assert_eq!(indices, [1, 2, 3, 4, 5]);
    let last = Level::ALL.map(|level| paging.index(level, VirtAddr(u64::MAX)));
    assert_eq!(last, [511; 5]);
    assert_eq!(
        Level::ALL.map(|level| paging.index(level, VirtAddr(0))),
        [0; 5]
    );
}

// A folded level may come as anything; it must not make a shift panic.
#[test]
fn absurd_shapes_do_not_panic() {
    for shift in [63, 64, 255] {
        for entries in [0, 1, u16::MAX] {
            let paging = Paging {
                shift: [shift; 5],
                entries: [entries; 5],
                top: Level::Pgd,
            };
            for level in Level::ALL {
                let index = paging.index(level, VirtAddr(u64::MAX));
                assert!(index < usize::from(entries.max(1)));
                assert_eq!(paging.span(level), if shift == 63 { 1 << 63 } else { 0 });
            }
        }
    }
}

// The other side is C: `struct memintro_entry` and its enums in src/helpers/helpers.h.
#[test]
fn entry_has_the_layout_of_its_c_twin() {
    assert_eq!(size_of::<Entry>(), 24);
    assert_eq!(offset_of!(Entry, value), 0);
    assert_eq!(offset_of!(Entry, target), 8);
    assert_eq!(offset_of!(Entry, flags), 16);
    assert_eq!(offset_of!(Entry, raw_kind), 20);
    assert_eq!(offset_of!(Entry, page_shift), 21);
    assert_eq!(offset_of!(Entry, swap_type), 22);
}

/// Returns the names that an enum of `src/helpers/helpers.h` gives, in order and without their prefix, and
/// the shifts of those that are bits.
fn enum_in_c(of: &str) -> (Vec<String>, Vec<u32>) {
    let header = include_str!("../../../src/helpers/helpers.h");
    let (_, after) = header.split_once(&format!("enum {of} {{")).expect(of);
    let (body, _) = after.split_once("};").expect("its end");
    // Comments may name other things.
    let code: String = body
        .split("*/")
        .map(|part| part.split("/*").next().unwrap_or(""))
        .collect();
    let values = code
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let mut names = Vec::new();
    let mut shifts = Vec::new();
    for value in values {
        let (name, bit) = value.split_once('=').unwrap_or((value, ""));
        let name = name.trim().trim_start_matches("MEMINTRO_");
        names.push(name.trim_start_matches("IS_").to_lowercase());
        shifts.extend(
            bit.trim()
                .strip_prefix("1 << ")
                .and_then(|n| n.parse::<u32>().ok()),
        );
    }
    (names, shifts)
}

#[test]
fn kinds_are_numbered_as_in_c() {
    let kinds = Kind::ALL.map(|kind| format!("{kind:?}").to_lowercase());
    assert_eq!(enum_in_c("memintro_kind").0, kinds);
}

#[test]
fn levels_are_numbered_as_in_c() {
    let mut names: Vec<_> = Level::ALL
        .iter()
        .rev()
        .map(|level| level.as_str())
        .collect();
    names.push("levels");
    assert_eq!(enum_in_c("memintro_level").0, names);
}

#[test]
fn flags_are_numbered_as_in_c() {
    let (names, shifts) = enum_in_c("memintro_flag");
    let perm = ["read", "write", "exec", "user"];
    let expected: Vec<_> = perm
        .into_iter()
        .chain(flags::NAMES)
        .map(|name| name.replace('-', "_"))
        .collect();
    assert_eq!(names, expected);
    assert!(shifts.into_iter().eq(0..expected.len() as u32));
}

#[test]
fn types_of_memory_are_numbered_as_in_c() {
    let names = enum_in_c("memintro_cache").0.into_iter();
    let names = names.map(|name| name.trim_start_matches("cache_").replace("_minus", "-"));
    assert!(names.eq(flags::CACHES.into_iter().skip(1)));
}

#[test]
fn numbers_of_kinds() {
    for (raw_kind, kind) in (0..).zip(Kind::ALL) {
        let entry = Entry {
            raw_kind,
            ..Entry::default()
        };
        assert_eq!(entry.kind(), kind);
    }
    assert_eq!(Entry::default().kind(), Kind::None);
    for raw_kind in Kind::ALL.len()..=255 {
        let entry = Entry {
            raw_kind: raw_kind as u8,
            ..Entry::default()
        };
        assert_eq!(entry.kind(), Kind::Bad);
    }
}

#[test]
fn flags_are_one_bit_each_in_the_order_of_their_names() {
    let all = [
        flags::ACCESSED,
        flags::DIRTY,
        flags::SOFT_DIRTY,
        flags::NX,
        flags::GLOBAL,
        flags::SPECIAL,
        flags::ZERO,
        flags::PROTNONE,
        flags::UFFD,
        flags::HUGETLB,
        flags::CONTIGUOUS,
    ];
    for (place, flag) in (flags::FIRST..).zip(all) {
        assert_eq!(flag, 1 << place);
    }
    assert_eq!(flags::PERM, (1 << flags::FIRST) - 1);
    assert_eq!(
        flags::NAMES.join(","),
        "accessed,dirty,soft-dirty,nx,global,special,zero,protnone,uffd,hugetlb,contiguous"
    );
}

/// Entries with few kinds and targets, so that two are often alike.
fn entry() -> impl Strategy<Value = Entry> {
    let target = prop_oneof![0u64..3, any::<u64>()];
    let numbers = (any::<u64>(), target, any::<u32>());
    let small = (0u8..3, any::<u8>(), any::<u16>());
    (numbers, small).prop_map(
        |((value, target, flags), (raw_kind, page_shift, swap_type))| Entry {
            value,
            target,
            flags,
            raw_kind,
            page_shift,
            swap_type,
        },
    )
}

proptest! {
    #![proptest_config(common::config(4))]

    // The indices and the offset in the page are the address.
    #[test]
    fn an_address_is_its_indices(mode in modes::any(), va in any::<u64>()) {
        let va = mode.canonical(va);
        let paging = mode.paging;
        let mut sum = va & (paging.span(Level::Pte) - 1);
        for level in Level::ALL.into_iter().filter(|level| *level <= paging.top) {
            let index = paging.index(level, VirtAddr(va));
            let entries = usize::from(paging.entries[level as usize]);
            prop_assert!(index < entries);
            prop_assert_eq!(index + paging.entries_from(level, index), entries);
            prop_assert_eq!(paging.entries_from(level, entries + index), 0);
            sum += index as u64 * paging.span(level);
        }
        prop_assert_eq!(mode.canonical(sum), va);
    }

    #[test]
    fn only_kind_target_and_permissions_lead(a in entry(), b in entry()) {
        prop_assert!(a.points_like(&a));
        let same_perm = a.flags & flags::PERM == b.flags & flags::PERM;
        let alike = a.raw_kind == b.raw_kind && a.target == b.target && same_perm;
        prop_assert_eq!(a.points_like(&b), alike);
        let stricter = Entry { flags: a.flags ^ flags::WRITE, ..a };
        prop_assert!(!a.points_like(&stricter));
        // What the processor does to an entry on its own.
        let touched = Entry {
            value: b.value,
            flags: a.flags ^ (flags::ACCESSED | flags::DIRTY),
            ..a
        };
        prop_assert!(touched.points_like(&a) && a.points_like(&touched));
        let elsewhere = Entry { target: !a.target, ..a };
        prop_assert!(!a.points_like(&elsewhere));
        let other_kind = Entry { raw_kind: a.raw_kind ^ 1, ..a };
        prop_assert!(!a.points_like(&other_kind));
    }
}

const fn same(bits: u32) -> Halves {
    Halves {
        user_bits: bits,
        kernel_bits: bits,
    }
}

#[test]
fn borders_of_the_halves() {
    // The bits, the last user address, the first kernel address.
    let modes = [
        (47, 0x0000_7fff_ffff_ffff, 0xffff_8000_0000_0000),
        (48, 0x0000_ffff_ffff_ffff, 0xffff_0000_0000_0000),
        (52, 0x000f_ffff_ffff_ffff, 0xfff0_0000_0000_0000),
        (56, 0x00ff_ffff_ffff_ffff, 0xff00_0000_0000_0000),
    ];
    for (bits, last_user, first_kernel) in modes {
        let halves = same(bits);
        assert_eq!(halves.half(VirtAddr(0)), Half::User);
        assert_eq!(halves.half(VirtAddr(last_user)), Half::User);
        assert_eq!(halves.half(VirtAddr(last_user + 1)), Half::NonCanonical);
        assert_eq!(halves.half(VirtAddr(1 << 63)), Half::NonCanonical);
        assert_eq!(halves.half(VirtAddr(first_kernel - 1)), Half::NonCanonical);
        assert_eq!(halves.half(VirtAddr(first_kernel)), Half::Kernel);
        assert_eq!(halves.half(VirtAddr(u64::MAX)), Half::Kernel);
    }
}

#[test]
fn the_halves_may_differ_in_size() {
    let halves = Halves {
        user_bits: 39,
        kernel_bits: 48,
    };
    assert_eq!(halves.half(VirtAddr((1 << 39) - 1)), Half::User);
    assert_eq!(halves.half(VirtAddr(1 << 39)), Half::NonCanonical);
    assert_eq!(halves.half(VirtAddr(0xffff_0000_0000_0000)), Half::Kernel);
    assert_eq!(
        halves.half(VirtAddr(0xfffe_ffff_ffff_ffff)),
        Half::NonCanonical
    );
}

proptest! {
    #![proptest_config(common::config(4))]

    // Canonical means: all bits from the highest address bit on are equal.
    #[test]
    fn canonical_is_sign_extended(bits in 1u32..63, va in any::<u64>(), drop in 0u32..64) {
        // Shifted, so that the interesting high bits are often all zeros or all ones.
        for va in [va, va >> drop, !(va >> drop)] {
            let extended = ((va << (63 - bits)) as i64 >> (63 - bits)) as u64;
            let expected = match (extended == va, va >> 63) {
                (false, _) => Half::NonCanonical,
                (true, 0) => Half::User,
                (true, _) => Half::Kernel,
            };
            prop_assert_eq!(same(bits).half(VirtAddr(va)), expected);
        }
    }
}
