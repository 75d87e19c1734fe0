// SPDX-License-Identifier: GPL-2.0

//! Bars: what a piece of an address space is made of, in cells of one size.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::{
    lines::Vma,
    look::{Look, FAINT},
};

/// What memory can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name in the legend.
    pub name: &'static str,
    /// How a cell of it is drawn, and in ASCII.
    pub cell: [&'static str; 2],
    /// Its colour on a terminal.
    pub style: Style,
    /// Its colour in a picture.
    pub fill: &'static str,
}

const fn colored(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(anstyle::Color::Ansi(color)))
}

const fn part(
    name: &'static str,
    cell: [&'static str; 2],
    style: Style,
    fill: &'static str,
) -> Part {
    Part {
        name,
        cell,
        style,
        fill,
    }
}

/// How many there are.
const COUNT: usize = 6;

/// All parts, in the order in which a bar has them; what was never touched is the last.
pub static PARTS: [Part; COUNT] = [
    part(
        "small pages",
        ["█", "#"],
        colored(AnsiColor::Green),
        "#2e8b57",
    ),
    part(
        "huge pages",
        ["▓", "H"],
        colored(AnsiColor::Cyan),
        "#1e90ff",
    ),
    part(
        "zero page",
        ["░", "0"],
        colored(AnsiColor::White),
        "#b0b0b0",
    ),
    part("swapped", ["▒", "s"], colored(AnsiColor::Yellow), "#e6a800"),
    part(
        "moving, failed, marked",
        ["?", "?"],
        colored(AnsiColor::Red),
        "#d62728",
    ),
    part("never touched", ["·", "."], FAINT, "#e4e4e4"),
];

/// How much of each part a mapping has, in KiB.
pub type Amounts = [u64; COUNT];

/// The parts of a mapping.
pub fn amounts(vma: &Vma<'_>) -> Amounts {
    let huge = vma.huge_kb.min(vma.present_kb);
    [
        vma.present_kb - huge,
        huge,
        vma.zero_kb,
        vma.swap_kb,
        vma.other_kb(),
        vma.empty_kb,
    ]
}

/// How many cells a part takes: none only where there is nothing of it.
fn cells(kb: u64, cell_kb: u64) -> usize {
    usize::try_from(kb.div_ceil(cell_kb)).unwrap_or(usize::MAX)
}

/// The cells of what was touched.
fn touched(amounts: &Amounts, cell_kb: u64) -> usize {
    let some = &amounts[..COUNT - 1];
    some.iter()
        .fold(0, |sum, kb| sum.saturating_add(cells(*kb, cell_kb)))
}

/// The smallest size of a cell, a power of two, with which all that was touched fits.
pub fn scale<'a>(
    all: impl Iterator<Item = &'a Amounts> + Clone,
    smallest_kb: u64,
    width: usize,
) -> u64 {
    let mut cell_kb = smallest_kb;
    // A cell for the cut.
    while cell_kb < 1 << 60 && all.clone().any(|one| touched(one, cell_kb) >= width) {
        cell_kb *= 2;
    }
    cell_kb
}

/// Appends a bar, exactly `width` columns wide; what was never touched is cut where it is
/// longer.
pub fn bar(out: &mut String, amounts: &Amounts, cell_kb: u64, width: usize, look: &Look) {
    let mut left = width;
    for (part, kb) in PARTS.iter().zip(amounts) {
        let wanted = cells(*kb, cell_kb);
        let drawn = wanted.min(left);
        if drawn == 0 {
            continue;
        }
        let style = look.style(part.style);
        // A string takes all that is written to it; here and below.
        let _ = write!(out, "{style}");
        let cut = usize::from(wanted > left);
        *out += &look.or(part.cell[0], part.cell[1]).repeat(drawn - cut);
        if cut > 0 {
            *out += look.or("»", ">");
        }
        let _ = write!(out, "{style:#}");
        left -= drawn;
    }
    *out += &" ".repeat(left);
}

/// What the cells mean, for the parts that occur; with how wide each is.
pub fn legend(total: &Amounts, look: &Look) -> Vec<(usize, String)> {
    let some = PARTS.iter().zip(total).filter(|(_, kb)| **kb > 0);
    some.map(|(part, _)| {
        let cell = look.or(part.cell[0], part.cell[1]);
        let text = format!("{} {}", look.paint(part.style, cell), part.name);
        (2 + part.name.len(), text)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(amounts: &Amounts, cell_kb: u64, width: usize) -> String {
        let mut out = String::new();
        bar(&mut out, amounts, cell_kb, width, &Look::plain(80, true));
        out
    }

    #[test]
    fn each_part_has_a_cell_at_least() {
        assert_eq!(plain(&[4, 0, 4, 4, 0, 4], 1024, 8), "#0s.    ");
        assert_eq!(plain(&[16, 2048, 0, 0, 0, 0], 512, 8), "#HHHH   ");
    }

    #[test]
    fn what_was_never_touched_is_cut() {
        assert_eq!(plain(&[8, 0, 0, 0, 0, 1 << 40], 4, 8), "##.....>");
        assert_eq!(plain(&[8, 0, 0, 0, 0, 24], 4, 8), "##......");
    }

    #[test]
    fn all_that_was_touched_fits() {
        for kb in [1, 4, 100, 1 << 20, 1 << 40] {
            let one = [kb, kb / 2, 0, 4, 0, 1 << 50];
            let cell = scale([one].iter(), 4, 10);
            assert!(touched(&one, cell) < 10);
            assert!(cell == 4 || touched(&one, cell / 2) >= 10);
            assert_eq!(plain(&one, cell, 10).len(), 10);
        }
    }
}
