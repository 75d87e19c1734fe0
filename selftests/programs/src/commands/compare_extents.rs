// SPDX-License-Identifier: GPL-2.0

//! `compare-extents [--ranges N] [--seed N] [--at-least N] [PID...]`: compares
//! `/proc/memintro/extents` of the processes, by default of all but itself, with what smaps,
//! pagemap and PAGEMAP_SCAN say, page by page; for each process also N random ranges, odd ends
//! and all; and of each mapping the folios with kpageflags, and the nodes with numa_maps.
//!
//! The kernel's files are read before and after. A process that changed meanwhile is tried
//! again until it rests, or has ended. What pagemap shows as empty although something is mapped
//! (memory without struct pages) is compared with `walk`.
//!
//! `compare-runs PID < RANGES`: for pages of a process (lines of `subject`) that arm64 may hold
//! as one in its TLB, compares the size that `/proc/memintro/walk` gives with the entries
//! themselves, which `/proc/kcore` shows: a run is one page where all of it is valid, has the
//! contiguous bit, leads to memory side by side and allows the same (Arm ARM D8, "The
//! Contiguous bit").

use crate::prelude::*;

const PAGE: u64 = sys::PAGE as u64;

struct Comparison {
    extents: Conversation,
    walk: Conversation,
    zeros: Zeros,
    random: Random,
    ranges: usize,
    pages: usize,
    rows: usize,
    /// Mappings whose folios and nodes were compared, and the keys that were seen.
    mappings: usize,
    keys: BTreeSet<String>,
}

/// The keys and values that are expected of a mapping: how many KiB are in folios of each size,
/// and on each node.
type Kb = BTreeMap<String, u64>;

fn size_name(kb: u64) -> String {
    match kb {
        1_048_576.. => format!("{}g", kb >> 20),
        1024.. => format!("{}m", kb >> 10),
        _ => format!("{kb}k"),
    }
}

fn sizes(folios: &mut Folios, memory: &Memory, start: u64, end: u64) -> io::Result<Kb> {
    let mut sums = Kb::new();
    let pages = memory.from(start).take_while(|page| page.va < end);
    for page in pages.filter(|page| !page.zero) {
        let kb = folios.pages(page.pa / PAGE)? * PAGE / 1024;
        let key = format!("folio_{}_kb", size_name(kb));
        *sums.entry(key).or_default() += PAGE / 1024;
    }
    Ok(sums)
}

/// The nodes of each mapping that numa_maps tells them of, by the mapping's start.
fn nodes(directory: &Path) -> io::Result<BTreeMap<u64, Kb>> {
    let mut all = BTreeMap::new();
    // A kernel without NUMA has no such file.
    let text = fs::read_to_string(directory.join("numa_maps")).unwrap_or_default();
    for line in text.lines() {
        let (start, rest) = line.split_once(' ').unwrap_or((line, ""));
        let pairs = rest.split(' ').filter_map(|word| word.split_once('='));
        let pairs: HashMap<_, _> = pairs.collect();
        let kb = number(pairs.get("kernelpagesize_kB").unwrap_or(&"0"))?;
        let sums = pairs.into_iter().filter_map(|(key, pages)| {
            let node: u32 = key.strip_prefix('N')?.parse().ok()?;
            Some(number(pages).map(|pages| (format!("node{node}_kb"), pages * kb)))
        });
        all.insert(parse_hex(&format!("0x{start}"))?, sums.try_collect()?);
    }
    Ok(all)
}

/// Whether the permissions and flags of a row fit the page and its mapping.
fn fits(memory: &Memory, row: &Row, va: u64) -> bool {
    let Some(mapping) = memory.mapping(va) else {
        return false;
    };
    // Execute-only and write-only memory can be read on this processor.
    let none = mapping.perm.starts_with("---");
    let special = row.has("zero") || mapping.has_flag("mm") || mapping.is_pfnmap();
    let perm = row.perm.as_bytes();
    memory.may_be(va, &row.page)
        && row.has("hugetlb") == mapping.has_flag("ht")
        && row.has("protnone") == none
        && (special || !row.has("special"))
        && (perm[0] == b'r') != none
        && (perm[1] == b'-' || mapping.perm.as_bytes()[1] == b'w')
        && (perm[2] == b'x') == (mapping.perm.as_bytes()[2] == b'x')
        && perm[3] == b'u'
}

