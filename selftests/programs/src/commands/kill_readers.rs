// SPDX-License-Identifier: GPL-2.0

//! `kill-readers [--kills N] [--seconds N] [--seed N]`: kills readers of every file,
//! some of which share their descriptor with this process: first of each file one that
//! is held in the middle of a read, then N (and more, for so many seconds) at random
//! moments.
//!
//! A killed reader must end at once, and take with it only what it had read:
//! who goes on with the same descriptor gets the rest to the last byte, and the
//! next question its answer.
//!
//! Prints what went wrong, then `kills=N middle=N slowest_ms=N seed=N`, where
//! `middle` counts the answers and tables of which a killed reader had taken a
//! part. Exit status 1 if anything went wrong.

use crate::prelude::*;
use crate::sys::trap::Trap;

const PIECES: usize = 1024;
/// How many bytes a reader gets before it is held.
const FREE: usize = 10;

#[derive(Default)]
struct Count {
    kills: usize,
    middle: usize,
    slowest: Duration,
    wrong: usize,
}

impl Count {
    fn wrong(&mut self, what: String) {
        self.wrong += 1;
        println!("wrong: {what}");
    }

    /// Counts a reader that was held: it must have had a part of what there was.
    fn held(&mut self, name: &str, middle: bool) {
        if middle {
            self.middle += 1;
        } else {
            self.wrong(format!("{name}: held, but not in the middle"));
        }
    }

    /// Has a child do something, for ever, and kills it after some time.
    fn kill(
        &mut self,
        what: &str,
        random: &mut Random,
        act: impl Fn() -> io::Result<()>,
    ) -> io::Result<()> {
        // From before its first call to well in an answer; at times later.
        let most = random.pick(&[300, 3000, 30000]);
        let micros = random.below(most) as u64;
        let child = process::fork_tied(|| {
            while act().is_ok() {}
            // What fails here has been read to its end.
            process::sleep_for_ever()
        })?;
        thread::sleep(Duration::from_micros(micros));
        self.end(what, child)
    }

    /// Has a child read, and kills it while it is held in the middle of that.
    fn kill_held(&mut self, what: &str, file: &File) -> io::Result<()> {
        let (mut told, tell) = sys::pipe()?;
        let child = process::fork_tied(|| {
            let fd = file.as_raw_fd();
            let Ok(trap) = Trap::new() else { return };
            thread::scope(|scope| {
                scope.spawn(|| trap.wait().and_then(|()| (&tell).write_all(b".")));
                let _ = trap.read(fd, FREE);
                process::exit_now()
            })
        })?;
        drop(tell);
        told.read_exact(&mut [0])?;
        self.end(what, child)
    }

    /// Kills a reader, which must end.
    fn end(&mut self, what: &str, child: process::Pid) -> io::Result<()> {
        let killed = Instant::now();
        process::kill(child);
        if !patience::until(|| process::try_reap(child)) {
            let stack = std::fs::read_to_string(format!("/proc/{child}/stack"));
            bail!(
                "a reader of {what} does not die: {}",
                stack.unwrap_or_default()
            );
        }
        self.kills += 1;
        self.slowest = self.slowest.max(killed.elapsed());
        Ok(())
    }
}

/// A process that rests, with many small mappings, so that answers are long.
fn resting() -> io::Result<(Pid, Area)> {
    let area = Area::anonymous(PIECES * PAGE)?;
    let pid = process::fork_resting(|| area.lock().and_then(|()| area.break_up()))?;
    Ok((pid, area))
}

fn open(name: &str) -> io::Result<File> {
    let path = format!("{PROC}/{name}");
    read_write(path)
}

/// Opens, asks, reads and closes, for oneself.
fn private(name: &str, questions: &str, piece: usize) -> io::Result<()> {
    if !header(name).is_empty() {
        return std::fs::read(format!("{PROC}/{name}")).map(drop);
    }
    let conversation = Conversation::of(name)?;
    conversation.in_pieces_of(piece).ask(questions).map(drop)
}

/// One read; an error at the end, as nothing is left to be killed in.
fn read_on(mut file: &File, size: usize) -> io::Result<()> {
    match file.read(&mut vec![0; size])? {
        0 => Err(error!("the end")),
        _ => Ok(()),
    }
}

