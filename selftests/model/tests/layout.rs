// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/layout.rs`.

use memintro_model::model::{
    addr::{Halves, VirtAddr},
    layout::{Mapped, Regions, Window},
    rows::Region,
};
use proptest::prelude::*;

#[path = "support/common.rs"]
mod common;
use common::{assert_aligned, fields, header, line};

fn halves(bits: u32) -> Halves {
    Halves {
        user_bits: bits,
        kernel_bits: bits,
    }
}

fn window(name: &'static str, start: u64, last: u64) -> Window {
    let (start, last) = (VirtAddr(start), VirtAddr(last));
    Window { name, start, last }
}

#[test]
fn a_window_inside_another_divides_it() {
    let windows = [
        window("vmalloc", 0xffff_8000_1000_0000, 0xffff_8fff_ffff_ffff),
        window("text", 0xffff_8000_2000_0000, 0xffff_8000_2fff_ffff),
        window("", 1, 0),
        window("fixmap", u64::MAX - 0xfff, u64::MAX),
    ];
    let regions: Vec<_> = Regions::new(&windows, halves(47)).collect();
    assert_eq!(
        regions,
        [
            window("user", 0, 0x7fff_ffff_ffff),
            window("hole", 0x8000_0000_0000, 0xffff_7fff_ffff_ffff),
            window("other", 0xffff_8000_0000_0000, 0xffff_8000_0fff_ffff),
            window("vmalloc", 0xffff_8000_1000_0000, 0xffff_8000_1fff_ffff),
            window("text", 0xffff_8000_2000_0000, 0xffff_8000_2fff_ffff),
            window("vmalloc", 0xffff_8000_3000_0000, 0xffff_8fff_ffff_ffff),
            window("other", 0xffff_9000_0000_0000, u64::MAX - 0x1000),
            window("fixmap", u64::MAX - 0xfff, u64::MAX),
        ]
    );
}

#[test]
fn rows_are_spelled_as_promised() {
    let row = |start, last, mapped| {
        let region = window("linear", start, last);
        line(|l| Region { region, mapped }.row(l))
    };
    let header = header(Region::header);
    let partly = Mapped {
        some: true,
        hole: true,
    };
    let text = row(0xffff_9efb_c000_0000, 0xffff_9efc_3ffd_efff, Some(partly));
    assert_aligned(&header, &text);
    assert_eq!(
        fields(&header, &text),
        [
            ("REGION", "linear"),
            ("START", "0xffff9efbc0000000"),
            ("END", "0xffff9efc3ffdf000"),
            ("SIZE_KB", "2097020"),
            ("MAPPED", "partly"),
        ]
    );
    assert_eq!(fields(&header, &row(0, u64::MAX, None))[4].1, "-");
    assert_eq!(
        fields(&header, &row(1 << 63, u64::MAX, None))[2].1,
        "0xffffffffffffffff"
    );
}

proptest! {
    #[test]
    fn regions_cover_everything_once(
        bits in 36u32..57,
        places in prop::collection::vec((any::<u64>(), any::<u64>()), 0..8),
    ) {
        let kernel = !0u64 << bits;
        let windows: Vec<_> = places
            .into_iter()
            .map(|(one, other)| window("window", one.min(other) | kernel, one.max(other) | kernel))
            .collect();
        let mut next = Some(VirtAddr(0));
        for region in Regions::new(&windows, halves(bits)) {
            prop_assert_eq!(next, Some(region.start));
            prop_assert!(region.start <= region.last);
            let inside = |va: VirtAddr| windows.iter().any(|window| (window.start..=window.last).contains(&va));
            for va in [region.start, region.last] {
                let name = match va {
                    _ if va.0 >> bits == 0 => "user",
                    _ if va.0 < kernel => "hole",
                    _ if inside(va) => "window",
                    _ => "other",
                };
                prop_assert_eq!(name, region.name);
            }
            next = region.last.next();
        }
        prop_assert_eq!(next, None);
    }
}
