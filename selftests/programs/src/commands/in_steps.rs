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
//! `moving [--answers N]`: what holds of `vmas` where mappings come, go, split and merge within
//! the answer. A process asks about this one, which after each step changes some of its own:
//! rows ascend, do not overlap, and add up to the last line. Half of N answers must differ.
//!
//! `replaced [--rows N]`: whether a row of `vmas` is about one mapping, where another one comes
//! in its place while it is counted. A process asks about this one, and after each step this
//! one maps another file, or another part of the same file, in place of the first, which has
//! the same address, size and permissions. No file ever has more than 64 KiB, and each has them
//! somewhere else. Prints how often a row ended where the mapping was replaced.

use nix::sys::{
    ptrace::{self, Options as Trace},
    signal::{self, Signal},
    wait::{waitpid, WaitStatus},
};

use super::compare_vmas;
use crate::prelude::*;

/// A process whose read(2) calls are interrupted by a signal that came before they began: of a
/// long answer each call makes one step, whatever the machine's speed.
///
/// The process is traced. It stops where it enters the call; there the signal is sent, and
/// where it would be handled the tracer takes it away: the kernel then repeats the call, and
/// the process never learns of it.
struct Steps {
    pid: nix::unistd::Pid,
    /// Whether the next stop is the end of a call.
    inside: bool,
}

impl Steps {
    /// Starts a process that runs `child` and is traced. Only for programs that have one thread
    /// at that moment.
    fn start(child: impl FnOnce()) -> io::Result<Self> {
        let pid = process::fork_tied(|| {
            let stopped = ptrace::traceme().and_then(|()| signal::raise(Signal::SIGSTOP));
            stopped.map_or_else(|_| process::exit_now(), |()| child());
        })?;
        let pid = nix::unistd::Pid::from_raw(pid);
        waitpid(pid, None)?;
        ptrace::setoptions(pid, Trace::PTRACE_O_TRACESYSGOOD | Trace::PTRACE_O_EXITKILL)?;
        Ok(Self { pid, inside: false })
    }

    /// The number of the call that it enters.
    fn call_number(&self) -> io::Result<u64> {
        let info = ptrace::syscall_info(self.pid)?;
        let enters = info.op == libc::PTRACE_SYSCALL_INFO_ENTRY;
        ensure!(enters, "not where a call begins");
        // SAFETY: where a call begins, this is the part that the kernel writes.
        Ok(unsafe { info.u.entry.nr })
    }

    /// Lets it run until it is about to read; `false` if it has ended. No signal reaches it.
    fn run_to_read(&mut self) -> io::Result<bool> {
        loop {
            ptrace::syscall(self.pid, None)?;
            match waitpid(self.pid, None)? {
                WaitStatus::PtraceSyscall(_) => self.inside = !self.inside,
                WaitStatus::Stopped(..) => continue,
                _ => return Ok(false),
            }
            if self.inside && self.call_number()? == libc::SYS_read as u64 {
                return Ok(true);
            }
        }
    }

    /// Asks a question of a conversation, and calls `between` before each step of the answer,
    /// with its number: the call that follows is interrupted where that says so.
    fn ask(
        file: &str,
        question: &str,
        mut between: impl FnMut(usize) -> io::Result<bool>,
    ) -> io::Result<String> {
        let (mut text, mut tell) = sys::pipe()?;
        let mut reader = Self::start(|| {
            let answer = Conversation::of(file).and_then(|mut file| file.ask(question));
            let answer = answer.unwrap_or_else(|error| format!("{error}"));
            let _ = tell.write_all(answer.as_bytes());
        })?;
        drop(tell);
        let mut step = 0;
        while reader.run_to_read()? {
            if between(step)? {
                signal::kill(reader.pid, Signal::SIGUSR1)?;
            }
            step += 1;
        }
        let mut answer = String::new();
        text.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        process::end(&[self.pid.as_raw()]);
    }
}

const COMMAND: [&str; 2] = ["execs", "subject"];

/// The process: it says where the page is, waits for a byte, and executes itself.
fn subject() -> io::Result<bool> {
    println!("{:#x}", subject as fn() -> io::Result<bool> as usize);
    io::stdout().flush()?;
    io::stdin().read_exact(&mut [0])?;
    Err(Command::new("/proc/self/exe").args(COMMAND).exec())
}

struct Subject {
    process: Child,
    tell: ChildStdin,
    told: Lines<BufReader<ChildStdout>>,
}

impl Subject {
    fn start() -> io::Result<Self> {
        let mut command = Command::new("/proc/self/exe");
        let command = command.args(COMMAND).stdin(Stdio::piped());
        let mut process = command.stdout(Stdio::piped()).spawn()?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (tell, told) = pipes.expect("pipes");
        let told = BufReader::new(told).lines();
        Ok(Self {
            process,
            tell,
            told,
        })
    }

    /// Waits until it runs its program, and returns where its page is.
    fn wait(&mut self) -> io::Result<usize> {
        let line = self.told.next().ok_or_else(|| error!("it has ended"))??;
        Ok(parse_hex(&line)? as usize)
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
                self.tell.write_all(b"x")?;
                self.wait()?;
                times += 1;
            }
            Ok(step < count)
        })?;
        let answer = Answer::parse(&answer, RMAP)?;
        let pid = self.process.id().to_string();
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
    let entry = Pagemap::open(subject.process.id())?.entry(va)?;
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
    subject.process.kill()?;
    subject.process.wait()?;
    Ok(lost == 0 && executed > 0)
}

/// Changes mappings of an area at random; at times all is mapped again, with other borders.
fn stir(area: Area, random: &mut Random) -> io::Result<()> {
    let part = area.part(random.usize(..200) * PAGE, (1 + random.usize(..50)) * PAGE);
    // These fail where there is a hole, and act up to it.
    let _ = match random.usize(..8) {
        0 | 1 => part.protect(libc::PROT_READ),
        2 | 3 => part.protect(libc::PROT_NONE),
        4 => part.advise(libc::MADV_DONTNEED),
        5 | 6 => return part.unmap(),
        _ => {
            area.unmap()?;
            let area = Area::at(area.start, area.len, READ_WRITE)?;
            Ok(area.part(0, 64 * PAGE).write())
        }
    };
    Ok(())
}

pub fn moving(options: &mut Options) -> io::Result<bool> {
    let wanted = options.or("--answers", 100)?;
    options.end()?;
    process::run_on(0)?;
    // Where nothing else is mapped by itself.
    let area = Area::at(0x10_0000_0000, 256 * PAGE, libc::PROT_NONE)?;
    let (mut random, question) = (Random::with_seed(1), id().to_string());
    let (mut different, mut wrong, mut least) = (HashSet::new(), Wrong::default(), usize::MAX);
    for _ in 0..wanted {
        let mut changes = 0;
        let text = Steps::ask("vmas", &question, |_| {
            changes += 1;
            stir(area, &mut random).map(|()| true)
        })?;
        if let Err(error) = compare_vmas::parse(&text) {
            wrong.tell(error.to_string());
        }
        least = least.min(changes);
        different.insert(text);
    }
    let (different, wrong) = (different.len(), wrong.0);
    println!("answers={wanted} different={different} wrong={wrong} least_changes={least}");
    Ok(wrong == 0 && different * 2 >= wanted)
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
    let question = format!("{} {:#x}-{:#x}", id(), area.start, area.end());
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
