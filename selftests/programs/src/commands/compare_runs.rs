// SPDX-License-Identifier: GPL-2.0

//! `compare-runs PID < RANGES`: for pages of a process (lines of `subject`) that arm64 may hold
//! as one in its TLB, compares the size that `/proc/memintro/walk` gives with the entries
//! themselves, which `/proc/kcore` shows: a run is one page where all of it is valid, has the
//! contiguous bit, leads to memory side by side and allows the same (Arm ARM D8, "The
//! Contiguous bit").

use crate::prelude::*;
use crate::{
    layout::{next_table, size_of, RUN, RUN_HUGE, SIZES},
    reference::Kcore,
};

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
    let words = bytes.chunks_exact(8);
    let run: Vec<_> = words
        .map(|word| word.try_into().map_or(0, u64::from_le_bytes))
        .collect();
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

pub fn run(options: &mut Options) -> io::Result<bool> {
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
