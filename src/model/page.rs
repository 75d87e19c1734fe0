// SPDX-License-Identifier: GPL-2.0

//! Answers about page frames.

use super::{
    answer::{
        put_page_size,
        put_question, //
    },
    frame::{
        traits,
        Frame,
        Kind,
        Run, //
    },
    question::Whose,
    text::{
        Kept,
        Line,
        Word, //
    },
    words::Refusal,
    PhysAddr,
    VirtAddr, //
};

/// The names of the flags by their bit in `/proc/kpageflags`, as `tools/mm/page-types` has them.
pub const FLAGS: [&str; 43] = [
    "locked",
    "error",
    "referenced",
    "uptodate",
    "dirty",
    "lru",
    "active",
    "slab",
    "writeback",
    "reclaim",
    "buddy",
    "mmap",
    "anonymous",
    "swapcache",
    "swapbacked",
    "compound_head",
    "compound_tail",
    "huge",
    "unevictable",
    "hwpoison",
    "nopage",
    "ksm",
    "thp",
    "offline",
    "zero_page",
    "idle_page",
    "pgtable",
    "",
    "",
    "",
    "",
    "",
    "reserved",
    "mlocked",
    "owner_2",
    "private",
    "private_2",
    "owner_private",
    "arch",
    "",
    "softdirty",
    "arch_2",
    "arch_3",
];

/// The same as words.
static FLAG_WORDS: [Word; FLAGS.len()] = Word::all(FLAGS);

/// The flags that have names.
const NAMED: u64 = {
    let (mut bits, mut bit) = (0, 0);
    // A const expression has no iterators.
    while bit < FLAGS.len() {
        if !FLAGS[bit].is_empty() {
            bits |= 1 << bit;
        }
        bit += 1;
    }
    bits
};

/// The names of zones; the numbers are those of `enum memintro_zone`.
const ZONES: [&str; 5] = ["DMA", "DMA32", "Normal", "Movable", "Device"];

impl Frame {
    /// Writes what there is to say of the page at `pa`.
    fn put(&self, line: &mut Line<'_>, pa: PhysAddr, page_shift: u8, memo: &mut Memo) {
        const NOT_LOOKED_AT: u32 = traits::NONE | traits::DEVICE | traits::OFFLINE_SECTION;
        let kind = Kind::of(self.traits);
        if self.traits & NOT_LOOKED_AT != 0 {
            line.put(b" kind=").put(kind.as_str().as_bytes());
            line.put(b" flags=");
            put_flags(line, self.flags);
            line.put(b" folio=- head=- refs=- maps=- pinned=- node=- zone=- cgroup=-");
            return;
        }
        let folio = page_shift.saturating_add(self.order);
        memo.used.put(line, (self.flags, kind, folio), |line| {
            line.put(b" kind=").put(kind.as_str().as_bytes());
            line.put(b" flags=");
            put_flags(line, self.flags);
            line.put(b" folio=");
            if is_in_folio(kind) {
                put_page_size(line, folio);
            } else {
                line.put_byte(b'-');
            }
        });
        if is_in_folio(kind) {
            line.key_hex(b" head=", self.head << page_shift);
        } else {
            line.put(b" head=-");
        }
        let counts = Counts {
            refs: self.refs,
            maps: self.maps,
            pinned: self.pinned,
            node: self.node,
            zone: self.zone,
            cgroup: self.cgroup,
        };
        memo.counts.put(line, counts, |line| counts.put(line));
        if matches!(kind, Kind::File | Kind::Shmem | Kind::Hugetlb)
            && self.traits & traits::FILE != 0
        {
            let inside = pa.0 & !(u64::MAX << page_shift);
            line.put(b" dev=")
                .dec(u64::from(self.dev))
                .put(b" inode=")
                .dec(self.inode)
                .put(b" offset=")
                .hex((self.index << page_shift) | inside);
        }
    }
}

/// Returns whether a page is in a folio: nobody's is in none.
fn is_in_folio(kind: Kind) -> bool {
    !matches!(kind, Kind::Buddy | Kind::Unaccepted)
}

