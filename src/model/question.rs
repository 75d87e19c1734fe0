// SPDX-License-Identifier: GPL-2.0

//! Questions, as users write them.

use super::{
    addr::{
        Half,
        Halves,
        PhysAddr,
        VirtAddr, //
    },
    digits::{
        parse_hex,
        parse_pid, //
    },
    text::Line,
    words::Refusal, //
};

/// The most bytes that a question may have, its final newline not counted.
pub const QUESTION_MAX: usize = 256;

/// Whose memory a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The process with this ID, or the process that a thread with this ID belongs to.
    Process(i32),
    /// The kernel's own half of the address space.
    Kernel,
}

impl Whose {
    /// Checks that an address lies in the half of the address space that is asked about.
    fn check_half(self, va: VirtAddr, halves: &Halves) -> Result<(), Refusal> {
        match (halves.half(va), self) {
            (Half::User, Whose::Process(_)) | (Half::Kernel, Whose::Kernel) => Ok(()),
            (Half::NonCanonical, _) => Err(Refusal::NotCanonical),
            (Half::Kernel, Whose::Process(_)) => Err(Refusal::KernelAddress),
            (Half::User, Whose::Kernel) => Err(Refusal::UserAddress),
        }
    }

    /// Writes a PID, or `kernel`.
    pub fn put(self, line: &mut Line<'_>) {
        match self {
            Whose::Process(pid) => line.dec(u64::from(pid.unsigned_abs())),
            Whose::Kernel => line.put(b"kernel"),
        };
    }
}

/// A question about one address: `PID VA` or `kernel VA`, and for a conversation `levels`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkQuestion {
    /// Whose memory.
    pub whose: Whose,
    /// Which address; checked by [`WalkQuestion::check_half`], not by the parser.
    pub va: VirtAddr,
    /// Whether the answer shows each level of the walk.
    pub levels: bool,
}

impl WalkQuestion {
    /// Reads a question.
    ///
    /// # Examples
    ///
    /// ```
    /// use memintro_model::model::{
    ///     question::{WalkQuestion, Whose},
    ///     words::Refusal,
    /// };
    ///
    /// let question = WalkQuestion::parse(b"812 0x401000 levels").unwrap();
    /// assert_eq!(question.whose, Whose::Process(812));
    /// assert!(question.levels);
    /// assert_eq!(WalkQuestion::parse(b"812 401000"), Err(Refusal::Need0x));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a refusal of the kind [`super::words::Errno::Einval`].
    pub fn parse(text: &[u8]) -> Result<Self, Refusal> {
        Self::parse_plain(text).map_or_else(|| one_line(text, Self::parse_words(text)), Ok)
    }

    /// Reads `PID 0xVA`, or that with `levels`, with one blank between two words, as programs write
    /// it. `None` for all else, right or wrong.
    fn parse_plain(text: &[u8]) -> Option<Self> {
        let (mut pid, mut count) = (0, 0);
        // Nine digits fit.
        for byte in text.iter().take(9) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            pid = 10 * pid + i32::from(digit);
            count += 1;
        }
        let rest = text.get(count..).filter(|_| count > 0)?;
        let (rest, levels) = match rest.strip_suffix(b" levels") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        Some(WalkQuestion {
            whose: Whose::Process(pid),
            va: VirtAddr(parse_hex(rest.strip_prefix(b" 0x")?)?),
            levels,
        })
    }

    fn parse_words(text: &[u8]) -> Result<Self, Refusal> {
        let mut words = words(text)?;
        let whose = words.next().ok_or(Refusal::NotAQuestion)?;
        let va = words.next().ok_or(Refusal::NotAQuestion)?;
        let levels = match words.next() {
            None => false,
            Some(b"levels") => true,
            Some(_) => return Err(Refusal::NotAQuestion),
        };
        if words.next().is_some() {
            return Err(Refusal::NotAQuestion);
        }
        Ok(WalkQuestion {
            whose: parse_whose(whose)?,
            va: VirtAddr(parse_address(va)?),
            levels,
        })
    }

    /// Checks that the address lies in the half of the address space that the question is about.
    pub fn check_half(&self, halves: &Halves) -> Result<(), Refusal> {
        self.whose.check_half(self.va, halves)
    }
}

/// Which part of a process a [`RangeQuestion`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// The mapping at an address.
    At(VirtAddr),
    /// From a first to a last address, both included.
    Range(VirtAddr, VirtAddr),
}

