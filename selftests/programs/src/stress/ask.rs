// SPDX-License-Identifier: GPL-2.0

//! Those who ask: each reads every file, for ever, and judges what it gets.

use super::{verify::Window, World, SLOTS};
use crate::prelude::*;
use crate::{
    ask::{EXTENTS, RMAP, VMAS},
    churn::{Slot, PAGES, STILL},
};

const FILES: [&str; 4] = ["walk", "vmas", "extents", "rmap"];
/// Where the test subjects and programs map memory, and where nobody does.
const PLACES: [u64; 6] = [
    0x20_0000_0000,
    0x28_0000_0000,
    0x30_0000_0000,
    0x40_0000_0000,
    0x7fff_ffff_0000,
    0x1000,
];
/// Questions of one write about single addresses.
const BATCH: usize = 12;

/// What an asker does in turn, so that few rounds have each of [`super::tally::ROUNDS`].
const TURNS: [&str; 16] = words(
    "walk extents rmap walk vmas strangers walk extents kernel walk sysfs vmas walk extents \
     strangers table",
);

/// One who asks.
pub struct Asker {
    world: World,
    random: Random,
    open: [Option<Conversation>; FILES.len()],
    heart: usize,
    turn: usize,
}

impl Asker {
    /// Makes one whose heart is at this place.
    pub fn new(world: World, seed: u64, heart: usize) -> Self {
        let mut random = Random::new(seed);
        let turn = random.below(TURNS.len());
        Self {
            world,
            random,
            open: [const { None }; FILES.len()],
            heart,
            turn,
        }
    }

    /// Asks for ever.
    pub fn work(mut self) -> ! {
        let tally = self.world.tally;
        loop {
            tally.beat(self.heart);
            let round = TURNS[self.turn];
            self.turn = (self.turn + 1) % TURNS.len();
            let Err(error) = self.act(round) else {
                tally.add(round, 1);
                continue;
            };
            self.open = [const { None }; FILES.len()];
            match error.raw_os_error() {
                // The module is being unloaded, or not there.
                Some(libc::EIO | libc::ENODEV | libc::ENOENT) => {
                    tally.add("gone", 1);
                    thread::sleep(Duration::from_millis(5));
                }
                Some(libc::ENOMEM) => tally.add("nomem", 1),
                _ => tally.wrong(&format!("an asker failed: {error}")),
            }
        }
    }

    fn act(&mut self, round: &str) -> io::Result<()> {
        match round {
            "walk" => self.walk(),
            "extents" => self.extents(),
            "vmas" => self.vmas(),
            "rmap" => self.rmap(),
            "strangers" => self.strangers(),
            "kernel" => self.kernel(),
            "sysfs" => self.sysfs(),
            _ => self.table(),
        }
    }

    fn ask(&mut self, file: &str, questions: &str) -> io::Result<String> {
        let place = FILES.iter().position(|name| *name == file).unwrap_or(0);
        let piece = self.random.pick(&[65536, 65536, 4096, 300, 64]);
        let now = match self.open[place].take() {
            // Some conversations are long, others are over after a question.
            Some(conversation) if self.random.below(8) != 0 => conversation,
            _ => Conversation::open(format!("{PROC}/{file}"))?,
        };
        let mut now = now.in_pieces_of(piece);
        let text = now.ask(questions)?;
        self.open[place] = Some(now);
        let asked = questions.lines().count();
        self.world.tally.add("questions", asked);
        Ok(text)
    }

    fn walk(&mut self) -> io::Result<()> {
        let target = self.random.pick(&self.world.churned);
        let number = self.random.below(SLOTS);
        let levels = self.random.pick(&["", "", " levels"]);
        // Close to each other, so that pagemap is read at once.
        let first = self.random.below(PAGES - 64) * self.random.below(2);
        let pages: Vec<_> = (0..BATCH).map(|_| first + self.random.below(64)).collect();
        let start = Slot::new(number).start();
        let questions: Vec<_> = pages
            .iter()
            .map(|page| format!("{} {:#x}{levels}", target.pid, start + page * PAGE))
            .collect();
        let ask = || self.ask("walk", &questions.join("\n"));
        let (window, text) = Window::around(&target, number, (first, 64), ask)?;
        let mut answers = answers(&text);
        for page in pages {
            let (_, line) = answers.next().ok_or_else(|| error!("it is missing"))??;
            window.walk(page, &line, self.world.tally);
        }
        match answers.next() {
            None => Ok(()),
            Some(_) => Err(error!("more answers than questions")),
        }
    }

