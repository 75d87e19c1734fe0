// SPDX-License-Identifier: GPL-2.0

//! The client's side of a conversation, as plain as a client can be.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
};

/// An open conversation, and room for a read.
pub struct Conversation {
    file: File,
    buffer: Vec<u8>,
}

impl Conversation {
    /// Opens `/proc/memintro/NAME`.
    pub fn open(name: &str) -> io::Result<Self> {
        let path = format!("/proc/memintro/{name}");
        Ok(Self {
            file: OpenOptions::new().read(true).write(true).open(path)?,
            buffer: vec![0; 64 << 10],
        })
    }

    /// Asks questions, which end with newlines, and gives the answers to
    /// `take` as they come.
    pub fn ask(&mut self, mut questions: &[u8], mut take: impl FnMut(&[u8])) -> io::Result<()> {
        while !questions.is_empty() {
            // As many as may wait; the rest after their answers.
            let n = self.file.write(questions)?;
            questions = &questions[n..];
            loop {
                match self.file.read(&mut self.buffer)? {
                    0 => break,
                    n => take(&self.buffer[..n]),
                }
            }
        }
        Ok(())
    }

    /// As `ask`, for answers of one line each: the client knows without
    /// another read that the last has come. Returns how many there were.
    pub fn ask_lines(&mut self, mut questions: &[u8]) -> io::Result<u64> {
        let mut asked = 0;
        let mut answered = 0;
        while !questions.is_empty() {
            let n = self.file.write(questions)?;
            asked += lines(&questions[..n]);
            questions = &questions[n..];
            while answered < asked {
                match self.file.read(&mut self.buffer)? {
                    0 => return Err(io::Error::other("an answer is missing")),
                    n => answered += lines(&self.buffer[..n]),
                }
            }
        }
        Ok(answered)
    }

    /// Asks a question and returns the value of `key=` in the last line.
    pub fn number(&mut self, question: &str, key: &str) -> io::Result<u64> {
        self.file.write_all(question.as_bytes())?;
        loop {
            let n = self.file.read(&mut self.buffer)?;
            let text = &self.buffer[..n];
            if n == 0 {
                return Err(io::Error::other(format!("{question:?}: no last line")));
            }
            // The last line is the only one that begins so.
            let begin = text.iter().rposition(|byte| *byte == b'#');
            if let Some(begin) = begin.filter(|_| text.ends_with(b"\n")) {
                return value(&text[begin..], key);
            }
        }
    }
}

fn lines(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte == b'\n').count() as u64
}

fn value(line: &[u8], key: &str) -> io::Result<u64> {
    String::from_utf8_lossy(line)
        .split_whitespace()
        .filter_map(|word| word.strip_prefix(key)?.strip_prefix('=')?.parse().ok())
        .next_back()
        .ok_or_else(|| io::Error::other(format!("no {key} in the last line")))
}
