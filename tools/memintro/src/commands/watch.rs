// SPDX-License-Identifier: GPL-2.0

//! `watch`: what changes from look to look.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::process;
use crate::{
    cli::WatchArgs,
    draw::watch::{heads, line, Changed},
    failure::{Failure, Result},
    files::Conversation,
    lines::{Answer, Extent, Vma},
    look::Look,
    physical::{changes, Change},
};

/// The answers of one look.
struct Answers {
    vmas: String,
    extents: String,
}

impl Answers {
    fn ask(vmas: &mut Conversation, extents: &mut Conversation, pid: &str) -> Result<Self> {
        Ok(Self {
            extents: process::ask_of(extents, pid)?,
            vmas: process::ask_of(vmas, pid)?,
        })
    }
}

/// Looks again and again, until the process has ended.
pub fn run(args: &WatchArgs, look: &Look) -> Result<bool> {
    let mut vmas = Conversation::open("vmas")?;
    let mut extents = Conversation::open("extents")?;
    let begun = Instant::now();
    let mut last = Answers::ask(&mut vmas, &mut extents, &args.pid)?;
    look.print(&format!("{}\n{}", process::titled(&args.pid), heads(look)))?;
    let interval = Duration::from_secs_f64(args.interval);
    let mut looks = 0;
    while args.count.is_none_or(|count| looks < count) {
        looks += 1;
        thread::sleep(interval);
        let now = match Answers::ask(&mut vmas, &mut extents, &args.pid) {
            Ok(now) => now,
            Err(Failure::Unanswered(why)) => {
                look.print(&format!("{why}\n"))?;
                return Ok(true);
            }
            Err(other) => return Err(other),
        };
        let seconds = begun.elapsed().as_secs_f64();
        look.print(&line(seconds, &compare(&last, &now)?, look))?;
        last = now;
    }
    Ok(true)
}

fn compare(before: &Answers, now: &Answers) -> Result<Vec<Changed>> {
    let (vmas_before, vmas_now) = (Answer::parse(&before.vmas)?, Answer::parse(&now.vmas)?);
    let (before, now) = (
        Answer::parse(&before.extents)?,
        Answer::parse(&now.extents)?,
    );
    Ok(by_mapping(
        &Vma::all(&vmas_before)?,
        &Vma::all(&vmas_now)?,
        &changes(&Extent::all(&before)?, &Extent::all(&now)?),
    ))
}

/// What changed, by mapping; those that are gone are there too.
fn by_mapping(before: &[Vma<'_>], now: &[Vma<'_>], changes: &[(u64, u64, Change)]) -> Vec<Changed> {
    let mut all: Vec<Changed> = Vec::new();
    let with_start =
        |vmas: &[Vma<'_>], start: u64| vmas.binary_search_by_key(&start, |vma| vma.start).ok();
    for vma in now {
        let old = with_start(before, vma.start).map_or(0, |i| before[i].swap_kb);
        all.push(Changed {
            swapped_kb: vma.swap_kb as i64 - old as i64,
            ..Changed::of(vma)
        });
    }
    for vma in before
        .iter()
        .filter(|vma| with_start(now, vma.start).is_none())
    {
        all.push(Changed {
            swapped_kb: -(vma.swap_kb as i64),
            ..Changed::of(vma)
        });
    }
    all.sort_by_key(|changed| changed.start);
    for (start, end, change) in changes {
        // The last mapping that begins before; a range may go over several.
        let mut at = *start;
        while at < *end {
            let next = all.partition_point(|changed| changed.start <= at);
            let until = all
                .get(next)
                .map_or(*end, |changed| changed.start.min(*end));
            let kb = (until - at) >> 10;
            if let Some(changed) = next.checked_sub(1).and_then(|i| all.get_mut(i)) {
                match change {
                    Change::Appeared => changed.touched_kb += kb,
                    Change::Gone => changed.gone_kb += kb,
                    Change::Moved => changed.moved_kb += kb,
                }
            }
            at = until;
        }
    }
    all.retain(Changed::is_some);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::map::tests::vma;

    #[test]
    fn changes_belong_to_mappings() {
        let before = [
            vma(0x1000, [8, 0, 0, 0, 0], "one"),
            vma(0x9000, [4, 0, 0, 0, 0], "gone"),
        ];
        let now = [
            vma(0x1000, [4, 0, 0, 4, 0], "one"),
            vma(0x3000, [8, 0, 0, 0, 0], "new"),
        ];
        let changes = [
            (0x2000, 0x3000, Change::Gone),
            (0x3000, 0x5000, Change::Appeared),
            (0x9000, 0xa000, Change::Gone),
        ];
        let found: Vec<_> = by_mapping(&before, &now, &changes)
            .into_iter()
            .map(|c| (c.name, c.touched_kb, c.gone_kb, c.moved_kb, c.swapped_kb))
            .collect();
        assert_eq!(
            found,
            [
                ("one".to_owned(), 0, 4, 0, 4),
                ("new".to_owned(), 8, 0, 0, 0),
                ("gone".to_owned(), 0, 4, 0, 0),
            ]
        );
    }

    #[test]
    fn a_range_over_two_mappings_is_divided() {
        let both = [vma(0x1000, [4; 5], "one"), vma(0x5000, [4; 5], "other")];
        let changed = by_mapping(&both, &both, &[(0x4000, 0x7000, Change::Moved)]);
        let moved: Vec<_> = changed.iter().map(|changed| changed.moved_kb).collect();
        assert_eq!(moved, [4, 8]);
    }
}
