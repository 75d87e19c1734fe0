// SPDX-License-Identifier: GPL-2.0

//! `/proc/PID/pagemap`: the kernel's own word on what backs a page; and `/proc/kpageflags`:
//! which page frames are zero pages.
//!
//! The crate procfs makes an object of each entry, does not know guards, and fails where a
//! batch of flags reaches past the end of memory. Layout:
//! Documentation/admin-guide/mm/pagemap.rst.

use procfs::PhysicalPageFlags as Kpf;
use std::cell::RefCell;

use crate::prelude::*;

const FRAME_MASK: u64 = (1 << 55) - 1;
/// A page that nobody else has mapped.
pub const EXCLUSIVE: u64 = 1 << 56;
/// Write protection by userfaultfd.
pub const UFFD_WP: u64 = 1 << 57;
const GUARD_REGION: u64 = 1 << 58;
const SWAPPED: u64 = 1 << 62;
const PRESENT: u64 = 1 << 63;

// PAGEMAP_SCAN, include/uapi/linux/fs.h.
/// `_IOWR('f', 16, struct pm_scan_arg)`
const PAGEMAP_SCAN: u64 = 0xc060_6610;
pub const PAGE_IS_PRESENT: u64 = 1 << 3;
pub const PAGE_IS_HUGE: u64 = 1 << 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry(pub u64);

impl Entry {
    pub fn frame(self) -> Option<u64> {
        (self.0 & PRESENT != 0).then_some(self.0 & FRAME_MASK)
    }

    /// Whether two readings say the same of where the page is.
    ///
    /// The soft-dirty and exclusive bits may change without a move.
    pub fn same_place(self, other: Self) -> bool {
        let place = PRESENT | SWAPPED | GUARD_REGION | FRAME_MASK;
        self.0 & place == other.0 & place
    }

    /// What pagemap knows of a page that is not present.
    ///
    /// It has no bits for poison markers and failed memory: both are `swap` or `none` here, as
    /// the kernel's version has it.
    pub fn word(self) -> &'static str {
        if self.0 & GUARD_REGION != 0 {
            "guard"
        } else if self.0 & PRESENT == 0 && self.0 & UFFD_WP != 0 && !self.has_swap_offset() {
            "uffd"
        } else if self.0 & SWAPPED != 0 {
            "swap"
        } else {
            "none"
        }
    }

    /// A marker is a swap entry of no device: its offset is the marker.
    fn has_swap_offset(self) -> bool {
        self.0 & SWAPPED != 0 && (self.0 & FRAME_MASK) >> 5 > 7
    }

    /// The physical address of `va`, or the word for a page not present.
    pub fn answer(self, va: usize) -> String {
        match self.frame() {
            Some(frame) => format!("{:#x}", frame * PAGE as u64 + (va % PAGE) as u64),
            None => self.word().to_owned(),
        }
    }
}

/// Entries that one read(2) gets, and regions of one scan.
const BATCH: u64 = 1 << 16;
const REGIONS: usize = 64;

/// An open pagemap. Without CAP_SYS_ADMIN frames read as 0: that is an error here.
pub struct Pagemap {
    file: File,
    bytes: RefCell<Vec<u8>>,
}

impl Pagemap {
    pub fn open(pid: impl Display) -> io::Result<Self> {
        Self::in_directory(Path::new(&format!("/proc/{pid}")))
    }

