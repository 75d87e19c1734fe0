// SPDX-License-Identifier: GPL-2.0

//! Those who ask: each reads every file, forever, and judges what it gets.

use super::{
    tally::{self, Window},
    targets::{Slot, PAGES, STILL},
    Churned, World,
};
use crate::commands::compare_vmas::Row;
use crate::prelude::*;

/// Where the test subjects and programs map memory, and where nobody does.
const PLACES: [u64; 6] = words! {
    0x20_0000_0000 0x28_0000_0000 0x30_0000_0000 0x40_0000_0000 0x7fff_ffff_0000 0x1000
};
/// The slots of a process, and those where some pages rest.
const ALL: [usize; 6] = [0, 1, 2, 3, 4, 5];
const RESTING: [usize; 3] = [1, 3, 5];
/// Questions of one write about single addresses.
const BATCH: usize = 12;

macro_rules! turns {
    ($($name:ident)+) => { [$((stringify!($name), Asker::$name)),+] };
}

type Turn = fn(&mut Asker) -> io::Result<()>;

/// What an asker does in turn, so that few rounds have each of [`super::tally::ROUNDS`].
const TURNS: [(&str, Turn); 18] = turns! {
    walk extents rmap walk vmas page strangers walk extents kernel walk sysfs vmas walk extents
    page strangers table
};

pub struct Asker {
    world: World,
    random: Random,
    /// The conversations that go on, by the names of their files.
    open: HashMap<&'static str, Conversation>,
    heart: usize,
    turn: usize,
}

/// Whether an answer about a target ends before all was said: it is busy, its tables keep
/// changing, or there is no memory. Anything else is wrong: targets live as long as those who ask.
fn is_given_up(answer: &Answer) -> io::Result<bool> {
    match answer.end.get("error") {
        "" => Ok(false),
        "EAGAIN" | "ENOMEM" => {
            tally::word(answer.end.get("why"));
            tally::add("again", 1);
            Ok(true)
        }
        _ => bail!("refused: {}", answer.last),
    }
}

impl Asker {
    /// Makes one whose heart is at this place.
    pub fn new(world: World, seed: u64, heart: usize) -> Self {
        let mut random = Random::with_seed(seed);
        let turn = random.usize(..TURNS.len());
        Self {
            world,
            random,
            open: HashMap::new(),
            heart,
            turn,
        }
    }

    pub fn work(mut self) -> ! {
        loop {
            tally::heart(self.heart).fetch_add(1, Ordering::Relaxed);
            let (round, act) = TURNS[self.turn];
            self.turn = (self.turn + 1) % TURNS.len();
            let Err(error) = act(&mut self) else {
                tally::add(round, 1);
                continue;
            };
            self.open.clear();
            match error.raw_os_error() {
                // The module is being unloaded, or not there.
                Some(libc::EIO | libc::ENODEV | libc::ENOENT) => {
                    tally::add("gone", 1);
                    thread::sleep(Duration::from_millis(5));
                }
                Some(libc::ENOMEM) => tally::add("nomem", 1),
                // A process is busy, or the kernel's tables keep changing; a conversation
                // says so in its answers.
                Some(libc::EAGAIN) if ["sysfs", "kernel", "table"].contains(&round) => {
                    tally::add("again", 1);
                }
                _ => tally::wrong(&format!("an asker failed: {round}: {error}")),
            }
        }
    }

    fn ask(&mut self, file: &'static str, questions: &str) -> io::Result<String> {
        let piece = self.random.pick(&[65536, 65536, 4096, 300, 64]);
        let mut now = match self.open.remove(file) {
            // Some conversations are long, others are over after a question.
            Some(conversation) if self.random.usize(..8) != 0 => conversation,
            _ => Conversation::of(file)?,
        };
        now.piece = piece;
        let text = now.ask(questions)?;
        self.open.insert(file, now);
        tally::add("questions", questions.lines().count());
        Ok(text)
    }

    /// A process that churns, and one of its slots.
    fn target(&mut self, slots: &[usize]) -> (Churned, usize, usize) {
        let target = self.random.pick(&self.world.churned);
        let slot = self.random.pick(slots);
        (target, slot, Slot(slot).start())
    }

