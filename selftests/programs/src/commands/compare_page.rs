// SPDX-License-Identifier: GPL-2.0

//! `compare-page [--sparse N] [--moving] [--page-types PROGRAM]`: compares `/proc/memintro/page`
//! with what `/proc/kpageflags`, `kpagecount`, `kpagecgroup` and `zoneinfo` say of every frame, but
//! of free and reserved ones, those inside of hugetlb pages, and those without a flag side by
//! side, of an Nth: of those of which they say the same before and after. Before that, the totals
//! of all memory with two scans of `kpageflags`, or with the lines that PROGRAM counts in the first
//! of them; not while memory is moving.

use std::process::Command;

use procfs::PhysicalPageFlags as Kpf;

use crate::prelude::*;

const PAGE: u64 = sys::PAGE as u64;
/// Frames of one step: their questions fit into one write.
const CHUNK: usize = 4096;
/// Those of which there are very many are asked about in blocks, which are quick to read.
const BLOCK: usize = 64;

/// The names that `page-types` has for the bits of `kpageflags`.
const NAMES: [&str; 43] = words! {
    "locked" "" "referenced" "uptodate" "dirty" "lru" "active" "slab" "writeback" "reclaim"
    "buddy" "mmap" "anonymous" "swapcache" "swapbacked" "compound_head" "compound_tail" "huge"
    "unevictable" "hwpoison" "" "ksm" "thp" "offline" "zero_page" "idle_page" "pgtable" "" "" ""
    "" "" "reserved" "mlocked" "owner_2" "private" "private_2" "owner_private" "arch" "" ""
    "arch_2" "arch_3"
};

const BUDDY: u64 = Kpf::BUDDY.bits();
const TAIL: u64 = Kpf::COMPOUND_TAIL.bits();
const HUGE: u64 = Kpf::HUGE.bits();
/// `KPF_RESERVED` of include/linux/kernel-page-flags.h.
const RESERVED: u64 = 1 << 32;

/// The kinds that the flags alone tell; the first that holds.
const KINDS: [(u64, &str); 10] = [
    (Kpf::HWPOISON.bits(), "poisoned"),
    (Kpf::ZERO_PAGE.bits(), "zero"),
    (BUDDY, "buddy"),
    (Kpf::OFFLINE.bits(), "offline"),
    (Kpf::SLAB.bits(), "slab"),
    (Kpf::PGTABLE.bits(), "pgtable"),
    (HUGE, "hugetlb"),
    (RESERVED, "reserved"),
    (Kpf::KSM.bits(), "ksm"),
    (Kpf::ANON.bits(), "anon"),
];
const MORE: [&str; 7] = words! {
    "file" "shmem" "swapcache" "kernel" "unaccepted" "device" "none"
};

/// The place in `KINDS` of the kind that flags tell.
fn kind_of(flags: u64) -> Option<usize> {
    KINDS.iter().position(|(flag, _)| flags & flag != 0)
}

/// How many frames have each of `KINDS`.
type Counts = [u64; KINDS.len()];

/// What `page-types` says of these flags, line by line.
fn page_types(program: &str, flags: &[u64]) -> io::Result<Counts> {
    let path = format!("/tmp/kpageflags.{}", id());
    let bytes = flags.iter().flat_map(|flags| flags.to_ne_bytes());
    let bytes = bytes.collect_vec();
    fs::write(&path, bytes)?;
    let output = Command::new(program).args(["-r", "-F", &path]).output();
    fs::remove_file(&path)?;
    let (mut counts, mut total) = (Counts::default(), 0);
    for line in String::from_utf8_lossy(&output?.stdout).lines() {
        let mut words = line.split_whitespace();
        let (Some(flags), Some(frames)) = (words.next(), words.next()) else {
            continue;
        };
        if flags.starts_with("0x") {
            let frames = number(frames)?;
            let kind = kind_of(parse_hex(flags)?);
            kind.into_iter().for_each(|kind| counts[kind] += frames);
            total += frames;
        }
    }
    let right = total == flags.len() as u64;
    ensure!(right, "{program} counts {total} frames");
    Ok(counts)
}

struct Kernel([File; 3]);

type Words = [u64; 3];

