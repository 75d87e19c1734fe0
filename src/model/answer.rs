// SPDX-License-Identifier: GPL-2.0

//! Answers to questions about one address, as a shell reads them.
//!
//! Keys and their order are promised to users, and so is that values hold only
//! `[0-9A-Za-z_.,:-]`: a shell may `eval` such a line.

use super::{
    digits::parse_hex,
    end::put_refusal,
    pgtable::{
        flags,
        Level, //
    },
    question::{
        WalkQuestion,
        Whose, //
    },
    text::{
        Line,
        Word, //
    },
    walk::{
        Answer,
        Page, //
    },
    words::Refusal, //
    PhysAddr,
    VirtAddr,
};

/// The symbol at or before an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// How far after it the address is.
    pub offset: u64,
    /// The module that it belongs to; none if it is the kernel's own.
    pub module: Option<&'a [u8]>,
}

impl<'a> Symbol<'a> {
    /// Reads `name+offset/size [module]`, as the kernel prints a symbol; `None` for anything else.
    ///
    /// # Examples
    ///
    /// ```
    /// use memintro_model::model::answer::Symbol;
    ///
    /// let symbol = Symbol::parse(b"start+0x1c/0x40 [zram]").unwrap();
    /// assert_eq!((symbol.name, symbol.offset), (&b"start"[..], 0x1c));
    /// assert_eq!(symbol.module, Some(&b"zram"[..]));
    /// assert_eq!(Symbol::parse(b"0xffffffff81000000"), None);
    /// ```
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let (text, module) = match text.iter().position(|byte| *byte == b' ') {
            None => (text, None),
            Some(space) => {
                let (text, module) = text.split_at_checked(space)?;
                let module = module.strip_prefix(b" [")?.strip_suffix(b"]")?;
                (text, Some(module).filter(|module| !module.is_empty()))
            }
        };
        let plus = text.iter().rposition(|byte| *byte == b'+')?;
        let (name, rest) = text.split_at_checked(plus)?;
        let slash = rest.iter().position(|byte| *byte == b'/')?;
        let digits = rest.get(..slash)?.strip_prefix(b"+0x")?;
        (!name.is_empty()).then_some(Symbol {
            name,
            offset: parse_hex(digits)?,
            module,
        })
    }
}

/// Writes a name of the kernel's: bytes that a value must not have are `_`.
fn put_value(line: &mut Line<'_>, name: &[u8]) {
    for byte in name {
        line.put_byte(match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'.' | b',' | b':' | b'-' => *byte,
            _ => b'_',
        });
    }
}

/// What is known of a kernel address besides the walk.
#[derive(Clone, Copy, Debug)]
pub struct KernelAddress<'a> {
    /// The region of the kernel's half that it lies in.
    pub region: &'static str,
    /// What the formula of the linear map, `__pa()`, gives.
    pub pa_linear: PhysAddr,
    /// The symbol there.
    pub symbol: Option<Symbol<'a>>,
}

/// Writes the size of a page as `4K`, `2M` or `1G`.
pub fn put_page_size(line: &mut Line<'_>, shift: u8) {
    // By far the most.
    if shift == 12 {
        line.put(b"4K");
        return;
    }
    let (number, unit) = page_size(shift);
    line.dec(number).put_byte(unit);
}

/// Returns the size of a page as a number, and the letter of its unit.
pub(super) fn page_size(shift: u8) -> (u64, u8) {
    let (shift, unit) = match shift {
        30.. => (shift - 30, b'G'),
        20.. => (shift - 20, b'M'),
        10.. => (shift - 10, b'K'),
        _ => (shift, b'B'),
    };
    (1u64.checked_shl(u32::from(shift)).unwrap_or(0), unit)
}

/// Writes permissions as `rw-u`.
pub fn put_perm(line: &mut Line<'_>, perm: u32) {
    let letter = |flag, letter| if perm & flag != 0 { letter } else { b'-' };
    line.put(&[
        letter(flags::READ, b'r'),
        letter(flags::WRITE, b'w'),
        letter(flags::EXEC, b'x'),
        if perm & flags::USER != 0 { b'u' } else { b'k' },
    ]);
}

/// The names of levels as words, by [`Level`].
pub(super) static LEVEL_WORDS: [Word; Level::ALL.len()] = Word::all(Level::NAMES);

/// The names of flags as words.
static FLAG_WORDS: [Word; flags::NAMES.len()] = Word::all(flags::NAMES);

