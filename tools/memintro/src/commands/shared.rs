// SPDX-License-Identifier: GPL-2.0

//! `shared`: what two processes have in common, by mapping of the first.

use std::fmt::Write;

use super::process;
use crate::{
    cli::SharedArgs,
    human::{percent, shorten, size, wrap},
    lines::{Answer, Extent, Vma},
    look::{self, Look, FAINT, GOOD, NOTE, STRONG},
    physical::{clip, Ranges},
    Result,
};

/// Asks extents of both, and vmas of the first, and compares.
pub fn run(args: &SharedArgs, look: &Look) -> Result<bool> {
    let of_one = process::ask("extents", &args.pid)?;
    let of_other = process::ask("extents", &args.other)?;
    let mappings = process::ask("vmas", &args.pid)?;
    let one = Extent::all(&Answer::parse(&of_one)?)?;
    let other = Ranges::of(&Extent::all(&Answer::parse(&of_other)?)?);
    let vmas = Vma::all(&Answer::parse(&mappings)?)?;
    let titles = [process::titled(&args.pid), process::titled(&args.other)];
    look::print(&draw(&titles, &rows(&vmas, &one, &other), look))?;
    Ok(true)
}

/// For each mapping what of it the others have too.
fn rows<'a>(vmas: &'a [Vma<'a>], extents: &[Extent<'_>], other: &Ranges) -> Vec<Row<'a>> {
    vmas.iter()
        .map(|vma| {
            let first = extents.partition_point(|extent| extent.end <= vma.start);
            let some = extents[first..]
                .iter()
                .take_while(|extent| extent.start < vma.end);
            let mut row = Row {
                vma,
                present_kb: 0,
                common_kb: 0,
            };
            for extent in some.filter_map(|extent| clip(extent, vma.start, vma.end)) {
                if !extent.is_zero() {
                    row.present_kb += extent.kb();
                    row.common_kb +=
                        other.common(extent.pa, extent.pa + (extent.end - extent.start)) >> 10;
                }
            }
            row
        })
        .collect()
}

/// A mapping of the first process.
pub struct Row<'a> {
    /// The mapping.
    pub vma: &'a Vma<'a>,
    /// How much of it is there.
    pub present_kb: u64,
    /// The part of it that the other maps too.
    pub common_kb: u64,
}

/// All of it; mappings without pages are left out.
pub fn draw(titles: &[String; 2], rows: &[Row<'_>], look: &Look) -> String {
    let rows: Vec<_> = rows.iter().filter(|row| row.present_kb > 0).collect();
    let last = rows.last().map_or(0, |row| row.vma.start);
    let address = format!("{last:#x}").len().max(5);
    let names = rows.iter().map(|row| row.vma.name.len()).max().unwrap_or(0);
    let name = names.clamp(4, look.width / 4);
    // START PERM THERE COMMON bar NAME
    let width = look
        .width
        .saturating_sub(address + 5 + 7 + 7 + 1 + 1 + name)
        .clamp(4, 40);
    let mut out = String::new();
    let heads = format!(
        "{:<address$} {:4} {:>6} {:>6} {:<width$} {}",
        "START", "PERM", "THERE", "COMMON", "", "NAME"
    );
    out += &format!("{}\n", look.paint(FAINT, heads));
    for row in &rows {
        let cells = (u128::from(row.common_kb) * width as u128).div_ceil(u128::from(row.present_kb))
            as usize;
        // A string takes all that is written to it.
        let _ = writeln!(
            out,
            "{:<#address$x} {:4} {:>6} {:>6} {}{} {}",
            row.vma.start,
            row.vma.perm,
            size(row.present_kb),
            size(row.common_kb),
            look.paint(GOOD, look.or("█", "#").repeat(cells)),
            look.paint(NOTE, look.or("░", "-").repeat(width - cells)),
            shorten(row.vma.name, name)
        );
    }
    out.push('\n');
    out + &summary(titles, &rows, look)
}

fn summary(titles: &[String; 2], rows: &[&Row<'_>], look: &Look) -> String {
    let sum = |of: &dyn Fn(&Row<'_>) -> u64| rows.iter().map(|row| of(row)).sum::<u64>();
    let (present, common) = (sum(&|row| row.present_kb), sum(&|row| row.common_kb));
    let copied = sum(&|row| match row.vma.writable() && !row.vma.shared() {
        true => row.common_kb,
        false => 0,
    });
    let [one, other] = titles;
    let mut text = format!(
        "Of {} that {one} has there, {} ({}) are the same pages as in {other} ({}), {} its own ({}).",
        size(present),
        size(common),
        percent(common, present),
        look.or("█", "#"),
        size(present - common),
        look.or("░", "-")
    );
    if copied > 0 {
        text += &format!(
            " {} of the common ones are private and writable: whoever writes to one of them first gets a \
             copy of it (copy on write).",
            size(copied)
        );
    }
    let text = wrap(&text, look.width, 0);
    format!(
        "{}\n",
        text.replacen(
            &size(common),
            &look.paint(STRONG, size(common)).to_string(),
            1
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{lines::tests::vma, physical::tests::extent};

    #[test]
    fn pages_are_compared_by_where_they_are() {
        // A run over the border of two mappings.
        let vmas = [
            vma(0x1000, [8, 0, 0, 0, 0], "[heap]"),
            vma(0x3000, [8, 0, 4, 0, 0], "-"),
        ];
        let one = [
            extent(0x1000, 0x5000, 0x10000, "-"),
            extent(0x5000, 0x6000, 0x90000, "zero"),
        ];
        let other = Ranges::of(&[
            extent(0x7000, 0x8000, 0x11000, "-"),
            extent(0x8000, 0x9000, 0x12000, "-"),
            extent(0x9000, 0xa000, 0x90000, "zero"),
        ]);
        let rows = rows(&vmas, &one, &other);
        let found: Vec<_> = rows
            .iter()
            .map(|row| (row.present_kb, row.common_kb))
            .collect();
        assert_eq!(found, [(8, 4), (8, 4)]);
    }

    #[test]
    fn it_holds_together_at_any_width() {
        let heap = vma(0x5a9000, [64, 0, 4, 8, 60], "[heap]");
        let mut library = vma(
            0x7f0000000000,
            [4096, 2048, 0, 0, 0],
            "/usr/lib/x86_64-linux-gnu/libc.so.6",
        );
        library.perm = "r-xp";
        let rows = [
            Row {
                vma: &heap,
                present_kb: 64,
                common_kb: 16,
            },
            Row {
                vma: &library,
                present_kb: 4096,
                common_kb: 4096,
            },
        ];
        let titles = ["process 1 (sh)", "process 2 (sh)"].map(str::to_owned);
        for ascii in [false, true] {
            for width in [60, 80, 200] {
                let text = draw(&titles, &rows, &Look::plain(width, ascii));
                let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
                assert!(widest <= width, "{widest} {width}\n{text}");
                assert!(!ascii || text.is_ascii());
                assert!(
                    text.contains("98%") && text.contains("16K of the"),
                    "{text}"
                );
            }
        }
    }
}
