// SPDX-License-Identifier: GPL-2.0

//! Rounds: every variant once, in turn, so that what else the machine does
//! meanwhile hits all of them alike.

use std::{
    io,
    time::{Duration, Instant},
};

/// A sample lasts at least that long: what is shorter is repeated. Several times
/// as long as a busy host keeps a processor from the guest.
const SHORTEST: Duration = Duration::from_millis(20);

/// One way to do the work, and what it is called. It returns a number that
/// says what was found.
type Variant<'a> = (&'static str, Box<dyn FnMut() -> io::Result<u64> + 'a>);

/// Ways to do the same work.
pub struct Race<'a> {
    bench: &'a str,
    x: usize,
    variants: Vec<Variant<'a>>,
}

impl<'a> Race<'a> {
    /// Begins with no way to do the work of `bench` of size `x`.
    pub fn new(bench: &'a str, x: usize) -> Self {
        let variants = Vec::new();
        Self { bench, x, variants }
    }

    /// Adds a way.
    pub fn add(&mut self, name: &'static str, work: impl FnMut() -> io::Result<u64> + 'a) {
        self.variants.push((name, Box::new(work)));
    }
}

/// What is measured, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// How many samples there are of each variant.
    pub rounds: usize,
}

impl Clock {
    /// Times all variants of a race, and prints a line
    /// `BENCH,VARIANT,X,ROUND,NANOSECONDS,FOUND` for each sample.
    ///
    /// The first round is not counted: it warms caches, and finds out how
    /// often a variant must be repeated to be seen.
    pub fn run(&self, race: Race<'_>) -> io::Result<()> {
        let Race {
            bench,
            x,
            mut variants,
        } = race;
        let mut repeats = Vec::new();
        for (_, work) in &mut variants {
            let mut took = time(1, work)?.0;
            if took < SHORTEST {
                took = time(1, work)?.0;
            }
            let repeat = SHORTEST.as_nanos() / took.as_nanos().max(1) + 1;
            repeats.push(u32::try_from(repeat).unwrap_or(1).min(10_000));
        }
        for round in 0..self.rounds {
            for turn in 0..variants.len() {
                let number = (turn + round) % variants.len();
                let (name, work) = &mut variants[number];
                let (took, found) = time(repeats[number], work)?;
                let nanos = took.as_nanos() / u128::from(repeats[number]);
                println!("{bench},{name},{x},{round},{nanos},{found}");
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
