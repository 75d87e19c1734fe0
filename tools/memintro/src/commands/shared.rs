// SPDX-License-Identifier: GPL-2.0

//! `shared`: what two processes have in common.

use super::process;
use crate::{
    cli::SharedArgs,
    draw::shared::{draw, Row},
    failure::Result,
    lines::{Answer, Extent, Vma},
    look::Look,
    physical::{clip, Ranges},
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
    look.print(&draw(&titles, &rows(&vmas, &one, &other), look))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{draw::map::tests::vma, physical::tests::extent};

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
}
