// SPDX-License-Identifier: GPL-2.0

//! `terminal COMMAND <OUTPUT >FILE.svg`: what a terminal shows, as a picture: a prompt with
//! the command, and its output, with the colours that it has.

use std::{env, io};

use svg::{
    node::element::{Rectangle, Style, Text},
    Document,
};

// A character in this font is so wide and so high.
const STYLE: &str = "text { font: 14px 'DejaVu Sans Mono', monospace; fill: #222 } \
    .back { fill: #fff } .s1 { font-weight: bold } .s2 { fill: #777 } .s31 { fill: #c01c28 } \
    .s32 { fill: #1a7f37 } .s33 { fill: #9a6700 } .s36 { fill: #0969da } .s37 { fill: #999 } \
    @media (prefers-color-scheme: dark) { text { fill: #ddd } .back { fill: #1b1b1b } \
    .s2 { fill: #999 } .s31 { fill: #ff7b72 } .s32 { fill: #57ab5a } .s33 { fill: #d4a72c } \
    .s36 { fill: #6cb6ff } .s37 { fill: #bbb } }";
const WIDE: f64 = 8.4;
const HIGH: f64 = 17.0;
const EDGE: f64 = 12.0;

/// Text of one style, and where it begins.
struct Piece {
    column: usize,
    style: Vec<u8>,
    text: String,
}

/// Takes a line apart where styles change and where there are several blanks.
fn pieces(line: &str) -> (Vec<Piece>, usize) {
    let mut all: Vec<Piece> = Vec::new();
    let (mut style, mut column, mut apart, mut blanks) = (Vec::new(), 0, true, 0);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\x1b' {
            // Styles are all that the client sends: ESC [ NUMBERS m
            let code: String = chars.by_ref().take_while(|c| *c != 'm').collect();
            for number in code.trim_start_matches('[').split(';') {
                match number.parse() {
                    Ok(0) | Err(_) => style.clear(),
                    Ok(number) => style.push(number),
                }
            }
            apart = true;
            continue;
        }
        if c == ' ' {
            blanks += 1;
        } else {
            match all.last_mut() {
                Some(piece) if !apart && blanks < 2 => {
                    piece.text.extend((0..blanks).map(|_| ' '));
                    piece.text.push(c);
                }
                _ => all.push(Piece {
                    column,
                    style: style.clone(),
                    text: c.into(),
                }),
            }
            (apart, blanks) = (false, 0);
        }
        column += 1;
    }
    (all, column)
}

fn main() -> io::Result<()> {
    let command: Vec<_> = env::args().skip(1).collect();
    let mut lines = vec![format!("\x1b[2m$\x1b[0m {}", command.join(" "))];
    lines.extend(io::read_to_string(io::stdin())?.lines().map(str::to_owned));
    let lines: Vec<_> = lines.iter().map(|line| pieces(line)).collect();
    let columns = lines.iter().map(|(_, columns)| *columns).max().unwrap_or(0);
    let width = (2.0 * EDGE + WIDE * columns as f64).ceil();
    let height = (2.0 * EDGE + HIGH * lines.len() as f64).ceil();
    let back = Rectangle::new().set("class", "back").set("rx", 6);
    let mut document = Document::new()
        .set("viewBox", (0, 0, width, height))
        .set("width", width)
        .set("height", height)
        .add(Style::new(STYLE))
        .add(back.set("width", "100%").set("height", "100%"));
    for (row, (pieces, _)) in lines.iter().enumerate() {
        for piece in pieces {
            let length = WIDE * piece.text.chars().count() as f64;
            let mut text = Text::new(&piece.text)
                .set("x", format!("{:.1}", EDGE + WIDE * piece.column as f64))
                .set("y", format!("{:.1}", EDGE + HIGH * (row as f64 + 0.75)))
                // As wide, whatever font there is.
                .set("textLength", format!("{length:.1}"))
                .set("lengthAdjust", "spacingAndGlyphs");
            if !piece.style.is_empty() {
                let class: Vec<_> = piece.style.iter().map(|n| format!("s{n}")).collect();
                text = text.set("class", class.join(" "));
            }
            document = document.add(text);
        }
    }
    println!("{document}");
    Ok(())
}