/// A question about many addresses: `PID`, `PID VA` or `PID START-END`, and `totals`, after which
/// `folios` and `nodes` may follow in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeQuestion {
    /// Whose memory.
    pub whose: Whose,
    /// Which part; checked by [`RangeQuestion::check_half`], not by the parser.
    pub part: Part,
    /// Whether the answer is the last line alone.
    pub totals: bool,
    /// Whether that tells the sizes of folios.
    pub folios: bool,
    /// Whether that tells the NUMA nodes.
    pub nodes: bool,
}

impl RangeQuestion {
    /// Reads a question, strips its addresses of their tags by `untag`, and rounds a range outward
    /// to pages.
    ///
    /// # Errors
    ///
    /// Returns a refusal of the kind [`super::words::Errno::Einval`].
    pub fn parse(
        text: &[u8],
        page_shift: u8,
        untag: fn(VirtAddr) -> VirtAddr,
    ) -> Result<Self, Refusal> {
        one_line(text, Self::parse_words(text, page_shift, untag))
    }

    fn parse_words(
        text: &[u8],
        page_shift: u8,
        untag: fn(VirtAddr) -> VirtAddr,
    ) -> Result<Self, Refusal> {
        let mut words = words(text)?.peekable();
        let whose = parse_whose(words.next().ok_or(Refusal::NotAQuestion)?)?;
        let part = match words.peek() {
            None | Some(&b"totals") => Part::Whole,
            Some(word) => {
                let part = parse_part(word, page_shift, untag)?;
                words.next();
                part
            }
        };
        let totals = words.next_if_eq(&b"totals".as_slice()).is_some();
        let (mut folios, mut nodes) = (false, false);
        for word in words {
            let wanted = match word {
                b"folios" => &mut folios,
                b"nodes" => &mut nodes,
                _ => return Err(Refusal::NotAQuestion),
            };
            if !totals || core::mem::replace(wanted, true) {
                return Err(Refusal::NotAQuestion);
            }
        }
        Ok(RangeQuestion {
            whose,
            part,
            totals,
            folios,
            nodes,
        })
    }

    /// Returns whether the frames behind the addresses are asked for.
    pub fn frames(&self) -> bool {
        self.folios || self.nodes
    }

    /// Checks that the addresses lie in the half of the address space that the question is about.
    pub fn check_half(&self, halves: &Halves) -> Result<(), Refusal> {
        let check = |va| self.whose.check_half(va, halves);
        match self.part {
            Part::Whole => Ok(()),
            Part::At(va) => check(va),
            Part::Range(start, last) => check(start).and_then(|()| check(last)),
        }
    }
}

/// A question about who maps physical memory: `PA`, `PA-PA`, or `PA kernel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhysicalQuestion {
    /// Which mappings of processes there are of an address.
    Page(PhysAddr),
    /// Which processes map something from a first to a last address, both included.
    Range(PhysAddr, PhysAddr),
    /// Which mappings of the kernel there are of an address.
    Kernel(PhysAddr),
}

impl PhysicalQuestion {
    /// Reads a question, and rounds a range outward to pages.
    ///
    /// # Errors
    ///
    /// Returns a refusal of the kind [`super::words::Errno::Einval`].
    pub fn parse(text: &[u8], page_shift: u8) -> Result<Self, Refusal> {
        one_line(text, Self::parse_words(text, page_shift))
    }

    fn parse_words(text: &[u8], page_shift: u8) -> Result<Self, Refusal> {
        let mut words = words(text)?;
        let first = words.next().ok_or(Refusal::NotAQuestion)?;
        let whose = words.next();
        if words.next().is_some() || whose.is_some_and(|word| word != b"kernel") {
            return Err(Refusal::NotAQuestion);
        }
        match (parse_part(first, page_shift, |pa| pa)?, whose) {
            (Part::At(VirtAddr(pa)), None) => Ok(PhysicalQuestion::Page(PhysAddr(pa))),
            (Part::At(VirtAddr(pa)), Some(_)) => Ok(PhysicalQuestion::Kernel(PhysAddr(pa))),
            (Part::Range(VirtAddr(first), VirtAddr(last)), None) => {
                Ok(PhysicalQuestion::Range(PhysAddr(first), PhysAddr(last)))
            }
            _ => Err(Refusal::NotAQuestion),
        }
    }
}

/// Why a question is refused, and the question, if it could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused<Q> {
    /// What was asked.
    pub question: Option<Q>,
    /// Why there is no answer.
    pub refusal: Refusal,
}

impl<Q> Refused<Q> {
    /// Refuses a question that could be read.
    pub fn new(question: Q, refusal: Refusal) -> Self {
        Refused {
            question: Some(question),
            refusal,
        }
    }
}

impl<Q> From<Refusal> for Refused<Q> {
    fn from(refusal: Refusal) -> Self {
        Refused {
            question: None,
            refusal,
        }
    }
}

