// SPDX-License-Identifier: GPL-2.0

//! `compare-rmap [--samples N] [--seed N] [--inner DIRECTORY] [--at-least N] [PID ADDRESS]...`:
//! compares `/proc/memintro/rmap` with a scan of every pagemap: of the pages at the given
//! addresses, and of N that are drawn at random among all that are present: first a process,
//! then a mapping, then a page and an offset in it.
//!
//! With `--inner`, the questions are asked through the procfs mount DIRECTORY of another PID
//! namespace: rows have its numbers, and the mappings of all other processes must be counted in
//! `outside=`. PIDs are those of `/proc`.
//!
//! The scan is done before and after; a page is judged when both agree, and no process was
//! started between them. Where something differs a third scan must agree too, and no process
//! have ended since before the first: not each is searched at the same time. Those that are
//! not judged, or others in place of those that were drawn, are asked about again, until enough
//! were. Pages of memory without struct pages, which pagemap does not show, are compared with
//! `walk`, as are the size and the permissions of every mapping. Around each page that is drawn a
//! range is asked about, too: each process must have what the scan says of its pages together.
//!
//! `compare-rmap --kernel N`: compares the kernel's mappings of N random pages with a scan of
//! `/proc/memintro/extents` of the kernel, before and after.

use crate::prelude::*;

const PAGE: u64 = sys::PAGE as u64;

/// The memory of every process of a procfs mount, this one's too.
struct Scan {
    memories: BTreeMap<u32, Memory>,
    /// Which frames this process maps, or comes to map while it asks.
    own: HashSet<u64>,
    own_pid: u32,
}

/// The mappings of a frame, or the rows of an answer: process and address.
type Mappings = Vec<(u32, u64)>;

