// SPDX-License-Identifier: GPL-2.0

//! Asks memintro what backs the pages of a process and compares with what the kind of each
//! range demands, and with `/proc/PID/pagemap`. RANGES is `subject`'s output.
//!
//! `compare-walk PID < RANGES`: asks the sysfs file, about every page at random offsets inside
//! it; of a large range, about random pages and its borders. `compare-walk --kinds KIND...`: the
//! same of one process after the other, which has pages of one kind, and then a line of `verdict
//! KIND right`, `wrong`, or `skip REASON` where it cannot be made here.
//!
//! `walk-million PID [--questions N] < RANGES`: asks N questions and a few through one
//! conversation, in batches, every eighth with `levels`, and judges every answer also by smaps.
//!
//! Pagemap is read before and after: a page that moved meanwhile is asked for again. Not one
//! page in ten may move.

use crate::kinds::{self, Expect, Kind};
use crate::prelude::*;

const FLAGS: [&str; 11] = words! {
    "accessed" "dirty" "soft-dirty" "nx" "global" "special" "zero" "protnone" "uffd" "hugetlb"
    "contiguous"
};

/// Kinds whose pages were written, and may be written again.
const WRITTEN: [&str; 16] = words! {
    "anon" "file-shared" "file-cow" "shmem" "memfd" "lowest" "high" "thp" "thp-moved"
    "hugetlb-2m" "hugetlb-2m-shared" "hugetlb-1g" "mthp" "hugetlb-64k" "hugetlb-32m"
    "hugetlb-32m-shared"
};
/// Kinds whose pages lie in a writable mapping, and are write-protected.
const PROTECTED: [&str; 3] = ["zero", "thp-zero", "uffd-protected"];

struct Known<'a> {
    range: &'a Range,
    va: usize,
    entry: Entry,
}

impl Known<'_> {
    /// What must be answered, an address or a word; `answer` itself where nothing wrong can be
    /// told of it.
    fn expected(&self, answer: &str) -> io::Result<String> {
        let Self { range, va, entry } = self;
        let kind = kinds::find(&range.kind).ok_or_else(|| error!("no such kind"))?;
        Ok(match kind.expect {
            // No address must have become a word: the answer of a page that pagemap calls empty
            // would be wrong in two places at once.
            Expect::Frame if entry.frame().is_none() => "a page in pagemap".to_owned(),
            Expect::Word(_) if entry.frame().is_some() => "no page in pagemap".to_owned(),
            Expect::Frame | Expect::AsPagemap => match entry.answer(*va) {
                none if none == "none" => "not-populated".to_owned(),
                other => other,
            },
            Expect::Word(word) => word.to_owned(),
            Expect::Physical(first) => format!("{:#x}", first + (va - range.start) as u64),
            Expect::Unknown if answer == "not-populated" => answer.to_owned(),
            Expect::Unknown => match hex(answer) {
                Ok(pa) if pa % PAGE as u64 == (va % PAGE) as u64 => answer.to_owned(),
                _ => format!("offset {:#x} or not-populated", va % PAGE),
            },
        })
    }

    /// Says what is wrong with an answer of `walk`, given all that is known of the process, and
    /// the frames of the zero pages.
    fn judge(
        &self,
        pid: &str,
        answer: &Line<'_>,
        memory: &Memory,
        zeros: &Zeros,
    ) -> io::Result<()> {
        answer.expect("pid", pid)?;
        answer.expect("va", &format!("{:#x}", self.va))?;
        answer.expect("error", "")?;
        let pa = answer.get("pa");
        let key = if pa == "none" { "why" } else { "pa" };
        answer.expect(key, &self.expected(answer.get(key))?)?;
        match (pa, answer.get("why")) {
            // pagemap.rst: bits 0-4 the swap type, bits 5-54 the offset.
            ("none", "swap") => {
                let bits = self.entry.0 & ((1 << 55) - 1);
                answer.expect("swap", &format!("{}:{}", bits & 31, bits >> 5))
            }
            ("none", _) => Ok(()),
            _ => self.judge_page(answer, memory, zeros),
        }
    }

    fn judge_page(&self, answer: &Line<'_>, memory: &Memory, zeros: &Zeros) -> io::Result<()> {
        let page = answer.get("page");
        let size = size_of(page)?;
        answer.expect("level", size.level)?;
        let mapping = memory.mapping(self.va as u64);
        let mapping = mapping.ok_or_else(|| error!("no such mapping"))?;
        self.judge_perm(answer, mapping)?;

        let kind = self.range.kind.as_str();
        let flag = |name, set: bool| {
            let right = answer.has_flag(name) == set;
            ensure!(right, "flags={} and {name}", answer.get("flags"));
            Ok(())
        };
        let mut order = FLAGS.iter();
        let flags = answer.get("flags");
        let in_order = flags.split(',').all(|name| order.any(|next| *next == name));
        let right = flags == "-" || in_order;
        ensure!(right, "flags={flags}: names or their order");
        let frame = self.entry.frame();
        let zero = frame.map_or(Ok(false), |frame| zeros.contains(frame));
        flag("zero", zero.map_err(|error| error!("kpageflags: {error}"))?)?;
        flag("uffd", kind == "uffd-protected")?;
        flag("contiguous", size.contiguous)?;
        flag("global", false)?;
        if kind == "pfnmap" || kind == "zero" {
            flag("special", true)?;
        }
        // Not `accessed`: the kernel clears that as pages grow old.
        if kind == "anon" {
            flag("dirty", true)?;
        }
        flag("hugetlb", mapping.has_flag("ht"))?;
        let pkey = mapping.pkey().map(|key| key.to_string());
        answer.expect("pkey", &pkey.unwrap_or_default())?;
        // Memory without struct pages may be of any type.
        if !["pfnmap", "vvar"].contains(&kind) {
            answer.expect("cache", ORDINARY)?;
        }
        ensure!(memory.may_be(self.va as u64, page), "page={page}");
        Ok(())
    }

    fn judge_perm(&self, answer: &Line<'_>, mapping: &Mapping) -> io::Result<()> {
        let [perm, flags] = ["perm", "flags"].map(|key| answer.get(key));
        let [r, w, x, b'u'] = perm.as_bytes() else {
            bail!("perm={perm}: not four letters, the last one u");
        };
        let protnone = perm == "---u";
        let same = answer.has_flag("protnone") == protnone;
        ensure!(same, "perm={perm} flags={flags}: protnone");
        // PROT_NONE says nothing else of an entry.
        let same = protnone || answer.has_flag("nx") == (*x == b'-');
        ensure!(same, "perm={perm} flags={flags}: nx");
        let maps = mapping.perm.as_bytes();
        let (kind, may) = (self.range.kind.as_str(), maps[1] == b'w');
        let has_to = may && WRITTEN.contains(&kind);
        let has_not_to = !may || PROTECTED.contains(&kind);
        let right = (maps[0] == b'r') == (*r == b'r')
            && (maps[2] == b'x') == (*x == b'x')
            && (!has_to || *w == b'w')
            && (!has_not_to || *w == b'-');
        ensure!(right, "perm={perm}: maps has {}", mapping.perm);
        Ok(())
    }
}

