// SPDX-License-Identifier: GPL-2.0

//! Questions handed on to a file: one, or as many as come in. Answers go out as they
//! are, as soon as they are there.

use std::{
    fs::File,
    io::{self, IsTerminal, Read, Write},
    os::fd::AsFd,
};

use memchr::{memchr, memmem::Finder, memrchr};

use crate::{
    cli::QuestionArgs,
    files::{Conversation, PIECE},
    json, Failure, Result,
};

/// A longer line is no question; what is left of it is still too long.
const TOO_LONG: usize = 512;

/// Asks; false if a question was not answered.
pub fn run(name: &'static str, args: &QuestionArgs) -> Result<bool> {
    let mut conversation = Conversation::open(name)?;
    let mut answers = Answers::new(args.json)?;
    if args.question.is_empty() {
        let mut input = io::stdin().lock();
        if input.is_terminal() {
            eprintln!("memintro: questions for {name}, one a line; Ctrl-D ends it");
        }
        ask_lines(&mut input, |lines| {
            conversation.each(lines, |text| answers.take(text))
        })?;
    } else {
        let question = args.question.join(" ") + "\n";
        conversation.each(question.as_bytes(), |text| answers.take(text))?;
    }
    answers.finish()
}

/// Asks the lines of the input: all that are there, so that many are asked at a time, and
/// one where somebody types.
fn ask_lines(input: &mut impl Read, mut ask: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut piece = vec![0; PIECE];
    // So many bytes at its start are the beginning of a line.
    let mut begun = 0;
    loop {
        let read = match input.read(&mut piece[begun..]) {
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::unanswered(format!("standard input: {error}"))),
        };
        let filled = begun + read;
        if read == 0 {
            // The last line needs no newline.
            if begun > 0 {
                piece[begun] = b'\n';
                ask(&piece[..=begun])?;
            }
            return Ok(());
        }
        let Some(newline) = memrchr(b'\n', &piece[begun..filled]) else {
            begun = filled.min(TOO_LONG);
            continue;
        };
        let whole = begun + newline + 1;
        ask(&piece[..whole])?;
        piece.copy_within(whole..filled, 0);
        begun = filled - whole;
        if begun > TOO_LONG {
            begun = TOO_LONG;
        }
    }
}

/// Where answers go.
struct Answers {
    out: File,
    json: Option<Json>,
    /// The beginning of a line whose rest is still to come.
    begun: Vec<u8>,
    error: Finder<'static>,
    refused: bool,
}

/// Answers as JSON.
#[derive(Default)]
struct Json {
    columns: Vec<String>,
    buffer: Vec<u8>,
}

impl Answers {
    fn new(json: bool) -> Result<Self> {
        // Not through the library's buffer, which looks for lines.
        let out = io::stdout().as_fd().try_clone_to_owned();
        Ok(Self {
            out: out.map_err(Failure::of_output)?.into(),
            json: json.then(Json::default),
            begun: Vec::new(),
            error: Finder::new(" error="),
            refused: false,
        })
    }

    fn take(&mut self, text: &[u8]) -> Result<()> {
        if self.json.is_none() {
            self.out.write_all(text).map_err(Failure::of_output)?;
        }
        let Some(last) = memrchr(b'\n', text) else {
            self.begun.extend_from_slice(text);
            return Ok(());
        };
        let (mut lines, rest) = text.split_at(last + 1);
        if !self.begun.is_empty() {
            let first = memchr(b'\n', lines).map_or(0, |newline| newline + 1);
            let mut line = std::mem::take(&mut self.begun);
            line.extend_from_slice(&lines[..first]);
            self.look_at(&line)?;
            lines = &lines[first..];
        }
        self.look_at(lines)?;
        self.begun.extend_from_slice(rest);
        Ok(())
    }

