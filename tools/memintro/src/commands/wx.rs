// SPDX-License-Identifier: GPL-2.0

//! `wx`: what is writable and executable.

use super::process;
use crate::{
    cli::WxArgs,
    files::Conversation,
    human::{grid, many, shorten, size},
    lines::{Answer, Extent, Keys, Vma},
    look::{self, Look, BAD, GOOD, STRONG},
    Failure, Result,
};

/// Where the kernel's half may begin, by the number of bits that addresses have.
const HALVES: [u64; 5] = [
    0xff00_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0xffff_0000_0000_0000,
    0xffff_8000_0000_0000,
    0xffff_ff80_0000_0000,
];

/// Asks extents of a process or of the kernel, and of a process vmas too.
pub fn run(args: &WxArgs, look: &Look) -> Result<bool> {
    let Some(pid) = &args.pid else {
        let text = kernel()?;
        let extents = Extent::all(&Answer::parse(&text)?)?;
        look::print(&draw(&found("the kernel".to_owned(), &extents, &[]), look))?;
        return Ok(true);
    };
    let pages = process::ask("extents", pid)?;
    let mappings = process::ask("vmas", pid)?;
    let extents = Extent::all(&Answer::parse(&pages)?)?;
    let vmas = Vma::all(&Answer::parse(&mappings)?)?;
    look::print(&draw(&found(process::titled(pid), &extents, &vmas), look))?;
    Ok(true)
}

/// All of the kernel's half, wherever it begins.
fn kernel() -> Result<String> {
    let mut conversation = Conversation::open("extents")?;
    for start in HALVES {
        let question = format!("kernel {start:#x}-{:#x}", u64::MAX);
        let text = conversation.ask(&question)?;
        let last = text.lines().next_back().unwrap_or_default();
        let keys = Keys::parse(last.strip_prefix("# end ").unwrap_or(last))?;
        match keys.get("why") {
            // Not in the half, on this machine.
            Some("not-canonical" | "user-address") => continue,
            Some(_) => return Err(process::refusal(&keys, &question)),
            None => return Ok(text),
        }
    }
    Err(Failure::unanswered("the kernel's half was not found"))
}

fn found<'a>(title: String, extents: &[Extent<'a>], vmas: &'a [Vma<'a>]) -> Found<'a> {
    let both = |perm: &str| perm.contains('w') && perm.contains('x');
    Found {
        title,
        pages: extents
            .iter()
            .filter(|extent| both(extent.perm))
            .copied()
            .collect(),
        mappings: vmas.iter().filter(|vma| both(vma.perm)).collect(),
        of_kernel: vmas.is_empty(),
    }
}

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
    let mut out = format!("{}\n", look.paint(STRONG, &found.title));
    let kb: u64 = found.pages.iter().map(Extent::kb).sum();
    out += &match kb {
        0 => format!("{}: no page\n", look.paint(GOOD, "writable and executable")),
        _ => {
            let many = many(found.pages.len() as u64, "piece", "pieces");
            format!(
                "{}: {} in {many}\n",
                look.paint(BAD, "writable and executable"),
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
        0 => format!("{}: none\n", look.paint(GOOD, "mappings that allow both")),
        _ => format!(
            "{}: {}\n",
            look.paint(BAD, "mappings that allow both"),
            size(kb)
        ),
    };
    let rows: Vec<_> = found
        .mappings
        .iter()
        .map(|vma| {
            [
                format!("{:#x}-{:#x}", vma.start, vma.end),
                size(vma.size_kb),
                vma.perm.to_owned(),
                shorten(vma.name, look.width.saturating_sub(46)).into_owned(),
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
    use crate::{lines::tests::vma, physical::tests::extent};

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
        let text = draw(&found, &look);
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
        let text = draw(&found, &look);
        assert_eq!(text, "process 1\nwritable and executable: no page\n");
    }
}
