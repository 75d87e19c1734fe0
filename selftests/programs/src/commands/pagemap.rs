// SPDX-License-Identifier: GPL-2.0

//! `pagemap PID`: for every address on standard input, prints it and what
//! `/proc/PID/pagemap` says of it: a physical address that includes the
//! offset in the page, or `none`, `swap`, `guard`, `uffd`.

use crate::prelude::*;

pub fn run(options: &mut Options) -> io::Result<bool> {
    let pagemap = Pagemap::open(&options.word::<String>()?)?;
    for line in io::stdin().lines() {
        let line = line?;
        let va = parse_hex(line.trim())? as usize;
        println!("{va:#x} {}", pagemap.entry(va)?.answer(va));
    }
    Ok(true)
}