    fn extents(&mut self) -> io::Result<()> {
        let target = self.random.pick(&self.world.churned);
        let number = self.random.below(SLOTS);
        let start = Slot::new(number).start();
        let question = format!("{} {start:#x}-{:#x}", target.pid, start + PAGES * PAGE);
        let ask = || self.ask("extents", &question);
        let (window, text) = Window::around(&target, number, (0, PAGES), ask)?;
        window.extents(&text, self.world.tally)
    }

    fn vmas(&mut self) -> io::Result<()> {
        let target = self.random.pick(&self.world.churned);
        let slot = 1 + 2 * self.random.below(SLOTS / 2);
        let start = Slot::new(slot).start();
        let question = self.random.pick(&["whole", "slot", "totals"]);
        let question = match question {
            "whole" => format!("{}", target.pid),
            "totals" => format!("{} totals", target.pid),
            _ => format!("{} {start:#x}-{:#x}", target.pid, start + PAGES * PAGE),
        };
        let text = self.ask("vmas", &question)?;
        let answer = Answer::parse(&text, VMAS)?;
        let tally = self.world.tally;
        tally.add("rows", answer.rows.len());
        let mut floor = 0;
        for row in &answer.rows {
            let (from, to) = (hex(&row[0])?, hex(&row[1])?);
            let kb = number_sum(&row[4..5])? + number_sum(&row[6..9])?;
            if from < floor || from >= to || kb > number(&row[3])? {
                tally.wrong(&format!("vmas: {row:?} after {floor:#x}"));
            }
            floor = to;
            // The pages that rest are a mapping of their own.
            if from == start as u64 {
                tally.add("verified", 1);
                let all = (STILL * PAGE / 1024) as u64;
                if to - from != all * 1024 || number(&row[4])? != all {
                    tally.wrong(&format!("vmas: pages that rest: {row:?}"));
                }
            }
        }
        let whole = !question.contains("totals");
        if whole && number(answer.end.get("rows"))? != answer.rows.len() as u64 {
            tally.wrong(&format!("vmas: rows= of {}", answer.last));
        }
        Ok(())
    }

    fn rmap(&mut self) -> io::Result<()> {
        let target = self.random.pick(&self.world.churned);
        let number = 1 + 2 * self.random.below(SLOTS / 2);
        let start = Slot::new(number).start();
        let page = self.random.below(STILL);
        let pagemap = Pagemap::open(&target.pid.to_string())?;
        let frame = pagemap.entry(start + page * PAGE)?.frame();
        let frame = frame.ok_or_else(|| error!("a page that rests is gone"))?;
        let question = format!("{:#x}", frame * PAGE as u64 + 0x123);
        let ask = || self.ask("rmap", &question);
        let (window, text) = Window::around(&target, number, (0, 64), ask)?;
        let answer = Answer::parse(&text, RMAP)?;
        let tally = self.world.tally;
        tally.add("rows", answer.rows.len());
        window.rmap(&answer, &target, frame * PAGE as u64, tally)?;
        let whose = target.pid.to_string();
        let va = format!("{:#x}", start + page * PAGE + 0x123);
        if answer.end.get("error") == "EAGAIN" {
            tally.word(answer.end.get("why"));
        } else if !answer
            .rows
            .iter()
            .any(|row| row[0] == whose && row[1] == va)
        {
            // It may be one of those that are said to be busy.
            match answer.end.number("busy")? > self.world.stuck {
                true => tally.word("busy"),
                false => tally.wrong(&format!("rmap: {whose} {va} is missing: {text}")),
            }
        }
        Ok(())
    }

