// SPDX-License-Identifier: GPL-2.0

//! What a page frame is used for.

use super::{
    answer::{
        put_page_size,
        put_question, //
    },
    question::Whose,
    text::{
        Line,
        Word, //
    },
    words::{
        words,
        Refusal, //
    },
    PhysAddr,
    VirtAddr, //
};

/// What the kind of a frame depends on; the values are those of `enum memintro_page_trait` in
/// `src/helpers/helpers.h`.
pub mod traits {
    /// There is no memory.
    pub const NONE: u32 = 1 << 0;
    /// Memory of a device (`ZONE_DEVICE`).
    pub const DEVICE: u32 = 1 << 1;
    /// Memory that is there, and not in use.
    pub const OFFLINE_SECTION: u32 = 1 << 2;
    /// Memory that has failed.
    pub const HWPOISON: u32 = 1 << 3;
    /// The zero page, or a part of the huge one.
    pub const ZERO: u32 = 1 << 4;
    /// A part of a free block.
    pub const BUDDY: u32 = 1 << 5;
    /// Free memory that the guest has not accepted yet.
    pub const UNACCEPTED: u32 = 1 << 6;
    /// A page that a hypervisor's driver took away.
    pub const OFFLINE: u32 = 1 << 7;
    /// Objects of the kernel.
    pub const SLAB: u32 = 1 << 8;
    /// A page table.
    pub const TABLE: u32 = 1 << 9;
    /// A part of a hugetlb page.
    pub const HUGETLB: u32 = 1 << 10;
    /// Another type of kernel memory.
    pub const TYPED: u32 = 1 << 11;
    /// Not managed by the allocator.
    pub const RESERVED: u32 = 1 << 12;
    /// Anonymous memory that KSM has merged.
    pub const KSM: u32 = 1 << 13;
    /// Anonymous memory.
    pub const ANON: u32 = 1 << 14;
    /// Belongs to an inode.
    pub const FILE: u32 = 1 << 15;
    /// Goes to swap.
    pub const SWAPBACKED: u32 = 1 << 16;
    /// Has a place in swap.
    pub const SWAPCACHE: u32 = 1 << 17;
}

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

words! {
    /// What a frame is used for, in the order of totals.
    pub enum Kind {
        /// Anonymous memory.
        Anon = "anon",
        /// The page cache of a file.
        File = "file",
        /// Shared memory, and files of tmpfs.
        Shmem = "shmem",
        /// Anonymous memory that KSM has merged.
        Ksm = "ksm",
        /// The zero page, or a part of the huge one.
        Zero = "zero",
        /// A hugetlb page, used or not.
        Hugetlb = "hugetlb",
        /// In the swap cache, and in no process or file yet.
        Swapcache = "swapcache",
        /// Objects of the kernel.
        Slab = "slab",
        /// A page table.
        Pgtable = "pgtable",
        /// Free.
        Buddy = "buddy",
        /// Anything else.
        Kernel = "kernel",
        /// Not managed by the allocator.
        Reserved = "reserved",
        /// Free memory that the guest has not accepted yet.
        Unaccepted = "unaccepted",
        /// Taken out of use.
        Offline = "offline",
        /// Failed.
        Poisoned = "poisoned",
        /// Memory of a device.
        Device = "device",
        /// No memory.
        None = "none",
    }
}

impl Kind {
    /// Returns the kind of a frame with these [`traits`].
    pub fn of(traits: u32) -> Kind {
        // The first that holds: they are in the order of their bits.
        const KINDS: [Kind; 15] = [
            Kind::None,
            Kind::Device,
            Kind::Offline,
            Kind::Poisoned,
            Kind::Zero,
            Kind::Buddy,
            Kind::Unaccepted,
            Kind::Offline,
            Kind::Slab,
            Kind::Pgtable,
            Kind::Hugetlb,
            Kind::Kernel,
            Kind::Reserved,
            Kind::Ksm,
            Kind::Anon,
        ];
        // CAST: a number of a bit fits anywhere.
        if let Some(kind) = KINDS.get(traits.trailing_zeros() as usize) {
            return *kind;
        }
        let file = traits & traits::FILE != 0;
        if file && traits & traits::SWAPBACKED != 0 {
            Kind::Shmem
        } else if file {
            Kind::File
        } else if traits & traits::SWAPCACHE != 0 {
            Kind::Swapcache
        } else {
            Kind::Kernel
        }
    }
}

/// What is recorded of a frame. Mirrors `struct memintro_page`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Frame {
    /// As `/proc/kpageflags` has them.
    pub flags: u64,
    /// The frame of the first page of the folio.
    pub head: u64,
    /// The inode of the cgroup that it is charged to; 0 if none.
    pub cgroup: u64,
    /// The inode of the file.
    pub inode: u64,
    /// Which page of the file it is.
    pub index: u64,
    /// The device of the file, as `stat(2)` has it.
    pub dev: u32,
    /// The NUMA node.
    pub node: i32,
    /// What its kind depends on.
    pub traits: u32,
    /// The reference count of the folio.
    pub refs: i32,
    /// As `/proc/kpagecount` has it.
    pub maps: i32,
    /// The folio has `1 << order` pages.
    pub order: u8,
    /// Whether the folio may be pinned for DMA.
    pub pinned: bool,
    /// The number of a zone.
    pub zone: u8,
    _unused: u8,
}

/// Frames side by side that have the same traits. Mirrors `struct memintro_page_run`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Run {
    /// How many.
    pub pages: u64,
    /// What the kind depends on.
    pub traits: u32,
    _unused: u32,
}

/// Frames side by side in folios of one size on one NUMA node. Mirrors `struct memintro_folio_run`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct FolioRun {
    /// How many.
    pub pages: u64,
    /// The folios have `1 << order` pages.
    pub order: u32,
    /// The node; [`FolioRun::NO_FOLIO`] for frames that are in no folio.
    pub node: u32,
}

impl FolioRun {
    /// The node of what is no memory, a device's, or offline.
    pub const NO_FOLIO: u32 = u32::MAX;
}

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

/// A text, and what it was made of.
#[derive(Clone, Copy, Debug)]
struct Part<T, const MAX: usize> {
    of: Option<T>,
    text: Word<MAX>,
}

impl<T: Copy + PartialEq, const MAX: usize> Part<T, MAX> {
    const EMPTY: Self = Part {
        of: None,
        text: Word::new(""),
    };

    /// Writes the text of `of`: that is copied where it was the last one, else made by `write`,
    /// and kept if it is not too long.
    #[inline(always)]
    fn put(&mut self, line: &mut Line<'_>, of: T, write: impl FnOnce(&mut Line<'_>)) {
        if self.of == Some(of) {
            line.put_word(&self.text);
            return;
        }
        let before = line.as_bytes().len();
        write(line);
        let text = line.as_bytes().get(before..).and_then(Word::of_bytes);
        self.of = text.map(|_| of);
        self.text = text.unwrap_or(self.text);
    }
}

/// What the last answer said of its page: others say much of the same.
#[derive(Clone, Copy, Debug)]
pub struct Memo {
    used: Part<(u64, Kind, u8), 128>,
    counts: Part<Counts, 64>,
}

/// That of no answer.
impl Default for Memo {
    fn default() -> Self {
        Memo {
            used: Part::EMPTY,
            counts: Part::EMPTY,
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
