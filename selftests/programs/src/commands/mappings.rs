// SPDX-License-Identifier: GPL-2.0

//! `odd-maps [LENGTH]`: maps files with odd names, made in the working directory, and other memory
//! that maps shows a name for; prints `odd START` for each, then `ready`, and keeps them until
//! the end of standard input. With LENGTH, maps only one file, whose path has that many bytes.
//!
//! `shared`: maps memory of several kinds and starts two processes that share it; prints `KIND
//! PID START` of each kind for each of the three processes, then `ready`, and ends them at the
//! end of standard input.
//!
//! Kinds: `anon` (not written since the fork), `file`, `shmem`, `thp`, `hugetlb`, `zero`, and
//! `ksm`: equal pages that the kernel merged, if it does that just now. A kind that cannot be
//! made is left out.
//!
//! `pin`: has the kernel pin a page for DMA, as a buffer of an io_uring, prints its
//! address and that of the page after it, which is not pinned, and rests.

use crate::kinds::make;
use crate::prelude::*;
use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

const LEN: usize = 3 * PAGE;
const NAMES: [&[u8]; 16] = words! {
    b"plain" b"two words" b" leading blank" b"trailing blank " b"new\nline" b"\n" b"back\\slash"
    b"\\012" b"tab\there" b"\xff\x80\x01\x7f" b"gr\xc3\xbc\xc3\x9fe" b"-" b"denied"
    b"# end pid=1" b"not deleted (deleted)" b"[heap]"
};
const ANON_NAMES: [&CStr; 5] = words! {
    c"plain" c"two words" c"" c"-"
    c"1234567890123456789012345678901234567890123456789012345678901234567890123456789"
};

fn map_file(name: &OsStr, flags: i32, keep: bool) -> io::Result<Area> {
    fs::write(name, vec![0x5a; LEN])?;
    let file = read_write(name)?;
    let area = Area::of_file(&file, LEN, READ_WRITE, flags)?;
    // One page of three.
    area.page(1).write();
    if !keep {
        fs::remove_file(name)?;
    }
    Ok(area)
}

/// Goes down into directories with long names until a path of `len` bytes has only room for a
/// file's name of `rest`; returns that name.
fn descend(len: usize, rest: usize) -> io::Result<Vec<u8>> {
    let top = env::current_dir()?.as_os_str().len();
    let mut left = len - top - 1 - rest;
    while left > 0 {
        // No last piece of a slash alone.
        let piece = if left > 256 { 200 } else { left };
        let directory = "d".repeat(piece - 1);
        fs::create_dir_all(&directory)?;
        env::set_current_dir(&directory)?;
        left -= piece;
    }
    Ok(vec![b'f'; rest])
}

/// Maps memory with names that the kernel may be built without.
fn name_anonymous(areas: &mut Vec<Area>) -> io::Result<()> {
    for name in ANON_NAMES {
        let area = Area::anonymous(2 * LEN)?.part(0, LEN);
        area.name(name)?;
        area.page(0).write();
        areas.push(area);
    }
    let area = Area::shared(LEN)?;
    area.name(c"a shared one")?;
    areas.push(area);
    Ok(())
}

fn make_odd() -> io::Result<Vec<Area>> {
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
    let mut long: Vec<u8> = (1..=255).collect();
    long[usize::from(b'/') - 1] = b'_';
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

pub fn odd(options: &mut Options) -> io::Result<bool> {
    let areas = match options.words()?.first() {
        Some(length) => {
            let name = descend(length.parse().map_err(misuse)?, 100)?;
            vec![map_file(OsStr::from_bytes(&name), libc::MAP_SHARED, true)?]
        }
        None => make_odd()?,
    };
    let lines = areas.iter().map(|area| format!("odd {:#x}\n", area.start));
    hold(&lines.collect::<String>())
}

/// Of most kinds of shared memory.
const SHARED: usize = 8 * PAGE;

fn make_kind(kind: &str) -> io::Result<Area> {
    let area = match kind {
        "file" => make::file(SHARED, READ_WRITE, libc::MAP_SHARED)?,
        "shmem" => Area::shared(SHARED)?,
        "hugetlb" => return make::pool(PAGE_2M, 1, make::Use::Shared),
        "thp" => return make::transparent(1, false),
        "zero" => return make::zero(),
        // Written by each process for itself, after the fork.
        "ksm" => {
            let run = fs::read_to_string("/sys/kernel/mm/ksm/run")?;
            ensure!(run.trim() == "1", "ksmd does not run");
            return Area::anonymous(SHARED)?.advise(libc::MADV_MERGEABLE);
        }
        _ => Area::anonymous(SHARED)?,
    };
    Ok(area.write())
}

/// Whether all pages of an area have the frames that other processes have.
fn is_merged(area: Area, pids: &[Pid]) -> io::Result<bool> {
    let own = Pagemap::open("self")?.of_area(area)?;
    for pid in pids {
        let others = Pagemap::open(pid)?.of_area(area)?;
        let mut pairs = own.iter().zip(others);
        if !pairs.all(|(own, other)| own.same_place(other)) {
            return Ok(false);
        }
    }
    Ok(true)
}

pub fn shared(options: &mut Options) -> io::Result<bool> {
    options.end()?;
    let all = ["anon", "file", "shmem", "thp", "hugetlb", "zero", "ksm"].into_iter();
    let made = all.filter_map(|kind| {
        let area =
            make_kind(kind).inspect_err(|error| eprintln!("shared: no {kind} here: {error}"));
        Some((kind, area.ok()?))
    });
    let mut areas = made.collect_vec();
    let ksm = areas.iter().find(|(kind, _)| *kind == "ksm").copied();
    let mut pids = Vec::new();
    for _ in 0..2 {
        // A page that was not touched is not in the child's tables.
        let touch = |(kind, area): &(&str, Area)| match *kind {
            "ksm" => area.write(),
            _ => area.read(),
        };
        let touch = || Ok(areas.iter().map(touch).collect_vec());
        pids.push(process::fork_resting(touch)?);
    }
    if let Some((_, area)) = ksm {
        area.write();
        if !comes(|| is_merged(area, &pids).unwrap_or(false)) {
            eprintln!("shared: no ksm here: pages were not merged");
            areas.retain(|(kind, _)| *kind != "ksm");
        }
    }

    let all = [&[id() as Pid], &pids[..]].concat();
    let pairs = all.iter().cartesian_product(&areas);
    let line =
        |(pid, (kind, area)): (&Pid, &(&str, Area))| format!("{kind} {pid} {:#x}\n", area.start);
    hold(&pairs.map(line).collect::<String>())?;
    process::end(&pids);
    Ok(true)
}

pub fn pin(_options: &mut Options) -> io::Result<bool> {
    let area = Area::anonymous(2 * PAGE)?.huge_pages(false)?.write();
    let buffer = libc::iovec {
        iov_base: area.start as *mut libc::c_void,
        iov_len: PAGE,
    };
    let ring = io_uring::IoUring::new(1)?;
    // SAFETY: The buffer stays mapped.
    unsafe { ring.submitter().register_buffers(&[buffer])? };
    let (pinned, other) = (area.start, area.page(1).start);
    hold(&format!("pinned {pinned:#x}\nother {other:#x}\n"))
}
