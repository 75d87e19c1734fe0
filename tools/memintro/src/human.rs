// SPDX-License-Identifier: GPL-2.0

//! Numbers, words, and rows in columns, for people.

use std::borrow::Cow;

use crate::lines::Table;

/// A size: `132K`, `1.5M`, `64G`.
pub fn size(kb: u64) -> String {
    let mut unit = 1u64;
    for letter in ["K", "M", "G", "T", "P", "E"] {
        let whole = kb / unit;
        if whole < 1024 || letter == "E" {
            let tenth = kb % unit * 10 / unit;
            return if whole < 100 && tenth > 0 {
                format!("{whole}.{tenth}{letter}")
            } else {
                format!("{whole}{letter}")
            };
        }
        unit <<= 10;
    }
    unreachable!("the last letter ends it");
}

/// A number with its thousands apart: `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// How many of something: `1 page`, `3 pages`.
pub fn many(number: u64, one: &str, more: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { more })
}

/// A part in percent.
pub fn percent(part: u64, whole: u64) -> String {
    match (part, whole) {
        (_, 0) => "-".to_owned(),
        (0, _) => "0%".to_owned(),
        _ => match u128::from(part) * 100 / u128::from(whole) {
            0 => "<1%".to_owned(),
            n => format!("{n}%"),
        },
    }
}

/// A name for people: with its blanks, and of one that is too long the last characters, after
/// `..`.
pub fn shorten(name: &str, width: usize) -> Cow<'_, str> {
    if name.contains("\\040") {
        let name = name.replace("\\040", " ");
        return shorten(&name, width).into_owned().into();
    }
    if name.len() <= width {
        return name.into();
    }
    let keep = width.saturating_sub(2);
    // Names in answers are ASCII.
    format!("..{}", name.get(name.len() - keep..).unwrap_or_default()).into()
}

/// Text in lines of at most `width` columns; all but the first begin with `indent` blanks,
/// and so many are taken in the first.
pub fn wrap(text: &str, width: usize, indent: usize) -> String {
    let mut out = String::new();
    let mut column = indent;
    for word in text.split(' ') {
        let len = word.chars().count();
        if column > indent && column + 1 + len > width {
            out += "\n";
            out += &" ".repeat(indent);
            column = indent;
        } else if column > indent {
            out.push(' ');
            column += 1;
        }
        out += word;
        column += len;
    }
    out
}

/// A table as the module pads it: fields to the left, a blank between.
pub fn of_table(table: &Table<'_>) -> String {
    let rows: Vec<_> = table.rows.iter().map(Vec::as_slice).collect();
    let mut all = vec![table.columns.as_slice()];
    all.extend(rows);
    grid(&all, "", " ")
}

/// Rows of fields, each as wide as the widest of its column.
pub fn grid<T: AsRef<str>>(rows: &[&[T]], indent: &str, between: &str) -> String {
    let columns = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    let mut widths = vec![0; columns];
    for row in rows {
        for (width, field) in widths.iter_mut().zip(*row) {
            *width = (*width).max(field.as_ref().chars().count());
        }
    }
    let mut out = String::new();
    for row in rows {
        let mut line = indent.to_owned();
        for (i, field) in row.iter().enumerate() {
            if i > 0 {
                line += between;
            }
            let width = widths[i];
            line += &format!("{:<width$}", field.as_ref());
        }
        out += line.trim_end();
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (kb, text) in [
            (0, "0K"),
            (1023, "1023K"),
            (1024, "1M"),
            (1536, "1.5M"),
            (200 << 10, "200M"),
            ((200 << 10) + 512, "200M"),
            (64 << 20, "64G"),
            (128 << 30, "128T"),
            (u64::MAX, "16383E"),
        ] {
            assert_eq!(size(kb), text);
        }
    }

    #[test]
    fn thousands_are_apart() {
        assert_eq!(count(7), "7");
        assert_eq!(count(1234567), "1,234,567");
        assert_eq!(many(1, "page", "pages"), "1 page");
        assert_eq!(percent(1, 1000), "<1%");
        assert_eq!(percent(1, 2), "50%");
        assert_eq!(percent(0, 0), "-");
    }

    #[test]
    fn names_keep_their_end() {
        assert_eq!(shorten("/usr/lib/libc.so.6", 12), "../libc.so.6");
        assert_eq!(shorten("[heap]", 12), "[heap]");
        assert_eq!(shorten("/x\\040(deleted)", 12), "/x (deleted)");
    }

    #[test]
    fn lines_are_wrapped() {
        assert_eq!(wrap("one two three", 9, 2), "one two\n  three");
        assert_eq!(wrap("averylongword x", 5, 0), "averylongword\nx");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_field() {
        let rows: [&[&str]; 2] = [&["A", "BB", "C"], &["1234", "5", "6"]];
        assert_eq!(grid(&rows, "  ", " "), "  A    BB C\n  1234 5  6\n");
        assert_eq!(grid::<&str>(&[], "", " "), "");
    }
}
