// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/addr.rs`.

use memintro_model::model::addr::{Half, Halves, VirtAddr};
use proptest::prelude::*;

#[path = "support/common.rs"]
mod common;

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
