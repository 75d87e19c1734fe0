// SPDX-License-Identifier: GPL-2.0

//! What nearly every module here uses.

pub use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs::{self, File},
    io::{self, BufRead, Read, Seek, Write},
    os::{
        fd::{AsRawFd, OwnedFd, RawFd},
        unix::fs::FileExt,
    },
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

pub(crate) use crate::{
    answer::{answers, hex, number, parse_hex, Answer, Keys, Line, Table},
    ask::{header, read_all, read_write, Conversation, Range, CONVERSATIONS, PROC, SYSFS, TABLES},
    bail, ensure, error,
    options::{hold, misuse, Options},
    pagemap::{Entry, Pagemap},
    sys::{
        self, check, counters,
        process::{self, Pid},
        Area, PAGE, PAGE_2M, READ_WRITE,
    },
    words,
};

/// Makes an error of a text, as `format!` has it.
#[macro_export]
macro_rules! error {
    ($($text:tt)*) => { ::std::io::Error::other(::std::format!($($text)*)) };
}

#[macro_export]
macro_rules! bail {
    ($($text:tt)*) => { return ::std::result::Result::Err($crate::error!($($text)*)) };
}

#[macro_export]
macro_rules! ensure {
    ($is:expr, $($text:tt)*) => { if !$is { $crate::bail!($($text)*) } };
}

/// An array of literals.
#[macro_export]
macro_rules! words {
    ($($word:literal)+) => { [$($word),+] };
}

/// Counts what must not be, and shows the first ones.
#[derive(Default)]
pub struct Wrong(pub usize);

impl Wrong {
    pub fn tell(&mut self, what: &str) {
        self.0 += 1;
        if self.0 <= 20 {
            println!("wrong: {what:.1000}");
        }
    }
}

/// Shows the first lines of what differs, and counts all.
pub fn show(differences: &[String]) -> usize {
    for line in differences.iter().take(10) {
        println!("{line:.1000}");
    }
    differences.len()
}

pub struct Random(fastrand::Rng);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.usize(..bound)
    }

    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        self.0.shuffle(all);
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A time below so many microseconds.
    pub fn micros(&mut self, bound: usize) -> Duration {
        Duration::from_micros(self.below(bound) as u64)
    }
}

/// Only what hangs takes longer, however busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(300);

pub struct Wait(Instant);

impl Wait {
    pub fn begin() -> Self {
        Self(Instant::now())
    }

    /// Whether what was waited for does not come.
    pub fn is_over(&self) -> bool {
        self.0.elapsed() > PATIENCE
    }
}

/// Waits until something is so, looking every few milliseconds; whether it came.
pub fn comes(mut is_so: impl FnMut() -> bool) -> bool {
    let wait = Wait::begin();
    while !is_so() {
        if wait.is_over() {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}
