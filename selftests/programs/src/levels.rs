// SPDX-License-Identifier: GPL-2.0

//! Checks of the lines that `levels` asks for, by the layout of the tables:
//! Documentation/arch/x86/x86_64/5level-paging.rst.

use std::fs;

use crate::line::Line;

/// The levels from the top, each with how many address bits lie below its
/// index.
pub const LEVELS: [(&str, u32); 5] = [
    ("pgd", 48),
    ("p4d", 39),
    ("pud", 30),
    ("pmd", 21),
    ("pte", 12),
];

/// The bits of a table's entry that are an address.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

const PRESENT: u64 = 1;
const WRITE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
const NX: u64 = 1 << 63;

/// What holds for all answers of one boot.
pub struct LevelCheck {
    five_levels: bool,
    /// Whether page-table isolation is on.
    isolation: bool,
    /// Where the kernel sees physical address 0; learnt from the first answer.
    linear: Option<u64>,
}

impl LevelCheck {
    /// Learns how the machine runs.
    pub fn new() -> std::io::Result<Self> {
        let info = fs::read_to_string("/proc/cpuinfo")?;
        let has = |flag| info.split_ascii_whitespace().any(|word| word == flag);
        Ok(Self {
            five_levels: has("la57"),
            isolation: has("pti"),
            linear: None,
        })
    }

    /// Whether this machine uses all five levels.
    pub fn has_five(&self) -> bool {
        self.five_levels
    }

    /// Checks the levels of the answer to a question about `va`.
    pub fn check(&mut self, va: u64, levels: &[Line<'_>], answer: &Line<'_>) -> Result<(), String> {
        let last = answer.get("level");
        let expected = LEVELS
            .iter()
            .position(|(name, _)| *name == last)
            .map_or(0, |depth| depth + 1);
        // No walk was made where the process has no mapping.
        if (last == "-") != (answer.get("why") == "no-vma") || (last != "-" && expected == 0) {
            return Err(format!("ends at level={last}"));
        }
        if levels.len() != expected {
            return Err(format!("{} lines, expected {expected}", levels.len()));
        }
        for (depth, line) in levels.iter().enumerate() {
            self.check_line(va, depth, line)
                .map_err(|what| format!("level={}: {what}", line.get("level")))?;
            let folded = line.get("folded") == "yes";
            if folded && without_name(line) != without_name(&levels[depth - 1]) {
                return Err("a folded level is not the one above".to_owned());
            }
            if depth > 0 && !folded {
                self.check_follows(&levels[depth - 1], line)?;
            }
        }
        let Some(line) = levels.last() else {
            return Ok(());
        };
        check_last(va, line, answer)?;
        self.check_perm(levels, answer)
    }

    /// What the processor allows is what the entries of all levels allow:
    /// Intel SDM volume 3, "Access Rights". With isolation the kernel's copy
    /// of a user's top entry forbids what the other copy allows.
    fn check_perm(&self, levels: &[Line<'_>], answer: &Line<'_>) -> Result<(), String> {
        let perm = answer.get("perm");
        if answer.get("pa") == "none" || perm == "---u" {
            return Ok(());
        }
        let mut allowed = !0;
        let mut forbidden = 0;
        for (depth, line) in levels.iter().enumerate() {
            let value = line.hex("value")?;
            allowed &= value;
            let top = depth == 0 || line.get("folded") == "yes";
            let poisoned = self.isolation && top && value & USER != 0;
            forbidden |= if poisoned { 0 } else { value & NX };
        }
        let letter = |set: bool, letter| if set { letter } else { '-' };
        let want: String = [
            letter(allowed & PRESENT != 0, 'r'),
            letter(allowed & WRITE != 0, 'w'),
            letter(forbidden == 0, 'x'),
            if allowed & USER != 0 { 'u' } else { 'k' },
        ]
        .into_iter()
        .collect();
        match perm == want {
            true => Ok(()),
            false => Err(format!("perm={perm}, the levels allow {want}")),
        }
    }

    fn check_line(&self, va: u64, depth: usize, line: &Line<'_>) -> Result<(), String> {
        let (name, shift) = LEVELS[depth];
        let folded = depth == 1 && !self.five_levels;
        // The one table of a folded pair is the lower one.
        let shift = if depth == 0 && !self.five_levels {
            LEVELS[1].1
        } else {
            shift
        };
        let want = [
            ("level", name.to_owned()),
            ("index", ((va >> shift) & 511).to_string()),
            ("folded", if folded { "yes" } else { "no" }.to_owned()),
        ];
        for (key, want) in want {
            if line.get(key) != want {
                return Err(format!("{key}={} expected {want}", line.get(key)));
            }
        }
        let value = line.hex("value")?;
        if line.get("kind") == "table" && line.hex("next")? != value & ADDRESS {
            return Err(format!("next={} of {value:#x}", line.get("next")));
        }
        Ok(())
    }

    /// The entry lies in the table that the level above leads to.
    fn check_follows(&mut self, above: &Line<'_>, line: &Line<'_>) -> Result<(), String> {
        if above.get("kind") != "table" {
            return Err(format!("goes on below kind={}", above.get("kind")));
        }
        let index: u64 = line.get("index").parse().map_err(|_| "index")?;
        let table = line.hex("entry")?.wrapping_sub(index * 8);
        let linear = table.wrapping_sub(above.hex("next")?);
        let known = *self.linear.get_or_insert(linear);
        // Its borders lie at whole huge pages, whatever KASLR did.
        if linear != known || linear % (1 << 30) != 0 || linear >> 63 != 1 {
            return Err(format!(
                "the table {table:#x} is not at {}",
                above.get("next")
            ));
        }
        Ok(())
    }
}

/// What a folded level repeats.
fn without_name<'a>(line: &Line<'a>) -> [&'a str; 5] {
    ["index", "entry", "value", "next", "kind"].map(|key| line.get(key))
}

/// The last line is the entry that the answer speaks of.
fn check_last(va: u64, line: &Line<'_>, answer: &Line<'_>) -> Result<(), String> {
    if line.get("kind") == "table" {
        return Err("ends at a table".to_owned());
    }
    if answer.get("pa") == "none" {
        let next = line.get("next");
        return match next {
            "-" => Ok(()),
            _ => Err(format!("no page, but next={next}")),
        };
    }
    let offset = va & ((1 << page_shift(answer.get("page"))?) - 1);
    let next = line.hex("next")?;
    if line.get("kind") != "page" || next.checked_add(offset) != Some(answer.hex("pa")?) {
        return Err(format!(
            "kind={} next={next:#x} for pa={}",
            line.get("kind"),
            answer.get("pa")
        ));
    }
    Ok(())
}

/// How many bits are the offset in a page.
pub fn page_shift(page: &str) -> Result<u32, String> {
    match page {
        "4K" => Ok(12),
        "2M" => Ok(21),
        "1G" => Ok(30),
        _ => Err(format!("page={page}")),
    }
}
