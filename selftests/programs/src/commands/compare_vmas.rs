// SPDX-License-Identifier: GPL-2.0

//! `compare-vmas [--at-least N] [PID...]`: compares `/proc/memintro/vmas` of
//! the processes, by default of all but itself, with their maps, smaps and pagemap.
//!
//! The kernel's files are read before and after; a process that changed meanwhile is tried
//! again until it rests, or has ended.

use crate::prelude::*;

const KB: u64 = PAGE as u64 / 1024;
/// The amounts of a row, which the last line adds up.
const AMOUNTS: [&str; 6] = ["size", "present", "huge", "zero", "swap", "empty"];

#[derive(Clone, Debug)]
pub struct Row {
    pub start: u64,
    pub end: u64,
    perm: String,
    pub kb: [u64; 6],
    name: Vec<u8>,
}

impl Row {
    pub fn parse(fields: &[String]) -> io::Result<Self> {
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
        let right = row.start < row.end && size * 1024 == row.end - row.start;
        let fits = present + zero + swap + empty <= size && huge <= present;
        ensure!(right && fits, "no sense in {fields:?}");
        Ok(row)
    }
}

/// Parses an answer, and checks that rows ascend and the last line adds up.
pub fn parse(text: &str) -> io::Result<Vec<Row>> {
    let answer = Answer::given(text, VMAS)?;
    let rows = answer.rows.iter().map(|fields| Row::parse(fields));
    let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
    if let Some(pair) = rows.windows(2).find(|pair| pair[1].start < pair[0].end) {
        bail!("rows overlap: {pair:x?}");
    }
    for (place, name) in AMOUNTS.iter().enumerate() {
        let sum: u64 = rows.iter().map(|row| row.kb[place]).sum();
        let told = answer.end.number(&format!("{name}_kb"))?;
        ensure!(told == sum, "{name}_kb is {sum}: {}", answer.last);
    }
    Ok(rows)
}

fn judge(row: &Row, mapping: &Mapping, count: &Count) -> io::Result<()> {
    let [_, present, huge, zero, swap, empty] = row.kb;
    let kb = |key| mapping.kb(key);
    let same = (row.start, row.end, &row.perm) == (mapping.start, mapping.end, &mapping.perm);
    ensure!(same, "addresses or permissions");
    ensure!(mapping.is_named(&row.name), "name");
    let hugetlb = kb("Shared_Hugetlb") + kb("Private_Hugetlb");
    // Entries of the pte level map those that are smaller than what a pmd entry maps.
    let pmd = KB * KB * 1024 / 8;
    let huge_hugetlb = hugetlb * u64::from(kb("KernelPageSize") >= pmd);
    let all_huge = kb("AnonHugePages") + kb("ShmemPmdMapped") + kb("FilePmdMapped") + huge_hugetlb;
    ensure!(huge == all_huge, "huge");
    if mapping.is_pfnmap() {
        // Of memory without struct pages, neither file says anything.
        ensure!(zero + swap == 0, "zero or swap");
        return Ok(());
    }
    let counted = [count.present, count.zero, count.empty].map(|pages| pages * KB);
    ensure!([present, zero, empty] == counted, "pagemap");
    // smaps leaves special entries out, and counts the file's swap.
    let special = mapping.has_flag("mm") || mapping.name.starts_with(b"[v");
    let swapped = if swap == 0 { 0 } else { kb("Swap") };
    let right = special || present + swap == kb("Rss") + hugetlb + swapped;
    ensure!(right, "smaps");
    ensure!(swap <= count.other * KB, "swap");
    Ok(())
}

struct Comparison {
    vmas: Conversation,
    zeros: Zeros,
    rows: usize,
    sums: [u64; 6],
}

impl Comparison {
    fn process(&mut self, pid: &str) -> io::Result<Option<Vec<String>>> {
        let directory = Path::new("/proc").join(pid);
        let zeros = Some(&self.zeros);
        let known = || Ok::<_, io::Error>((Memory::read(&directory, zeros)?, maps(&directory)?));
        let before = known()?;
        let text = self.vmas.ask_both(pid)?;
        if known()? != before {
            return Ok(None);
        }
        let (memory, maps) = before;
        let rows = parse(&text)?;
        let (got, expected) = (rows.len(), maps.len());
        let right = got == expected && got == memory.mappings.len();
        ensure!(right, "{got} rows, {expected} in maps");
        let mut wrong = Vec::new();
        for ((row, mapping), count) in rows.iter().zip(&memory.mappings).zip(&memory.counts) {
            if let Err(what) = judge(row, mapping, count) {
                wrong.push(format!("{what}: {row:x?} {mapping:x?} {count:?}"));
            }
            let sums = self.sums.iter_mut().zip(row.kb);
            sums.for_each(|(sum, kb)| *sum += kb);
        }
        self.rows += rows.len();
        Ok(Some(wrong))
    }
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let mut comparison = Comparison {
        vmas: Conversation::of("vmas")?,
        zeros: Zeros::open()?,
        rows: 0,
        sums: [0; 6],
    };
    let all = at_rest(options, |pid| comparison.process(pid))?;
    let (mismatches, judged) = (show(&all.wrong), all.count);
    let sums = AMOUNTS.iter().zip(comparison.sums).skip(1);
    let (rows, sums) = (
        comparison.rows,
        sums.map(|(name, kb)| format!("{name}_kb={kb}")).join(" "),
    );
    println!("judged={judged} rows={rows} {sums} mismatches={mismatches}");
    Ok(mismatches == 0 && all.enough)
}
