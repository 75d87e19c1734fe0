// SPDX-License-Identifier: GPL-2.0

//! How the page tables of this architecture look, by its manual; and checks of the lines that
//! `levels` asks for.

use crate::prelude::*;

pub use arch::{cache, has_flag, next_table, permissions, BITS, ORDINARY, RUN, RUN_HUGE};

fn perm(allowed: [bool; 3], user: bool) -> String {
    let letters = allowed.into_iter().zip("rwx".chars());
    let letters = letters.map(|(set, letter)| if set { letter } else { '-' });
    letters.chain([if user { 'u' } else { 'k' }]).collect()
}

const PAGE_SHIFT: u32 = PAGE.trailing_zeros();
const PER_LEVEL: u32 = PAGE_SHIFT - 3;

/// The levels from the top, each with how many address bits lie below its index.
pub const LEVELS: [(&str, u32); 5] = [
    ("pgd", PAGE_SHIFT + 4 * PER_LEVEL),
    ("p4d", PAGE_SHIFT + 3 * PER_LEVEL),
    ("pud", PAGE_SHIFT + 2 * PER_LEVEL),
    ("pmd", PAGE_SHIFT + PER_LEVEL),
    ("pte", PAGE_SHIFT),
];

pub struct Size {
    pub name: &'static str,
    pub level: &'static str,
    /// How many bits are the offset in such a page.
    pub shift: u32,
    /// Whether it is a run of several entries.
    pub contiguous: bool,
}

macro_rules! sizes {
    ($($name:literal $level:literal $shift:literal $contiguous:literal;)+) => {
        &[$(Size { name: $name, level: $level, shift: $shift, contiguous: $contiguous }),+]
    };
}

const SIZES_4K: &[Size] = sizes! {
    "4K" "pte" 12 false;
    "64K" "pte" 16 true;
    "2M" "pmd" 21 false;
    "32M" "pmd" 25 true;
    "1G" "pud" 30 false;
};

const SIZES_16K: &[Size] = sizes! {
    "16K" "pte" 14 false;
    "2M" "pte" 21 true;
    "32M" "pmd" 25 false;
    "1G" "pmd" 30 true;
};

/// The sizes of pages, in ascending order: the base page is the first, a run of it the second,
/// a huge page the third.
pub const SIZES: &[Size] = if PAGE == 4 << 10 { SIZES_4K } else { SIZES_16K };

