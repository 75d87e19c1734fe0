// SPDX-License-Identifier: GPL-2.0

//! `hog [--size MIB] [--pieces N] [--at 0xADDRESS] [--map FILE]`: holds memory
//! until the end of standard input; prints `ready`.
//!
//! - `--size`: that much anonymous memory, written to (default 0);
//! - `--pieces`: N mappings of one page each, every second one read-only, from
//!   ADDRESS on: answers about this process are long;
//! - `--map`: FILE, mapped and touched, so that its file system is in use.

use crate::prelude::*;

pub fn run(options: &mut Options) -> io::Result<bool> {
    let (size, pieces) = (options.or("--size", 0)?, options.or("--pieces", 0)?);
    let at = parse_hex(&options.or("--at", "0x3000000000".to_owned())?)? as usize;
    let map = options.get::<String>("--map")?;
    options.end()?;
    if size > 0 {
        Area::anonymous(size << 20)?.write();
    }
    if pieces > 0 {
        let all = Area::at(at, pieces * PAGE, READ_WRITE)?;
        all.write();
        all.break_up()?;
    }
    if let Some(path) = &map {
        let file = File::open(path)?;
        let len = file.metadata()?.len() as usize;
        Area::of_file(&file, len, libc::PROT_READ, libc::MAP_SHARED)?.read();
    }
    hold("")
}
