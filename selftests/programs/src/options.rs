// SPDX-License-Identifier: GPL-2.0

//! Options of a program's command line, and its exit status.

use std::{collections::BTreeMap, env, io, process::ExitCode};

/// The name of the program that was called, and its words: the first one is its name
/// where the file is called by another.
pub fn args() -> impl Iterator<Item = String> {
    let mut args: Vec<_> = env::args().collect();
    let name = args
        .first()
        .map(|path| path.rsplit('/').next().unwrap_or_default());
    if matches!(name, Some("exe" | "memintro-selftests")) && args.len() > 1 {
        args.remove(0);
    }
    if let Some(first) = args.first_mut() {
        *first = first.rsplit('/').next().unwrap_or_default().to_owned();
    }
    args.into_iter()
}

/// Options, each with a value, and other words.
#[derive(Debug, Default)]
pub struct Options {
    options: BTreeMap<String, String>,
    /// What is no option, in order.
    pub words: Vec<String>,
}

impl Options {
    /// Parses this program's arguments; only the `known` options may occur.
    pub fn parse(known: &[&str]) -> io::Result<Self> {
        let usage = |word: &str| {
            let text = format!("{word}? known options: {}", known.join(" "));
            io::Error::new(io::ErrorKind::InvalidInput, text)
        };
        let mut options = Self::default();
        let mut args = args().skip(1);
        while let Some(arg) = args.next() {
            if !arg.starts_with("--") {
                options.words.push(arg);
                continue;
            }
            if !known.contains(&arg.as_str()) {
                return Err(usage(&arg));
            }
            let value = args.next().ok_or_else(|| usage(&arg))?;
            options.options.insert(arg, value);
        }
        Ok(options)
    }

    /// The value of an option.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// The value of an option that is a number.
    pub fn number(&self, name: &str) -> io::Result<Option<usize>> {
        self.text(name)
            .map(|value| value.parse().map_err(io::Error::other))
            .transpose()
    }
}

/// What `main` of a comparison returns: 0 if `run` said yes, 2 on misuse.
pub fn main(program: &str, run: impl FnOnce() -> io::Result<bool>) -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{program}: {error}");
            match error.kind() {
                io::ErrorKind::InvalidInput => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            }
        }
    }
}
