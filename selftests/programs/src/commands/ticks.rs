// SPDX-License-Identifier: GPL-2.0

//! `ticks`: prints how often the processor's counter ticks in a millisecond. An
//! emulated machine has that counter too, and on a busy host no way to find it out.

use crate::prelude::*;
use crate::sys::ticks;

pub fn run(_: &mut Options) -> io::Result<bool> {
    println!("{}", ticks::in_a_millisecond()?);
    Ok(true)
}
