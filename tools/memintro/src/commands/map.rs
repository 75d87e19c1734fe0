// SPDX-License-Identifier: GPL-2.0

//! `map`: the address space of a process as bars, a line per mapping.

use std::fmt::Write;

use super::process;
use crate::{
    bar::{amounts, bar, legend, scale, Amounts, PARTS},
    cli::MapArgs,
    human::{count, many, percent, shorten, size, wrap},
    lines::{Answer, Vma},
    look::{self, Look, FAINT, STRONG},
    svg, Failure, Result,
};

/// Asks vmas, and draws it.
pub fn run(args: &MapArgs, look: &Look) -> Result<bool> {
    let text = process::ask("vmas", &args.pid)?;
    let answer = Answer::parse(&text)?;
    let mut vmas = Vma::all(&answer)?;
    let all = vmas.len();
    if let Some(top) = args.top {
        vmas.sort_by_key(|vma| std::cmp::Reverse(vma.touched_kb()));
        vmas.truncate(top);
        vmas.sort_by_key(|vma| vma.start);
    }
    let title = process::titled(answer.end.get("pid").unwrap_or(&args.pid));
    let picture = Picture {
        title,
        vmas: &vmas,
        left_out: all - vmas.len(),
        page_kb: rustix::param::page_size() as u64 >> 10,
    };
    let Some(path) = &args.svg else {
        look::print(&draw(&picture, look))?;
        return Ok(true);
    };
    std::fs::write(path, svg::draw(&picture))
        .map_err(|error| Failure::unanswered(format!("{}: {error}", path.display())))?;
    Ok(true)
}

/// What is drawn.
pub struct Picture<'a> {
    /// Whose address space.
    pub title: String,
    /// The mappings, by address.
    pub vmas: &'a [Vma<'a>],
    /// How many more there are.
    pub left_out: usize,
    /// The size of a small page.
    pub page_kb: u64,
}

/// A hole from this size on has a line.
const HOLE: u64 = 1 << 30;