/// The size that has a name in answers.
pub fn size_of(page: &str) -> io::Result<&'static Size> {
    let is = |size: &&Size| size.name == page && !(size.contiguous && RUN == 1);
    SIZES.iter().find(is).ok_or_else(|| error!("page={page}"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// How many bits user addresses have, and kernel addresses below the ones that they begin
    /// with.
    pub bits: u32,
}

impl Mode {
    /// Finds out where the kernel lets user addresses end.
    pub fn of_this_machine() -> io::Result<Self> {
        for bits in BITS {
            // On x86 the last page cannot be mapped.
            let last = (1 << bits) - 2 * PAGE;
            let there = match Area::at(last, PAGE, libc::PROT_NONE) {
                Ok(area) => area.unmap().map(|()| area.start == last)?,
                Err(error) => error.raw_os_error() == Some(libc::EEXIST),
            };
            if there {
                return Ok(Self { bits });
            }
        }
        Err(error!("user addresses end nowhere known"))
    }

    /// How many levels are folded into the first.
    pub fn folded(self) -> usize {
        let folded = LEVELS.iter().filter(|(_, shift)| *shift >= self.bits);
        folded.count()
    }

    /// The index that an address has at a level, counted from the top.
    pub fn index(self, va: u64, depth: usize) -> u64 {
        // The one table of several that are folded is the lowest.
        let depth = depth.max(self.folded());
        let shift = LEVELS[depth].1;
        let whole = depth > self.folded() || arch::FULL_TOP;
        let bits = if whole { PER_LEVEL } else { self.bits - shift };
        (va >> shift) & ((1 << bits) - 1)
    }
}

pub struct LevelCheck {
    pub mode: Mode,
    /// Where the kernel sees physical address 0; learnt from the first answer.
    linear: Option<u64>,
}

impl LevelCheck {
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            mode: Mode::of_this_machine()?,
            linear: None,
        })
    }

    pub fn check(&mut self, va: u64, levels: &[Line<'_>], answer: &Line<'_>) -> io::Result<()> {
        let last = answer.get("level");
        let depth = LEVELS.iter().position(|(name, _)| *name == last);
        let expected = depth.map_or(0, |depth| depth + 1);
        let (root, levels) = match levels {
            [root, levels @ ..] if root.get("level") == "root" => (root, levels),
            // No walk was made where the process has no mapping.
            [] if last == "-" && answer.get("why") == "no-vma" => return Ok(()),
            _ => bail!("no root, or no levels"),
        };
        let words = ["index", "entry", "value", "kind", "folded"].map(|key| root.get(key));
        ensure!(words == ["-", "-", "-", "table", "no"], "root: {root:?}");
        ensure!(expected > 0, "ends at level={last}");
        let lines = levels.len();
        ensure!(lines == expected, "{lines} lines, expected {expected}");
        for (depth, line) in levels.iter().enumerate() {
            self.check_line(va, depth, line)
                .map_err(|what| error!("level={}: {what}", line.get("level")))?;
            let folded = line.get("folded") == "yes";
            let same = folded && without_name(line) == without_name(&levels[depth - 1]);
            ensure!(same == folded, "a folded level is not the one above");
            if !folded {
                self.check_follows(if depth == 0 { root } else { &levels[depth - 1] }, line)?;
            }
        }
        check_last(va, &levels[lines - 1], answer)?;
        self.check_perm(levels, answer)
    }

    /// What the processor allows is what the entries of all levels allow.
    fn check_perm(&self, levels: &[Line<'_>], answer: &Line<'_>) -> io::Result<()> {
        let perm = answer.get("perm");
        if answer.get("pa") == "none" || perm == "---u" {
            return Ok(());
        }
        let values = levels.iter().map(|line| line.hex("value"));
        let values = values.collect::<io::Result<Vec<_>>>()?;
        let folded = levels.iter().filter(|line| line.get("folded") == "yes");
        let want = permissions(&values, 1 + folded.count());
        ensure!(perm == want, "perm={perm}, the levels allow {want}");
        Ok(())
    }

    fn check_line(&self, va: u64, depth: usize, line: &Line<'_>) -> io::Result<()> {
        let (name, _) = LEVELS[depth];
        let folded = (1..=self.mode.folded()).contains(&depth);
        line.expect("level", name)?;
        line.expect("index", &self.mode.index(va, depth).to_string())?;
        line.expect("folded", ["no", "yes"][usize::from(folded)])?;
        let value = line.hex("value")?;
        let right = line.get("kind") != "table" || line.hex("next")? == next_table(value);
        ensure!(right, "next={} of {value:#x}", line.get("next"));
        Ok(())
    }

    /// The entry lies in the table that the level above leads to.
    fn check_follows(&mut self, above: &Line<'_>, line: &Line<'_>) -> io::Result<()> {
        let kind = above.get("kind");
        ensure!(kind == "table", "goes on below kind={kind}");
        let index: u64 = line.get("index").parse().map_err(|_| error!("index"))?;
        let table = line.hex("entry")?.wrapping_sub(index * 8);
        let linear = table.wrapping_sub(above.hex("next")?);
        let known = *self.linear.get_or_insert(linear);
        // Its borders lie at whole huge pages, whatever KASLR did.
        let right = linear == known && linear % (1 << 30) == 0 && linear >> 63 == 1;
        let next = above.get("next");
        ensure!(right, "the table {table:#x} is not at {next}");
        Ok(())
    }
}

/// What a folded level repeats.
fn without_name<'a>(line: &Line<'a>) -> [&'a str; 5] {
    ["index", "entry", "value", "next", "kind"].map(|key| line.get(key))
}

/// The last line is the entry that the answer speaks of.
fn check_last(va: u64, line: &Line<'_>, answer: &Line<'_>) -> io::Result<()> {
    ensure!(line.get("kind") != "table", "ends at a table");
    if answer.get("pa") == "none" {
        return line.expect("next", "-");
    }
    // The entry may be one of several that make up the page.
    let shift = LEVELS.iter().find(|(name, _)| *name == line.get("level"));
    let offset = va & ((1 << shift.map_or(0, |(_, shift)| *shift)) - 1);
    let (kind, next, pa) = (line.get("kind"), line.hex("next")?, answer.hex("pa")?);
    let right = kind == "page" && next.checked_add(offset) == Some(pa);
    ensure!(right, "kind={kind} next={next:#x} for pa={pa:#x}");
    Ok(())
}

/// Intel SDM volume 3, "Paging"; Documentation/arch/x86/x86_64/5level-paging.rst.
#[cfg(target_arch = "x86_64")]
mod arch {
    use std::sync::OnceLock;

    use crate::prelude::*;

    /// How many bits user addresses may have, the most first.
    pub const BITS: [u32; 2] = [56, 47];
    /// The first table has as many entries as a page holds.
    pub const FULL_TOP: bool = true;
    /// How many entries the TLB may hold as one.
    pub const RUN: usize = 1;
    /// The same of huge pages.
    pub const RUN_HUGE: usize = 1;

    const PRESENT: u64 = 1;
    const WRITE: u64 = 1 << 1;
    const USER: u64 = 1 << 2;
    const ACCESSED: u64 = 1 << 5;
    /// The second one is a shadow stack's, kept by software.
    const DIRTY: u64 = (1 << 6) | (1 << 58);
    const GLOBAL: u64 = 1 << 8;
    const NX: u64 = 1 << 63;

