// SPDX-License-Identifier: GPL-2.0

//! All programs of the selftests in one: subjects that map every kind of page, and comparisons
//! of memintro's answers with what the kernel itself says. Which of them runs its name says, or
//! its first word.
//!
//! Comparisons show what differs, and end with a line of figures; the exit status is 1 if
//! anything differs, or too little was compared.
//!
//! Nothing here knows how memintro computes an answer: every expected value comes from a file
//! that the project did not write.

use std::process::ExitCode;

use crate::prelude::*;

mod answer;
mod ask;
mod extents;
mod kinds;
mod layout;
mod memory;
mod options;
mod pagemap;
mod prelude;
mod proc;
mod reference;
mod sys;

/// What a program does; `false` is a result that is not what it should be.
type Command = fn(&mut Options) -> io::Result<bool>;

macro_rules! commands {
    ($($file:ident: $($run:ident = $name:literal),+;)*) => {
        mod commands { $(pub mod $file;)* }
        const COMMANDS: &[(&str, Command)] = &[$($(($name, commands::$file::$run)),+),*];
    };
}

// `link` reads this too.
commands! {
    bad_buffer: run = "bad-buffer";
    check_snapshot: run = "check-snapshot";
    compare_extents: run = "compare-extents", runs = "compare-runs";
    compare_layout: run = "compare-layout";
    compare_page: run = "compare-page";
    compare_reference: kernel = "compare-kernel", run = "compare-reference";
    compare_rmap: run = "compare-rmap";
    compare_tables: kstack = "compare-kstack", tasks = "compare-tasks", vm = "compare-vm";
    compare_vmas: run = "compare-vmas";
    compare_walk: run = "compare-walk", million = "walk-million";
    converse: run = "converse", raw_question = "raw-question";
    fail_nth: run = "fail-nth";
    fuzz: run = "fuzz";
    hold_mmap_lock: run = "hold-mmap-lock";
    in_steps: execs = "execs", replaced = "replaced";
    keep: crowd = "crowd", heap = "heap", hog = "hog", lazy = "lazy", spawn = "spawn",
        storm = "storm";
    killed: run = "kill-readers", last_user = "last-user";
    mappings: odd = "odd-maps", pin = "pin", shared = "shared";
    measure: run = "measure";
    stall: run = "stall";
    stress: run = "stress";
    subject: run = "subject", pagemap = "pagemap", ticks = "ticks";
}

/// Runs the program that was called: the exit status is 0 if it said yes, 2 on misuse.
fn main() -> ExitCode {
    let (name, mut options) = Options::of_process();
    let Some((_, run)) = COMMANDS.iter().find(|(command, _)| *command == name) else {
        let names: Vec<_> = COMMANDS.iter().map(|(name, _)| *name).collect();
        eprintln!("{name}? commands: {}", names.join(" "));
        return ExitCode::from(2);
    };
    match run(&mut options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{name}: {error}");
            let misused = error.kind() == io::ErrorKind::InvalidInput && error.get_ref().is_some();
            ExitCode::from(1 + u8::from(misused))
        }
    }
}