/// Questions of a batch: at most 50 bytes each, fewer than wait at most.
const BATCH: usize = 1024;

/// Addresses to ask for: `most` random ones of a large range, `least` of a small one, each page
/// as often as the others.
fn places<'a>(
    ranges: &'a [Range],
    (least, most): (usize, usize),
    random: &mut Random,
) -> Vec<(&'a Range, usize)> {
    let mut all = Vec::new();
    for range in ranges {
        let (first, end, count) = (range.start, range.start + range.len, range.len / PAGE);
        let pages = (first..end).step_by(PAGE).cycle();
        let times = least.div_ceil(count).max(1);
        let mut pages = pages.take(times * count).collect_vec();
        if count > most {
            let any = |_| first + random.usize(..count) * PAGE;
            pages = (0..most).map(any).collect();
            // The borders, outer ones and those between huge pages.
            let borders = (first..=end).step_by(PAGE_2M).take(64);
            pages.extend(borders.flat_map(|border| [border.saturating_sub(PAGE), border]));
            pages.push(end - PAGE);
            pages.retain(|page| (first..end).contains(page));
        }
        let offset = |page| (range, page + random.usize(..PAGE));
        all.extend(pages.into_iter().map(offset));
        // The very first and last byte, whatever chance gave.
        all.extend([(range, first), (range, end - 1)]);
    }
    all
}

