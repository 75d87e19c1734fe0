// SPDX-License-Identifier: GPL-2.0

//! Every kind of page that a process can have, and how to make it.

use crate::prelude::*;

mod base;
mod huge;
mod marker;
mod special;

/// What the walk must say of a page of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The address that pagemap gives; there must be one.
    Frame,
    /// This word; pagemap must show no page.
    Word(&'static str),
    /// Whatever pagemap says: some pages are there, others are not.
    AsPagemap,
    /// Addresses from this one on, known without asking anybody. Pagemap
    /// shows a mapping without struct pages as empty.
    Physical(u64),
    /// Some pages have an address, others not, and pagemap shows none.
    Unknown,
}

/// A kind of page.
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// What is behind its pages.
    pub expect: Expect,
    /// Whether it is made only when asked for by name.
    pub on_request: bool,
    make: fn() -> io::Result<Vec<Area>>,
}

const fn kind(name: &'static str, expect: Expect, make: fn() -> io::Result<Vec<Area>>) -> Kind {
    Kind {
        name,
        expect,
        on_request: false,
        make,
    }
}

const fn on_request(kind: Kind) -> Kind {
    Kind {
        on_request: true,
        ..kind
    }
}

/// All kinds.
///
/// Kinds with a swapped page come last, lest making others brings it back.
pub static KINDS: &[Kind] = &[
    kind("anon", Expect::Frame, base::anon),
    kind("untouched", Expect::Word("not-populated"), base::untouched),
    kind("dontneed", Expect::Word("not-populated"), base::dontneed),
    kind("outside", Expect::Word("no-vma"), base::outside),
    kind("protnone", Expect::Frame, base::protnone),
    kind("zero", Expect::Frame, base::zero),
    kind("file-private", Expect::Frame, base::file_private),
    kind("file-shared", Expect::Frame, base::file_shared),
    kind("file-cow", Expect::Frame, base::file_cow),
    kind("file-protnone", Expect::Frame, base::file_protnone),
    kind("shmem", Expect::Frame, base::shmem),
    kind("memfd", Expect::Frame, base::memfd),
    kind("lowest", Expect::Frame, special::lowest),
    kind("high", Expect::Frame, special::high),
    kind("pfnmap", Expect::Physical(special::BIOS), special::pfnmap),
    kind("vdso", Expect::Frame, special::vdso),
    kind("vvar", Expect::Unknown, special::vvar),
    kind("stack", Expect::AsPagemap, special::stack),
    kind("heap", Expect::AsPagemap, special::heap),
    kind("text", Expect::AsPagemap, special::text),
    kind("thp", Expect::Frame, huge::thp),
    kind("thp-protnone", Expect::Frame, huge::thp_protnone),
    kind("thp-split", Expect::Frame, huge::thp_split),
    kind("thp-moved", Expect::Frame, huge::thp_moved),
    kind("thp-shmem", Expect::Frame, huge::thp_shmem),
    kind("thp-zero", Expect::Frame, huge::thp_zero),
    kind("hugetlb-2m", Expect::Frame, huge::hugetlb_2m),
    kind("hugetlb-2m-shared", Expect::Frame, huge::hugetlb_2m_shared),
    kind(
        "hugetlb-2m-protnone",
        Expect::Frame,
        huge::hugetlb_2m_protnone,
    ),
    kind(
        "hugetlb-2m-untouched",
        Expect::Word("not-populated"),
        huge::hugetlb_2m_untouched,
    ),
    kind("hugetlb-1g", Expect::Frame, huge::hugetlb_1g),
    kind("hugetlb-1g-shared", Expect::Frame, huge::hugetlb_1g_shared),
    kind(
        "hugetlb-1g-protnone",
        Expect::Frame,
        huge::hugetlb_1g_protnone,
    ),
    kind(
        "hugetlb-1g-untouched",
        Expect::Word("not-populated"),
        huge::hugetlb_1g_untouched,
    ),
    kind("mthp", Expect::Frame, huge::mthp),
    kind("mthp-part", Expect::Frame, huge::mthp_part),
    kind("hugetlb-64k", Expect::Frame, huge::hugetlb_64k),
    kind(
        "hugetlb-64k-protnone",
        Expect::Frame,
        huge::hugetlb_64k_protnone,
    ),
    kind(
        "hugetlb-64k-untouched",
        Expect::Word("not-populated"),
        huge::hugetlb_64k_untouched,
    ),
    kind("hugetlb-32m", Expect::Frame, huge::hugetlb_32m),
    kind(
        "hugetlb-32m-shared",
        Expect::Frame,
        huge::hugetlb_32m_shared,
    ),
    kind(
        "hugetlb-32m-protnone",
        Expect::Frame,
        huge::hugetlb_32m_protnone,
    ),
    kind("guard", Expect::Word("guard"), marker::guard),
    kind("uffd-marker", Expect::Word("uffd"), marker::uffd_marker),
    kind("uffd-protected", Expect::Frame, marker::uffd_protected),
    kind("poison", Expect::Word("poison"), marker::poison),
    on_request(kind("hwpoison", Expect::Word("hwpoison"), marker::hwpoison)),
    kind(
        "shmem-swapped",
        Expect::Word("not-populated"),
        base::shmem_swapped,
    ),
    kind("swap", Expect::Word("swap"), base::swap),
    kind("swap-protnone", Expect::Word("swap"), base::swap_protnone),
    kind("thp-swapped", Expect::Word("swap"), huge::thp_swapped),
];

/// Finds a kind by its name.
pub fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

impl Kind {
    /// Makes pages of this kind in this process and checks with pagemap
    /// that they are what they should be.
    pub fn make(&self) -> io::Result<Vec<Area>> {
        let areas = (self.make)()?;
        let pagemap = Pagemap::open("self")?;
        let mut present = false;
        for area in &areas {
            let (start, end) = (area.start as u64, (area.start + area.len) as u64);
            pagemap.each(start, end, |va, entry| {
                let frame = entry.frame();
                present |= frame.is_some();
                let right = match self.expect {
                    Expect::Frame => frame.is_some(),
                    Expect::Word("swap" | "guard" | "uffd") => {
                        Expect::Word(entry.word()) == self.expect
                    }
                    Expect::Word(_) => frame.is_none(),
                    Expect::AsPagemap | Expect::Physical(_) | Expect::Unknown => true,
                };
                if !right {
                    bail!(
                        "the kernel made something else: pagemap of {va:#x} is {:#x}",
                        entry.0
                    );
                }
                Ok(())
            })?;
        }
        if self.expect == Expect::AsPagemap && !present {
            bail!("no page of it is present");
        }
        Ok(areas)
    }
}

/// The ranges of this process's maps whose name satisfies `wanted`.
fn mapped(wanted: impl Fn(&str) -> bool) -> io::Result<Vec<Area>> {
    let mut areas = Vec::new();
    for line in fs::read_to_string("/proc/self/maps")?.lines() {
        let mut words = line.split_ascii_whitespace();
        let range = words.next().unwrap_or_default();
        if !wanted(words.nth(4).unwrap_or_default()) {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap_or_default();
        let hex = |digits| usize::from_str_radix(digits, 16).map_err(io::Error::other);
        let (start, end) = (hex(start)?, hex(end)?);
        areas.push(Area {
            start,
            len: end - start,
        });
    }
    if areas.is_empty() {
        bail!("no such mapping");
    }
    Ok(areas)
}
