// SPDX-License-Identifier: GPL-2.0

//! `compare-vmas [--proc FOLDER] [--at-least N] [PID...]`: compares
//! `FOLDER/memintro/vmas` of the processes, by default of all but itself,
//! with their maps, smaps and pagemap.
//!
//! The kernel's files are read before and after; a process that changed
//! meanwhile is tried again until it rests, or has ended.
//!
//! `compare-vmas --storm N PID`: asks about a process whose mappings change, in reads of
//! 512 bytes, until it was answered N times, half of them differently, and checks what
//! holds even then.
//!
//! Prints what differs, then `judged=N rows=N present_kb=N huge_kb=N
//! zero_kb=N swap_kb=N empty_kb=N mismatches=N`. Exit status 1 if anything
//! differs, or fewer than N processes could be judged.

use crate::prelude::*;
use crate::{
    ask::VMAS,
    maps::{self, Mapping},
    memory::{at_rest, these_or_all, Count, Memory},
    text::unescape,
    zeros::Zeros,
};

/// How large a page is.
const KB: u64 = PAGE as u64 / 1024;
/// The amounts of a row, which the last line adds up.
const AMOUNTS: [&str; 6] = ["size", "present", "huge", "zero", "swap", "empty"];

/// A row.
#[derive(Clone, Debug)]
struct Row {
    start: u64,
    end: u64,
    perm: String,
    kb: [u64; 6],
    name: Vec<u8>,
}

impl Row {
    fn parse(fields: &[String]) -> io::Result<Self> {
        let mut kb = [0; 6];
        for (amount, field) in kb.iter_mut().zip(&fields[3..]) {
            *amount = number(field)?;
        }
        let row = Self {
            start: hex(&fields[0])?,
            end: hex(&fields[1])?,
            perm: fields[2].clone(),
            kb,
            name: unescape(&fields[9])?,
        };
        let [size, present, huge, zero, swap, empty] = row.kb;
        if row.start >= row.end
            || size * 1024 != row.end - row.start
            || present + zero + swap + empty > size
            || huge > present
        {
            bail!("no sense in {fields:?}");
        }
        Ok(row)
    }
}

/// Parses an answer, and checks that rows ascend and the last line adds up.
fn parse(text: &str) -> io::Result<(Vec<Row>, Keys)> {
    let answer = Answer::parse(text, VMAS)?;
    if !answer.end.get("error").is_empty() {
        return Err(io::Error::other(answer.last));
    }
    let rows = answer.rows.iter().map(|fields| Row::parse(fields));
    let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
    if let Some(pair) = rows.windows(2).find(|pair| pair[1].start < pair[0].end) {
        bail!("rows overlap: {pair:x?}");
    }
    for (place, name) in AMOUNTS.iter().enumerate() {
        let sum: u64 = rows.iter().map(|row| row.kb[place]).sum();
        ensure!(
            answer.end.number(&format!("{name}_kb"))? == sum,
            "{name}_kb is {sum}: {}",
            answer.last
        );
    }
    ensure!(
        answer.end.number("rows")? == rows.len() as u64,
        "wrong rows: {}",
        answer.last
    );
    Ok((rows, answer.end))
}

/// What is wrong with a row, given what /proc says of the mapping.
fn difference(row: &Row, mapping: &Mapping, count: &Count) -> Option<&'static str> {
    let [_, present, huge, zero, swap, empty] = row.kb;
    let kb = |key| mapping.kb(key);
    if (row.start, row.end, &row.perm) != (mapping.start, mapping.end, &mapping.perm) {
        return Some("addresses or permissions");
    }
    if !mapping.is_named(&row.name) {
        return Some("name");
    }
    let hugetlb = kb("Shared_Hugetlb") + kb("Private_Hugetlb");
    // Those smaller than what an entry of a pmd maps stand behind entries of the pte level.
    let pmd = KB * KB * 1024 / 8;
    let huge_hugetlb = if kb("KernelPageSize") < pmd {
        0
    } else {
        hugetlb
    };
    if huge != kb("AnonHugePages") + kb("ShmemPmdMapped") + kb("FilePmdMapped") + huge_hugetlb {
        return Some("huge");
    }
    if mapping.is_pfnmap() {
        // Of memory without struct pages, neither file says anything.
        return (zero + swap > 0).then_some("zero or swap");
    }
    if (present, zero, empty) != (count.present * KB, count.zero * KB, count.empty * KB) {
        return Some("pagemap");
    }
    // smaps leaves special entries out, and counts the file's swap.
    let special = mapping.has_flag("mm") || mapping.name.starts_with(b"[v");
    let swapped_file = swap == 0 && kb("Swap") > 0;
    if !special && present + swap != kb("Rss") + hugetlb + if swapped_file { 0 } else { kb("Swap") }
    {
        return Some("smaps");
    }
    (swap > count.other * KB).then_some("swap")
}

