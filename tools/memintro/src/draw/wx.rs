// SPDX-License-Identifier: GPL-2.0

//! What is writable and executable.

use super::grid::grid;
use crate::{
    human::{many, shorten, size},
    lines::{Extent, Vma},
    look::{paint, Look, BAD, GOOD, STRONG},
};

/// What was found.
pub struct Found<'a> {
    /// Whose memory.
    pub title: String,
    /// Pages that the tables allow to be written and executed.
    pub pages: Vec<Extent<'a>>,
    /// Mappings that allow both, whether or not pages are there.
    pub mappings: Vec<&'a Vma<'a>>,
    /// The kernel has no such mappings.
    pub of_kernel: bool,
}

/// All of it.
pub fn draw(found: &Found<'_>, look: &Look) -> String {
    let mut out = format!("{}\n", paint(STRONG, &found.title));
    let kb: u64 = found.pages.iter().map(Extent::kb).sum();
    out += &match kb {
        0 => format!("{}: no page\n", paint(GOOD, "writable and executable")),
        _ => {
            let many = many(found.pages.len() as u64, "piece", "pieces");
            format!(
                "{}: {} in {many}\n",
                paint(BAD, "writable and executable"),
                size(kb)
            )
        }
    };
    let rows: Vec<_> = found
        .pages
        .iter()
        .map(|e| {
            [
                format!("{:#x}-{:#x}", e.start, e.end),
                size(e.kb()),
                e.perm.to_owned(),
                match look.width {
                    // No room for both addresses.
                    ..72 => e.page.to_owned(),
                    _ => format!("pages of {} at {:#x}", e.page, e.pa),
                },
            ]
        })
        .collect();
    out += &grid(
        &rows.iter().map(<[String; 4]>::as_slice).collect::<Vec<_>>(),
        "  ",
        " ",
    );
    if found.of_kernel {
        return out;
    }
    let kb: u64 = found.mappings.iter().map(|vma| vma.size_kb).sum();
    out += &match kb {
        0 => format!("{}: none\n", paint(GOOD, "mappings that allow both")),
        _ => format!("{}: {}\n", paint(BAD, "mappings that allow both"), size(kb)),
    };
    let rows: Vec<_> = found
        .mappings
        .iter()
        .map(|vma| {
            [
                format!("{:#x}-{:#x}", vma.start, vma.end),
                size(vma.size_kb),
                vma.perm.to_owned(),
                shorten(vma.name, look.width.saturating_sub(46)),
            ]
        })
        .collect();
    out + &grid(
        &rows.iter().map(<[String; 4]>::as_slice).collect::<Vec<_>>(),
        "  ",
        " ",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{draw::map::tests::vma, physical::tests::extent};
    use anstream::adapter::strip_str;

    #[test]
    fn what_allows_both_is_listed() {
        let mut mapping = vma(0x1000, [8, 0, 0, 0, 4], "[jit]");
        mapping.perm = "rwxp";
        let mut page = extent(0x1000, 0x3000, 0x10000, "-");
        page.perm = "rwxu";
        let mut found = Found {
            title: "process 1".to_owned(),
            pages: vec![page],
            mappings: vec![&mapping],
            of_kernel: false,
        };
        let look = Look::plain(80, true);
        let text = strip_str(&draw(&found, &look)).to_string();
        for part in [
            "8K in 1 piece",
            "0x1000-0x3000 8K rwxu pages of 4K at 0x10000",
            "12K",
            "[jit]",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        found.pages.clear();
        found.of_kernel = true;
        let text = strip_str(&draw(&found, &look)).to_string();
        assert_eq!(text, "process 1\nwritable and executable: no page\n");
    }
}
