// SPDX-License-Identifier: GPL-2.0

//! Every kind of page that a process can have, and how to make it.

use crate::prelude::*;
use crate::{
    maps::{self, Mapping},
    sys::{PAGE_1G, PAGE_32M, PAGE_64K},
};
use huge::{
    pool,
    Use::{Barred, Private, Shared, Unused},
};
use Expect::{AsPagemap, Frame, Physical, Unknown, Word};

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

const EMPTY: Expect = Word("not-populated");

/// All kinds.
///
/// Kinds with a swapped page come last, lest making others brings it back.
pub static KINDS: &[Kind] = &[
    kind("anon", Frame, base::anon),
    kind("untouched", EMPTY, base::untouched),
    kind("dontneed", EMPTY, base::dontneed),
    kind("outside", Word("no-vma"), base::outside),
    kind("protnone", Frame, || base::barred(base::anon()?)),
    kind("zero", Frame, base::zero),
    kind("file-private", Frame, base::file_private),
    kind("file-shared", Frame, base::file_shared),
    kind("file-cow", Frame, base::file_cow),
    kind(
        "file-protnone",
        Frame,
        || base::barred(base::file_shared()?),
    ),
    kind("shmem", Frame, base::shmem),
    kind("memfd", Frame, base::memfd),
    kind("lowest", Frame, special::lowest),
    kind("high", Frame, special::high),
    kind("pfnmap", Physical(special::BIOS), special::pfnmap),
    kind("vdso", Frame, special::vdso),
    kind("vvar", Unknown, special::vvar),
    kind("stack", AsPagemap, || mapped(|name| name == b"[stack]")),
    kind("heap", AsPagemap, || mapped(|name| name == b"[heap]")),
    kind("text", AsPagemap, special::text),
    kind("thp", Frame, huge::thp),
    kind("thp-protnone", Frame, huge::thp_protnone),
    kind("thp-split", Frame, huge::thp_split),
    kind("thp-moved", Frame, huge::thp_moved),
    kind("thp-shmem", Frame, huge::thp_shmem),
    kind("thp-zero", Frame, huge::thp_zero),
    kind("hugetlb-2m", Frame, || pool(PAGE_2M, 2, Private)),
    kind("hugetlb-2m-shared", Frame, || pool(PAGE_2M, 2, Shared)),
    kind("hugetlb-2m-protnone", Frame, || pool(PAGE_2M, 2, Barred)),
    kind("hugetlb-2m-untouched", EMPTY, || pool(PAGE_2M, 1, Unused)),
    kind("hugetlb-1g", Frame, || pool(PAGE_1G, 1, Private)),
    kind("hugetlb-1g-shared", Frame, || pool(PAGE_1G, 1, Shared)),
    kind("hugetlb-1g-protnone", Frame, || pool(PAGE_1G, 1, Barred)),
    kind("hugetlb-1g-untouched", EMPTY, || pool(PAGE_1G, 1, Unused)),
    kind("mthp", Frame, huge::mthp),
    kind("mthp-part", Frame, huge::mthp_part),
    kind("hugetlb-64k", Frame, || pool(PAGE_64K, 3, Private)),
    kind("hugetlb-64k-protnone", Frame, || pool(PAGE_64K, 3, Barred)),
    kind("hugetlb-64k-untouched", EMPTY, || pool(PAGE_64K, 1, Unused)),
    kind("hugetlb-32m", Frame, || pool(PAGE_32M, 1, Private)),
    kind("hugetlb-32m-shared", Frame, || pool(PAGE_32M, 1, Shared)),
    kind("hugetlb-32m-protnone", Frame, || pool(PAGE_32M, 1, Barred)),
    kind("guard", Word("guard"), marker::guard),
    kind("uffd-marker", Word("uffd"), marker::uffd_marker),
    kind("uffd-protected", Frame, marker::uffd_protected),
    kind("poison", Word("poison"), marker::poison),
    on_request(kind("hwpoison", Word("hwpoison"), marker::hwpoison)),
    kind("shmem-swapped", EMPTY, base::shmem_swapped),
    kind("swap", Word("swap"), base::swap),
    kind(
        "swap-protnone",
        Word("swap"),
        || base::barred(base::swap()?),
    ),
    kind("thp-swapped", Word("swap"), huge::thp_swapped),
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
                    Frame => frame.is_some(),
                    Word("swap" | "guard" | "uffd") => Word(entry.word()) == self.expect,
                    Word(_) => frame.is_none(),
                    AsPagemap | Physical(_) | Unknown => true,
                };
                ensure!(
                    right,
                    "the kernel made something else: pagemap of {va:#x} is {:#x}",
                    entry.0
                );
                Ok(())
            })?;
        }
        if self.expect == AsPagemap && !present {
            bail!("no page of it is present");
        }
        Ok(areas)
    }
}

/// The ranges of this process's maps whose name satisfies `wanted`.
fn mapped(wanted: impl Fn(&[u8]) -> bool) -> io::Result<Vec<Area>> {
    let mut all = maps::maps(Path::new("/proc/self"))?;
    all.retain(|mapping| wanted(&mapping.name));
    ensure!(!all.is_empty(), "no such mapping");
    let area =
        |found: &Mapping| Area::new(found.start as usize, (found.end - found.start) as usize);
    Ok(all.iter().map(area).collect())
}
