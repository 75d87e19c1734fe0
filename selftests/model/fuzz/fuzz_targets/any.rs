// SPDX-License-Identifier: GPL-2.0

//! One program for all targets: `TARGET` in the environment names the one.

#![no_main]

use memintro_model_fuzz::{Check, TARGETS};
use std::{env, sync::LazyLock};

static CHECK: LazyLock<Check> = LazyLock::new(|| {
    let wanted = env::var("TARGET").expect("TARGET in the environment");
    let target = TARGETS.iter().find(|(name, _)| *name == wanted);
    target.expect("TARGET is one of them").1
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| CHECK(bytes));
