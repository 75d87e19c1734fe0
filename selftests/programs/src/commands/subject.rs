// SPDX-License-Identifier: GPL-2.0

//! `subject [KIND...]`: maps pages of each kind (by default of all that the
//! kernel can do), prints `KIND START LENGTH` for each range, then `ready`,
//! and keeps them until the end of standard input.
//!
//! `subject --list` prints the names of the kinds and whether a page stands
//! behind them; `subject --bits` how many bits user addresses have.
//!
//! Exit status 4: a kind asked for by name cannot be made here.

use std::{
    io::{self, Read, Write},
    process::ExitCode,
};

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

pub fn main() -> ExitCode {
    let names: Vec<_> = crate::options::args().skip(1).collect();
    if names == ["--list"] {
        list();
        return ExitCode::SUCCESS;
    }
    if names == ["--bits"] {
        return match Mode::of_this_machine() {
            Ok(mode) => {
                println!("{}", mode.bits);
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("subject: {error}");
                ExitCode::FAILURE
            }
        };
    }
    let wanted: Option<Vec<&Kind>> = if names.is_empty() {
        Some(KINDS.iter().filter(|kind| !kind.on_request).collect())
    } else {
        names.iter().map(|name| kinds::find(name)).collect()
    };
    let Some(wanted) = wanted else {
        eprintln!("subject: no such kind; `subject --list` names all");
        return ExitCode::from(2);
    };

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
                    return ExitCode::from(4);
                }
            }
        }
    }
    println!("{lines}ready");
    if io::stdout().flush().is_err() {
        return ExitCode::FAILURE;
    }
    // Ends with the reader's interest; what comes is of no meaning.
    let _ = io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}
