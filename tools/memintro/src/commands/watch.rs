// SPDX-License-Identifier: GPL-2.0

//! `watch`: what changes from look to look, a line per mapping.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::process;
use crate::{
    cli::WatchArgs,
    files::Conversation,
    human::{shorten, size},
    lines::{Answer, Extent, Vma},
    look::{self, Look, FAINT, GOOD, NOTE},
    physical::{changes, Change},
    Failure, Result,
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
    look::print(&format!("{}\n{}", process::titled(&args.pid), heads(look)))?;
    let interval = Duration::from_secs_f64(args.interval);
    let mut looks = 0;
    while args.count.is_none_or(|count| looks < count) {
        looks += 1;
        thread::sleep(interval);
        let now = match Answers::ask(&mut vmas, &mut extents, &args.pid) {
            Ok(now) => now,
            Err(Failure::Unanswered(why)) => {
                look::print(&format!("{why}\n"))?;
                return Ok(true);
            }
            Err(other) => return Err(other),
        };
        let seconds = begun.elapsed().as_secs_f64();
        look::print(&line(seconds, &compare(&last, &now)?, look))?;
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

/// A mapping, and what changed in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Changed {
    pub start: u64,
    pub name: String,
    pub touched_kb: u64,
    pub gone_kb: u64,
    /// The same addresses, another place.
    pub moved_kb: u64,
    pub swapped_kb: i64,
}

impl Changed {
    /// A mapping in which nothing changed yet.
    pub fn of(vma: &Vma<'_>) -> Self {
        Self {
            start: vma.start,
            name: vma.name.to_owned(),
            ..Self::default()
        }
    }

    /// Whether anything did.
    pub fn is_some(&self) -> bool {
        self.touched_kb > 0 || self.gone_kb > 0 || self.moved_kb > 0 || self.swapped_kb != 0
    }
}

/// The names of the columns.
pub fn heads(look: &Look) -> String {
    let text = format!(
        "{:>7} {:<14} {:>7} {:>7} {:>7} {:>7} NAME",
        "SECONDS", "START", "TOUCHED", "GONE", "MOVED", "SWAPPED"
    );
    format!("{}\n", look.paint(FAINT, text))
}

/// The lines of one look.
pub fn line(seconds: f64, changed: &[Changed], look: &Look) -> String {
    if changed.is_empty() {
        return format!(
            "{}\n",
            look.paint(FAINT, format!("{seconds:>7.1} no change"))
        );
    }
    let mut out = String::new();
    for one in changed {
        let amount = |sign: &str, kb: u64| match kb {
            0 => format!("{:>7}", ""),
            kb => format!("{:>7}", format!("{sign}{}", size(kb))),
        };
        let swapped = match one.swapped_kb {
            kb if kb < 0 => amount("-", kb.unsigned_abs()),
            kb => amount("+", kb.unsigned_abs()),
        };
        let start = format!("{:#x}", one.start);
        out += &format!(
            "{seconds:>7.1} {start:<14} {} {} {} {swapped} {}\n",
            look.paint(GOOD, amount("+", one.touched_kb)),
            look.paint(NOTE, amount("-", one.gone_kb)),
            amount("", one.moved_kb),
            shorten(&one.name, look.width.saturating_sub(56).max(4))
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::tests::vma;

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

    #[test]
    fn lines_hold_together_at_any_width() {
        let changed = Changed {
            start: 0x7ffd1c2f3000,
            name: "/usr/lib/x86_64-linux-gnu/libc.so.6".to_owned(),
            touched_kb: 128,
            swapped_kb: -4,
            ..Changed::default()
        };
        for width in [60, 80, 200] {
            let look = Look::plain(width, true);
            let text = line(12.34, std::slice::from_ref(&changed), &look);
            assert!(text.trim_end().len() <= width.max(62), "{text}");
            assert!(text.starts_with("   12.3 0x7ffd1c2f3000   +128K"), "{text}");
            assert!(text.contains("-4K"), "{text}");
        }
        let look = Look::plain(80, true);
        assert!(line(1.0, &[], &look).contains("no change"));
    }
}