    /// About processes of which nothing is known, not even that they live.
    fn strangers(&mut self) -> io::Result<()> {
        let pid = self.world.some_pid(&mut self.random);
        let place = self.random.pick(&PLACES) + ((self.random.below(1024) * PAGE) as u64);
        let file = self.random.pick(&["walk", "vmas", "extents"]);
        let tail = self.random.pick(&["", " totals"]);
        let question = match file {
            "walk" => format!("{pid} {place:#x} levels"),
            _ if self.random.below(2) == 0 => format!("{pid}{tail}"),
            _ => format!("{pid} {place:#x}-{:#x}{tail}", place + (64 << 20)),
        };
        let text = self.ask(file, &question)?;
        let tally = self.world.tally;
        if file == "walk" {
            for answer in answers(&text) {
                let (_, line) = answer?;
                match line.get("pa") {
                    "none" => tally.word(line.get("why")),
                    _ => line.hex("pa").map(drop)?,
                }
            }
            return Ok(());
        }
        let header = [VMAS, EXTENTS][usize::from(file == "extents")];
        let answer = Answer::parse(&text, header)?;
        tally.add("rows", answer.rows.len());
        if !answer.end.get("error").is_empty() {
            tally.word(answer.end.get("why"));
        }
        Ok(())
    }

    fn kernel(&mut self) -> io::Result<()> {
        let table = Table::read(format!("{PROC}/kmem").as_ref(), TABLES[4].1)?;
        for row in &table.rows {
            let va = hex(&row[1])?;
            let text = self.ask("walk", &format!("kernel {va:#x}\nkernel {va:#x} levels"))?;
            for answer in answers(&text) {
                let (_, line) = answer?;
                // The module may have been loaded anew since.
                if line.get("pa") == "none" {
                    self.world.tally.word(line.get("why"));
                }
            }
            let text = self.ask("extents", &format!("kernel {va:#x}-{:#x}", va | 0xffff))?;
            let answer = Answer::parse(&text, EXTENTS)?;
            self.world.tally.add("rows", answer.rows.len());
        }
        Ok(())
    }

    /// There all who ask share one answer: it is about one of the pages that
    /// rest, of whatever process.
    fn sysfs(&mut self) -> io::Result<()> {
        let (pid, va) = self.world.still_page(&mut self.random);
        let mut to = OpenOptions::new().write(true).open(SYSFS)?;
        to.write_all(format!("{pid} {va:#x}\n").as_bytes())?;
        // Another's question may come between two reads: one gets all of an answer.
        let mut bytes = [0; 64];
        let text = match File::open(SYSFS)?.read(&mut bytes) {
            // It was loaded anew since the question.
            Err(error) if error.raw_os_error() == Some(libc::ENODATA) => {
                return Err(io::Error::from_raw_os_error(libc::ENODEV));
            }
            n => String::from_utf8_lossy(&bytes[..n?]).into_owned(),
        };
        self.world.tally.add("questions", 1);
        let mut known = HashSet::new();
        for target in &self.world.churned {
            let pagemap = Pagemap::open(&target.pid.to_string())?;
            for number in (1..SLOTS).step_by(2) {
                let start = Slot::new(number).start();
                let entries = pagemap.entries(start, STILL)?;
                known.extend(entries.iter().map(|entry| entry.answer(0)));
            }
        }
        match text.strip_suffix('\n') {
            Some(pa) if known.contains(pa) => {}
            _ => self.world.tally.wrong(&format!("sysfs: {text:?}")),
        }
        Ok(())
    }

    fn table(&mut self) -> io::Result<()> {
        let (name, header) = self.random.pick(&TABLES);
        let file = File::open(format!("{PROC}/{name}"))?;
        let size = self.random.pick(&[65536, 4096, 100]);
        let text = read_all(&file, size)?;
        let table = Table::parse(&text, header)?;
        self.world.tally.add("table_rows", table.rows.len());
        if ["tasks", "vm", "kstack"].contains(&name) {
            let mut last = 0;
            for row in &table.rows {
                let pid = number(&row[0])?;
                if pid <= last {
                    self.world
                        .tally
                        .wrong(&format!("{name}: {pid} after {last}"));
                }
                last = pid;
            }
        }
        Ok(())
    }
}

fn number_sum(fields: &[String]) -> io::Result<u64> {
    fields.iter().map(|field| number(field)).sum()
}
