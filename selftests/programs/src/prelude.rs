// SPDX-License-Identifier: GPL-2.0

//! What nearly every module here uses.

pub use fastrand::Rng as Random;
pub use itertools::Itertools;
pub use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    env,
    ffi::{CStr, CString},
    fmt::{Debug, Display},
    fs::{self, File},
    io::{self, BufRead, BufReader, Lines, Read, Seek, SeekFrom, Write},
    ops::RangeInclusive,
    os::{
        fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd},
        unix::{fs::FileExt, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{id, Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        atomic::{AtomicI32, AtomicU64, Ordering},
        LazyLock,
    },
    thread,
    time::{Duration, Instant},
};

pub(crate) use crate::{
    answer::*,
    ask::*,
    bail, ensure, error,
    extents::{Extents, Row},
    hold,
    layout::{
        self, next_table, size_of, LevelCheck, Mode, BITS, LEVELS, ORDINARY, RUN, RUN_HUGE, SIZES,
    },
    memory::*,
    misuse, must,
    pagemap::*,
    proc::*,
    reference::*,
    sys::{
        self,
        process::{self, Pid},
        raw::{self, Edge, Trap, Uffd, NOWHERE},
        *,
    },
    words, Options,
};

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

#[macro_export]
macro_rules! words {
    ($($word:literal)+) => { [$($word),+] };
}

/// Takes down what is wrong.
pub trait Keep {
    fn tell(&mut self, what: String);

    fn unless(&mut self, is_so: bool, what: String) {
        if !is_so {
            self.tell(what);
        }
    }
}

impl Keep for Vec<String> {
    fn tell(&mut self, what: String) {
        self.push(what);
    }
}

/// Counts what is wrong, and shows the first of it.
#[derive(Default)]
pub struct Wrong(pub usize);

impl Keep for Wrong {
    fn tell(&mut self, what: String) {
        self.0 += 1;
        if self.0 <= 20 {
            println!("wrong: {what:.1000}");
        }
    }
}

/// Takes down a text, written as for `format!`, unless something is so.
#[macro_export]
macro_rules! must {
    ($wrong:expr, $is_so:expr, $($text:tt)*) => {
        if !$is_so {
            $wrong.tell(::std::format!($($text)*));
        }
    };
}

/// Shows the first lines of what differs, and counts all.
pub fn show(differences: &[String]) -> usize {
    for line in differences.iter().take(10) {
        println!("{line:.1000}");
    }
    differences.len()
}

pub trait RandomExt {
    fn pick<T: Copy>(&mut self, from: &[T]) -> T;
    fn micros(&mut self, bound: u64) -> Duration;
}

impl RandomExt for Random {
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.usize(..from.len())]
    }

    fn micros(&mut self, bound: u64) -> Duration {
        Duration::from_micros(self.u64(..bound))
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
