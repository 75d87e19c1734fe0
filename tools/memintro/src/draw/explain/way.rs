// SPDX-License-Identifier: GPL-2.0

//! The way through the tables, a step deeper with each level.

use super::Place;
use crate::{
    lines::Level,
    look::{paint, Look, FAINT, STRONG},
};

/// A line for each level, and one for the address itself.
pub fn draw(place: &Place<'_>, look: &Look) -> String {
    let mut out = String::new();
    let corner = look.or("└", "`-");
    let mut depth = 0;
    for level in &place.walk.levels {
        if level.folded {
            let indent = " ".repeat(1 + 2 * depth);
            let text = format!(
                "{indent}{corner} {}: this machine has no such level",
                level.name
            );
            out += &format!("{}\n", paint(FAINT, text));
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
            paint(STRONG, format!("{pa:#x}"))
        );
    }
    out
}

fn step(place: &Place<'_>, level: &Level<'_>, depth: usize, corner: &str, look: &Look) -> String {
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
        _ => format!("{}  ", paint(FAINT, more)),
    };
    format!("{head} {more}{meaning}\n")
}

fn meaning(place: &Place<'_>, level: &Level<'_>) -> String {
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
