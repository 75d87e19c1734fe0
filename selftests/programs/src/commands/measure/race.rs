// SPDX-License-Identifier: GPL-2.0

//! How races are run: every variant does its work in turn, and what each took is printed.

use crate::prelude::*;

/// A sample lasts at least that long: what is shorter is repeated. Several times as long as a
/// busy host keeps a processor from the guest.
const SHORTEST: Duration = Duration::from_millis(20);

type Work<'a> = Box<dyn FnMut() -> io::Result<u64> + 'a>;

/// Ways to do the same work, of some size, with their names. Each returns a number that says
/// what was found.
pub struct Race<'a> {
    bench: &'a str,
    x: usize,
    variants: Vec<(&'static str, Work<'a>)>,
}

impl<'a> Race<'a> {
    pub fn new(bench: &'a str, x: usize) -> Self {
        let variants = Vec::new();
        Self { bench, x, variants }
    }

    pub fn add(&mut self, name: &'static str, work: impl FnMut() -> io::Result<u64> + 'a) {
        self.variants.push((name, Box::new(work)));
    }

    /// Times all variants, and prints a line `BENCH,VARIANT,X,ROUND,NANOSECONDS,FOUND` for each
    /// sample.
    ///
    /// The first round is not counted: it warms caches, and finds out how often a variant must
    /// be repeated to be seen.
    pub fn run(mut self, rounds: usize) -> io::Result<()> {
        let mut repeats = Vec::new();
        for (_, work) in &mut self.variants {
            let mut took = time(1, work)?.0;
            if took < SHORTEST {
                took = time(1, work)?.0;
            }
            let repeat = SHORTEST.as_nanos() / took.as_nanos().max(1) + 1;
            repeats.push(u32::try_from(repeat).unwrap_or(1).min(10_000));
        }
        for round in 0..rounds {
            for turn in 0..self.variants.len() {
                let number = (turn + round) % self.variants.len();
                let (name, work) = &mut self.variants[number];
                let (took, found) = time(repeats[number], work)?;
                let nanos = took.as_nanos() / u128::from(repeats[number]);
                println!("{},{name},{},{round},{nanos},{found}", self.bench, self.x);
            }
        }
        Ok(())
    }
}

fn time(repeat: u32, work: &mut dyn FnMut() -> io::Result<u64>) -> io::Result<(Duration, u64)> {
    let mut found = 0;
    let begin = Instant::now();
    for _ in 0..repeat {
        found = work()?;
    }
    Ok((begin.elapsed(), found))
}

pub fn run_command(words: &[&str]) -> io::Result<u64> {
    let mut command = Command::new(words[0]);
    let command = command.args(&words[1..]).stdin(Stdio::null());
    let status = command.stdout(Stdio::null()).status();
    let status = status.map_err(|error| error!("{words:?}: {error}"))?;
    ensure!(status.success(), "{words:?}: {status}");
    Ok(0)
}

/// Runs `client` with these words.
pub fn run_client(words: &[&str]) -> io::Result<u64> {
    run_command(&[&["/proc/self/exe", "client"], words].concat())
}

/// Asks questions whose answers are one line each: the client knows without another read that
/// the last has come. Returns how many there were.
pub fn ask_lines(mut file: &File, mut questions: &[u8], buffer: &mut [u8]) -> io::Result<u64> {
    let (mut asked, mut answered) = (0, 0);
    while !questions.is_empty() {
        // As many as may wait; the rest after their answers.
        let n = file.write(questions)?;
        asked += count_lines(&questions[..n]);
        questions = &questions[n..];
        while answered < asked {
            match file.read(buffer)? {
                0 => bail!("an answer is missing"),
                n => answered += count_lines(&buffer[..n]),
            }
        }
    }
    Ok(answered as u64)
}

/// Asks a question and returns the value of `key=` in the last line. As little as a client can do:
/// that line begins with `# end`, and needs no other read.
pub fn ask_number(mut file: &File, question: &str, key: &str) -> io::Result<u64> {
    file.write_all(question.as_bytes())?;
    let (mut text, mut piece) = (Vec::with_capacity(4096), [0; 4096]);
    loop {
        let n = file.read(&mut piece)?;
        ensure!(n > 0, "an answer ends early");
        text.extend(&piece[..n]);
        let lines = text.strip_suffix(b"\n").unwrap_or_default();
        let last = lines.rsplit(|byte| *byte == b'\n').next();
        if let Some(end) = last.and_then(|line| line.strip_prefix(b"# end ")) {
            let end = std::str::from_utf8(end).map_err(io::Error::other)?;
            let mut words = end.split(' ');
            let value = words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
            return number(value.unwrap_or_default());
        }
    }
}
