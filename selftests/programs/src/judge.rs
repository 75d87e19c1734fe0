// SPDX-License-Identifier: GPL-2.0

//! What an answer of `walk` must say of a page of a kind, judged by pagemap,
//! smaps and the kind.

use crate::prelude::*;
use crate::{
    kinds::{self, Expect},
    layout::size_of,
    maps::Mapping,
    memory::Memory,
    zeros::Zeros,
};

/// The names of flags, in their promised order.
const FLAGS: [&str; 11] =
    words("accessed dirty soft-dirty nx global special zero protnone uffd hugetlb contiguous");

/// Kinds whose pages were written, and may be written again.
const WRITTEN: [&str; 16] = words(
    "anon file-shared file-cow shmem memfd lowest high thp thp-moved hugetlb-2m \
     hugetlb-2m-shared hugetlb-1g mthp hugetlb-64k hugetlb-32m hugetlb-32m-shared",
);
/// Kinds whose pages lie in a writable mapping, and are write-protected.
const PROTECTED: [&str; 3] = ["zero", "thp-zero", "uffd-protected"];

/// What is known of an address without asking memintro.
pub struct Known<'a> {
    /// The range of its kind.
    pub range: &'a Range,
    /// The address.
    pub va: usize,
    /// Its page in pagemap.
    pub entry: Entry,
    /// All that is known of its process.
    pub memory: &'a Memory,
    /// The frames of the zero pages.
    pub zeros: &'a Zeros,
}

impl Known<'_> {
    /// Says what is wrong with an answer.
    pub fn judge(&self, pid: &str, answer: &Line<'_>) -> io::Result<()> {
        answer.expect("pid", pid)?;
        answer.expect("va", &format!("{:#x}", self.va))?;
        let kind = kinds::find(&self.range.kind).ok_or_else(|| error!("no such kind"))?;
        match kind.expect {
            Expect::Frame if self.entry.frame().is_none() => Err(error!("a page left pagemap")),
            Expect::Word(_) if self.entry.frame().is_some() => Err(error!("a page came")),
            Expect::Frame => self.judge_page(self.entry.answer(self.va), answer),
            Expect::Word(word) => self.judge_word(word, answer),
            Expect::AsPagemap if self.entry.frame().is_some() => {
                self.judge_page(self.entry.answer(self.va), answer)
            }
            Expect::AsPagemap => match self.entry.word() {
                "none" => self.judge_word("not-populated", answer),
                word => self.judge_word(word, answer),
            },
            Expect::Physical(first) => {
                let pa = first + (self.va - self.range.start) as u64;
                self.judge_page(format!("{pa:#x}"), answer)
            }
            Expect::Unknown if answer.get("pa") == "none" => {
                self.judge_word("not-populated", answer)
            }
            Expect::Unknown => {
                let page = answer.hex("pa")? - (self.va % PAGE) as u64;
                self.judge_page(format!("{:#x}", page | (self.va % PAGE) as u64), answer)
            }
        }
    }

    fn judge_word(&self, word: &str, answer: &Line<'_>) -> io::Result<()> {
        answer.expect("pa", "none")?;
        answer.expect("why", word)?;
        answer.expect("error", "")?;
        if word == "swap" {
            // pagemap.rst: bits 0-4 the swap type, bits 5-54 the offset.
            let bits = self.entry.0 & ((1 << 55) - 1);
            answer.expect("swap", &format!("{}:{}", bits & 31, bits >> 5))?;
        }
        Ok(())
    }

    fn judge_page(&self, pa: String, answer: &Line<'_>) -> io::Result<()> {
        answer.expect("pa", &pa)?;
        let page = answer.get("page");
        let size = size_of(page)?;
        answer.expect("level", size.level)?;
        self.judge_perm(answer)?;

        let kind = self.range.kind.as_str();
        let flag = |name, set: bool| match answer.has_flag(name) == set {
            true => Ok(()),
            false => Err(error!("flags={} and {name}", answer.get("flags"))),
        };
        let mut order = FLAGS.iter();
        let flags = answer.get("flags");
        if flags != "-" && !flags.split(',').all(|name| order.any(|next| *next == name)) {
            bail!("flags={flags}: names or their order");
        }
        let zero = match self.entry.frame() {
            Some(frame) => self.zeros.contains(frame),
            None => Ok(false),
        };
        flag("zero", zero.map_err(|error| error!("kpageflags: {error}"))?)?;
        flag("uffd", kind == "uffd-protected")?;
        flag("contiguous", size.contiguous)?;
        flag("global", false)?;
        if kind == "pfnmap" || kind == "zero" {
            flag("special", true)?;
        }
        // Not `accessed`: the kernel clears that as pages grow old.
        if kind == "anon" {
            flag("dirty", true)?;
        }
        let mapping = self.mapping()?;
        flag("hugetlb", mapping.is_hugetlb())?;
        match self.memory.may_be(self.va as u64, page) {
            true => Ok(()),
            false => Err(error!("page={page}")),
        }
    }

    fn mapping(&self) -> io::Result<&Mapping> {
        let mapping = self.memory.mapping(self.va as u64);
        mapping.ok_or_else(|| error!("no such mapping"))
    }

    fn judge_perm(&self, answer: &Line<'_>) -> io::Result<()> {
        let perm = answer.get("perm");
        let wrong = |what: &str| Err(error!("perm={perm} flags={}: {what}", answer.get("flags")));
        let [r, w, x, b'u'] = perm.as_bytes() else {
            return wrong("not four letters, the last one u");
        };
        let protnone = perm == "---u";
        if answer.has_flag("protnone") != protnone {
            return wrong("protnone");
        }
        // PROT_NONE says nothing else of an entry.
        if !protnone && answer.has_flag("nx") != (*x == b'-') {
            return wrong("nx");
        }
        let mapping = self.mapping()?;
        let maps = mapping.perm.as_bytes();
        if (maps[0] == b'r') != (*r == b'r') || (maps[2] == b'x') != (*x == b'x') {
            return wrong(&format!("maps has {}", mapping.perm));
        }
        let kind = self.range.kind.as_str();
        let may = maps[1] == b'w';
        let must = may && WRITTEN.contains(&kind);
        let must_not = !may || PROTECTED.contains(&kind);
        if (must && *w != b'w') || (must_not && *w != b'-') {
            return wrong(&format!("maps has {}", mapping.perm));
        }
        Ok(())
    }
}
