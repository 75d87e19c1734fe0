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

use pico_args::{Arguments, Error};
use std::{process::ExitCode, str::FromStr};

use crate::prelude::*;

mod answer;
mod ask;
mod extents;
mod kinds;
mod layout;
mod memory;
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
    in_steps: execs = "execs", moving = "moving", replaced = "replaced";
    keep: crowd = "crowd", heap = "heap", hog = "hog", lazy = "lazy", spawn = "spawn";
    killed: run = "kill-readers", last_user = "last-user";
    mappings: odd = "odd-maps", pin = "pin", shared = "shared";
    measure: client = "client", run = "measure";
    stall: run = "stall";
    stress: run = "stress";
    subject: run = "subject", pagemap = "pagemap", ticks = "ticks";
}

fn main() -> ExitCode {
    let (name, mut options) = Options::of_process();
    let Some((_, run)) = COMMANDS.iter().find(|(command, _)| *command == name) else {
        eprintln!(
            "{name}? commands: {}",
            COMMANDS.iter().map(|(name, _)| name).join(" ")
        );
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

/// Options and other words; what is taken is gone.
pub struct Options(Arguments);

pub fn misuse(why: impl Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why.to_string())
}

impl Options {
    /// The program that was called, and its words: the first one is its name where the file is
    /// called by another.
    pub fn of_process() -> (String, Self) {
        let mut args: Vec<_> = std::env::args_os().collect();
        let last = |path: &std::ffi::OsString| {
            let name = Path::new(path).file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        };
        let mut name = args.first().map_or_else(String::new, last);
        args.drain(..args.len().min(1));
        if ["exe", "memintro-selftests"].contains(&&*name) && !args.is_empty() {
            name = last(&args.remove(0));
        }
        (name, Self(Arguments::from_vec(args)))
    }

    pub fn flag(&mut self, name: &'static str) -> bool {
        self.0.contains(name)
    }

    pub fn get<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> io::Result<Option<T>> {
        self.0.opt_value_from_str(name).map_err(misuse)
    }

    pub fn or<T: FromStr<Err: Display>>(&mut self, name: &'static str, other: T) -> io::Result<T> {
        Ok(self.get(name)?.unwrap_or(other))
    }

    /// The next word, once no option is left before it.
    pub fn word<T: FromStr<Err: Display>>(&mut self) -> io::Result<T> {
        self.0.free_from_str().map_err(misuse)
    }

    /// All other words, none of which may be an option.
    pub fn words(&mut self) -> io::Result<Vec<String>> {
        let mut words = Vec::new();
        loop {
            match self.0.free_from_str::<String>() {
                Ok(word) if word.starts_with("--") => return Err(misuse(format!("{word}?"))),
                Ok(word) => words.push(word),
                Err(Error::MissingArgument) => return Ok(words),
                Err(error) => return Err(misuse(error)),
            }
        }
    }

    pub fn end(&mut self) -> io::Result<()> {
        match self.words()?.first() {
            Some(word) => Err(misuse(format!("{word}?"))),
            None => Ok(()),
        }
    }
}

pub fn hold(lines: &str) -> io::Result<bool> {
    println!("{lines}ready");
    io::stdout().flush()?;
    // Ends with the reader's interest; what comes is of no meaning.
    let _ = io::stdin().read_to_end(&mut Vec::new());
    Ok(true)
}
