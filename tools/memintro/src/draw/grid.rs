// SPDX-License-Identifier: GPL-2.0

//! Rows in columns.

use crate::lines::Table;

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
    fn columns_are_as_wide_as_their_widest_field() {
        let rows: [&[&str]; 2] = [&["A", "BB", "C"], &["1234", "5", "6"]];
        assert_eq!(grid(&rows, "  ", " "), "  A    BB C\n  1234 5  6\n");
        assert_eq!(grid::<&str>(&[], "", " "), "");
    }
}