impl Comparison {
    /// Compares the rows with the pages of a range; returns what differs.
    fn judge(
        &mut self,
        pid: &str,
        memory: &Memory,
        from: u64,
        to: u64,
        rows: &[Row],
    ) -> io::Result<Vec<String>> {
        let mut expected = memory.from(from).take_while(|page| page.va < to);
        let mut wrong = Vec::new();
        for row in rows {
            let mut zeros = 0;
            for page in row.pages() {
                self.pages += 1;
                let mapping = memory.mapping(page.va);
                if mapping.is_some_and(Mapping::is_pfnmap) {
                    let keys = self.walk.walk(pid, page.va)?;
                    let same = keys.get("pa") == format!("{:#x}", page.pa);
                    let right = same && row.has("special");
                    must!(wrong, right, "{page:x?}, but walk says {keys:?}");
                    continue;
                }
                let right = |other: &&Page| {
                    // All zero pages of a row but the first have no address.
                    let has_none = page.zero && zeros > 0;
                    let pa = if has_none { other.pa } else { page.pa };
                    **other == Page { pa, ..page }
                };
                match expected.next().filter(right) {
                    Some(_) if !fits(memory, row, page.va) => {
                        wrong.push(format!("page {:#x} does not fit {row:x?}", page.va));
                    }
                    Some(_) => zeros += 1,
                    None => wrong.push(format!("{page:x?} is none of pagemap's")),
                }
                if wrong.len() > 5 {
                    return Ok(wrong);
                }
            }
        }
        if let Some(page) = expected.next() {
            wrong.push(format!("no row for {page:x?}"));
        }
        Ok(wrong)
    }

    /// Asks for a range, or for everything, and for the totals alone.
    fn question(&mut self, pid: &str, range: Option<(u64, u64)>) -> io::Result<Extents> {
        let words = match range {
            Some((start, end)) => format!("{pid} {start:#x}-{end:#x}"),
            None => pid.to_owned(),
        };
        let text = self.extents.ask_both(&words)?;
        let kb = range.map(|(start, end)| (end.div_ceil(PAGE) - start / PAGE) * PAGE / 1024);
        let extents = Extents::parse(&text, kb)?;
        self.rows += extents.rows.len();
        Ok(extents)
    }

    /// A random range around pages that are there; the ends may be odd.
    fn range(&mut self, memory: &Memory) -> Option<(u64, u64)> {
        let n = memory.mappings.len();
        if n == 0 {
            return None;
        }
        let mapping = &memory.mappings[self.random.usize(..n)];
        let size = mapping.end - mapping.start;
        let start = mapping.start + self.random.u64(..) % size;
        let start = start.saturating_sub(self.random.u64(..) % (4 * PAGE));
        let most = [2 * PAGE, 64 * PAGE, 1024 * PAGE][self.random.usize(..3)];
        let end = start + 1 + self.random.u64(..) % most;
        // Behind the last mapping, user addresses may end.
        Some((start, end.min(memory.mappings[n - 1].end)))
    }

    /// Compares the folios and nodes of each mapping whose pages pagemap shows.
    fn frames(&mut self, pid: &str, memory: &Memory) -> io::Result<Vec<String>> {
        let (nodes, mut folios) = (nodes(&Path::new("/proc").join(pid))?, Folios::open()?);
        let mut wrong = Vec::new();
        let mappings = memory.mappings.iter();
        for mapping in mappings.filter(|mapping| !mapping.is_pfnmap()) {
            let (start, end) = (mapping.start, mapping.end);
            let mut expected = sizes(&mut folios, memory, start, end)?;
            // It does not tell of special pages.
            let on_nodes = nodes.get(&start).filter(|nodes| !nodes.is_empty());
            let words = ["folios", "folios nodes"][usize::from(on_nodes.is_some())];
            expected.extend(on_nodes.cloned().into_iter().flatten());
            let question = format!("{pid} {start:#x}-{end:#x} totals {words}");
            let answer = self.extents.ask(&question)?;
            let words = answer.split_ascii_whitespace();
            let pairs = words.filter_map(|word| word.split_once('='));
            let is = |(key, _): &(&str, _)| key.starts_with("folio_") || key.starts_with("node");
            let value = |(key, kb): (&str, _)| number(kb).map(|kb| (key.to_owned(), kb));
            let said: Kb = pairs.filter(is).map(value).try_collect()?;
            let right = said == expected;
            must!(wrong, right, "{answer:?}, expected {expected:?}");
            self.mappings += 1;
            self.keys.extend(said.into_keys());
        }
        Ok(wrong)
    }