    pub fn in_directory(directory: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::open(directory.join("pagemap"))?,
            bytes: RefCell::default(),
        })
    }

    pub fn entry(&self, va: usize) -> io::Result<Entry> {
        let mut bytes = [0; 8];
        // Past the last user address pagemap ends: no page there.
        let n = self.file.read_at(&mut bytes, (va / PAGE * 8) as u64)?;
        let entry = Entry(u64::from_ne_bytes(bytes));
        match n {
            8 if entry.frame() == Some(0) => Err(error!("pagemap hides page frames")),
            8 => Ok(entry),
            _ => Ok(Entry(0)),
        }
    }

    /// Calls `each` with the address and the entry of every page from `start` to `end`, and
    /// returns the address where pagemap ended.
    pub fn each(
        &self,
        start: u64,
        end: u64,
        mut each: impl FnMut(u64, Entry) -> io::Result<()>,
    ) -> io::Result<u64> {
        const SIZE: u64 = PAGE as u64;
        let mut bytes = self.bytes.borrow_mut();
        let most = (BATCH.min((end - start) / SIZE) * 8) as usize;
        if bytes.len() < most {
            bytes.resize(most, 0);
        }
        let mut va = start;
        while va < end {
            let wanted = bytes.len().min(((end - va) / SIZE * 8) as usize);
            let n = self.file.read_at(&mut bytes[..wanted], va / SIZE * 8)?;
            if n < 8 {
                break;
            }
            for word in bytes[..n].chunks_exact(8) {
                let word = word.try_into().map_err(io::Error::other)?;
                let entry = Entry(u64::from_ne_bytes(word));
                ensure!(entry.frame() != Some(0), "pagemap hides page frames");
                each(va, entry)?;
                va += SIZE;
            }
        }
        Ok(va)
    }

    /// The entries of `count` pages from `va` on, which are user pages.
    pub fn entries(&self, va: usize, count: usize) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::with_capacity(count);
        let end = (va + count * PAGE) as u64;
        let ended = self.each(va as u64, end, |_, entry| {
            entries.push(entry);
            Ok(())
        })?;
        ensure!(ended == end, "pagemap ends at {ended:#x}");
        Ok(entries)
    }

    pub fn of_area(&self, area: Area) -> io::Result<Vec<Entry>> {
        self.entries(area.start, area.len / PAGE)
    }

    /// Has PAGEMAP_SCAN find the ranges of a category: start and end of each.
    pub fn scan(
        &self,
        start: u64,
        end: u64,
        category: u64,
        mut each: impl FnMut(u64, u64),
    ) -> io::Result<()> {
        let mut found = [[0u64; 3]; REGIONS];
        let mut va = start;
        while va < end {
            let mut words = [0; 12];
            words[0] = 96;
            words[2] = va;
            words[3] = end;
            words[5] = found.as_mut_ptr() as u64;
            words[6] = found.len() as u64;
            words[9] = category; // category_mask
            words[11] = category; // return_mask
            let n = sys::ioctl(self.file.as_raw_fd(), PAGEMAP_SCAN, &mut words)?;
            for [start, end, _] in &found[..n as usize] {
                each(*start, *end);
            }
            va = words[4];
        }
        Ok(())
    }
}

/// Reads 64-bit words of a file, from the word of this number on, as many as there are.
pub fn read_words(file: &File, first: u64, count: usize) -> io::Result<Vec<u64>> {
    let mut bytes = vec![0; 8 * count];
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], 8 * first + read as u64)? {
            0 => break,
            n => read += n,
        }
    }
    Ok(to_words(&bytes[..read]))
}

pub fn to_words(bytes: &[u8]) -> Vec<u64> {
    let words = bytes.chunks_exact(8);
    words
        .map(|word| u64::from_ne_bytes(word.try_into().expect("eight bytes")))
        .collect()
}

/// The zero frames. The kernel is asked only for those that someone wants to know of: it takes
/// long to say it of all memory. A frame never becomes one, nor ceases to be.
pub struct Zeros {
    flags: File,
    known: RefCell<HashMap<u64, bool>>,
}

impl Zeros {
    pub fn open() -> io::Result<Self> {
        let (flags, known) = (File::open("/proc/kpageflags")?, RefCell::default());
        Ok(Self { flags, known })
    }

    /// Whether a frame is a zero page. One without a struct page is none.
    pub fn contains(&self, frame: u64) -> io::Result<bool> {
        if let Some(known) = self.known.borrow().get(&frame) {
            return Ok(*known);
        }
        let flags = read_words(&self.flags, frame, 1)?;
        let zero = flags.iter().any(|flags| flags & Kpf::ZERO_PAGE.bits() != 0);
        self.known.borrow_mut().insert(frame, zero);
        Ok(zero)
    }
}

const FRAMES: u64 = 512;

/// The folios, by their first frames: what one is does not change while it is mapped by a process
/// that rests.
pub struct Folios {
    flags: File,
    /// The flags of aligned frames, and the first of these; of fewer at the end of memory.
    chunk: (u64, Vec<u64>),
    known: BTreeMap<u64, u64>,
}

impl Folios {
    pub fn open() -> io::Result<Self> {
        let (chunk, known) = ((u64::MAX, Vec::new()), BTreeMap::new());
        let flags = File::open("/proc/kpageflags")?;
        Ok(Self {
            flags,
            chunk,
            known,
        })
    }

    fn has(&mut self, frame: u64, flag: Kpf) -> io::Result<bool> {
        let first = frame / FRAMES * FRAMES;
        if self.chunk.0 != first {
            self.chunk = (first, read_words(&self.flags, first, FRAMES as usize)?);
        }
        let flags = self.chunk.1.get((frame - first) as usize);
        Ok(flags.is_some_and(|flags| flags & flag.bits() != 0))
    }

    pub fn pages(&mut self, frame: u64) -> io::Result<u64> {
        if let Some((head, pages)) = self.known.range(..=frame).next_back() {
            if frame < head + pages {
                return Ok(*pages);
            }
        }
        // Back to the first frame that is no tail, and on to the last that is.
        let (mut head, mut pages) = (frame, 1);
        while self.has(head, Kpf::COMPOUND_TAIL)? {
            ensure!(head > 0, "a tail without a head");
            head -= 1;
        }
        let is_head = self.has(head, Kpf::COMPOUND_HEAD)?;
        while is_head && self.has(head + pages, Kpf::COMPOUND_TAIL)? {
            pages += 1;
        }
        self.known.insert(head, pages);
        Ok(pages)
    }
}
