// SPDX-License-Identifier: GPL-2.0

//! An address space as a picture for a browser.

use svg::{
    node::element::{Group, Rectangle, Style, Text, Title},
    Document,
};

use crate::{
    bar::{amounts, PARTS},
    commands::map::{in_words, Picture},
    human::{shorten, size},
    lines::Vma,
};

const WIDTH: usize = 1000;
const ROW: usize = 18;
const LEFT: usize = 250;
const RIGHT: usize = 250;
const TOP: usize = 70;

const STYLE: &str = "text { font: 12px monospace; fill: #222 } \
    .title { font-size: 16px; font-weight: bold } \
    .back { fill: #fff } \
    @media (prefers-color-scheme: dark) { text { fill: #ddd } .back { fill: #1b1b1b } }";

/// The picture.
pub fn draw(picture: &Picture<'_>) -> String {
    let height = TOP + ROW * picture.vmas.len() + 20;
    let mut document = Document::new()
        .set("viewBox", (0, 0, WIDTH, height))
        .set("width", WIDTH)
        .set("height", height)
        .add(Style::new(STYLE))
        .add(
            Rectangle::new()
                .set("class", "back")
                .set("width", "100%")
                .set("height", "100%"),
        )
        .add(text(10, 24, &picture.title).set("class", "title"))
        .add(legend());
    // What was touched is drawn to scale; what was not, as far as there is room.
    let largest = picture
        .vmas
        .iter()
        .map(Vma::touched_kb)
        .max()
        .unwrap_or(0)
        .max(1);
    let scale = (WIDTH - LEFT - RIGHT) as f64 / largest as f64;
    for (i, vma) in picture.vmas.iter().enumerate() {
        document = document.add(row(vma, TOP + ROW * i, scale));
    }
    document.to_string() + "\n"
}

fn text(x: usize, y: usize, text: &str) -> Text {
    Text::new(text).set("x", x).set("y", y)
}

fn legend() -> Group {
    let mut group = Group::new();
    let mut x = 10;
    for part in &PARTS {
        let cell = Rectangle::new()
            .set("x", x)
            .set("y", 36)
            .set("width", 12)
            .set("height", 12);
        group = group
            .add(cell.set("fill", part.fill))
            .add(text(x + 17, 46, part.name));
        x += 40 + 8 * part.name.len();
    }
    group
}

fn row(vma: &Vma<'_>, y: usize, scale: f64) -> Group {
    let about = format!(
        "{:#x}-{:#x} {} {}: {}",
        vma.start,
        vma.end,
        vma.perm,
        vma.name,
        in_words(vma)
    );
    let base = y + 12;
    let mut group = Group::new()
        .add(Title::new(about))
        .add(text(10, base, &format!("{:#x}", vma.start)))
        .add(text(
            150,
            base,
            &format!("{:>6} {}", size(vma.size_kb), vma.perm),
        ))
        .add(text(WIDTH - RIGHT + 10, base, &shorten(vma.name, 32)));
    let (mut x, end) = (LEFT as f64, (WIDTH - RIGHT) as f64);
    for (part, kb) in PARTS.iter().zip(amounts(vma)) {
        if kb == 0 || x >= end {
            continue;
        }
        // Of what is there something can be seen.
        let width = (kb as f64 * scale).max(1.5).min(end - x);
        let piece = Rectangle::new()
            .set("x", format!("{x:.1}"))
            .set("y", y + 2)
            .set("width", format!("{width:.1}"))
            .set("height", ROW - 5)
            .set("fill", part.fill);
        group = group.add(piece);
        x += width;
    }
    group
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::tests::vma;

    #[test]
    fn names_are_no_markup() {
        let vmas = [
            vma(0x401000, [1200, 0, 0, 0, 384], "/tmp/<a>&\"b\""),
            vma(0x5a9000, [0, 0, 0, 0, 1 << 40], "-"),
        ];
        let picture = Picture {
            title: "process 1 (<x>)".to_owned(),
            vmas: &vmas,
            left_out: 0,
            page_kb: 4,
        };
        let text = draw(&picture);
        assert!(text.starts_with("<svg ") && text.trim_end().ends_with("</svg>"));
        assert!(!text.contains("<a>") && !text.contains("<x>"), "{text}");
        assert!(text.contains("&lt;a&gt;&amp;"), "{text}");
    }
}
