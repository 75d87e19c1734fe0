// SPDX-License-Identifier: GPL-2.0

//! `odd-maps [LENGTH]`: maps files with odd names, made in the working folder, and
//! other memory that maps shows a name for; prints `odd START` for each, then
//! `ready`, and keeps them until the end of standard input. With LENGTH, maps
//! only one file, whose path has that many bytes.

use std::{
    env,
    ffi::{CStr, OsStr},
    os::unix::ffi::OsStrExt,
};

use crate::prelude::*;
use crate::sys::{memfd, program_break, set_program_break};

const LEN: usize = 3 * PAGE;
const NAMES: [&[u8]; 16] = [
    b"plain",
    b"two words",
    b" leading blank",
    b"trailing blank ",
    b"new\nline",
    b"\n",
    b"back\\slash",
    b"\\012",
    b"tab\there",
    b"\xff\x80\x01\x7f",
    b"gr\xc3\xbc\xc3\x9fe",
    b"-",
    b"denied",
    b"# end pid=1",
    b"not deleted (deleted)",
    b"[heap]",
];
const ANON_NAMES: [&CStr; 5] = [
    c"plain",
    c"two words",
    c"",
    c"-",
    c"1234567890123456789012345678901234567890123456789012345678901234567890123456789",
];

/// Creates, maps and touches a file in the working folder.
fn map_file(name: &OsStr, flags: i32, keep: bool) -> io::Result<Area> {
    fs::write(name, vec![0x5a; LEN])?;
    let file = File::options().read(true).write(true).open(name)?;
    let area = Area::of_file(&file, LEN, READ_WRITE, flags)?;
    // One page of three.
    area.page(1).write();
    if !keep {
        fs::remove_file(name)?;
    }
    Ok(area)
}

/// Goes down into folders with long names until a path of `len` bytes has
/// only room for a file's name of `rest`; returns that name.
fn descend(len: usize, rest: usize) -> io::Result<Vec<u8>> {
    let top = env::current_dir()?.as_os_str().len();
    let mut left = len - top - 1 - rest;
    while left > 0 {
        // No last piece of a slash alone.
        let piece = if left > 256 {
            (left - 2).min(200)
        } else {
            left
        };
        let folder = "d".repeat(piece - 1);
        if !fs::exists(&folder)? {
            fs::create_dir(&folder)?;
        }
        env::set_current_dir(&folder)?;
        left -= piece;
    }
    Ok(vec![b'f'; rest])
}

/// Maps memory with names that the kernel may be built without.
fn name_anonymous(areas: &mut Vec<Area>) -> io::Result<()> {
    for name in ANON_NAMES {
        let area = Area::anonymous(2 * LEN)?;
        area.part(0, LEN).name(name)?;
        area.page(0).write();
        areas.push(area);
    }
    let area = Area::shared(LEN)?;
    area.name(c"a shared one")?;
    areas.push(area);
    Ok(())
}

fn make() -> io::Result<Vec<Area>> {
    let mut areas = Vec::new();
    let start = env::current_dir()?;
    for (i, name) in NAMES.iter().enumerate() {
        let flags = [libc::MAP_SHARED, libc::MAP_PRIVATE][i % 2];
        let name = OsStr::from_bytes(name);
        areas.push(map_file(name, flags, true)?);
        if i % 3 == 0 {
            // The same name again, now deleted.
            areas.push(map_file(name, flags, false)?);
        }
    }
    let long: Vec<u8> = (1..=255u8)
        .map(|byte| if byte == b'/' { b'_' } else { byte })
        .collect();
    areas.push(map_file(OsStr::from_bytes(&long), libc::MAP_SHARED, true)?);

    // 4095 bytes are the most that a path can have, ` (deleted)` included.
    for (len, keep) in [(1024, true), (4085, false), (4095, true)] {
        let name = descend(len, 100)?;
        areas.push(map_file(OsStr::from_bytes(&name), libc::MAP_SHARED, keep)?);
        env::set_current_dir(&start)?;
    }

    if let Err(error) = name_anonymous(&mut areas) {
        eprintln!("odd-maps: no names for anonymous memory here: {error}");
    }
    for name in [c"x y\n\\z", c""] {
        let file = memfd(name, 0, LEN)?;
        areas.push(Area::of_file(&file, LEN, READ_WRITE, libc::MAP_SHARED)?);
    }
    set_program_break(program_break() + 5 * PAGE)?;
    // The vDSO answers this.
    std::hint::black_box(Instant::now());
    Ok(areas)
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let areas = match options.words()?.first() {
        Some(length) => {
            let name = descend(length.parse().map_err(misuse)?, 100)?;
            vec![map_file(OsStr::from_bytes(&name), libc::MAP_SHARED, true)?]
        }
        None => make()?,
    };
    let lines = areas.iter().map(|area| format!("odd {:#x}\n", area.start));
    hold(&lines.collect::<String>())
}
