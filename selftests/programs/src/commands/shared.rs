// SPDX-License-Identifier: GPL-2.0

//! `shared`: maps memory of several kinds and starts two processes that share
//! it; prints `KIND PID START` of each kind for each of the three processes,
//! then `ready`, and ends them at the end of standard input.
//!
//! Kinds: `anon` (not written since the fork), `file`, `shmem`, `thp`,
//! `hugetlb`, `zero`, and `ksm`: equal pages that the kernel merged, if it does that
//! just now. A kind that cannot be made is left out.

use std::{env, process};

use crate::prelude::*;
use crate::sys::{process as proc, PAGE_HUGE};

const LEN: usize = 8 * PAGE;
const SHARED: i32 = libc::MAP_SHARED | libc::MAP_ANONYMOUS;

fn file() -> io::Result<Area> {
    let path = env::current_dir()?.join(format!(".shared.{}", process::id()));
    fs::write(&path, vec![0x5a; LEN])?;
    let file = File::options().read(true).write(true).open(&path);
    fs::remove_file(&path)?;
    let area = Area::of_file(&file?, LEN, READ_WRITE, libc::MAP_SHARED)?;
    area.write();
    Ok(area)
}

fn make(kind: &str) -> io::Result<Area> {
    let area = match kind {
        "file" => return file(),
        "shmem" => Area::shared(LEN)?,
        "hugetlb" => {
            let flags = SHARED | libc::MAP_HUGETLB | (21 << libc::MAP_HUGE_SHIFT);
            Area::map(0, PAGE_2M, READ_WRITE, flags)?
        }
        "thp" => Area::aligned(PAGE_HUGE, PAGE_HUGE)?,
        _ => Area::anonymous(LEN)?,
    };
    match kind {
        "thp" => area.advise(libc::MADV_HUGEPAGE)?,
        // Written by each process for itself, after the fork.
        "ksm" => {
            let run = fs::read_to_string("/sys/kernel/mm/ksm/run")?;
            ensure!(run.trim() == "1", "ksmd does not run");
            return area.advise(libc::MADV_MERGEABLE).map(|()| area);
        }
        "zero" => {
            area.huge_pages(false)?;
            area.read();
            return Ok(area);
        }
        _ => area.huge_pages(false)?,
    }
    area.write();
    Ok(area)
}

/// Waits until all pages of an area have the frames that another process has.
fn wait_for_merge(area: Area, pids: &[proc::Pid]) -> io::Result<bool> {
    let wait = Wait::begin();
    while !wait.is_over() {
        let mut merged = true;
        for pid in pids {
            let (own, other) = (Pagemap::open("self")?, Pagemap::open(&pid.to_string())?);
            for va in (area.start..area.start + area.len).step_by(PAGE) {
                merged &= own.entry(va)?.same_place(other.entry(va)?);
            }
        }
        if merged {
            return Ok(true);
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(false)
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    options.end()?;
    let mut areas = Vec::new();
    for kind in ["anon", "file", "shmem", "thp", "hugetlb", "zero", "ksm"] {
        match make(kind) {
            Ok(area) => areas.push((kind, area)),
            Err(error) => eprintln!("shared: no {kind} here: {error}"),
        }
    }
    let ksm = areas
        .iter()
        .find(|(kind, _)| *kind == "ksm")
        .map(|(_, area)| *area);
    let mut pids = Vec::new();
    for _ in 0..2 {
        // A page that was not touched is not in the child's tables.
        let touch = |(kind, area): &(&str, Area)| match *kind {
            "ksm" => area.write(),
            _ => area.read(),
        };
        pids.push(proc::fork_resting(|| {
            areas.iter().for_each(touch);
            Ok(())
        })?);
    }
    if let Some(area) = ksm {
        area.write();
        if !wait_for_merge(area, &pids)? {
            eprintln!("shared: no ksm here: pages were not merged");
            areas.retain(|(kind, _)| *kind != "ksm");
        }
    }

    let own = process::id() as proc::Pid;
    let mut lines = String::new();
    for pid in [own].iter().chain(&pids) {
        for (kind, area) in &areas {
            lines += &format!("{kind} {pid} {:#x}\n", area.start);
        }
    }
    hold(&lines)?;
    proc::end(&pids);
    Ok(true)
}