impl Scan {
    fn read(proc: &Path) -> io::Result<Self> {
        // Whether a page is a zero page makes no difference here.
        let read = |pid: String| {
            let memory = Memory::read(&proc.join(&pid), None).ok()?;
            Some((pid.parse().ok()?, memory))
        };
        let own = Memory::read(Path::new("/proc/self"), None)?;
        let own_pid = fs::read_link(proc.join("self")).unwrap_or_default();
        Ok(Self {
            memories: other_processes(proc).into_iter().filter_map(read).collect(),
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

    /// How many KiB of a range of frames each process maps, but this one.
    fn kb(&self, first: u64, end: u64) -> BTreeMap<u32, u64> {
        let mut all = BTreeMap::new();
        for (&pid, memory) in &self.memories {
            let here = |page: &&Page| (first..end).contains(&page.pa);
            let pages = memory.pages.iter().filter(here).count() as u64;
            if pages > 0 {
                all.insert(pid, pages * PAGE / 1024);
            }
        }
        all
    }

    fn draw(&self, random: &mut Random) -> Option<u64> {
        let chosen = random.usize(..self.memories.len());
        let memory = self.memories.values().nth(chosen)?;
        let mapping = &memory.mappings[random.usize(..memory.mappings.len())];
        let here = |page: &&Page| page.va < mapping.end;
        let pages = memory.from(mapping.start).take_while(here).collect_vec();
        (!pages.is_empty()).then(|| pages[random.usize(..pages.len())].pa)
    }

    fn is_pfnmap(&self, pid: u32, va: u64) -> bool {
        let memory = self.memories.get(&pid);
        let mapping = memory.and_then(|memory| memory.mapping(va));
        mapping.is_some_and(|mapping| mapping.is_pfnmap())
    }
}

struct Comparison {
    rmap: Conversation,
    walk: Conversation,
    mount: PathBuf,
    /// How many rows each page had that was judged, and how many mappings were outside.
    judged: Vec<usize>,
    outside: u64,
    /// How many ranges were judged, and how many rows they had.
    ranges: (usize, usize),
    mismatches: Vec<String>,
}

impl Comparison {
    fn ask(&mut self, pa: u64) -> io::Result<Answer> {
        let answer = Answer::given(&self.rmap.ask(&format!("{pa:#x}"))?, RMAP)?;
        let about = answer.end.get("pa");
        ensure!(hex(about)? == pa, "asked {pa:#x}: {}", answer.last);
        Ok(answer)
    }

    fn check_name(&self, pid: u32, row: &[String]) -> io::Result<()> {
        let task = Task::read(&self.mount.join(&row[0]), pid);
        let named = task.is_some_and(|task| task.has_name(&row[row.len() - 1]));
        ensure!(named, "COMM of {row:?}");
        Ok(())
    }

    /// The rows that the scan can know: not this process's, not those that pagemap does not
    /// show. Those are compared with `walk`, as the others' sizes and permissions.
    fn rows(&mut self, asked: u64, answer: &Answer, scan: &Scan) -> io::Result<Mappings> {
        let mut rows = Mappings::new();
        let mut last = None;
        for row in &answer.rows {
            let (pid, va) = (number(&row[0])? as u32, hex(&row[1])?);
            let right = last < Some((pid, va)) && va % PAGE == asked % PAGE;
            ensure!(right, "order or offset of {row:?}");
            last = Some((pid, va));
            if pid == scan.own_pid {
                continue;
            }
            let keys = self.walk.walk(&row[0], va)?;
            let pa = format!("{asked:#x}");
            let walked = [keys.get("pa"), keys.get("page"), keys.get("perm")];
            let right = walked == [&*pa, &*row[2], &*row[3]];
            ensure!(right, "{row:?}, but walk {keys:?}");
            self.check_name(pid, row)?;
            if !scan.is_pfnmap(pid, va) {
                rows.push((pid, va / PAGE * PAGE));
            }
        }
        Ok(rows)
    }

    /// Compares an answer with a scan of the mount that was asked, and for what is outside of
    /// it with one of all processes; returns how many rows there are, and mappings outside.
    fn judge(
        &mut self,
        asked: u64,
        answer: &Answer,
        scan: &Scan,
        all: &Scan,
    ) -> io::Result<(usize, u64)> {
        let frame = asked / PAGE * PAGE;
        let expected = scan.mappings(frame);
        let rows = self.rows(asked, answer, scan)?;
        ensure!(rows == expected, "{rows:x?}, but {expected:x?}");
        // This process is outside of an inner namespace, but always in `all`'s.
        let outside = answer.end.number("outside")?;
        let others = (all.mappings(frame).len() - expected.len()) as u64;
        let countable = scan.own_pid != 0 || !all.own.contains(&frame);
        let right = !countable || outside == others;
        ensure!(right, "outside={outside}, but {others}");
        Ok((rows.len(), outside))
    }

    /// Compares an answer about a range of frames with scans that agree.
    fn judge_range(
        &mut self,
        (first, end): (u64, u64),
        text: &str,
        scan: &Scan,
        all: &Scan,
    ) -> io::Result<()> {
        let answer = Answer::given(text, RMAP_RANGE)?;
        let named = answer.end.get("pa") == format!("{first:#x}-{end:#x}");
        ensure!(named, "asked {first:#x}-{end:#x}: {}", answer.last);
        let (mut rows, mut sum) = (BTreeMap::new(), 0);
        for row in &answer.rows {
            let (pid, kb) = (number(&row[0])? as u32, number(&row[1])?);
            let after = rows.last_key_value().is_none_or(|(last, _)| *last < pid);
            ensure!(after && kb > 0, "order or size of {row:?}");
            self.check_name(pid, row)?;
            sum += kb;
            rows.insert(pid, kb);
        }
        ensure!(answer.end.number("kb")? == sum, "kb of {}", answer.last);
        rows.remove(&scan.own_pid);
        let expected = scan.kb(first, end);
        ensure!(rows == expected, "{rows:?}, but {expected:?}");
        // This process is outside of an inner namespace, and is not scanned.
        if scan.own_pid != 0 {
            let others = all.kb(first, end);
            let outside = others.len() - expected.len();
            let kb = others.values().sum::<u64>() - expected.values().sum::<u64>();
            let [number, said_kb] = ["outside", "outside_kb"].map(|key| answer.end.number(key));
            let right = (number?, said_kb?) == (outside as u64, kb);
            ensure!(right, "{}, but {outside} and {kb}", answer.last);
        }
        self.ranges.0 += 1;
        self.ranges.1 += rows.len();
        Ok(())
    }

    /// Asks about the page of each pair, and about some that are drawn; leaves those that moved
    /// meanwhile.
    fn round(
        &mut self,
        pairs: &mut Vec<&[String]>,
        samples: &mut usize,
        random: &mut Random,
    ) -> io::Result<()> {
        let outer = Path::new("/proc");
        let (started, listed) = (tasks_started()?, other_processes(outer));
        // The same, where nobody else's namespace is asked through.
        let inner = (self.mount != outer).then(|| Scan::read(&self.mount));
        let (inner, mut before) = (inner.transpose()?, Scan::read(outer)?);
        let mut frames = Vec::new();
        for pair in pairs.drain(..) {
            frames.push((Some(pair), named(pair, &before)?));
        }
        let here = inner.as_ref().unwrap_or(&before);
        let drawn = (0..*samples * 100).filter_map(|_| here.draw(random));
        frames.extend(drawn.take(*samples).map(|frame| (None, frame)));

        let mut asked = Vec::new();
        for (pair, frame) in frames {
            let pa = frame + random.u64(..) % PAGE;
            asked.push((pair, pa, self.ask(pa)?));
        }
        let mut ranges = Vec::new();
        for (_, pa, _) in asked.iter().filter(|(pair, ..)| pair.is_none()) {
            // Low memory, which may be mapped without struct pages, is left out.
            let most = [4, 64, 4096][random.usize(..3)] * PAGE;
            let first = (pa - pa % PAGE).saturating_sub(random.u64(..) % most);
            let first = (first - first % PAGE).max(1 << 20);
            let end = first + PAGE + random.u64(..) % most / PAGE * PAGE;
            let text = self.rmap.ask(&format!("{first:#x}-{end:#x}"))?;
            ranges.push(((first, end), text));
        }
        let after = Scan::read(outer)?;
        before.own.extend(&after.own);
        let inner = inner.as_ref().unwrap_or(&before);
        // One that came and went is in no scan, and may be in the answer.
        let agree = |scan: &Scan, same: &dyn Fn(&Scan) -> bool| -> io::Result<bool> {
            Ok(tasks_started()? == started && same(scan))
        };
        let still = |same: &dyn Fn(&Scan) -> bool| -> io::Result<bool> {
            Ok(agree(&Scan::read(outer)?, same)? && other_processes(outer) == listed)
        };
        for ((first, end), text) in ranges {
            let kb = before.kb(first, end);
            let same = |scan: &Scan| kb == scan.kb(first, end);
            if !agree(&after, &same)? {
                continue;
            }
            let result = self.judge_range((first, end), &text, inner, &before);
            if let (Err(error), true) = (&result, result.is_err() && still(&same)?) {
                let text = format!("{first:#x}-{end:#x}: {error}");
                self.mismatches.push(text);
            }
        }
        for (pair, asked, answer) in asked {
            let frame = asked / PAGE * PAGE;
            let same = |scan: &Scan| before.mappings(frame) == scan.mappings(frame);
            let agreed = agree(&after, &same)?;
            let result = self.judge(asked, &answer, inner, &before);
            if !agreed || result.is_err() && !still(&same)? {
                pairs.extend(pair);
                continue;
            }
            match result {
                Ok((rows, outside)) => {
                    self.judged.push(rows);
                    self.outside += outside;
                }
                Err(error) => self.mismatches.push(format!("{asked:#x}: {error}")),
            }
            *samples -= usize::from(pair.is_none());
        }
        Ok(())
    }
}

fn named(pair: &[String], all: &Scan) -> io::Result<u64> {
    let va = parse_hex(&pair[pair.len() - 1])? / PAGE * PAGE;
    let memory = all.memories.get(&(number(&pair[0])? as u32));
    let mut pages = memory.into_iter().flat_map(|memory| &memory.pages);
    let page = pages.find(|page| page.va == va);
    let page = page.ok_or_else(|| error!("no page at {pair:?}"))?;
    Ok(page.pa)
}

/// Regions of more rows are read once: those where x86 maps a page of each processor 65,536 times
/// (espfix), when it starts.
const MANY: usize = 1 << 16;

/// The extents of the kernel by region, but for KASAN's shadow, which is not searched. Of regions
/// with very many they are those of `known`.
fn kernel_extents(
    extents: &mut Conversation,
    known: Option<&[Vec<Row>]>,
) -> io::Result<Vec<Vec<Row>>> {
    let layout = Table::read(format!("{PROC}/layout").as_ref(), header("layout"))?;
    let searched = |row: &&Vec<String>| !["user", "hole", "kasan"].contains(&&*row[0]);
    let read = |(number, region): (usize, &Vec<String>)| {
        if let Some(known) = known.filter(|known| known[number].len() >= MANY) {
            return Ok(known[number].clone());
        }
        let text = extents.ask(&format!("kernel {}-{}", region[1], region[2]))?;
        let rows = Answer::given(&text, EXTENTS)?.rows;
        rows.iter().map(|row| Row::parse(row)).collect()
    };
    let regions = layout.rows.iter().filter(searched).enumerate();
    regions.map(read).collect()
}

/// The mappings of an address among the kernel's extents: address, size and permissions.
fn aliases(rows: &[Vec<Row>], pa: u64) -> Vec<(u64, String, String)> {
    let here = |row: &&Row| (row.pa..=row.pa + (row.last - row.start)).contains(&pa);
    let place = |row: &Row| {
        (
            row.start + (pa - row.pa),
            row.page.clone(),
            row.perm.clone(),
        )
    };
    rows.iter().flatten().filter(here).map(place).collect()
}

fn kernel(samples: usize, random: &mut Random) -> io::Result<bool> {
    let mut extents = Conversation::of("extents")?;
    let (mut rmap, mut walk) = (Conversation::of("rmap")?, Conversation::of("walk")?);
    let (mut judged, mut wrong) = (0, Vec::new());
    let (mut most, mut regions) = (0, BTreeSet::new());
    let wait = Wait::begin();
    while judged < samples && wrong.is_empty() && !wait.is_over() {
        let before = kernel_extents(&mut extents, None)?;
        let mut asked = Vec::new();
        for _ in 0..samples {
            // Regions with few pages as often as the others.
            let few = |rows: &&Vec<Row>| (1..MANY).contains(&rows.len());
            let regions: Vec<_> = before.iter().filter(few).collect();
            let rows = regions[random.usize(..regions.len())];
            let row = &rows[random.usize(..rows.len())];
            let pa = row.pa + random.u64(..) % (row.last - row.start + 1);
            asked.push((pa, rmap.ask(&format!("{pa:#x} kernel"))?));
        }
        let after = kernel_extents(&mut extents, Some(&before))?;
        for (pa, text) in asked {
            let expected = aliases(&before, pa);
            if expected != aliases(&after, pa) {
                continue;
            }
            judged += 1;
            let answer = Answer::given(&text, RMAP_KERNEL)?;
            let mut rows = Vec::new();
            for row in &answer.rows {
                let va = hex(&row[0])?;
                rows.push((va, row[1].clone(), row[2].clone()));
                if rows.len() > 32 {
                    continue;
                }
                let keys = walk.walk("kernel", va)?;
                let right = keys.get("region") == row[3];
                must!(wrong, right, "{row:?}, but walk says {keys:?}");
                regions.insert(row[3].clone());
            }
            most = most.max(rows.len());
            let begin = format!("# end pid=kernel pa={pa:#x} ");
            let right = rows == expected && answer.last.starts_with(&begin);
            must!(wrong, right, "{pa:#x}: {text}, but {expected:x?}");
        }
    }
    let (mismatches, regions) = (show(&wrong), Vec::from_iter(regions).join(","));
    println!("judged={judged} most={most} regions={regions} mismatches={mismatches}");
    Ok(mismatches == 0 && judged >= samples)
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    if let Some(samples) = options.get("--kernel")? {
        let mut random = Random::with_seed(options.or("--seed", 1)?);
        return kernel(samples, &mut random);
    }
    let mount = options.or("--inner", PathBuf::from("/proc"))?;
    let mut samples = options.or("--samples", 0)?;
    let mut random = Random::with_seed(options.or("--seed", 1)?);
    let at_least = options.get("--at-least")?;
    let words = options.words()?;
    let mut pairs: Vec<&[String]> = words.chunks(2).collect();
    let at_least = at_least.unwrap_or((pairs.len() + samples) / 2).max(1);
    let mut comparison = Comparison {
        rmap: Conversation::open(mount.join("memintro/rmap"))?,
        walk: Conversation::open(mount.join("memintro/walk"))?,
        mount,
        judged: Vec::new(),
        outside: 0,
        ranges: (0, 0),
        mismatches: Vec::new(),
    };
    let wait = Wait::begin();
    while !wait.is_over() {
        comparison.round(&mut pairs, &mut samples, &mut random)?;
        if comparison.judged.len() >= at_least || !comparison.mismatches.is_empty() {
            break;
        }
    }
    let (judged, outside, (ranges, rows)) =
        (&comparison.judged, comparison.outside, comparison.ranges);
    let (mappings, most): (usize, _) = (judged.iter().sum(), judged.iter().max().unwrap_or(&0));
    let (judged, mismatches) = (judged.len(), show(&comparison.mismatches));
    print!("judged={judged} mappings={mappings} most={most} ranges={ranges} rows={rows} ");
    println!("outside={outside} mismatches={mismatches}");
    Ok(mismatches == 0 && judged >= at_least)
}
