// SPDX-License-Identifier: GPL-2.0

//! Every kind of page that a process can have, and how to make it.

use crate::prelude::*;
use make::{
    anon, pool, swapped, transparent, write_protected,
    Use::{Private, Shared, Unused},
    LEN,
};
use Expect::{AsPagemap, Frame, Physical, Unknown, Word};

pub mod make;

/// Most kinds have one range.
impl From<Area> for Vec<Area> {
    fn from(area: Area) -> Self {
        vec![area]
    }
}

/// What the walk must say of a page of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The address that pagemap gives; there must be one.
    Frame,
    /// This word; pagemap must show no page.
    Word(&'static str),
    /// Whatever pagemap says: some pages are there, others are not.
    AsPagemap,
    /// Addresses from this one on, known without asking anybody. Pagemap shows a mapping
    /// without struct pages as empty.
    Physical(u64),
    /// Some pages have an address, others not, and pagemap shows none.
    Unknown,
}

pub struct Kind {
    pub name: &'static str,
    pub expect: Expect,
    make: fn() -> io::Result<Vec<Area>>,
}

fn ranges<T: Into<Vec<Area>>>(make: impl FnOnce() -> io::Result<T>) -> io::Result<Vec<Area>> {
    Ok(make()?.into())
}

macro_rules! kinds {
    ($($name:literal $expect:expr => $make:expr;)+) => {
        &[$(Kind { name: $name, expect: $expect, make: || ranges(|| $make) }),+]
    };
}

const EMPTY: Expect = Word("not-populated");
const NONE: i32 = libc::PROT_NONE;
const SHARE: i32 = libc::MAP_SHARED;
/// The one that is made only when asked for by name.
pub const ON_REQUEST: &str = "hwpoison";

/// All kinds.
///
/// Kinds with a swapped page come last, lest making others brings it back.
pub static KINDS: &[Kind] = kinds! {
    "anon" Frame => anon();
    "untouched" EMPTY => Area::anonymous(LEN);
    "dontneed" EMPTY => Area::anonymous(LEN)?.write().advise(libc::MADV_DONTNEED);
    "outside" Word("no-vma") => make::outside();
    "protnone" Frame => anon()?.protect(NONE);
    "pkey" Frame => make::pkey();
    "zero" Frame => make::zero();
    "ksm" Frame => make::merged();
    "file-private" Frame => make::file_private();
    "file-shared" Frame => make::file(LEN, READ_WRITE, SHARE)?.write().lock();
    "file-cow" Frame => make::file(LEN, READ_WRITE, libc::MAP_PRIVATE)?.write().lock();
    "file-protnone" Frame => make::file(LEN, READ_WRITE, SHARE)?.write().lock()?.protect(NONE);
    "shmem" Frame => Area::shared(LEN)?.write().lock();
    "memfd" Frame => make::memfd();
    "lowest" Frame => make::lowest();
    "high" Frame => make::high();
    "pfnmap" Physical(make::BIOS) => make::pfnmap();
    "vdso" Frame => make::vdso();
    "vvar" Unknown => make::vvar();
    "stack" AsPagemap => mapped(|name| name == b"[stack]");
    "heap" AsPagemap => mapped(|name| name == b"[heap]");
    "text" AsPagemap => make::text();
    "thp" Frame => transparent(2, false)?.write().lock();
    "thp-protnone" Frame => make::thp_protnone();
    "thp-split" Frame => make::thp_split();
    "thp-moved" Frame => make::thp_moved();
    "thp-shmem" Frame => transparent(1, true)?.write().lock();
    "thp-zero" Frame => make::thp_zero();
    "hugetlb-2m" Frame => pool(PAGE_2M, 2, Private);
    "hugetlb-2m-shared" Frame => pool(PAGE_2M, 2, Shared);
    "hugetlb-2m-protnone" Frame => pool(PAGE_2M, 2, Private)?.protect(NONE);
    "hugetlb-2m-untouched" EMPTY => pool(PAGE_2M, 1, Unused);
    "hugetlb-1g" Frame => pool(PAGE_1G, 1, Private);
    "hugetlb-1g-shared" Frame => pool(PAGE_1G, 1, Shared);
    "hugetlb-1g-protnone" Frame => pool(PAGE_1G, 1, Private)?.protect(NONE);
    "hugetlb-1g-untouched" EMPTY => pool(PAGE_1G, 1, Unused);
    "mthp" Frame => make::mthp();
    "mthp-part" Frame => make::mthp_part();
    "mthp-16k" Frame => make::folios(3, 16 << 10, false);
    "mthp-16k-shmem" Frame => make::folios(3, 16 << 10, true);
    "mthp-64k-shmem" Frame => make::folios(3, PAGE_64K, true);
    "hugetlb-64k" Frame => pool(PAGE_64K, 3, Private);
    "hugetlb-64k-protnone" Frame => pool(PAGE_64K, 3, Private)?.protect(NONE);
    "hugetlb-64k-untouched" EMPTY => pool(PAGE_64K, 1, Unused);
    "hugetlb-32m" Frame => pool(PAGE_32M, 1, Private);
    "hugetlb-32m-shared" Frame => pool(PAGE_32M, 1, Shared);
    "hugetlb-32m-protnone" Frame => pool(PAGE_32M, 1, Private)?.protect(NONE);
    // Installing a guard drops what was there.
    "guard" Word("guard") => Area::anonymous(LEN)?.write().advise(MADV_GUARD_INSTALL);
    // Before it was touched: there is a marker and no page.
    "uffd-marker" Word("uffd") => write_protected(Area::anonymous(LEN)?);
    "uffd-protected" Frame => write_protected(anon()?);
    "poison" Word("poison") => make::poison();
    "hwpoison" Word("hwpoison") => make::hwpoison();
    // A process has no entry for shared memory that was swapped out: only the file knows where
    // it is.
    "shmem-swapped" EMPTY => swapped(Area::shared(LEN)?);
    "swap" Word("swap") => swapped(Area::anonymous(LEN)?);
    "swap-protnone" Word("swap") => swapped(Area::anonymous(LEN)?)?.protect(NONE);
    "thp-swapped" Word("swap") => swapped(transparent(1, false)?);
};