    fn walk(&mut self) -> io::Result<()> {
        let (target, number, start) = self.target(&ALL);
        let levels = self.random.pick(&["", "", " levels"]);
        // Close to each other, so that pagemap is read at once.
        let first = self.random.usize(..PAGES - 64) * self.random.usize(..2);
        let pages = [first; BATCH].map(|first| first + self.random.usize(..64));
        let line = |page: &usize| format!("{} {:#x}{levels}", target.pid, start + page * PAGE);
        let questions = pages.iter().map(line).join("\n");
        let ask = || self.ask("walk", &questions);
        let (window, text) = Window::around(&target, number, (first, 64), ask)?;
        let mut answers = answers(&text);
        for page in pages {
            let (_, line) = answers.next().ok_or_else(|| error!("it is missing"))??;
            window.walk(page, &line)?;
        }
        ensure!(answers.next().is_none(), "more answers than questions");
        Ok(())
    }

    fn extents(&mut self) -> io::Result<()> {
        let (target, number, start) = self.target(&ALL);
        let question = format!("{} {start:#x}-{:#x}", target.pid, start + PAGES * PAGE);
        let ask = || self.ask("extents", &question);
        let (window, text) = Window::around(&target, number, (0, PAGES), ask)?;
        window.extents(&text)
    }

    fn vmas(&mut self) -> io::Result<()> {
        let (target, _, start) = self.target(&RESTING);
        let question = self.random.pick(&["whole", "slot", "totals"]);
        let question = match question {
            "whole" => format!("{}", target.pid),
            "totals" => format!("{} totals", target.pid),
            _ => format!("{} {start:#x}-{:#x}", target.pid, start + PAGES * PAGE),
        };
        let text = self.ask("vmas", &question)?;
        let answer = Answer::parse(&text, VMAS)?;
        tally::add("rows", answer.rows.len());
        let mut floor = 0;
        for fields in &answer.rows {
            let row = Row::parse(fields)?;
            ensure!(row.start >= floor, "{row:?} after {floor:#x}");
            floor = row.end;
            // The pages that rest are a mapping of their own.
            if row.start == start as u64 {
                tally::add("verified", 1);
                let all = (STILL * PAGE / 1024) as u64;
                ensure!(row.kb[..2] == [all, all], "pages that rest: {row:?}");
            }
        }
        if is_given_up(&answer)? {
            return Ok(());
        }
        let whole = !question.contains("totals");
        let right = answer.end.number("rows")? == answer.rows.len() as u64;
        ensure!(right || !whole, "rows= of {}", answer.last);
        Ok(())
    }

    fn rmap(&mut self) -> io::Result<()> {
        let (target, number, start) = self.target(&RESTING);
        let page = self.random.usize(..STILL);
        let pagemap = Pagemap::open(target.pid)?;
        let frame = pagemap.entry(start + page * PAGE)?.frame();
        let frame = frame.ok_or_else(|| error!("a page that rests is gone"))?;
        let question = format!("{:#x}", frame * PAGE as u64 + 0x123);
        let ask = || self.ask("rmap", &question);
        let (window, text) = Window::around(&target, number, (0, 64), ask)?;
        let answer = Answer::parse(&text, RMAP)?;
        tally::add("rows", answer.rows.len());
        window.rmap(&answer, &target, frame * PAGE as u64)?;
        let whose = target.pid.to_string();
        let va = format!("{:#x}", start + page * PAGE + 0x123);
        if !is_given_up(&answer)? && answer.rows.iter().all(|row| row[..2] != [&*whose, &va]) {
            // It may be one of those that are said to be busy.
            let busy = answer.end.number("busy")? > u64::from(self.world.stuck.is_some());
            ensure!(busy, "rmap: {whose} {va} is missing: {text}");
            tally::word("busy");
        }
        Ok(())
    }

    fn words(&self, text: &str) -> io::Result<()> {
        for answer in answers(text) {
            let (_, line) = answer?;
            match line.get("pa") {
                "none" => tally::word(line.get("why")),
                _ => line.hex("pa").map(drop)?,
            }
        }
        Ok(())
    }

    /// About processes of which nothing is known, not even that they live.
    fn strangers(&mut self) -> io::Result<()> {
        // One of the youngest, or one that may just come.
        let pids = numbers(Path::new("/proc"));
        let youngest = &pids[pids.len().saturating_sub(48)..];
        let young = self.random.pick(youngest) + self.random.usize(..2) as u32;
        let stuck = self.world.stuck.unwrap_or(young);
        let pid = self.random.pick(&[young, stuck, young, young]);
        let place = self.random.pick(&PLACES) + ((self.random.usize(..1024) * PAGE) as u64);
        let file = self.random.pick(&["walk", "vmas", "extents", "tables"]);
        let tail = self.random.pick(&["", " totals"]);
        let question = match file {
            "walk" => format!("{pid} {place:#x} levels"),
            "tables" => pid.to_string(),
            _ if self.random.usize(..2) == 0 => format!("{pid}{tail}"),
            _ => format!("{pid} {place:#x}-{:#x}{tail}", place + (64 << 20)),
        };
        let text = self.ask(file, &question)?;
        if file == "walk" {
            return self.words(&text);
        }
        let header = match file {
            "vmas" => VMAS,
            "extents" => EXTENTS,
            _ => TABLES_OF_A_PROCESS,
        };
        let answer = Answer::parse(&text, header)?;
        tally::add("rows", answer.rows.len());
        if !answer.end.get("error").is_empty() {
            tally::word(answer.end.get("why"));
        }
        Ok(())
    }