/// What changes while a page is used, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    refs: i32,
    maps: i32,
    pinned: bool,
    node: i32,
    zone: u8,
    cgroup: u64,
}

impl Counts {
    fn put(&self, line: &mut Line<'_>) {
        // None is negative but by a bug elsewhere.
        line.put(b" refs=")
            .dec(u64::from(self.refs.max(0).unsigned_abs()))
            .put(b" maps=")
            .dec(u64::from(self.maps.max(0).unsigned_abs()))
            .put(if self.pinned {
                b" pinned=yes"
            } else {
                b" pinned=no"
            })
            .put(b" node=")
            .dec(u64::from(self.node.max(0).unsigned_abs()))
            .put(b" zone=")
            .put(ZONES.get(usize::from(self.zone)).unwrap_or(&"-").as_bytes())
            .put(b" cgroup=");
        match self.cgroup {
            0 => line.put_byte(b'-'),
            inode => line.dec(inode),
        };
    }
}

/// What the last answer said of its page: others say much of the same.
#[derive(Clone, Copy, Debug)]
pub struct Memo {
    used: Kept<(u64, Kind, u8), 128>,
    counts: Kept<Counts, 64>,
}

/// That of no answer.
impl Default for Memo {
    fn default() -> Self {
        Memo {
            used: Kept::EMPTY,
            counts: Kept::EMPTY,
        }
    }
}

/// How often a page is read again because it changed.
const TRIES: usize = 3;

/// Reads a page by `read` until that says that it did not change meanwhile; `false` if it kept
/// changing.
#[inline]
pub fn settle(mut read: impl FnMut() -> bool) -> bool {
    (0..=TRIES).any(|_| read())
}

/// Writes the names of flags with commas between, or `-`.
fn put_flags(line: &mut Line<'_>, bits: u64) {
    let mut rest = bits & NAMED;
    if rest == 0 {
        line.put_byte(b'-');
    }
    // CAST: a number of a bit fits anywhere.
    while let Some(name) = FLAG_WORDS.get(rest.trailing_zeros() as usize) {
        line.put_word(name);
        rest &= rest - 1;
        if rest != 0 {
            line.put_byte(b',');
        }
    }
}

/// Writes the answer about the page at `pa`, `None` if it kept changing; `asked` is the virtual
/// address in question, if it was one; `memo` is for the next answer.
pub fn answer(
    line: &mut Line<'_>,
    asked: Option<(Whose, VirtAddr)>,
    pa: PhysAddr,
    frame: Option<&Frame>,
    page_shift: u8,
    memo: &mut Memo,
) {
    if asked.is_some() {
        put_question(line, asked);
        line.put_byte(b' ');
    }
    line.key_hex(b"pa=", pa.0);
    match frame {
        Some(frame) => frame.put(line, pa, page_shift, memo),
        None => {
            line.put(b" why=").put(Refusal::Retry.as_str().as_bytes());
        }
    }
    line.end();
}

/// How many frames there are of each kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals([u64; Kind::ALL.len()]);

impl Totals {
    /// Counts frames.
    pub fn add(&mut self, run: &Run) {
        if let Some(sum) = self.0.get_mut(Kind::of(run.traits) as usize) {
            *sum = sum.saturating_add(run.pages);
        }
    }

    /// Writes the only line of the answer, about the addresses from `first` to `last`.
    pub fn end(&self, line: &mut Line<'_>, first: PhysAddr, last: PhysAddr, page_shift: u8) {
        line.put(b"# end pa=")
            .hex(first.0)
            .put_byte(b'-')
            .hex_end(VirtAddr(last.0));
        for (kind, pages) in Kind::ALL.iter().zip(self.0) {
            // A page has 4 KiB at least, and all of them together 2^64 bytes at most.
            let kb = pages << page_shift.saturating_sub(10);
            line.put(b" kb_").put(kind.as_str().as_bytes());
            line.put_byte(b'=').dec(kb);
        }
        line.end();
    }
}