    fn process(&mut self, pid: &str) -> io::Result<Option<Vec<String>>> {
        let directory = Path::new("/proc").join(pid);
        let before = Memory::read(&directory, Some(&self.zeros))?;
        let frames = self.frames(pid, &before);
        let whole = self.question(pid, None);
        let mut parts = Vec::new();
        for _ in 0..self.ranges {
            if let Some((start, end)) = self.range(&before) {
                parts.push((start, end, self.question(pid, Some((start, end)))));
            }
        }
        if Memory::read(&directory, Some(&self.zeros))? != before {
            return Ok(None);
        }
        let mut wrong = self.judge(pid, &before, 0, u64::MAX, &whole?.rows)?;
        wrong.extend(frames?);
        for (start, end, part) in parts {
            let (from, to) = (start / PAGE * PAGE, end.next_multiple_of(PAGE));
            let rows = part?.rows;
            let inside = rows.iter().all(|row| row.start >= from && row.last < to);
            must!(wrong, inside, "rows outside {from:#x}-{to:#x}");
            let more = self.judge(pid, &before, from, to, &rows)?.into_iter();
            wrong.extend(more.map(|line| format!("{start:#x}-{end:#x}: {line}")));
        }
        Ok(Some(wrong))
    }
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let mut comparison = Comparison {
        extents: Conversation::of("extents")?,
        walk: Conversation::of("walk")?,
        zeros: Zeros::open()?,
        random: Random::with_seed(options.or("--seed", 1)?),
        ranges: options.or("--ranges", 8)?,
        pages: 0,
        rows: 0,
        mappings: 0,
        keys: BTreeSet::new(),
    };
    let all = at_rest(options, |pid| comparison.process(pid))?;
    let (mismatches, judged) = (show(&all.wrong), all.count);
    let [pages, rows, mappings] = [comparison.pages, comparison.rows, comparison.mappings];
    println!(
        "frames of mappings={mappings}: {}",
        comparison.keys.iter().join(" ")
    );
    println!("judged={judged} pages={pages} rows={rows} mismatches={mismatches}");
    Ok(mismatches == 0 && all.enough)
}

const VALID: u64 = 1;
const CONTIGUOUS: u64 = 1 << 52;
/// What may differ within a run: accessed, and the two halves of dirty.
const NOTED: u64 = (1 << 10) | (1 << 7) | (1 << 55);

/// Whether a run is one page; `span` is how many bytes an entry stands for.
fn is_one(run: &[u64], span: u64) -> bool {
    let length = run.len() as u64;
    let first = next_table(run[0]);
    // The address is there twice: as next_table() has it, and so taken off.
    let rest = |entry: u64| (entry ^ run[0]) & !NOTED & !0x0003_ffff_ffff_f300;
    first % (span * length) == 0
        && run.iter().enumerate().all(|(i, &entry)| {
            entry & VALID != 0
                && entry & CONTIGUOUS != 0
                && next_table(entry) == first + i as u64 * span
                && rest(entry) == 0
        })
}

/// Judges an address: whether its page is a run of several; `None` where the entry changed
/// meanwhile, or there is no page.
fn judge(
    walk: &mut Conversation,
    kcore: &Kcore,
    pid: &str,
    va: usize,
) -> io::Result<Option<Result<bool, String>>> {
    let text = walk.ask(&format!("{pid} {va:#x} levels"))?;
    let (levels, answer) = answers(&text).next().ok_or_else(|| error!("no answer"))??;
    let Some(last) = levels.last().filter(|_| answer.get("pa") != "none") else {
        return Ok(None);
    };
    let (entry, value) = (last.hex("entry")?, last.hex("value")?);
    let sizes = SIZES.iter().filter(|size| size.level == last.get("level"));
    let [shift, larger] = sizes.map(|size| size.shift).collect::<Vec<_>>()[..] else {
        return Ok(None);
    };
    let is_base = last.get("level") == "pte";
    let length = if is_base { RUN } else { RUN_HUGE };
    let mut bytes = vec![0; 8 * length];
    let first = entry & !(8 * length as u64 - 1);
    kcore.read(first, &mut bytes)?;
    let run = to_words(&bytes);
    if run[(entry - first) as usize / 8] != value {
        return Ok(None);
    }
    let one = is_one(&run, 1 << shift);
    let want = if one { larger } else { shift };
    let page = answer.get("page");
    Ok(Some(match size_of(page) {
        Ok(size) if size.shift == want => Ok(one),
        _ => Err(format!("{va:#x}: page={page}, the run is {run:x?}")),
    }))
}

pub fn runs(options: &mut Options) -> io::Result<bool> {
    let pid: String = options.word()?;
    let kcore = Kcore::open()?;
    let mut walk = Conversation::of("walk")?;
    // How many were checked, are of a run, and are wrong.
    let mut counts = BTreeMap::<String, [usize; 3]>::new();
    for range in Range::read_all()? {
        let count = counts.entry(range.kind).or_default();
        for va in Area::new(range.start, range.len).pages() {
            let mut tries = (0..20).map(|_| judge(&mut walk, &kcore, &pid, va));
            let Some(result) = tries.find_map(Result::transpose).transpose()? else {
                continue;
            };
            count[0] += 1;
            count[1] += usize::from(result == Ok(true));
            if let Err(what) = result {
                count[2] += 1;
                println!("mismatch {what}");
            }
        }
    }
    for (kind, [checked, runs, mismatches]) in &counts {
        println!("kind={kind} checked={checked} runs={runs} mismatches={mismatches}");
    }
    Ok(!counts.is_empty() && counts.values().all(|count| count[2] == 0))
}