/// The sums over all mappings.
pub fn total(vmas: &[Vma<'_>]) -> Amounts {
    let mut sum = Amounts::default();
    for vma in vmas {
        for (sum, kb) in sum.iter_mut().zip(amounts(vma)) {
            *sum += kb;
        }
    }
    sum
}

/// All of it.
pub fn draw(picture: &Picture<'_>, look: &Look) -> String {
    let Picture { vmas, .. } = picture;
    let last = vmas.last().map_or(0, |vma| vma.start);
    let address = format!("{last:#x}").len().max(5);
    let names = vmas.iter().map(|vma| vma.name.len()).max().unwrap_or(0);
    let name = names.clamp(4, look.width / 4);
    let width = look
        .width
        .saturating_sub(address + 7 + 5 + 1 + name + 1)
        .max(6);
    let all: Vec<_> = vmas.iter().map(amounts).collect();
    let cell_kb = scale(all.iter(), picture.page_kb, width);

    let mut out = format!(
        "{}{}\n\n",
        look.paint(STRONG, &picture.title),
        match picture.left_out {
            0 => String::new(),
            n => format!(
                ", without {} that have less",
                many(n as u64, "mapping", "mappings")
            ),
        }
    );
    let heads = format!(
        "{:<address$} {:>6} {:4} {:<width$} {}",
        "START",
        "SIZE",
        "PERM",
        format!("ONE CELL: {}", size(cell_kb)),
        "NAME"
    );
    out += &format!("{}\n", look.paint(FAINT, heads));
    let mut last = None;
    for (vma, amounts) in vmas.iter().zip(&all) {
        let hole = last.map_or(0, |end| vma.start - end);
        if hole >= HOLE && picture.left_out == 0 {
            let text = format!(
                "{:<address$} {:>6} nothing",
                look.or("⋮", ":"),
                size(hole >> 10)
            );
            out += &format!("{}\n", look.paint(FAINT, text));
        }
        last = Some(vma.end);
        // A string takes all that is written to it; here and below.
        let _ = write!(
            out,
            "{:<#address$x} {:>6} {:4} ",
            vma.start,
            size(vma.size_kb),
            vma.perm
        );
        bar(&mut out, amounts, cell_kb, width, look);
        let _ = writeln!(out, " {}", shorten(vma.name, name));
    }
    out.push('\n');
    out += &summary(picture, look);
    out
}

fn summary(picture: &Picture<'_>, look: &Look) -> String {
    let total = total(picture.vmas);
    let mapped: u64 = total.iter().sum();
    let [small, huge, zero, swapped, other, empty] = total;
    let present = small + huge;
    let mut text = format!(
        "{} mapped in {}; {} of it there, {} of that in huge pages; {} never touched",
        size(mapped),
        many(picture.vmas.len() as u64, "mapping", "mappings"),
        size(present),
        percent(huge, present),
        size(empty)
    );
    for (kb, what) in [
        (zero, "of the zero page"),
        (swapped, "in swap"),
        (other, "moving, failed or marked"),
    ] {
        if kb > 0 {
            text += &format!("; {} {what}", size(kb));
        }
    }
    let mut legends = String::new();
    let mut column = 0;
    for (len, entry) in legend(&total, look) {
        if column > 0 && column + 3 + len > look.width {
            legends.push('\n');
            column = 0;
        } else if column > 0 {
            legends += "   ";
            column += 3;
        }
        legends += &entry;
        column += len;
    }
    if total.iter().any(|kb| *kb > 0) {
        legends.push('\n');
    }
    format!("{legends}{}\n", wrap(&text, look.width, 0))
}

/// What a mapping is made of, in words.
pub fn in_words(vma: &Vma<'_>) -> String {
    let parts = PARTS.iter().zip(amounts(vma));
    let some: Vec<_> = parts
        .filter(|(_, kb)| *kb > 0)
        .map(|(part, kb)| format!("{} KB {}", count(kb), part.name))
        .collect();
    some.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::tests::vma;

    fn some() -> Vec<Vma<'static>> {
        vec![
            vma(0x401000, [1200, 0, 0, 0, 384], "/usr/bin/busybox"),
            vma(0x5a9000, [64, 0, 4, 8, 60], "[heap]"),
            vma(0x7f0000000000, [4096, 2048, 0, 0, 64 << 20], "-"),
            vma(0x7ffd1c2f3000, [12, 0, 0, 0, 120], "[stack]"),
        ]
    }

    #[test]
    fn it_holds_together_at_any_width() {
        let vmas = some();
        for ascii in [false, true] {
            for width in [60, 80, 200] {
                let picture = Picture {
                    title: "process 1 (init)".to_owned(),
                    vmas: &vmas,
                    left_out: 0,
                    page_kb: 4,
                };
                let text = draw(&picture, &Look::plain(width, ascii));
                let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
                assert!(widest <= width, "{widest} {width}\n{text}");
                assert!(!ascii || text.is_ascii(), "{text}");
                for part in ["[heap]", "126T nothing", "huge pages", "never touched"] {
                    assert!(text.contains(part), "{part}\n{text}");
                }
            }
        }
    }

    #[test]
    fn a_process_without_mappings_is_drawn() {
        let picture = Picture {
            title: "process 1".to_owned(),
            vmas: &[],
            left_out: 0,
            page_kb: 4,
        };
        assert!(draw(&picture, &Look::plain(80, true)).contains("0 mappings"));
    }

    #[test]
    fn parts_add_up() {
        let vmas = some();
        let mapped: u64 = vmas.iter().map(|vma| vma.size_kb).sum();
        assert_eq!(total(&vmas).iter().sum::<u64>(), mapped);
        assert_eq!(
            in_words(&vmas[1]),
            "64 KB small pages, 4 KB zero page, 8 KB swapped, 60 KB never touched"
        );
    }
}