/// Reads a table after a reader of it was killed; whether that was in the middle.
fn shared_table(
    name: &str,
    count: &mut Count,
    kill: impl FnOnce(&mut Count, &File) -> io::Result<()>,
) -> io::Result<bool> {
    let mut file = File::open(format!("{PROC}/{name}"))?;
    file.read_exact(&mut [0])?;
    kill(count, &file)?;
    let mut whole = vec![0; 1 << 20];
    let n = file.read_at(&mut whole, 1)?;
    let at = file.stream_position()? as usize - 1;
    let mut rest = Vec::new();
    file.read_to_end(&mut rest)?;
    if whole.get(at..n) != Some(&rest[..]) {
        count.wrong(format!("{name}: not the rest of {n} bytes from {at}"));
    }
    Ok(at > 0 && at < n)
}

/// Reads answers after a reader of them was killed; whether that was in the middle.
fn shared_conversation(
    name: &str,
    questions: &str,
    count: &mut Count,
    kill: impl FnOnce(&mut Count, &File) -> io::Result<()>,
) -> io::Result<bool> {
    let expected = Conversation::of(name)?.ask(questions)?;
    let mut file = open(name)?;
    file.write_all(format!("{questions}\n").as_bytes())?;
    kill(count, &file)?;
    let mut rest = Vec::new();
    file.read_to_end(&mut rest)?;
    let expected = expected.as_bytes();
    // A process that was killed has no place in the answer of `rmap`.
    if name != "rmap" && !expected.ends_with(&rest) {
        count.wrong(format!("{name}: the rest is no end of the answer"));
    }
    file.write_all(b"?\n")?;
    let mut answer = String::new();
    file.read_to_string(&mut answer)?;
    if !answer.contains("error=EINVAL") {
        count.wrong(format!("{name}: the next question: {answer:?}"));
    }
    Ok(!rest.is_empty() && rest.len() < expected.len())
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let kills = options.or("--kills", 100)?;
    let seconds = options.or("--seconds", 0)?;
    let seed = options.or("--seed", 1)?;
    let mut random = Random::new(seed as u64);
    let mut count = Count::default();

    let (pid, area) = resting()?;
    let (start, end) = (area.start, area.start + area.len);
    let pages = (0..200).map(|i| format!("{pid} {:#x} levels", start + i * PAGE));
    let asked = [
        ("walk", pages.collect::<Vec<_>>().join("\n")),
        ("vmas", format!("{pid} {start:#x}-{end:#x}\n{pid} totals")),
        (
            "extents",
            format!("{pid} {start:#x}-{end:#x}\n{pid} totals"),
        ),
        ("rmap", "0x1000\n0x2000\n0x3000".to_owned()),
    ];
    for (name, _) in TABLES {
        let middle = shared_table(name, &mut count, |count, file| count.kill_held(name, file))?;
        count.held(name, middle);
    }
    for (name, questions) in &asked {
        let middle = shared_conversation(name, questions, &mut count, |count, file| {
            count.kill_held(name, file)
        })?;
        count.held(name, middle);
    }
    let until = Instant::now() + Duration::from_secs(seconds);
    let enough = count.kills + kills;
    while count.kills < enough || Instant::now() < until {
        let (name, questions) = &asked[random.below(asked.len())];
        let (table, _) = random.pick(&TABLES);
        let most = random.pick(&[64, 4096]);
        let size = 1 + random.below(most);
        let middle = match random.below(5) {
            0 => {
                let piece = 1 + random.below(65536);
                count.kill(name, &mut random, || private(name, questions, piece))?;
                false
            }
            1 => {
                count.kill(table, &mut random, || private(table, "", 1))?;
                false
            }
            2 => shared_table(table, &mut count, |count, file| {
                count.kill(table, &mut random, || read_on(file, size % 64 + 1))
            })?,
            _ => shared_conversation(name, questions, &mut count, |count, file| {
                count.kill(name, &mut random, || read_on(file, size))
            })?,
        };
        count.middle += usize::from(middle);
    }
    process::end(&[pid]);
    println!(
        "kills={} middle={} slowest_ms={} seed={seed}",
        count.kills,
        count.middle,
        count.slowest.as_millis()
    );
    Ok(count.wrong == 0)
}