impl Kernel {
    fn open() -> io::Result<Self> {
        let open = |name| File::open(format!("/proc/kpage{name}"));
        Ok(Self([open("flags")?, open("count")?, open("cgroup")?]))
    }

    /// What they say of these frames, which are in order: they are read as far as there are
    /// no gaps.
    fn read(&self, frames: &[u64]) -> io::Result<Vec<Words>> {
        let mut all = Vec::new();
        for run in frames.chunk_by(|one, next| one + 1 == *next) {
            let [flags, maps, cgroup] = &self.0;
            let column = |file| read_words(file, run[0], run.len());
            let rows = column(flags)?.into_iter();
            let rows = rows.zip(column(maps)?).zip(column(cgroup)?);
            all.extend(rows.map(|((flags, maps), cgroup)| [flags, maps, cgroup]));
        }
        Ok(all)
    }
}

fn all_flags() -> io::Result<Vec<u64>> {
    let file = File::open("/proc/kpageflags")?;
    Ok(to_words(&read_all(&file, 512 * CHUNK)?))
}

/// The zones: name, node, first frame and the one after the last.
struct Zones(Vec<(String, String, u64, u64)>);

impl Zones {
    fn read() -> io::Result<Self> {
        let mut zones = Vec::new();
        let (mut node, mut name, mut spanned) = (String::new(), String::new(), 0);
        for line in fs::read_to_string("/proc/zoneinfo")?.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            match words[..] {
                ["Node", number, "zone", zone] => {
                    (node, name) = (number.trim_end_matches(',').to_owned(), zone.to_owned());
                }
                ["spanned", pages] => spanned = number(pages)?,
                ["start_pfn:", first] => {
                    let first = number(first)?;
                    zones.push((name.clone(), node.clone(), first, first + spanned));
                }
                _ => (),
            }
        }
        ensure!(!zones.is_empty(), "no zones");
        Ok(Self(zones))
    }

    /// Which of them have a frame: a bit each.
    fn of(&self, frame: u64) -> u64 {
        let has = |zone: &(String, String, u64, u64)| (zone.2..zone.3).contains(&frame);
        let bit = |bits, zone| (bits << 1) | u64::from(has(zone));
        self.0.iter().fold(0, bit)
    }

    fn has(&self, name: &str, node: &str, frame: u64) -> bool {
        self.0.iter().any(|(zone, number, first, end)| {
            zone == name && number == node && (*first..*end).contains(&frame)
        })
    }
}

fn or_none(text: String) -> String {
    match &*text {
        "" => "-".to_owned(),
        _ => text,
    }
}

fn judge(answer: &Keys, frame: u64, [flags, maps, cgroup]: Words, zones: &Zones) -> io::Result<()> {
    let kind = answer.get("kind");
    ensure!(answer.get("pa") == format!("{:#x}", frame * PAGE), "pa");
    let set = |(bit, name): &(usize, &&str)| (flags >> bit) & 1 != 0 && !name.is_empty();
    let mut named = NAMES.iter().enumerate().filter(set).map(|(_, name)| name);
    let named = or_none(named.join(","));
    ensure!(answer.get("flags") == named, "flags, not {named}");
    if answer.get("zone") == "-" {
        let absent = matches!(kind, "none" | "device" | "offline");
        ensure!(absent && [flags, maps, cgroup] == [0; 3], "no page");
        return Ok(());
    }
    let (zone, node) = (answer.get("zone"), answer.get("node"));
    // A hole belongs to some zone beside it.
    ensure!(kind == "reserved" || zones.has(zone, node, frame), "zone");
    ensure!(answer.get("maps") == maps.to_string(), "maps, not {maps}");
    let inode = or_none(cgroup.to_string().trim_start_matches('0').to_owned());
    ensure!(answer.get("cgroup") == inode, "cgroup, not {inode}");
    let may_be = match kind_of(flags) {
        Some(told) => kind == KINDS[told].1,
        None if flags & Kpf::SWAPBACKED.bits() != 0 => {
            matches!(kind, "shmem" | "swapcache" | "kernel")
        }
        None => matches!(kind, "file" | "kernel" | "unaccepted"),
    };
    ensure!(may_be, "kind");
    let shared = matches!(kind, "file" | "shmem");
    ensure!(!shared || !answer.get("inode").is_empty(), "no inode");
    // Where its folio begins.
    let head = match answer.get("head") {
        "-" => {
            ensure!(matches!(kind, "buddy" | "unaccepted"), "no folio");
            return Ok(());
        }
        head => hex(head)?,
    };
    let is = match (flags & Kpf::COMPOUND_HEAD.bits(), flags & TAIL) {
        (0, 0) => head == frame * PAGE,
        (_, 0) => head == frame * PAGE && answer.get("folio") != "4K",
        _ => head < frame * PAGE,
    };
    ensure!(is, "head");
    Ok(())
}