    pub fn next_table(value: u64) -> u64 {
        value & 0x000f_ffff_ffff_f000
    }

    /// What memory is that nobody made special.
    pub const ORDINARY: &str = "wb";

    /// The type of memory that the entry of a page asks for, as Linux sets the page attribute
    /// table: Documentation/arch/x86/pat.rst.
    pub fn cache(value: u64, huge: bool) -> &'static str {
        let high = (value >> if huge { 12 } else { 7 }) & 1;
        let index = (high << 2) | ((value >> 3) & 3);
        ["wb", "wc", "uc-", "uc", "wb", "wp", "uc-", "wt"][index as usize]
    }

    /// Whether a kernel page's entry has what a flag tells of.
    pub fn has_flag(value: u64, name: &str) -> bool {
        let known = [("accessed", ACCESSED), ("dirty", DIRTY), ("global", GLOBAL)];
        let set = |(other, bits): &(&str, u64)| *other == name && value & bits != 0;
        known.iter().any(set)
    }

    /// What the entries of all levels allow, the first `top` of them of the first table:
    /// "Access Rights". With page-table isolation the kernel's copy of a user's top entry
    /// forbids what the other copy allows.
    pub fn permissions(values: &[u64], top: usize) -> String {
        static ISOLATION: OnceLock<bool> = OnceLock::new();
        let has = |info: String| info.split_ascii_whitespace().any(|word| word == "pti");
        let isolation = || fs::read_to_string("/proc/cpuinfo").is_ok_and(has);
        let isolation = *ISOLATION.get_or_init(isolation);
        let (mut allowed, mut forbidden) = (!0, 0);
        for (depth, value) in values.iter().enumerate() {
            allowed &= value;
            let poisoned = isolation && depth < top && value & USER != 0;
            forbidden |= if poisoned { 0 } else { value & NX };
        }
        let rwx = [allowed & PRESENT != 0, allowed & WRITE != 0, forbidden == 0];
        super::perm(rwx, allowed & USER != 0)
    }
}

/// Arm ARM D8, "VMSAv8-64 translation table format descriptors", 4K granule;
/// Documentation/arch/arm64/memory.rst.
#[cfg(target_arch = "aarch64")]
mod arch {
    use crate::sys::{PAGE, PAGE_RUN};

    /// How many bits user addresses may have, the most first.
    pub const BITS: [u32; 2] = if PAGE == 4 << 10 { [52, 48] } else { [52, 47] };
    /// With five levels, or larger pages, the first table is small.
    pub const FULL_TOP: bool = false;
    /// How many ptes the TLB may hold as one.
    pub const RUN: usize = PAGE_RUN / PAGE;
    pub const RUN_HUGE: usize = if PAGE == 4 << 10 { 16 } else { 32 };

    /// AP[1]: user code may access it.
    const USER: u64 = 1 << 6;
    /// AP[2]: writing faults.
    const READ_ONLY: u64 = 1 << 7;
    const ACCESSED: u64 = 1 << 10;
    const NOT_GLOBAL: u64 = 1 << 11;
    /// DBM: a first write makes it writable.
    const MODIFIER: u64 = 1 << 51;
    const PRIVILEGED_NX: u64 = 1 << 53;
    const USER_NX: u64 = 1 << 54;
    /// Linux's own note that it was written.
    const SOFT_DIRTY: u64 = 1 << 55;

    /// Where a table's entry leads; bits 50 and 51 of an address are in 8 and 9.
    pub fn next_table(value: u64) -> u64 {
        (value & 0x0003_ffff_ffff_f000 & !(PAGE as u64 - 1)) | (((value >> 8) & 3) << 50)
    }

    /// What memory is that nobody made special.
    pub const ORDINARY: &str = "normal";

    /// The type of memory that the entry of a page asks for: AttrIndx, by which Linux means
    /// MT_NORMAL and others of arch/arm64/include/asm/memory.h.
    pub fn cache(value: u64, _huge: bool) -> &'static str {
        ["normal", "tagged", "nc", "device", "device"][((value >> 2) & 7) as usize]
    }

    /// Whether a kernel page's entry has what a flag tells of.
    pub fn has_flag(value: u64, name: &str) -> bool {
        match name {
            "accessed" => value & ACCESSED != 0,
            "dirty" => value & SOFT_DIRTY != 0 || value & (MODIFIER | READ_ONLY) == MODIFIER,
            "global" => value & NOT_GLOBAL == 0,
            _ => false,
        }
    }

    /// What the entry of the page allows: Linux takes nothing away by the levels above. A page
    /// that user code may only execute has no USER.
    pub fn permissions(values: &[u64], _top: usize) -> String {
        let value = values.last().copied().unwrap_or_default();
        let user = value & USER != 0 || value & USER_NX == 0;
        let exec = value & if user { USER_NX } else { PRIVILEGED_NX } == 0;
        let read = !user || value & USER != 0;
        super::perm([read, value & MODIFIER != 0, exec], user)
    }
}