/// Asks about all places, in batches of so many at most, and shows what is wrong: `ask` says it
/// of each of a batch.
fn compare<'a>(
    pid: &str,
    mut places: Vec<(&'a Range, usize)>,
    mut size: impl FnMut() -> usize,
    mut ask: impl FnMut(&[Known<'a>]) -> io::Result<Vec<io::Result<()>>>,
) -> io::Result<bool> {
    let pagemap = Pagemap::open(pid)?;
    let mut counts = BTreeMap::<&str, (usize, usize)>::new();
    let (mut checked, mut moved, mut wrong) = (0, 0, 0);
    while !places.is_empty() {
        let batch = places.split_off(places.len().saturating_sub(size()));
        let known = |(range, va)| pagemap.entry(va).map(|entry| Known { range, va, entry });
        let batch: Vec<_> = batch.into_iter().map(known).try_collect()?;
        for (known, result) in batch.iter().zip(ask(&batch)?) {
            if !pagemap.entry(known.va)?.same_place(known.entry) {
                moved += 1;
                ensure!(moved < 1000 + checked, "no page stays in its place");
                places.push((known.range, known.va));
                continue;
            }
            let kind = known.range.kind.as_str();
            let count = counts.entry(kind).or_default();
            (count.0, checked) = (count.0 + 1, checked + 1);
            if let Err(what) = result {
                (count.1, wrong) = (count.1 + 1, wrong + 1);
                // A systematic fault is clear from its first cases.
                if count.1 <= 10 {
                    println!("mismatch kind={kind} va={:#x} {what}", known.va);
                }
            }
        }
    }
    for (kind, (checked, mismatches)) in counts {
        println!("kind={kind} checked={checked} mismatches={mismatches}");
    }
    println!("checked={checked} moved={moved} mismatches={wrong}");
    Ok(checked > 0 && wrong == 0 && moved * 10 < checked)
}

fn compare_by_file(walk: &mut SysfsWalk, pid: &str, ranges: &[Range]) -> io::Result<bool> {
    let places = places(ranges, (256, 2048), &mut Random::with_seed(1));
    let mut one = |known: &Known<'_>| {
        let answer = walk.ask(pid, known.va);
        let answer = answer.unwrap_or_else(|error| errno_name(&error));
        let expected = known.expected(&answer)?;
        ensure!(answer == expected, "expected {expected} got {answer}");
        Ok(())
    };
    compare(pid, places, || 1, |known| Ok(vec![one(&known[0])]))
}

/// Has a process make pages of a kind, and compares; or returns why it cannot make them.
fn compare_kind(walk: &mut SysfsWalk, kind: &'static Kind) -> io::Result<Result<bool, String>> {
    let (mut told, mut tell) = sys::pipe()?;
    let pid = process::fork_tied(move || {
        let lines = kind.describe();
        let _ = match &lines {
            Ok(lines) => tell.write_all(lines.as_bytes()),
            Err(error) => write!(tell, "no {error}"),
        };
        drop(tell);
        process::sleep_for_ever()
    })?;
    let mut lines = String::new();
    told.read_to_string(&mut lines)?;
    let result = match lines.strip_prefix("no ") {
        Some(reason) => Ok(Err(reason.to_owned())),
        None => compare_by_file(walk, &pid.to_string(), &Range::parse_all(&lines)?).map(Ok),
    };
    process::end(&[pid]);
    result
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let mut walk = SysfsWalk::open()?;
    if !options.flag("--kinds") {
        let pid: String = options.word()?;
        return compare_by_file(&mut walk, &pid, &Range::read_all()?);
    }
    let mut fine = true;
    for name in options.words()? {
        let kind = kinds::find(&name).ok_or_else(|| misuse(format!("{name}?")))?;
        let verdict = match compare_kind(&mut walk, kind)? {
            Ok(right) => {
                fine &= right;
                ["wrong", "right"][usize::from(right)].to_owned()
            }
            Err(reason) => format!("skip {reason}"),
        };
        println!("verdict {name} {verdict}");
    }
    Ok(fine)
}

pub fn million(options: &mut Options) -> io::Result<bool> {
    let questions = options.or("--questions", 1_000_000usize)?;
    let pid: String = options.word()?;
    let ranges = Range::read_all()?;
    let directory = Path::new("/proc").join(&pid);
    let zeros = Zeros::open()?;
    let memory = Memory::read(&directory, Some(&zeros))?;
    let mut levels = LevelCheck::new()?;
    let mut conversation = Conversation::of("walk")?;
    let mut random = Random::with_seed(1);
    let each = questions.div_ceil(ranges.len());
    let mut places = places(&ranges, (each, each), &mut random);
    random.shuffle(&mut places);
    // Of all sizes, one question included.
    let size = || 1 + random.usize(..BATCH);
    let fine = compare(&pid, places, size, |batch| {
        let tail = |va: usize| if va % 8 == 0 { " levels" } else { "" };
        let line = |known: &Known<'_>| format!("{pid} {:#x}{}", known.va, tail(known.va));
        let text = batch.iter().map(line).join("\n");
        let text = conversation.ask(&text)?;
        let answers = answers(&text).collect::<io::Result<Vec<_>>>()?;
        let (asked, got) = (batch.len(), answers.len());
        ensure!(asked == got, "{got} answers to {asked} questions");
        let judge = |(known, (lines, answer)): (&Known<'_>, (Vec<Line<'_>>, Line<'_>))| {
            let result = known.judge(&pid, &answer, &memory, &zeros).and_then(|()| {
                if tail(known.va).is_empty() {
                    ensure!(lines.is_empty(), "levels that nobody asked for");
                    return Ok(());
                }
                levels.check(known.va as u64, &lines, &answer)
            });
            result.map_err(|what| error!("{what}: {answer:?}"))
        };
        Ok(batch.iter().zip(answers).map(judge).collect())
    })?;
    let same = Memory::read(&directory, Some(&zeros))? == memory;
    ensure!(same, "the subject's memory changed meanwhile");
    Ok(fine)
}
