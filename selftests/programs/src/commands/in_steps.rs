// SPDX-License-Identifier: GPL-2.0

//! What a process does while somebody asks about it, a step of the answer at a time.
//!
//! `execs once|always [--steps N]`: whether `rmap` knows of a process that executes a program
//! while it is looked for, and that maps a page before and after. The process executes this
//! program again and again; the page is one of its own code. It does so
//! - `once` in each answer, after the first step, then after the second, and so on until an
//!   answer has no more steps, or for N: it must have a row in every answer;
//! - `always`: after each of N steps: it has a row, or is counted in `busy=`.
//!
//! To be called in a PID namespace of its own, where these steps are about it.
//!
//! `replaced [--rows N]`: whether a row of `vmas` is about one mapping, where another one comes
//! in its place while it is counted. A process asks about this one, and after each step this
//! one maps another file, or another part of the same file, in place of the first, which has
//! the same address, size and permissions. No file ever has more than 64 KiB, and each has them
//! somewhere else. Prints how often a row ended where the mapping was replaced.

use std::{
    env,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

use crate::{
    ask::{RMAP, VMAS},
    prelude::*,
    sys::{steps::Steps, PAGE_HUGE},
};

/// The process: it says where the page is, waits for a byte, and executes itself.
fn subject() -> io::Result<bool> {
    println!("{:#x}", subject as fn() -> io::Result<bool> as usize);
    io::stdout().flush()?;
    io::stdin().read_exact(&mut [0])?;
    Err(command()?.exec())
}

fn command() -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["execs", "subject"]);
    Ok(command)
}

struct Subject(Child);

impl Subject {
    fn start() -> io::Result<Self> {
        let mut command = command()?;
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().map(Self)
    }

    /// Waits until it runs its program, and returns where its page is.
    fn wait(&mut self) -> io::Result<usize> {
        let tell = self.0.stdout.as_mut().ok_or_else(|| error!("no pipe"))?;
        let mut line = String::new();
        while !line.ends_with('\n') {
            let mut byte = [0];
            tell.read_exact(&mut byte)?;
            line.push(char::from(byte[0]));
        }
        Ok(parse_hex(line.trim())? as usize)
    }

    /// Asks once who maps the page. Of so many steps the process executes its program after
    /// those that `at` names; what follows is one step. Returns whether it has a row, how many
    /// processes were busy, and how often the program was executed.
    fn asked(
        &mut self,
        pa: u64,
        count: usize,
        at: impl Fn(usize) -> bool,
    ) -> io::Result<(bool, u64, usize)> {
        let mut times = 0;
        let answer = Steps::ask("rmap", &format!("{pa:#x}"), |step| {
            if step < count && at(step) {
                let ask = self.0.stdin.as_mut();
                ask.ok_or_else(|| error!("no pipe"))?.write_all(b"x")?;
                self.wait()?;
                times += 1;
            }
            Ok(step < count)
        })?;
        let answer = Answer::parse(&answer, RMAP)?;
        let pid = self.0.id().to_string();
        let listed = answer.rows.iter().any(|row| row[0] == pid);
        // Not every version says it.
        let busy = answer.end.number("busy").unwrap_or(0);
        Ok((listed, busy, times))
    }
}

pub fn execs(options: &mut Options) -> io::Result<bool> {
    let steps = options.or("--steps", 60)?;
    let what: String = options.word()?;
    options.end()?;
    let always = match what.as_str() {
        "once" => false,
        "always" => true,
        "subject" => return subject(),
        _ => return Err(misuse("once or always")),
    };
    // They take turns, and no wake-up has to reach another processor.
    process::run_on(0)?;
    let mut subject = Subject::start()?;
    let va = subject.wait()?;
    let entry = Pagemap::open(subject.0.id())?.entry(va)?;
    let pa = entry.frame().ok_or_else(|| error!("no page"))? << 12;
    let (listed, ..) = subject.asked(pa, 0, |_| false)?;
    ensure!(listed, "a process that rests has no row");
    let (mut lost, mut executed) = (0, 0);
    for number in 0..if always { 1 } else { steps } {
        let (listed, busy, times) = match always {
            true => subject.asked(pa, steps, |_| true)?,
            false => subject.asked(pa, number + 1, |step| step == number)?,
        };
        if !listed && (!always || busy == 0) {
            lost += 1;
            println!("lost: answer {number}, busy={busy}");
        }
        executed += times;
        if times == 0 {
            break;
        }
    }
    println!("executed={executed} lost={lost}");
    subject.0.kill()?;
    subject.0.wait()?;
    Ok(lost == 0 && executed > 0)
}

const KEPT: usize = 64 << 10;
/// Tables that the mapping spans: as many steps has an answer.
const TABLES: usize = 8;
const LEN: usize = TABLES * PAGE_HUGE;

/// A file that has 64 KiB, in the table of this number, if mapped from the start.
fn file(table: usize) -> io::Result<File> {
    let file = sys::memfd(c"replaced", 0, 2 * LEN)?;
    let offset = (table * PAGE_HUGE) as u64;
    let area = Area::of_file_at(0, &file, offset, KEPT, READ_WRITE, libc::MAP_SHARED)?;
    area.write();
    area.unmap()?;
    Ok(file)
}

pub fn replaced(options: &mut Options) -> io::Result<bool> {
    let wanted = options.or("--rows", 1000)?;
    options.end()?;
    process::run_on(0)?;
    // One file in several places, and several files: the file, and the offset.
    let one = file(TABLES - 1)?;
    let others = (0..TABLES).map(file).collect::<io::Result<Vec<_>>>()?;
    let shifted = |table| (&one, (TABLES - 1 - table) * PAGE_HUGE);
    let other = |table: usize| (&others[table], 0);

    let area = Area::aligned(LEN, PAGE_HUGE)?;
    let question = format!("{} {:#x}-{:#x}", std::process::id(), area.start, area.end());
    let (mut rows, mut cut, mut wrong, mut steps) = (0, 0, 0, 0);
    for round in 0.. {
        if rows >= wanted {
            break;
        }
        // By turns; each one's pages are a table after the last one's, as is what the next step
        // looks at. The first step finds pages at another one each time.
        let answer = Steps::ask("vmas", &question, |step| {
            let table = (round / 2 + step) % TABLES;
            let (file, offset) = [shifted(table), other(table)][round % 2];
            area.replace(file, offset as u64, libc::PROT_READ, libc::MAP_SHARED)?;
            area.part(table * PAGE_HUGE, KEPT).read();
            steps += 1;
            Ok(true)
        })?;
        let answer = Answer::given(&answer, VMAS)?;
        for row in &answer.rows {
            if number(&row[4])? > (KEPT >> 10) as u64 {
                wrong += 1;
                println!("more than any mapping ever had: {}", row.join(" "));
            }
            cut += usize::from(hex(&row[1])? != area.end() as u64);
        }
        rows += answer.rows.len();
    }
    println!("rows={rows} ended_early={cut} steps={steps} wrong={wrong}");
    Ok(wrong == 0)
}
