// SPDX-License-Identifier: GPL-2.0

//! The address cut into the indices of its tables.

use super::Place;
use crate::{
    lines::Level,
    look::Look, //
};

const NAMES: [&str; 5] = ["pgd", "p4d", "pud", "pmd", "pte"];

/// The lowest bit of the index of each level that the machine has, as far as the walk went.
pub fn shifts<'a>(place: &Place<'a>) -> Vec<(&'a Level<'a>, u32)> {
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
pub fn draw(place: &Place<'_>, look: &Look) -> String {
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
