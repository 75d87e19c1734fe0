// SPDX-License-Identifier: GPL-2.0

//! `replaced [--rows N]`: whether a row of `vmas` is about one mapping, where another
//! one comes in its place while it is counted.
//!
//! A process asks about this one, a step at a time, and after each step this one maps
//! another file, or another part of the same file, in place of the first, which has the
//! same address, size and permissions. No file ever has more than 64 KiB, and each has
//! them somewhere else. Prints how often a row ended where the mapping was replaced.

use crate::{
    ask::VMAS,
    prelude::*,
    sys::{
        steps::{Steps, Stop},
        PAGE_HUGE,
    },
};

/// What each file has.
const KEPT: usize = 64 << 10;
/// Tables that the mapping spans: as many steps has an answer.
const TABLES: usize = 8;
const LEN: usize = TABLES * PAGE_HUGE;

/// A file that has 64 KiB, in the table of this number, if mapped from the start.
fn file(table: usize) -> io::Result<File> {
    let file = sys::memfd(c"replaced", 0, 2 * LEN)?;
    let offset = (table * PAGE_HUGE) as u64;
    let area = Area::of_file_at(0, &file, offset, KEPT, READ_WRITE, libc::MAP_SHARED)?;
    area.write();
    area.unmap()?;
    Ok(file)
}

/// What can be mapped: a file, the offset, and the table where its pages are then.
struct Choice<'a> {
    file: &'a File,
    offset: usize,
    table: usize,
}

impl Choice<'_> {
    fn map(&self, area: Area) -> io::Result<()> {
        let offset = self.offset as u64;
        area.replace(self.file, offset, libc::PROT_READ, libc::MAP_SHARED)?;
        area.part(self.table * PAGE_HUGE, KEPT).read();
        Ok(())
    }
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let wanted = options.or("--rows", 1000)?;
    options.end()?;
    // One file in several places, and several files.
    let one = file(TABLES - 1)?;
    let others = (0..TABLES).map(file).collect::<io::Result<Vec<_>>>()?;
    let shifted = (0..TABLES).map(|table| Choice {
        file: &one,
        offset: (TABLES - 1 - table) * PAGE_HUGE,
        table,
    });
    let others = others.iter().enumerate().map(|(table, file)| Choice {
        file,
        offset: 0,
        table,
    });
    // By turns; each one's pages are a table after the last one's, as is what the next
    // step looks at.
    let kinds: [Vec<_>; 2] = [shifted.collect(), others.collect()];

    let area = Area::aligned(LEN, PAGE_HUGE)?;
    let question = format!("{} {:#x}", std::process::id(), area.start);
    let (mut rows, mut cut, mut wrong, mut steps) = (0, 0, 0, 0);
    for number in 0.. {
        if rows >= wanted {
            break;
        }
        let choices = &kinds[number % 2];
        // Where the first step finds pages.
        let mut next = number / 2;
        let (mut text, mut tell) = sys::pipe()?;
        let range = format!("{question}-{:#x}", area.start + LEN);
        let mut reader = Steps::start(|| {
            let answer =
                Conversation::open(format!("{PROC}/vmas")).and_then(|mut vmas| vmas.ask(&range));
            let answer = answer.unwrap_or_else(|error| format!("{error}"));
            let _ = tell.write_all(answer.as_bytes());
        })?;
        drop(tell);
        while reader.to_read()? == Stop::Read {
            choices[next % choices.len()].map(area)?;
            next += 1;
            steps += 1;
            reader.interrupt()?;
        }
        let mut answer = String::new();
        text.read_to_string(&mut answer)?;
        let answer = Answer::parse(&answer, VMAS)?;
        if !answer.end.get("error").is_empty() {
            return Err(io::Error::other(answer.last));
        }
        for row in &answer.rows {
            let present: u64 = row[4].parse().map_err(io::Error::other)?;
            if present > (KEPT >> 10) as u64 {
                wrong += 1;
                if wrong <= 3 {
                    println!("more than any mapping ever had: {}", row.join(" "));
                }
            }
            cut += usize::from(hex(&row[1])? != (area.start + LEN) as u64);
        }
        rows += answer.rows.len();
    }
    println!("rows={rows} ended_early={cut} steps={steps} wrong={wrong}");
    Ok(wrong == 0)
}