/// How many frames the kernel counts in the page cache, and as shared memory among them.
fn cached() -> io::Result<[u64; 2]> {
    // Adds up what each processor has counted.
    fs::read("/proc/sys/vm/stat_refresh")?;
    let text = fs::read_to_string("/proc/vmstat")?;
    let value = |name| {
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        let found = lines.find(|(key, _)| *key == name);
        number(found.map_or("", |(_, value)| value))
    };
    let swap = value("nr_swapcached").unwrap_or(0);
    Ok([value("nr_file_pages")? - swap, value("nr_shmem")?])
}

/// Compares the totals with the flags of all frames before and after; these are returned too.
/// Files and shared memory have no flag: of them with what the kernel counts.
fn totals(page: &mut Conversation, program: Option<&str>) -> io::Result<(Vec<String>, Vec<u64>)> {
    let before = all_flags()?;
    let question = format!("0x0-{:#x} totals", before.len() as u64 * PAGE);
    let cached_before = cached()?;
    let text = page.ask(&question)?;
    let cached_after = cached()?;
    let after = all_flags()?;
    let line = text.trim_end().strip_prefix("# end ");
    let line = Keys::parse(line.ok_or_else(|| error!("no totals: {text:?}"))?)?;
    let mut wrong = Vec::new();
    let mut left = before.len() as u64;
    // How many frames are of each kind, and how many came to be, or not to be, of it.
    let (mut counts, mut moves) = (Counts::default(), Counts::default());
    for (one, other) in before.iter().zip(&after) {
        let kinds = [kind_of(*one), kind_of(*other)];
        kinds[0].into_iter().for_each(|kind| counts[kind] += 1);
        let moved = kinds.into_iter().flatten().filter(|_| kinds[0] != kinds[1]);
        moved.for_each(|kind| moves[kind] += 1);
    }
    if let Some(program) = program {
        counts = page_types(program, &before)?;
    }
    for (at, (_, kind)) in KINDS.iter().enumerate() {
        let (count, moved) = (counts[at], moves[at]);
        let said = line.number(&format!("kb_{kind}"))? * 1024 / PAGE;
        left -= said;
        // A block that was taken offline has no flags.
        let more = *kind == "offline" && said > count;
        // As many again may have come and gone between.
        let right = said.abs_diff(count) <= 2 * moved || more;
        let text = format!("totals: {said} frames {kind}, and not {count} ± {moved}");
        wrong.unless(right, text);
    }
    let frames = |kind| Ok::<_, io::Error>(line.number(kind)? * 1024 / PAGE);
    let shmem = frames("kb_shmem")?;
    let said = [frames("kb_file")? + shmem, shmem];
    for (at, name) in ["file and shmem", "shmem"].iter().enumerate() {
        let (said, one, other) = (said[at], cached_before[at], cached_after[at]);
        let right = said.abs_diff(one) <= 2 * one.abs_diff(other);
        let text = format!("totals: {said} frames {name}, and not {one} to {other}");
        wrong.unless(right, text);
    }
    for kind in MORE {
        left -= line.number(&format!("kb_{kind}"))? * 1024 / PAGE;
    }
    let text = format!("totals: {left} frames are of no kind: {line:?}");
    wrong.unless(left == 0, text);
    Ok((wrong, after))
}

