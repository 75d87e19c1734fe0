// SPDX-License-Identifier: GPL-2.0

//! Tables: a header, and rows.

use super::odd;
use crate::failure::Result;

/// A table.
#[derive(Debug, PartialEq, Eq)]
pub struct Table<'a> {
    /// The names of the columns.
    pub columns: Vec<&'a str>,
    /// Rows, each with as many fields.
    pub rows: Vec<Vec<&'a str>>,
}

impl<'a> Table<'a> {
    /// Takes a whole table apart.
    pub fn parse(text: &'a str) -> Result<Self> {
        let mut lines = text.lines();
        let header = lines.next().unwrap_or_default();
        if !header.starts_with(|first: char| first.is_ascii_uppercase()) {
            return Err(odd("no header", header));
        }
        let columns: Vec<_> = header.split_ascii_whitespace().collect();
        let mut rows = Vec::new();
        for line in lines.filter(|line| !line.starts_with('#')) {
            let row: Vec<_> = line.split_ascii_whitespace().collect();
            if row.len() != columns.len() {
                return Err(odd("not as many fields as columns", line));
            }
            rows.push(row);
        }
        Ok(Self { columns, rows })
    }

    /// Which column has this name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns
            .iter()
            .position(|column| column.eq_ignore_ascii_case(name))
    }
}

/// Whether a column holds names, which may look like numbers.
pub fn is_name(column: &str) -> bool {
    matches!(column, "COMM" | "NAME")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name() {
        let table = Table::parse("PID     HEAP_B      COMM\n1       139264      init\n").unwrap();
        assert_eq!(table.column("heap_b"), Some(1));
        assert_eq!(table.rows, [["1", "139264", "init"]]);
        assert_eq!(table.column("RSS"), None);
        assert!(Table::parse("A B\n1\n").is_err());
        assert!(Table::parse("1 2\n").is_err());
        assert!(Table::parse("").is_err());
    }
}
