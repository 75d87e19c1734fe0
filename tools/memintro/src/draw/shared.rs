// SPDX-License-Identifier: GPL-2.0

//! What two processes have in common, by mapping of the first.

use crate::{
    human::{percent, shorten, size, wrap},
    lines::Vma,
    look::{paint, Look, FAINT, GOOD, NOTE, STRONG},
};

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
    let address = rows
        .iter()
        .map(|row| format!("{:#x}", row.vma.start).len())
        .max()
        .unwrap_or(5);
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
    out += &format!("{}\n", paint(FAINT, heads));
    for row in &rows {
        let cells = (u128::from(row.common_kb) * width as u128).div_ceil(u128::from(row.present_kb))
            as usize;
        out += format!(
            "{:<address$} {:4} {:>6} {:>6} {}{} {}",
            format!("{:#x}", row.vma.start),
            row.vma.perm,
            size(row.present_kb),
            size(row.common_kb),
            paint(GOOD, look.or("█", "#").repeat(cells)),
            paint(NOTE, look.or("░", "-").repeat(width - cells)),
            shorten(row.vma.name, name)
        )
        .trim_end();
        out.push('\n');
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
        text.replacen(&size(common), &paint(STRONG, size(common)), 1)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::map::tests::vma;
    use anstream::adapter::strip_str;

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
                let text = strip_str(&draw(&titles, &rows, &Look::plain(width, ascii))).to_string();
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
