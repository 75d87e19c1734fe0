// SPDX-License-Identifier: GPL-2.0

//! `compare-rmap [--samples N] [--seed N] [--inner FOLDER] [--at-least N]
//! [PID ADDRESS]...`: compares `/proc/memintro/rmap` with a scan of every
//! pagemap: of the pages at the given addresses, and of N that are drawn at
//! random among all that are present: first a process, then a mapping, then a
//! page and an offset in it.
//!
//! With `--inner`, the questions are asked through the procfs mount FOLDER of
//! another PID namespace: rows have its numbers, and the mappings of all other
//! processes must be counted in `outside=`. PIDs are those of `/proc`.
//!
//! The scan is done before and after; a page is judged when both agree, and no process
//! was started between them. Where something differs a third scan must agree too, and no
//! process have ended since before the first: not each is looked at at the same time.
//! Those that are not judged, or others in place of those that were drawn, are asked about
//! again, until enough were. Pages of memory without struct pages, which pagemap does not
//! show, are compared with `walk`, as are the size and the permissions of every mapping.
//!
//! Prints what differs, then `judged=N mappings=N most=N outside=N
//! mismatches=N`. Exit status 1 if anything differs, or fewer than N pages
//! (by default a half) could be judged.

use crate::prelude::*;
use crate::{
    ask::RMAP,
    memory::{other_processes, Memory},
    proc::{self, Task},
};

const PAGE: u64 = sys::PAGE as u64;

/// The memory of every process of a procfs mount, this one's too.
struct Scan {
    memories: BTreeMap<u32, Memory>,
    /// Which frames this process maps.
    own: HashSet<u64>,
    own_pid: u32,
}

/// The mappings of a frame, or the rows of an answer: process and address.
type Mappings = Vec<(u32, u64)>;

impl Scan {
    fn read(proc: &Path) -> io::Result<Self> {
        // Whether a page is a zero page makes no difference here.
        let mut memories = BTreeMap::new();
        for pid in other_processes(proc) {
            if let Ok(memory) = Memory::read(&proc.join(&pid), None) {
                memories.insert(number(&pid)? as u32, memory);
            }
        }
        let own = Memory::read(Path::new("/proc/self"), None)?;
        let own_pid = fs::read_link(proc.join("self")).unwrap_or_default();
        Ok(Self {
            memories,
            own: own.pages.iter().map(|page| page.pa).collect(),
            own_pid: own_pid.to_str().unwrap_or("").parse().unwrap_or(0),
        })
    }

    /// The mappings of the frame at `pa`, in order, but for this process's.
    fn mappings(&self, pa: u64) -> Mappings {
        let mut found = Vec::new();
        for (&pid, memory) in &self.memories {
            let here = memory.pages.iter().filter(|page| page.pa == pa);
            found.extend(here.map(|page| (pid, page.va)));
        }
        found
    }

    /// Draws a page that is present.
    fn draw(&self, random: &mut Random) -> Option<u64> {
        let memory = self
            .memories
            .values()
            .nth(random.below(self.memories.len()))?;
        let mapping = &memory.mappings[random.below(memory.mappings.len())];
        let first = memory.pages.partition_point(|page| page.va < mapping.start);
        let end = memory.pages.partition_point(|page| page.va < mapping.end);
        (first < end).then(|| memory.pages[first + random.below(end - first)].pa)
    }

    fn is_pfnmap(&self, pid: u32, va: u64) -> bool {
        let mapping = self
            .memories
            .get(&pid)
            .and_then(|memory| memory.mapping(va));
        mapping.is_some_and(|mapping| mapping.is_pfnmap())
    }
}

/// What was judged so far.
#[derive(Clone, Default)]
struct Verdict {
    judged: usize,
    mappings: usize,
    most: usize,
    outside: u64,
    mismatches: Vec<String>,
}

struct Comparison {
    rmap: Conversation,
    walk: Conversation,
    mount: PathBuf,
    verdict: Verdict,
}

impl Comparison {
    fn ask(&mut self, pa: u64) -> io::Result<Answer> {
        let text = self.rmap.ask(&format!("{pa:#x}"))?;
        let answer = Answer::parse(&text, RMAP)?;
        let end = &answer.end;
        if hex(end.get("pa"))? != pa || end.number("rows")? != answer.rows.len() as u64 {
            bail!("asked {pa:#x}: {}", answer.last);
        }
        Ok(answer)
    }

    /// The rows that the scan can know: not this process's, not those that
    /// pagemap does not show. Those are compared with `walk`, as the others'
    /// sizes and permissions.
    fn rows(&mut self, asked: u64, answer: &Answer, scan: &Scan) -> io::Result<Mappings> {
        let mut rows = Mappings::new();
        let mut last = None;
        for row in &answer.rows {
            let (pid, va) = (number(&row[0])? as u32, hex(&row[1])?);
            if last >= Some((pid, va)) || va % PAGE != asked % PAGE {
                bail!("order or offset of {row:?}");
            }
            last = Some((pid, va));
            if pid == scan.own_pid {
                continue;
            }
            let keys = self.walk.walk(&row[0], va)?;
            let pa = format!("{asked:#x}");
            let walked = (keys.get("pa"), keys.get("page"), keys.get("perm"));
            if walked != (&*pa, &*row[2], &*row[3]) {
                bail!("{row:?}, but walk {keys:?}");
            }
            let task = Task::read(&self.mount.join(&row[0]), pid);
            if !task.is_some_and(|task| task.has_name(&row[4])) {
                bail!("COMM of {row:?}");
            }
            if !scan.is_pfnmap(pid, va) {
                rows.push((pid, va / PAGE * PAGE));
            }
        }
        Ok(rows)
    }

