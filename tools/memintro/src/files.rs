// SPDX-License-Identifier: GPL-2.0

//! The module's files: opened, read, asked.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use crate::{Failure, Result};

const FOLDER: &str = "/proc/memintro";
/// As much as a conversation takes at once, and gives at once.
pub const PIECE: usize = 64 << 10;

/// Why a file cannot be used, and what to do.
fn refused(name: &str, error: &io::Error) -> Failure {
    let path = format!("{FOLDER}/{name}");
    if !Path::new(FOLDER).is_dir() {
        return Failure::unanswered(
            "the module is not loaded; type: sudo modprobe memintro (memintro doctor says what is missing)",
        );
    }
    match error.kind() {
        io::ErrorKind::NotFound => {
            Failure::unanswered(format!("this version of the module has no {name}"))
        }
        io::ErrorKind::PermissionDenied if !rustix::process::geteuid().is_root() => {
            Failure::unanswered(format!("only root may ask; type: sudo memintro {name} ..."))
        }
        io::ErrorKind::PermissionDenied => Failure::unanswered(format!(
            "the kernel refuses {path} to this process; it lacks a capability, or the kernel is \
             locked down (memintro doctor says which)"
        )),
        _ => Failure::unanswered(format!("{path}: {error}")),
    }
}

/// A whole table.
pub fn table(name: &str) -> Result<String> {
    fs::read_to_string(Path::new(FOLDER).join(name)).map_err(|error| refused(name, &error))
}

/// An open conversation.
pub struct Conversation {
    file: File,
    name: &'static str,
    buffer: Vec<u8>,
}

impl Conversation {
    /// Opens one of the files that take questions.
    pub fn open(name: &'static str) -> Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(Path::new(FOLDER).join(name))
            .map_err(|error| refused(name, &error))?;
        Ok(Self {
            file,
            name,
            buffer: vec![0; PIECE],
        })
    }

    /// Asks lines, each with its newline, and gives the answers to `take` as they come.
    pub fn each(
        &mut self,
        mut lines: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        while !lines.is_empty() {
            // As many as may wait; the rest after their answers.
            let taken = retry(|| self.file.write(lines)).map_err(|e| refused(self.name, &e))?;
            lines = &lines[taken..];
            loop {
                let read = retry(|| self.file.read(&mut self.buffer));
                match read.map_err(|error| refused(self.name, &error))? {
                    0 => break,
                    n => take(&self.buffer[..n])?,
                }
            }
        }
        Ok(())
    }

    /// Asks lines, and gives the answers as one text.
    pub fn ask(&mut self, question: &str) -> Result<String> {
        let mut answer = Vec::new();
        let question = format!("{question}\n");
        self.each(question.as_bytes(), |text| {
            answer.extend_from_slice(text);
            Ok(())
        })?;
        String::from_utf8(answer)
            .map_err(|_| Failure::unanswered(format!("{FOLDER}/{}: not a text", self.name)))
    }
}

/// Once more where a signal came.
fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            result => return result,
        }
    }
}