pub fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

impl Kind {
    /// Makes pages of this kind in this process and checks with pagemap that they are what they
    /// should be.
    pub fn make(&self) -> io::Result<Vec<Area>> {
        let areas = (self.make)()?;
        let pagemap = Pagemap::open("self")?;
        let mut present = false;
        for area in &areas {
            let (start, end) = (area.start as u64, area.end() as u64);
            pagemap.each(start, end, |va, entry| {
                let is_there = entry.frame().is_some();
                present |= is_there;
                let right = match self.expect {
                    Frame => is_there,
                    Word("swap" | "guard" | "uffd") => Word(entry.word()) == self.expect,
                    Word(_) => !is_there,
                    AsPagemap | Physical(_) | Unknown => true,
                };
                ensure!(right, "not that: pagemap of {va:#x} is {entry:x?}");
                Ok(())
            })?;
        }
        let fine = present || self.expect != AsPagemap;
        ensure!(fine, "no page of it is present");
        Ok(areas)
    }

    /// As [`Kind::make`]; returns a line of `KIND START LENGTH` for each range.
    pub fn describe(&self) -> io::Result<String> {
        let line = |area: &Area| format!("{} {:#x} {:#x}\n", self.name, area.start, area.len);
        Ok(self.make()?.iter().map(line).collect())
    }
}

/// The ranges of this process's maps whose name satisfies `wanted`.
fn mapped(wanted: impl Fn(&[u8]) -> bool) -> io::Result<Vec<Area>> {
    let mut all = maps(Path::new("/proc/self"))?;
    all.retain(|mapping| wanted(&mapping.name));
    ensure!(!all.is_empty(), "no such mapping");
    let area = |map: &Mapping| Area::new(map.start as usize, (map.end - map.start) as usize);
    Ok(all.iter().map(area).collect())
}