/// A question about a page: `PA`, `PID VA` or `kernel VA`; or about all of a piece of memory:
/// `PA-PA totals`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageQuestion {
    /// The page at a physical address.
    Physical(PhysAddr),
    /// The page behind a virtual address; never with levels.
    Virtual(WalkQuestion),
    /// The pages from a first to a last physical address, both included.
    Totals(PhysAddr, PhysAddr),
}

impl PageQuestion {
    /// Reads a question, and rounds a range outward to pages.
    ///
    /// # Errors
    ///
    /// Returns a refusal of the kind [`super::words::Errno::Einval`].
    pub fn parse(text: &[u8], page_shift: u8) -> Result<Self, Refusal> {
        // As programs write it, the most often asked.
        if let Some(pa) = text.strip_prefix(b"0x").and_then(parse_hex) {
            return Ok(PageQuestion::Physical(PhysAddr(pa)));
        }
        one_line(text, Self::parse_words(text, page_shift))
    }

    fn parse_words(text: &[u8], page_shift: u8) -> Result<Self, Refusal> {
        let mut words = words(text)?;
        let first = words.next().ok_or(Refusal::NotAQuestion)?;
        let second = words.next();
        if words.next().is_some() {
            return Err(Refusal::NotAQuestion);
        }
        match second {
            None => match parse_part(first, page_shift, |pa| pa)? {
                Part::At(pa) => Ok(PageQuestion::Physical(PhysAddr(pa.0))),
                _ => Err(Refusal::NotAQuestion),
            },
            Some(b"totals") => match parse_part(first, page_shift, |pa| pa)? {
                Part::Range(first, last) => {
                    Ok(PageQuestion::Totals(PhysAddr(first.0), PhysAddr(last.0)))
                }
                _ => Err(Refusal::NotAQuestion),
            },
            Some(va) => Ok(PageQuestion::Virtual(WalkQuestion {
                whose: parse_whose(first)?,
                va: VirtAddr(parse_address(va)?),
                levels: false,
            })),
        }
    }
}

/// Reads `VA` or `START-END`.
fn parse_part(
    word: &[u8],
    page_shift: u8,
    untag: fn(VirtAddr) -> VirtAddr,
) -> Result<Part, Refusal> {
    let address = |word| parse_address(word).map(VirtAddr).map(untag);
    let Some(dash) = word.iter().position(|&byte| byte == b'-') else {
        return address(word).map(Part::At);
    };
    let (start, end) = word.split_at(dash);
    let start = address(start)?;
    let end = address(end.get(1..).unwrap_or(&[]))?;
    if start >= end {
        return Err(Refusal::NotAnAddress);
    }
    // The end is not part of the range; but the last address of all can be named no other way.
    let last = if end == VirtAddr::MAX {
        end.0
    } else {
        end.0 - 1
    };
    let inside = 1u64
        .checked_shl(u32::from(page_shift))
        .unwrap_or(1)
        .wrapping_sub(1);
    Ok(Part::Range(
        VirtAddr(start.0 & !inside),
        VirtAddr(last | inside),
    ))
}

/// Splits a question into words, after the checks that hold for every question.
fn words(text: &[u8]) -> Result<impl Iterator<Item = &[u8]>, Refusal> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    if text.len() > QUESTION_MAX {
        return Err(Refusal::TooLong);
    }
    // Some editors and languages end a line so.
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    Ok(text
        .split(|byte| matches!(byte, b' ' | b'\t'))
        .filter(|word| !word.is_empty()))
}

/// A question is one line. A newline inside of it makes a word that is none: only where reading it
/// has failed is it looked for.
fn one_line<T>(text: &[u8], parsed: Result<T, Refusal>) -> Result<T, Refusal> {
    let line = text.strip_suffix(b"\n").unwrap_or(text);
    parsed.map_err(|refusal| match refusal {
        Refusal::TooLong => refusal,
        _ if line.contains(&b'\n') => Refusal::NotAQuestion,
        _ => refusal,
    })
}

fn parse_whose(word: &[u8]) -> Result<Whose, Refusal> {
    if word == b"kernel" {
        return Ok(Whose::Kernel);
    }
    parse_pid(word).map(Whose::Process)
}

/// Reads an address: `0x` and 1 to 16 hexadecimal digits of either case.
fn parse_address(word: &[u8]) -> Result<u64, Refusal> {
    let Some(digits) = word.strip_prefix(b"0x") else {
        return Err(match parse_hex(word) {
            Some(_) => Refusal::Need0x,
            None => Refusal::NotAnAddress,
        });
    };
    parse_hex(digits).ok_or(Refusal::NotAnAddress)
}