    /// Compares an answer with a scan of the mount that was asked, and for
    /// what is outside of it with one of all processes.
    fn judge(&mut self, asked: u64, answer: &Answer, scan: &Scan, all: &Scan) -> io::Result<()> {
        let frame = asked / PAGE * PAGE;
        let expected = scan.mappings(frame);
        let rows = self.rows(asked, answer, scan)?;
        if rows != expected {
            let text = format!("{asked:#x}: {rows:x?}, but {expected:x?}");
            self.verdict.mismatches.push(text);
        }
        // This process is outside of an inner namespace, but always in `all`'s.
        let outside = answer.end.number("outside")?;
        let others = all.mappings(frame).len() - expected.len();
        let countable = scan.own_pid != 0 || !all.own.contains(&frame);
        if countable && outside != others as u64 {
            let text = format!("{asked:#x}: outside={outside}, but {others}");
            self.verdict.mismatches.push(text);
        }
        self.verdict.judged += 1;
        self.verdict.mappings += rows.len();
        self.verdict.most = self.verdict.most.max(rows.len());
        self.verdict.outside += outside;
        Ok(())
    }

    /// Asks about the page of each pair, and about some that are drawn; leaves those
    /// that moved meanwhile.
    fn round(
        &mut self,
        pairs: &mut Vec<&[String]>,
        samples: &mut usize,
        random: &mut Random,
    ) -> io::Result<()> {
        let outer = Path::new("/proc");
        let (started, listed) = (proc::started()?, other_processes(outer));
        let (inner, before) = (Scan::read(&self.mount)?, Scan::read(outer)?);
        let mut frames = Vec::new();
        for pair in pairs.drain(..) {
            frames.push((Some(pair), named(pair, &before)?));
        }
        let drawn = (0..*samples * 100).filter_map(|_| inner.draw(random));
        frames.extend(drawn.take(*samples).map(|frame| (None, frame)));

        let mut asked = Vec::new();
        for (pair, frame) in frames {
            let pa = frame + random.next_u64() % PAGE;
            asked.push((pair, pa, self.ask(pa)?));
        }
        let after = Scan::read(outer)?;
        for (pair, asked, answer) in asked {
            let frame = asked / PAGE * PAGE;
            // One that came and went is in no scan, and may be in the answer.
            let agree = |scan: &Scan| -> io::Result<bool> {
                Ok(proc::started()? == started && before.mappings(frame) == scan.mappings(frame))
            };
            let known = self.verdict.clone();
            let mut judged = agree(&after)?;
            if judged {
                if let Err(error) = self.judge(asked, &answer, &inner, &before) {
                    let text = format!("{asked:#x}: {error}");
                    self.verdict.mismatches.push(text);
                }
            }
            if self.verdict.mismatches.len() > known.mismatches.len() {
                let still = Scan::read(outer)?;
                judged = agree(&still)? && other_processes(outer) == listed;
            }
            if !judged {
                self.verdict = known;
                pairs.extend(pair);
                continue;
            }
            *samples -= usize::from(pair.is_none());
        }
        Ok(())
    }
}

/// The frame that a process and an address on the command line name.
fn named(pair: &[String], all: &Scan) -> io::Result<u64> {
    let va = parse_hex(&pair[pair.len() - 1])? / PAGE * PAGE;
    let memory = all.memories.get(&(number(&pair[0])? as u32));
    let mut pages = memory.into_iter().flat_map(|memory| &memory.pages);
    let page = pages.find(|page| page.va == va);
    let page = page.ok_or_else(|| error!("no page at {pair:?}"))?;
    Ok(page.pa)
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let mount = options.or("--inner", PathBuf::from("/proc"))?;
    let mut samples = options.or("--samples", 0)?;
    let mut random = Random::new(options.or("--seed", 1)?);
    let at_least = options.get("--at-least")?;
    let words = options.words()?;
    let mut pairs: Vec<&[String]> = words.chunks(2).collect();
    let half = (pairs.len() + samples) / 2;
    let at_least = at_least.unwrap_or(half).max(1);
    let mut comparison = Comparison {
        rmap: Conversation::open(mount.join("memintro/rmap"))?,
        walk: Conversation::open(mount.join("memintro/walk"))?,
        mount,
        verdict: Verdict::default(),
    };
    let wait = Wait::begin();
    while !wait.is_over() {
        comparison.round(&mut pairs, &mut samples, &mut random)?;
        let Verdict {
            judged, mismatches, ..
        } = &comparison.verdict;
        if *judged >= at_least || !mismatches.is_empty() {
            break;
        }
    }
    let verdict = comparison.verdict;
    for line in verdict.mismatches.iter().take(10) {
        println!("{line:.1000}");
    }
    println!(
        "judged={} mappings={} most={} outside={} mismatches={}",
        verdict.judged,
        verdict.mappings,
        verdict.most,
        verdict.outside,
        verdict.mismatches.len()
    );
    Ok(verdict.mismatches.is_empty() && verdict.judged >= at_least)
}