    /// Looks at whole lines: is one an error?
    fn look_at(&mut self, lines: &[u8]) -> Result<()> {
        if !self.refused {
            let mut found = self.error.find_iter(lines);
            self.refused = found.any(|at| {
                let start = memrchr(b'\n', &lines[..at]).map_or(0, |newline| newline + 1);
                // A row may hold a name that looks like it.
                lines[start..].starts_with(b"pid=") || lines[start..].starts_with(b"# end ")
            });
        }
        let Some(json) = &mut self.json else {
            return Ok(());
        };
        json.buffer.clear();
        let text = std::str::from_utf8(lines);
        for line in text.map_err(|_| Failure::unanswered("not a text"))?.lines() {
            json::line(&mut json.buffer, &mut json.columns, line)?;
        }
        self.out.write_all(&json.buffer).map_err(Failure::of_output)
    }

    fn finish(self) -> Result<bool> {
        Ok(!self.refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives what it has in pieces.
    struct Pieces<'a>(Vec<&'a [u8]>);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(piece) = self.0.first_mut() else {
                return Ok(0);
            };
            let n = piece.len().min(buffer.len());
            buffer[..n].copy_from_slice(&piece[..n]);
            *piece = &piece[n..];
            if piece.is_empty() {
                self.0.remove(0);
            }
            Ok(n)
        }
    }

    fn asked(pieces: &[&[u8]]) -> Vec<String> {
        let mut all = Vec::new();
        ask_lines(&mut Pieces(pieces.to_vec()), |lines| {
            all.push(String::from_utf8(lines.to_vec()).unwrap());
            Ok(())
        })
        .unwrap();
        all
    }

    #[test]
    fn whole_lines_are_asked_as_they_come() {
        assert_eq!(asked(&[b"1 0x1\n", b"2 0x2\n"]), ["1 0x1\n", "2 0x2\n"]);
        assert_eq!(
            asked(&[b"1 0x1\n2 ", b"0x", b"2\n"]),
            ["1 0x1\n", "2 0x2\n"]
        );
        assert_eq!(asked(&[b"1 0x1\n2 0x2"]), ["1 0x1\n", "2 0x2\n"]);
        assert!(asked(&[]).is_empty());
    }

    #[test]
    fn a_long_line_stays_one_and_too_long() {
        let long = vec![b'1'; 3 * PIECE];
        let all = asked(&[&long, b"\n2 0x2\n"]);
        assert_eq!(all.len(), 1);
        let lines: Vec<_> = all[0].lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].len() > 256 && lines[1] == "2 0x2");
        let all = asked(&[
            &[b"2 0x2\n".as_slice(), &long[..PIECE / 2]].concat(),
            b"3\n",
        ]);
        assert_eq!(all.len(), 2);
        assert!(all[1].len() > 256 && all[1].ends_with("3\n"));
    }

    #[test]
    fn only_answers_are_errors() {
        for (pieces, refused) in [
            (
                vec!["pid=1 va=0x1 pa=none error=ESRCH why=no-process\n"],
                true,
            ),
            (
                vec!["pid=1 va=0x1 pa=no", "ne error=ESRCH why=no-process\n"],
                true,
            ),
            (
                vec![
                    "pid=1 va=0x1 pa=0x2\n# end p",
                    "id=1 err",
                    "or=ESRCH why=x\n",
                ],
                true,
            ),
            (
                vec!["119 0x1000 4K r-xu error=x\n# end pa=0x1 rows=1\n"],
                false,
            ),
            (
                vec!["119 0x1000 4K r-xu", " error=x\n# end pa=0x1 rows=1\n"],
                false,
            ),
        ] {
            let mut answers = Answers {
                out: File::create("/dev/null").unwrap(),
                json: None,
                begun: Vec::new(),
                error: Finder::new(" error="),
                refused: false,
            };
            for piece in &pieces {
                answers.take(piece.as_bytes()).unwrap();
            }
            assert_eq!(answers.finish().unwrap(), !refused, "{pieces:?}");
        }
    }
}
