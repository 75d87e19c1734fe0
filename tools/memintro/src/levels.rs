// SPDX-License-Identifier: GPL-2.0

//! A walk as a picture: the address cut into the indices of its tables, and its way through
//! them, a step deeper with each level.

use crate::{
    lines::{Level, Walk},
    look::{Look, FAINT, STRONG},
};

/// A walk, on a machine with pages of some size.
pub struct Levels<'a> {
    /// The walk.
    pub walk: &'a Walk<'a>,
    /// A page has `1 << page_shift` bytes.
    pub page_shift: u32,
}

impl Levels<'_> {
    /// The address that was asked about.
    pub fn va(&self) -> u64 {
        self.walk.keys.hex("va").unwrap_or(0)
    }

    /// How many bytes the page has.
    pub fn page_size(&self) -> Option<u64> {
        let page = self.walk.keys.get("page")?;
        let (number, unit) = page.split_at(page.len().checked_sub(1)?);
        let shift = match unit {
            "K" => 10,
            "M" => 20,
            "G" => 30,
            _ => return None,
        };
        Some(number.parse::<u64>().ok()? << shift)
    }
}

const NAMES: [&str; 5] = ["pgd", "p4d", "pud", "pmd", "pte"];

/// The lowest bit of the index of each level that the machine has, as far as the walk went.
fn shifts<'a>(place: &Levels<'a>) -> Vec<(&'a Level<'a>, u32)> {
    let levels = &place.walk.levels;
    // An entry has 8 bytes.
    let bits = place.page_shift - 3;
    let depth = |level: &Level<'_>| NAMES.iter().position(|name| *name == level.name);
    let real = levels.iter().filter(|level| !level.folded);
    real.filter_map(|level| {
        let depth = depth(level)?;
        let folded = |other: &&Level<'_>| other.folded && NAMES[depth..].contains(&other.name);
        let below = NAMES.len() - 1 - depth - levels.iter().filter(folded).count();
        Some((level, place.page_shift + bits * below as u32))
    })
    .collect()
}

/// A box for each index.
pub fn indices(place: &Levels<'_>, look: &Look) -> String {
    let shifts = shifts(place);
    let Some((_, last)) = shifts.last() else {
        return String::new();
    };
    let rest = place.va() & ((1u64 << last) - 1);
    let mut above = None;
    let mut cells: Vec<[String; 3]> = Vec::new();
    for (level, shift) in &shifts {
        let bits = match above {
            Some(above) => format!("{}-{shift}", above - 1),
            // How many the top has differs.
            None => format!("{shift}.."),
        };
        cells.push([level.name.to_owned(), level.index.to_string(), bits]);
        above = Some(*shift);
    }
    let name = match place.walk.keys.get("page") {
        Some(_) => "offset",
        None => "rest",
    };
    cells.push([
        name.to_owned(),
        format!("{rest:#x}"),
        format!("{}-0", last - 1),
    ]);

    let widths: Vec<_> = cells
        .iter()
        .map(|cell| cell.iter().map(String::len).max().unwrap_or(0) + 2)
        .collect();
    let edge = |left: &str, middle: &str, right: &str| {
        let lines: Vec<_> = widths
            .iter()
            .map(|width| look.or("─", "-").repeat(*width))
            .collect();
        format!(" {left}{}{right}\n", lines.join(middle))
    };
    let row = |which: usize, between: &str| {
        let fields: Vec<_> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{:^width$}", cell[which]))
            .collect();
        let line = format!(" {between}{}{between}", fields.join(between));
        format!("{}\n", line.trim_end())
    };
    [
        row(0, " "),
        edge(look.or("┌", "+"), look.or("┬", "+"), look.or("┐", "+")),
        row(1, look.or("│", "|")),
        edge(look.or("└", "+"), look.or("┴", "+"), look.or("┘", "+")),
        row(2, " "),
    ]
    .concat()
}

/// A line for each level, and one for the address itself.
pub fn way(place: &Levels<'_>, look: &Look) -> String {
    let mut out = String::new();
    if let Some(root) = place.walk.root {
        out += &format!(" the first table is at {root:#x}\n");
    }
    let corner = look.or("└", "`-");
    let mut depth = 0;
    for level in &place.walk.levels {
        if level.folded {
            let indent = " ".repeat(1 + 2 * depth);
            let text = format!(
                "{indent}{corner} {}: this machine has no such level",
                level.name
            );
            out += &format!("{}\n", look.paint(FAINT, text));
            continue;
        }
        out += &step(place, level, depth, corner, look);
        depth += 1;
    }
    if let Some(pa) = place.walk.keys.hex("pa") {
        let indent = " ".repeat(1 + 2 * depth);
        let offset = place.page_size().map_or(0, |size| pa & (size - 1));
        out += &format!(
            "{indent}{corner} {:#x} + {offset:#x} = {}\n",
            pa - offset,
            look.paint(STRONG, format!("{pa:#x}"))
        );
    }
    out
}

fn step(place: &Levels<'_>, level: &Level<'_>, depth: usize, corner: &str, look: &Look) -> String {
    let indent = " ".repeat(1 + 2 * depth);
    let head = format!("{indent}{corner} {}[{}]", level.name, level.index);
    let meaning = meaning(place, level);
    let value = format!("{:#018x}", level.value);
    let allows = allows(level).unwrap_or_default();
    let entry = level
        .entry
        .map_or("denied".to_owned(), |at| format!("{at:#x}"));
    // The heads of all levels end at one column; what does not fit is left out.
    let head = format!("{head:<23}");
    let room = look
        .width
        .saturating_sub(head.chars().count() + 1 + meaning.len() + 2);
    let more = match room {
        50.. => format!("at {entry:<18}  holds {value}  {allows:<4}"),
        24.. => format!("{value} {allows:<4}"),
        19.. => value,
        5.. => format!("{allows:<4}"),
        _ => String::new(),
    };
    let more = match more.trim_end() {
        "" => String::new(),
        _ => format!("{}  ", look.paint(FAINT, more)),
    };
    format!("{head} {more}{meaning}\n")
}

fn meaning(place: &Levels<'_>, level: &Level<'_>) -> String {
    let keys = &place.walk.keys;
    match (level.kind, level.next) {
        ("table", Some(next)) => format!("table at {next:#x}"),
        ("page", _) => match (keys.hex("pa"), place.page_size()) {
            (Some(pa), Some(size)) => {
                format!(
                    "page of {} at {:#x}",
                    keys.get("page").unwrap_or("-"),
                    pa & !(size - 1)
                )
            }
            _ => "page".to_owned(),
        },
        ("none", _) => "empty".to_owned(),
        ("swap", _) => format!("in swap {}", keys.get("swap").unwrap_or("-")),
        (kind, _) => kind.to_owned(),
    }
}

/// What an entry alone allows: these bits are the processor's, and the same in each level.
#[cfg(target_arch = "x86_64")]
fn allows(level: &Level<'_>) -> Option<String> {
    let bit = |n: u32| (level.value >> n) & 1 == 1;
    // An entry without the first bit is no business of the processor's.
    if !matches!(level.kind, "table" | "page") || !bit(0) {
        return None;
    }
    let letter = |set: bool, letter: char| if set { letter } else { '-' };
    let letters = [
        'r',
        letter(bit(1), 'w'),
        letter(!bit(63), 'x'),
        if bit(2) { 'u' } else { 'k' },
    ];
    Some(letters.into_iter().collect())
}

/// Above the last level nothing is forbidden here; what that allows is in the answer.
#[cfg(not(target_arch = "x86_64"))]
fn allows(_: &Level<'_>) -> Option<String> {
    None
}
