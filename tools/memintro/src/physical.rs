// SPDX-License-Identifier: GPL-2.0

//! Physical memory: runs of it, and what two address spaces have in common.

use crate::lines::Extent;

/// A physically contiguous run, whatever its page sizes and permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Run {
    pub start: u64,
    pub end: u64,
    pub pa: u64,
}

impl Run {
    /// Its size.
    pub fn kb(&self) -> u64 {
        (self.end - self.start) >> 10
    }
}

/// The runs that extents make; zero pages are in none.
pub fn runs(extents: &[Extent<'_>]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for extent in extents.iter().filter(|extent| !extent.is_zero()) {
        match runs.last_mut() {
            Some(run) if run.end == extent.start && run.pa + (run.end - run.start) == extent.pa => {
                run.end = extent.end;
            }
            _ => runs.push(Run {
                start: extent.start,
                end: extent.end,
                pa: extent.pa,
            }),
        }
    }
    runs
}

/// Ranges of physical memory, in order and apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// All that extents lead to; zero pages are left out.
    pub fn of(extents: &[Extent<'_>]) -> Self {
        let some = extents.iter().filter(|extent| !extent.is_zero());
        let mut all: Vec<_> = some.map(|e| (e.pa, e.pa + (e.end - e.start))).collect();
        all.sort_unstable();
        let mut apart: Vec<(u64, u64)> = Vec::new();
        for (start, end) in all {
            match apart.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => apart.push((start, end)),
            }
        }
        Self(apart)
    }

    /// How many bytes of a range are in them.
    pub fn common(&self, start: u64, end: u64) -> u64 {
        let first = self.0.partition_point(|range| range.1 <= start);
        let some = self.0[first..].iter().take_while(|range| range.0 < end);
        some.map(|range| range.1.min(end) - range.0.max(start))
            .sum()
    }
}

/// The part of an extent that lies in a range of addresses.
pub fn clip<'a>(extent: &Extent<'a>, start: u64, end: u64) -> Option<Extent<'a>> {
    let (from, to) = (extent.start.max(start), extent.end.min(end));
    (from < to).then(|| Extent {
        start: from,
        end: to,
        // Of zero pages each is the same one.
        pa: extent.pa
            + if extent.is_zero() {
                0
            } else {
                from - extent.start
            },
        ..*extent
    })
}

/// What happened to a range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Pages are there that were not.
    Appeared,
    /// Pages that were there are not.
    Gone,
    /// Pages are there, in another place.
    Moved,
}

/// What differs between two looks at one address space; a zero page is no page.
pub fn changes(before: &[Extent<'_>], now: &[Extent<'_>]) -> Vec<(u64, u64, Change)> {
    let mut all = Vec::new();
    let mut before = before.iter().filter(|extent| !extent.is_zero()).peekable();
    let mut now = now.iter().filter(|extent| !extent.is_zero()).peekable();
    let mut at = 0;
    loop {
        while before.next_if(|extent| extent.end <= at).is_some() {}
        while now.next_if(|extent| extent.end <= at).is_some() {}
        let (old, new) = (before.peek(), now.peek());
        // Where the next thing begins or ends.
        let edge = |extent: &&Extent<'_>| match extent.start > at {
            true => extent.start,
            false => extent.end,
        };
        let Some(next) = old.iter().chain(&new).map(|extent| edge(extent)).min() else {
            return all;
        };
        let place = |extent: &&&Extent<'_>| {
            (extent.start <= at).then(|| extent.pa.wrapping_add(at - extent.start))
        };
        let change = match (old.as_ref().and_then(place), new.as_ref().and_then(place)) {
            (None, Some(_)) => Some(Change::Appeared),
            (Some(_), None) => Some(Change::Gone),
            (Some(old), Some(new)) if old != new => Some(Change::Moved),
            _ => None,
        };
        all.extend(change.map(|change| (at, next, change)));
        at = next;
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn extent(start: u64, end: u64, pa: u64, flags: &str) -> Extent<'_> {
        Extent {
            start,
            end,
            pa,
            page: "4K",
            perm: "rw-u",
            flags,
        }
    }

    #[test]
    fn runs_go_on_where_addresses_follow() {
        let all = [
            extent(0x1000, 0x2000, 0x10000, "-"),
            extent(0x2000, 0x4000, 0x11000, "protnone"),
            extent(0x5000, 0x6000, 0x13000, "-"),
            extent(0x6000, 0x7000, 0x20000, "zero"),
            extent(0x7000, 0x8000, 0x14000, "-"),
        ];
        let runs = runs(&all);
        assert_eq!(runs.len(), 3);
        assert_eq!((runs[0].kb(), runs[0].pa), (12, 0x10000));
    }

    #[test]
    fn what_is_in_common_is_counted_once() {
        let ranges = Ranges::of(&[
            extent(0x1000, 0x3000, 0x10000, "-"),
            extent(0x8000, 0x9000, 0x11000, "-"),
            extent(0x9000, 0xa000, 0x20000, "zero"),
            extent(0xa000, 0xb000, 0x30000, "-"),
        ]);
        assert_eq!(ranges.common(0, u64::MAX), 0x3000);
        assert_eq!(ranges.common(0x11000, 0x13000), 0x1000);
        assert_eq!(ranges.common(0x12000, 0x30000), 0);
        assert_eq!(ranges.common(0x20000, 0x21000), 0);
    }

    #[test]
    fn extents_are_clipped_with_their_address() {
        let one = extent(0x1000, 0x4000, 0x10000, "-");
        assert_eq!(
            clip(&one, 0x2000, 0x9000),
            Some(extent(0x2000, 0x4000, 0x11000, "-"))
        );
        assert_eq!(clip(&one, 0x4000, 0x9000), None);
        let zero = extent(0x1000, 0x4000, 0x10000, "zero");
        assert_eq!(clip(&zero, 0x2000, 0x9000).unwrap().pa, 0x10000);
    }

    #[test]
    fn differences_are_found_by_address() {
        let before = [
            extent(0x1000, 0x4000, 0x10000, "-"),
            extent(0x5000, 0x6000, 0x20000, "zero"),
            extent(0x7000, 0x8000, 0x30000, "-"),
        ];
        let now = [
            extent(0x2000, 0x3000, 0x11000, "-"),
            extent(0x3000, 0x4000, 0x90000, "-"),
            extent(0x5000, 0x6000, 0x21000, "-"),
            extent(0x7000, 0x9000, 0x30000, "-"),
        ];
        assert_eq!(
            changes(&before, &now),
            [
                (0x1000, 0x2000, Change::Gone),
                (0x3000, 0x4000, Change::Moved),
                (0x5000, 0x6000, Change::Appeared),
                (0x8000, 0x9000, Change::Appeared),
            ]
        );
        assert!(changes(&before, &before).is_empty());
        assert!(changes(&[], &[]).is_empty());
    }
}
