// SPDX-License-Identifier: GPL-2.0

//! `subject [KIND...]`: maps pages of each kind (by default of all that the
//! kernel can do), prints `KIND START LENGTH` for each range, then `ready`,
//! and keeps them until the end of standard input.
//!
//! `subject --list` prints the names of the kinds and whether a page stands
//! behind them; `subject --bits` how many bits user addresses have.
//!
//! Exit status 4: a kind asked for by name cannot be made here.

use crate::prelude::*;
use crate::{
    kinds::{self, Expect, Kind, KINDS},
    layout::Mode,
};

fn list() {
    for kind in KINDS {
        let expect = match kind.expect {
            Expect::Frame => "page",
            Expect::AsPagemap | Expect::Unknown => "mixed",
            Expect::Physical(_) => "page",
            Expect::Word(word) => word,
        };
        println!("{} {expect}", kind.name);
    }
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    if options.flag("--list") {
        list();
        return Ok(true);
    }
    if options.flag("--bits") {
        println!("{}", Mode::of_this_machine()?.bits);
        return Ok(true);
    }
    let names = options.words()?;
    let wanted: Option<Vec<&Kind>> = if names.is_empty() {
        Some(KINDS.iter().filter(|kind| !kind.on_request).collect())
    } else {
        names.iter().map(|name| kinds::find(name)).collect()
    };
    let wanted = wanted.ok_or_else(|| misuse("no such kind; `subject --list` names all"))?;

    // The lines are printed at the end: printing uses memory, and so could
    // move what they speak of.
    let mut lines = String::new();
    for kind in wanted {
        match kind.make() {
            Ok(areas) => {
                for area in areas {
                    lines += &format!("{} {:#x} {:#x}\n", kind.name, area.start, area.len);
                }
            }
            Err(error) => {
                eprintln!("subject: no {} here: {error}", kind.name);
                if !names.is_empty() {
                    std::process::exit(4);
                }
            }
        }
    }
    hold(&lines)
}
