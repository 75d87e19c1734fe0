// SPDX-License-Identifier: GPL-2.0

//! `compare-runs PID < RANGES`: for pages of a process (lines of `subject`) that
//! arm64 may hold as one in its TLB, compares the size that
//! `/proc/memintro/walk` gives with the entries themselves, which `/proc/kcore`
//! shows: a run is one page where all of it is valid, has the contiguous bit,
//! leads to memory side by side and allows the same (Arm ARM D8, "The
//! Contiguous bit").
//!
//! Prints `kind=KIND checked=N runs=N mismatches=N` for each kind, `runs` being
//! the pages that are part of one. Exit status 1 if anything differs.

use crate::prelude::*;
use crate::{
    kcore::Kcore,
    layout::{next_table, page_shift, RUN, RUN_HUGE, SIZES},
};

const VALID: u64 = 1;
const CONTIGUOUS: u64 = 1 << 52;
/// What may differ within a run: accessed, and the two halves of dirty.
const NOTED: u64 = (1 << 10) | (1 << 7) | (1 << 55);

#[derive(Default)]
struct Count {
    checked: usize,
    runs: usize,
    mismatches: usize,
}

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

/// Judges an address: whether its page is a run of several; `None` where the
/// entry changed meanwhile, or there is no page.
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
    let number = |key| last.hex(key);
    let (entry, value) = (number("entry")?, number("value")?);
    let sizes = SIZES.iter().filter(|size| size.level == last.get("level"));
    let [shift, larger] = sizes.map(|size| size.shift).collect::<Vec<_>>()[..] else {
        return Ok(None);
    };
    let length = if last.get("level") == "pte" {
        RUN
    } else {
        RUN_HUGE
    };
    let mut bytes = vec![0; 8 * length];
    let first = entry & !(8 * length as u64 - 1);
    kcore.read(first, &mut bytes)?;
    let run: Vec<_> = bytes
        .chunks_exact(8)
        .map(|word| {
            word.iter()
                .rev()
                .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
        })
        .collect();
    if run[(entry - first) as usize / 8] != value {
        return Ok(None);
    }
    let one = is_one(&run, 1 << shift);
    let want = if one { larger } else { shift };
    let page = answer.get("page");
    Ok(Some(match page_shift(page) {
        Ok(shift) if shift == want => Ok(one),
        _ => Err(format!("{va:#x}: page={page}, the run is {run:x?}")),
    }))
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let pid: String = options.word()?;
    let kcore = Kcore::open()?;
    let mut walk = Conversation::of("walk")?;
    let mut counts = BTreeMap::<String, Count>::new();
    for range in Range::read_all()? {
        let count = counts.entry(range.kind).or_default();
        for va in (range.start..range.start + range.len).step_by(PAGE) {
            let mut tries = (0..20).map(|_| judge(&mut walk, &kcore, &pid, va));
            match tries.find_map(Result::transpose).transpose()? {
                Some(Ok(one)) => {
                    count.checked += 1;
                    count.runs += usize::from(one);
                }
                Some(Err(what)) => {
                    count.checked += 1;
                    count.mismatches += 1;
                    if count.mismatches <= 5 {
                        println!("mismatch {what}");
                    }
                }
                None => {}
            }
        }
    }
    for (kind, count) in &counts {
        let Count {
            checked,
            runs,
            mismatches,
        } = count;
        println!("kind={kind} checked={checked} runs={runs} mismatches={mismatches}");
    }
    Ok(!counts.is_empty() && counts.values().all(|count| count.mismatches == 0))
}
