// SPDX-License-Identifier: GPL-2.0

//! `execs once|always [--steps N]`: whether `rmap` knows of a process that executes a
//! program while it is looked for, and that maps a page before and after.
//!
//! The process executes this program again and again; the page is one of its own code. A
//! reader asks who maps it, a step at a time.
//!
//! - `once`: it executes the program once in each answer, after the first step, then after
//!   the second, and so on for N steps: it must have a row in every answer;
//! - `always`: after each of N steps: it has a row, or is counted in `busy=`.
//!
//! To be called in a PID namespace of its own, where these steps are about it.

use std::{
    env,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::{
    ask::RMAP,
    prelude::*,
    sys::steps::{Steps, Stop},
};

/// The process: it says where the page is, waits for a byte, and executes itself.
fn subject() -> io::Result<()> {
    println!("{:#x}", subject as fn() -> io::Result<()> as usize);
    io::stdout().flush()?;
    io::stdin().read_exact(&mut [0])?;
    process::execute_self()
}

struct Subject {
    child: Child,
    ask: ChildStdin,
    tell: ChildStdout,
}

impl Subject {
    fn start() -> io::Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .args(["execs", "subject"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let none = || io::Error::other("no pipe");
        let ask = child.stdin.take().ok_or_else(none)?;
        let tell = child.stdout.take().ok_or_else(none)?;
        Ok(Self { child, ask, tell })
    }

    /// Waits until it runs its program, and returns where its page is.
    fn wait(&mut self) -> io::Result<usize> {
        let mut line = Vec::new();
        let mut byte = [0];
        while byte != *b"\n" {
            self.tell.read_exact(&mut byte)?;
            line.push(byte[0]);
        }
        let line = String::from_utf8(line).map_err(io::Error::other)?;
        Ok(parse_hex(line.trim())? as usize)
    }

    /// Has it execute its program once more.
    fn execute(&mut self) -> io::Result<()> {
        self.ask.write_all(b"x")?;
        self.wait().map(drop)
    }
}

/// Asks once. Of so many steps the process executes its program after those that `at`
/// names; what follows is one step. Returns whether it has a row, and how many processes
/// were busy.
fn answer(
    subject: &mut Subject,
    pa: u64,
    count: usize,
    at: impl Fn(usize) -> bool,
) -> io::Result<(bool, u64)> {
    let (mut text, mut tell) = sys::pipe()?;
    let mut reader = Steps::start(|| {
        let answer = Conversation::open(format!("{PROC}/rmap"))
            .and_then(|mut rmap| rmap.ask(&format!("{pa:#x}")));
        let answer = answer.unwrap_or_else(|error| format!("{error}"));
        let _ = tell.write_all(answer.as_bytes());
    })?;
    drop(tell);
    let mut steps = 0;
    while reader.to_read()? == Stop::Read {
        if steps < count {
            if at(steps) {
                subject.execute()?;
            }
            reader.interrupt()?;
        }
        steps += 1;
    }
    let mut answer = String::new();
    text.read_to_string(&mut answer)?;
    let answer = Answer::parse(&answer, RMAP)?;
    let pid = subject.child.id().to_string();
    let listed = answer.rows.iter().any(|row| row[0] == pid);
    // Not every version says it.
    let busy = answer.end.number("busy").unwrap_or(0);
    Ok((listed, busy))
}

fn all(always: bool, steps: usize) -> io::Result<bool> {
    let mut subject = Subject::start()?;
    let va = subject.wait()?;
    let pid = subject.child.id();
    let entry = Pagemap::open(&pid.to_string())?.entry(va)?;
    let frame = entry.frame().ok_or_else(|| io::Error::other("no page"))?;
    let pa = frame << 12;
    let (listed, _) = answer(&mut subject, pa, 0, |_| false)?;
    ensure!(listed, "a process that rests has no row");
    let mut lost = 0;
    for number in 0..steps {
        let (listed, busy) = match always {
            true => answer(&mut subject, pa, steps, |_| true)?,
            false => answer(&mut subject, pa, number + 1, |step| step == number)?,
        };
        if !listed && (!always || busy == 0) {
            lost += 1;
            if lost <= 3 {
                println!("lost: answer {number}, busy={busy}");
            }
        }
        if always {
            break;
        }
    }
    println!("steps={steps} lost={lost}");
    subject.child.kill()?;
    subject.child.wait()?;
    Ok(lost == 0)
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let steps = options.or("--steps", 60)?;
    let what: String = options.word()?;
    options.end()?;
    match what.as_str() {
        "once" => all(false, steps),
        "always" => all(true, steps),
        "subject" => subject().map(|()| true),
        _ => Err(misuse("once or always")),
    }
}