    /// Of pages that others use and free meanwhile it is only known that each has one
    /// kind; of a page that rests, which. The kernel with checks is asked about the latter
    /// alone: its own stable_page_flags() asserts what a split folio does not keep.
    fn page(&mut self) -> io::Result<()> {
        let (target, _, start) = self.target(&RESTING);
        let (pid, va) = (target.pid, start + self.random.usize(..STILL) * PAGE);
        let place = self.random.u64(..) >> (34 + self.random.usize(..12));
        let other = self.random.pick(&self.world.churned).pid;
        let mut questions = format!("{pid} {va:#x}");
        if !Path::new("/sys/kernel/debug/kmemleak").exists() {
            questions = format!(
                "{place:#x}\n{place:#x}-{:#x} totals\n{other} {:#x}\n{questions}",
                place + (64 << 20),
                self.random.pick(&PLACES)
            );
        }
        let text = self.ask("page", &questions)?;
        let mut last = Keys::default();
        for line in text.lines() {
            last = Keys::parse(line.strip_prefix("# end ").unwrap_or(line))?;
            if !last.get("why").is_empty() {
                tally::word(last.get("why"));
            }
        }
        let right = match last.get("why") {
            "" => last.get("kind") == "anon" && last.get("refs") != "0",
            why => ["busy", "retry"].contains(&why),
        };
        if !right {
            tally::wrong(&format!("page: {text:?}"));
        }
        Ok(())
    }

    fn kernel(&mut self) -> io::Result<()> {
        let table = Table::read(format!("{PROC}/kmem").as_ref(), TABLES[4].1)?;
        for row in &table.rows {
            let va = hex(&row[1])?;
            let text = self.ask("walk", &format!("kernel {va:#x}\nkernel {va:#x} levels"))?;
            // The module may have been reloaded since.
            self.words(&text)?;
            let text = self.ask("extents", &format!("kernel {va:#x}-{:#x}", va | 0xffff))?;
            let answer = Answer::parse(&text, EXTENTS)?;
            tally::add("rows", answer.rows.len());
        }
        Ok(())
    }

    /// There all who ask share one answer: it is about one of the pages that rest, of whatever
    /// process.
    fn sysfs(&mut self) -> io::Result<()> {
        let (target, _, start) = self.target(&RESTING);
        let va = start + self.random.usize(..STILL) * PAGE;
        let mut to = File::options().write(true).open(SYSFS)?;
        to.write_all(format!("{} {va:#x}\n", target.pid).as_bytes())?;
        // Another's question may come between two reads: one gets all of an answer.
        let mut bytes = [0; 64];
        let text = match File::open(SYSFS)?.read(&mut bytes) {
            // It was reloaded since the question.
            Err(error) if error.raw_os_error() == Some(libc::ENODATA) => {
                return Err(io::Error::from_raw_os_error(libc::ENODEV));
            }
            n => String::from_utf8_lossy(&bytes[..n?]).into_owned(),
        };
        tally::add("questions", 1);
        let mut known = HashSet::new();
        for target in &self.world.churned {
            let pagemap = Pagemap::open(target.pid)?;
            for number in RESTING {
                let start = Slot(number).start();
                let entries = pagemap.entries(start, STILL)?;
                known.extend(entries.iter().map(|entry| entry.answer(0)));
            }
        }
        let right = text.strip_suffix('\n').is_some_and(|pa| known.contains(pa));
        ensure!(right, "sysfs: {text:?}");
        Ok(())
    }

    fn table(&mut self) -> io::Result<()> {
        let (name, header) = self.random.pick(&TABLES);
        let file = File::open(format!("{PROC}/{name}"))?;
        let size = self.random.pick(&[65536, 4096, 100]);
        let text = read_all(&file, size)?;
        let table = Table::parse(&text, header)?;
        tally::add("table_rows", table.rows.len());
        if ["tasks", "vm", "kstack"].contains(&name) {
            let mut last = 0;
            for row in &table.rows {
                let pid = number(&row[0])?;
                ensure!(pid > last, "{name}: {pid} after {last}");
                last = pid;
            }
        }
        Ok(())
    }
}