/// Writes the names of flags with commas between, or `-`.
pub fn put_flags(line: &mut Line<'_>, bits: u32) {
    // Bits without a name do not show.
    let mut rest = (bits >> flags::FIRST) & ((1 << flags::NAMES.len()) - 1);
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

/// Writes the beginning of an answer: `pid=… va=…`, `-` for what is not known.
pub(super) fn put_question(line: &mut Line<'_>, question: Option<(Whose, VirtAddr)>) {
    match question {
        Some((whose, va)) => {
            line.put(b"pid=");
            whose.put(line);
            line.key_hex(b" va=", va.0);
        }
        None => {
            line.put(b"pid=- va=-");
        }
    }
}

/// Writes the answer to a question that is refused, and names the question if it could be read.
pub fn refused(line: &mut Line<'_>, question: Option<&WalkQuestion>, refusal: Refusal) {
    put_question(line, question.map(|question| (question.whose, question.va)));
    line.put(b" pa=none");
    put_refusal(line, refusal);
}

/// What the last answer about a page said before the address and after it: those of pages side by
/// side mostly differ in nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Memo {
    whose: Option<Whose>,
    head: Word<32>,
    /// The flags, permissions, size and level of the page.
    page: Option<(u64, u8, Level)>,
    tail: Word<{ Memo::TAIL_MAX }>,
}

/// That of no answer.
impl Default for Memo {
    fn default() -> Self {
        Memo {
            whose: None,
            head: Word::new(""),
            page: None,
            tail: Word::new(""),
        }
    }
}

impl Memo {
    /// What is longer is not kept: all flags at once.
    const TAIL_MAX: usize = 96;

    fn put_head(&mut self, line: &mut Line<'_>, whose: Whose, va: VirtAddr) {
        if self.whose != Some(whose) {
            let before = line.as_bytes().len();
            line.put(b"pid=");
            whose.put(line);
            line.put(b" va=");
            let head = line.word_since(before);
            self.whose = head.map(|_| whose);
            self.head = head.unwrap_or(self.head);
        } else {
            line.put_word(&self.head);
        }
        line.hex(va.0);
    }

    fn put_tail(&mut self, line: &mut Line<'_>, page: &Page) {
        let bits = (u64::from(page.flags) << 32) | u64::from(page.perm);
        let of = Some((bits, page.shift, page.level));
        if of == self.page {
            line.put_word(&self.tail);
            return;
        }
        let before = line.as_bytes().len();
        line.put(b" page=");
        put_page_size(line, page.shift);
        line.put(b" level=")
            .put_word(&LEVEL_WORDS[page.level as usize])
            .put(b" perm=");
        put_perm(line, page.perm);
        line.put(b" flags=");
        put_flags(line, page.flags);
        put_attributes(line, page.flags);
        let tail = line.word_since(before);
        self.page = of.filter(|_| tail.is_some());
        self.tail = tail.unwrap_or(self.tail);
    }
}

/// Writes the answer of a walk; `memo` is for the next one.
pub fn walk(
    line: &mut Line<'_>,
    whose: Whose,
    va: VirtAddr,
    kernel: Option<&KernelAddress<'_>>,
    answer: &Answer,
    memo: &mut Memo,
) {
    memo.put_head(line, whose, va);
    if let Some(kernel) = kernel {
        let agree = answer.is_ok_and(|page| page.pa == kernel.pa_linear);
        line.put(b" region=")
            .put(kernel.region.as_bytes())
            .put(b" pa_linear=")
            .hex(kernel.pa_linear.0)
            .put(if agree { b" agree=yes" } else { b" agree=no" });
    }
    match answer {
        Ok(page) => {
            line.key_hex(b" pa=", page.pa.0);
            memo.put_tail(line, page);
        }
        Err(absent) => {
            line.put(b" pa=none why=")
                .put(absent.why.as_str().as_bytes());
            let level = absent.level.map_or("-", Level::as_str);
            line.put(b" level=").put(level.as_bytes());
            if let Some((area, offset)) = absent.swap {
                line.put(b" swap=")
                    .dec(u64::from(area))
                    .put_byte(b':')
                    .dec(offset);
            }
        }
    }
    match kernel.map(|kernel| kernel.symbol) {
        Some(Some(symbol)) => {
            line.put(b" symbol=");
            put_value(line, symbol.name);
            line.put(b" offset=").hex(symbol.offset).put(b" module=");
            put_value(line, symbol.module.unwrap_or(b"-"));
        }
        Some(None) => {
            line.put(b" symbol=- offset=- module=-");
        }
        None => (),
    }
    line.end();
}

/// The longest line of [`value`], in bytes.
pub const VALUE_MAX: usize = 32;

/// Writes the answer of a walk as one value: the physical address, or the word for why there is
/// none.
pub fn value(line: &mut Line<'_>, answer: &Answer) {
    match answer {
        Ok(page) => line.hex(page.pa.0),
        Err(absent) => line.put(absent.why.as_str().as_bytes()),
    };
    line.end();
}

/// Writes what an entry says of a page besides its flags, as far as it is known.
fn put_attributes(line: &mut Line<'_>, bits: u32) {
    if bits & flags::HAS_PKEY != 0 {
        let pkey = (bits & flags::PKEY) >> flags::PKEY_SHIFT;
        line.put(b" pkey=").dec(u64::from(pkey));
    }
    // CAST: four bits fit anywhere.
    let cache = ((bits & flags::CACHE) >> flags::CACHE_SHIFT) as usize;
    if let Some(name) = flags::CACHES.get(cache).filter(|_| cache != 0) {
        line.put(b" cache=").put(name.as_bytes());
    }
}
