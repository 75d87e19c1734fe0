// SPDX-License-Identifier: GPL-2.0

//! Allocations of the kernel, and copies to and from user memory, that fail on
//! purpose, one at a time.
//!
//! Documentation/fault-injection/fault-injection.rst.

use std::{io::SeekFrom, os::unix::fs::OpenOptionsExt};

use crate::prelude::*;

/// The injected failures of a run.
pub struct Faults {
    nth: File,
    log: File,
    /// The functions of the module where they hit, and how often.
    pub sites: BTreeMap<String, usize>,
    /// How many allocations failed.
    pub faults: usize,
    /// How often something was tried.
    pub passes: usize,
    /// How often something went wrong.
    pub wrong: usize,
}

/// What a pass did, and whether something failed in it.
pub struct Pass<T> {
    /// Its result.
    pub result: io::Result<T>,
    /// Whether an allocation failed.
    pub injected: bool,
    /// Whether that was in the module.
    pub inside: bool,
    /// How many allocations were left to the one that should fail.
    pub left: u64,
}

impl Faults {
    /// Has allocations of all kinds fail where they are told to.
    pub fn new() -> io::Result<Self> {
        for (folder, files) in [
            ("failslab", &["ignore-gfp-wait"][..]),
            (
                "fail_page_alloc",
                &["ignore-gfp-wait", "ignore-gfp-highmem"],
            ),
        ] {
            let folder = format!("/sys/kernel/debug/{folder}");
            for file in files {
                fs::write(format!("{folder}/{file}"), "N")?;
            }
            fs::write(format!("{folder}/verbose"), "2")?;
        }
        fs::write("/sys/kernel/debug/fail_page_alloc/min-order", "0")?;
        let mut log = OpenOptions::new();
        let mut log = log
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/kmsg")?;
        log.seek(SeekFrom::End(0))?;
        Ok(Self {
            nth: OpenOptions::new()
                .read(true)
                .write(true)
                .open("/proc/self/fail-nth")?,
            log,
            sites: BTreeMap::new(),
            faults: 0,
            passes: 0,
            wrong: 0,
        })
    }

    /// Reports what must not be.
    pub fn wrong(&mut self, what: &str) {
        self.wrong += 1;
        if self.wrong <= 20 {
            println!("wrong: {what}");
        }
    }

    /// The functions of the module in the traces since the last call.
    fn trace(&mut self) -> Option<String> {
        let mut frames = Vec::new();
        let mut record = [0; 8192];
        // Too late for some records is an error, too, and then come others.
        for _ in 0..10_000 {
            let n = match self.log.read(&mut record) {
                Ok(n) => n,
                Err(error) if error.raw_os_error() == Some(libc::EPIPE) => continue,
                Err(_) => break,
            };
            let text = String::from_utf8_lossy(&record[..n]);
            let line = text.lines().next().unwrap_or("");
            let message = line
                .split_once(';')
                .map_or("", |(_, message)| message)
                .trim();
            if let Some(frame) = message.strip_suffix(" [memintro]") {
                if !frame.starts_with('?') {
                    frames.push(frame.to_owned());
                }
            }
        }
        // A function may be the place of several: its caller tells them apart.
        frames.truncate(2);
        (!frames.is_empty()).then(|| frames.join(" < "))
    }

    /// Does something, in which the n-th allocation fails.
    pub fn pass<T>(&mut self, n: u64, act: impl FnOnce() -> io::Result<T>) -> io::Result<Pass<T>> {
        self.passes += 1;
        let mut text = [0; 16];
        self.nth.write_all_at(n.to_string().as_bytes(), 0)?;
        let result = act();
        // These copy, too, and may be what fails: then the act was over before.
        let left = match self.nth.read_at(&mut text, 0) {
            Ok(len) => {
                let left = String::from_utf8_lossy(&text[..len]);
                left.trim().parse().map_err(io::Error::other)?
            }
            Err(error) if error.raw_os_error() == Some(libc::EFAULT) => 1,
            Err(error) => return Err(error),
        };
        match self.nth.write_all_at(b"0", 0) {
            Err(error) if error.raw_os_error() == Some(libc::EFAULT) => {}
            result => result?,
        }
        let site = self.trace();
        self.faults += usize::from(left == 0);
        let inside = site.is_some();
        if let Some(site) = site {
            *self.sites.entry(site).or_default() += 1;
        }
        Ok(Pass {
            result,
            injected: left == 0,
            inside,
            left,
        })
    }

    /// Checks that what failed did so for want of memory, or for a copy that failed.
    pub fn check<T>(&mut self, what: &str, n: u64, pass: &Pass<T>) {
        if let Err(error) = &pass.result {
            let expected = [Some(libc::ENOMEM), Some(libc::EFAULT)];
            if !pass.injected || !expected.contains(&error.raw_os_error()) {
                self.wrong(&format!("{what}: allocation {n}: {error}"));
            }
        }
    }

    /// Steps through all allocations of an open.
    pub fn open<B>(&mut self, name: &str, open: impl Fn() -> io::Result<B>) -> io::Result<()> {
        let what = format!("{name}: open");
        self.step(&what, || Ok(()), |()| open(), |(), _| Ok(vec![]))
    }

    /// Steps through all allocations of something; `prepare` and `finish` make
    /// none fail. `finish` gets what was done, and gives all that came of it.
    pub fn step<A, B>(
        &mut self,
        what: &str,
        prepare: impl Fn() -> io::Result<A>,
        act: impl Fn(&mut A) -> io::Result<B>,
        finish: impl Fn(A, Option<B>) -> io::Result<Vec<u8>>,
    ) -> io::Result<()> {
        let mut object = prepare()?;
        let done = act(&mut object)?;
        let expected = finish(object, Some(done))?;
        for n in 1.. {
            let mut object = prepare()?;
            let pass = self.pass(n, || act(&mut object))?;
            self.check(what, n, &pass);
            let injected = pass.injected;
            let got = finish(object, pass.result.ok())?;
            if got != expected {
                self.wrong(&format!(
                    "{what}: allocation {n}: {} bytes where {} were expected: {}",
                    got.len(),
                    expected.len(),
                    difference(&got, &expected)
                ));
            }
            if !injected {
                println!("{what}: {} allocations", n - 1);
                break;
            }
        }
        Ok(())
    }
}

/// The first line that differs, of both.
fn difference(got: &[u8], expected: &[u8]) -> String {
    let lines = |text: &[u8]| -> Vec<String> {
        let lines = text.split(|&byte| byte == b'\n');
        lines
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .chain([String::new()])
            .collect()
    };
    let (got, expected) = (lines(got), lines(expected));
    let pair = got.iter().zip(&expected).find(|(a, b)| a != b);
    pair.map_or_else(String::new, |(got, expected)| {
        format!("{got:?} is not {expected:?}")
    })
}
