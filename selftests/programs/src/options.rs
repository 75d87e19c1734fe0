// SPDX-License-Identifier: GPL-2.0

//! Options of a program's command line, and what programs say that keep something.

use std::{fmt::Display, str::FromStr};

use pico_args::{Arguments, Error};

use crate::prelude::*;

/// Options and other words; what is taken is gone.
pub struct Options(Arguments);

/// What is wrong with the words of a command: its exit status is 2.
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

/// Prints what was made, and `ready`; returns at the end of standard input.
pub fn hold(lines: &str) -> io::Result<bool> {
    println!("{lines}ready");
    io::stdout().flush()?;
    // Ends with the reader's interest; what comes is of no meaning.
    let _ = io::stdin().read_to_end(&mut Vec::new());
    Ok(true)
}