/// Asks about a frame again, which was answered wrongly: a mistake is made again. A page that one
/// process gave up and another one took between the two readings is not.
fn again(
    page: &mut Conversation,
    kernel: &Kernel,
    zones: &Zones,
    frame: u64,
) -> io::Result<Option<String>> {
    let (wait, mut wrong, mut times) = (Wait::begin(), None, 0);
    while times < 10 && !wait.is_over() {
        let before = kernel.read(&[frame])?;
        let text = page.ask(&format!("{:#x}", frame * PAGE))?;
        let line = text.trim_end();
        let (Some(&words), true) = (before.first(), kernel.read(&[frame])? == before) else {
            continue;
        };
        match judge(&Keys::parse(line)?, frame, words, zones) {
            Ok(()) => return Ok(None),
            Err(error) => wrong = Some(format!("{error}: {line}, and the kernel {words:x?}")),
        }
        times += 1;
    }
    Ok(wrong)
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let sparse: usize = options.or("--sparse", 1)?;
    let moving = options.flag("--moving");
    let program = options.get::<String>("--page-types")?;
    let kernel = Kernel::open()?;
    let zones = Zones::read()?;
    let mut page = Conversation::of("page")?;
    let (mut frames, mut compared) = (0, 0);
    let mut kinds = BTreeMap::<String, u64>::new();
    let mut suspects = Vec::new();
    // What changes all the time may look wrong once.
    let wait = Wait::begin();
    let (mut wrong, mut flags) = totals(&mut page, program.as_deref())?;
    if moving {
        wrong.clear();
    }
    while !wrong.is_empty() && !wait.is_over() {
        (wrong, flags) = totals(&mut page, program.as_deref())?;
    }
    let inside = HUGE | TAIL;
    let unknown = |at| {
        flags[at / BLOCK * BLOCK..]
            .iter()
            .take(BLOCK)
            .all(|flags| *flags == 0)
    };
    let many = |at: usize| match flags[at] {
        0 => unknown(at),
        flags => flags == BUDDY || flags == RESERVED || flags & inside == inside,
    };
    let wanted = |at: usize| at / BLOCK % sparse == 0 || !many(at);
    let asked = (0..flags.len()).filter(|at| wanted(*at));
    let asked = asked.map(|at| at as u64).collect_vec();
    for asked in asked.chunks(CHUNK) {
        let before = kernel.read(asked)?;
        let mut questions = asked.iter().map(|frame| format!("{:#x}", frame * PAGE));
        let text = page.ask(&questions.join("\n"))?;
        let after = kernel.read(asked)?;
        let same = [before.len(), after.len()] == [asked.len(); 2];
        ensure!(same, "the kernel has fewer frames than before");
        let mut lines = text.lines();
        // An answer that is the last one's but for its address was judged with that, unless
        // its page is the first of a folio, whose address it has as well.
        let (mut last, mut kind) = (None, String::new());
        for (at, frame) in asked.iter().enumerate() {
            let line = lines.next().ok_or_else(|| error!("too few answers"))?;
            let (words, same) = (before[at], before[at] == after[at]);
            let has_head = words[0] & TAIL == 0 && !line.contains(" head=- ");
            let head = has_head.then_some(*frame);
            let rest = line.strip_prefix(&*format!("pa={:#x} ", frame * PAGE));
            let this = rest.map(|rest| (rest, words, same, zones.of(*frame), head));
            if this.is_none() || this != last {
                let answer = Keys::parse(line)?;
                answer.get("kind").clone_into(&mut kind);
                let wrong = same && judge(&answer, *frame, words, &zones).is_err();
                suspects.extend(wrong.then_some(*frame));
                last = this.filter(|_| !wrong);
            }
            *kinds.entry(kind.clone()).or_default() += 1;
            frames += 1;
            compared += usize::from(same);
        }
        ensure!(lines.next().is_none(), "too many answers");
    }
    for frame in suspects {
        if wrong.len() < 10 {
            wrong.extend(again(&mut page, &kernel, &zones, frame)?);
        }
    }
    let mismatches = show(&wrong);
    println!("frames={frames} compared={compared} mismatches={mismatches}");
    let count = |(kind, count): (&String, &u64)| format!("{kind}={count}");
    println!("{}", kinds.iter().map(count).join(" "));
    Ok(mismatches == 0)
}