struct Comparison {
    proc: PathBuf,
    vmas: Conversation,
    zeros: Zeros,
    judged: usize,
    ended: usize,
    mismatches: Vec<String>,
    rows: usize,
    sums: [u64; 6],
}

impl Comparison {
    /// Compares a process; `None` where it changed meanwhile.
    fn process(&mut self, pid: &str) -> io::Result<Option<Vec<String>>> {
        let folder = self.proc.join(pid);
        let (before, maps_before) = (
            Memory::read(&folder, Some(&self.zeros))?,
            maps::maps(&folder)?,
        );
        let text = self.vmas.ask(pid)?;
        let totals = self.vmas.ask(&format!("{pid} totals"))?;
        let (after, maps_after) = (
            Memory::read(&folder, Some(&self.zeros))?,
            maps::maps(&folder)?,
        );
        if before != after || maps_before != maps_after {
            return Ok(None);
        }
        let (rows, _) = parse(&text)?;
        if !text.ends_with(&totals) || totals.lines().count() != 1 {
            bail!("totals: {totals:?}");
        }
        if rows.len() != maps_before.len() || rows.len() != before.mappings.len() {
            let (got, expected) = (rows.len(), maps_before.len());
            bail!("{got} rows, {expected} in maps");
        }
        let mut wrong = Vec::new();
        for ((row, mapping), count) in rows.iter().zip(&before.mappings).zip(&before.counts) {
            if let Some(what) = difference(row, mapping, count) {
                wrong.push(format!("{what}: {row:x?} {mapping:x?} {count:?}"));
            }
            for (sum, kb) in self.sums.iter_mut().zip(row.kb) {
                *sum += kb;
            }
        }
        self.rows += rows.len();
        Ok(Some(wrong))
    }

    /// Asks about a process in motion, until there are `times` answers and half as many
    /// that differ: a busy machine may let it rest for a while.
    fn storm(&mut self, pid: &str, times: usize) -> io::Result<()> {
        let mut different = HashSet::new();
        let few = |different: &HashSet<_>| different.len() * 2 < times;
        let wait = Wait::begin();
        while !wait.is_over() && (self.judged < times || few(&different)) {
            let text = self.vmas.ask(pid)?;
            // Its lock was never free: allowed, and no answer.
            if text.ends_with(" error=EAGAIN why=busy\n") {
                continue;
            }
            match parse(&text) {
                Ok((rows, _)) => self.rows += rows.len(),
                Err(error) => self.mismatches.push(error.to_string()),
            }
            different.insert(text);
            self.judged += 1;
        }
        if self.judged < times || few(&different) {
            let line = format!("only {} of {} answers differ", different.len(), self.judged);
            self.mismatches.push(line);
        }
        Ok(())
    }
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let proc = options.or("--proc", PathBuf::from("/proc"))?;
    let storm = options.get("--storm")?;
    let vmas = Conversation::open(proc.join("memintro/vmas"))?;
    let mut comparison = Comparison {
        vmas: vmas.in_pieces_of(if storm.is_some() { 512 } else { 65536 }),
        zeros: Zeros::open()?,
        judged: 0,
        ended: 0,
        mismatches: Vec::new(),
        rows: 0,
        sums: [0; 6],
        proc,
    };
    let at_least = options.get("--at-least")?;
    let pids = these_or_all(options.words()?, &comparison.proc);
    match storm {
        Some(times) => comparison.storm(&pids[0], times)?,
        None => {
            let proc = comparison.proc.clone();
            let result = at_rest(&proc, &pids, |pid| comparison.process(pid));
            (comparison.judged, comparison.ended, comparison.mismatches) = result;
        }
    }
    for line in comparison.mismatches.iter().take(10) {
        println!("{line:.900}");
    }
    let mut sums = String::new();
    for (name, kb) in AMOUNTS.iter().zip(comparison.sums).skip(1) {
        sums += &format!("{name}_kb={kb} ");
    }
    println!(
        "judged={} rows={} {sums}mismatches={}",
        comparison.judged,
        comparison.rows,
        comparison.mismatches.len()
    );
    let at_least = at_least.unwrap_or(pids.len()).max(1);
    let looked_at = comparison.judged + comparison.ended;
    Ok(comparison.mismatches.is_empty() && (looked_at >= at_least || storm.is_some()))
}
