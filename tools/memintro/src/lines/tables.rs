// SPDX-License-Identifier: GPL-2.0

//! Rows under a header: tables, and the answers of conversations.

use super::{odd, Keys};
use crate::Result;

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

/// The answer to one question.
#[derive(Debug)]
pub struct Answer<'a> {
    columns: Vec<&'a str>,
    rows: Vec<&'a str>,
    /// What the last line says.
    pub end: Keys<'a>,
}

impl<'a> Answer<'a> {
    /// Takes the answer to one question apart.
    pub fn parse(text: &'a str) -> Result<Self> {
        let mut lines: Vec<_> = text.lines().collect();
        let last = lines.pop().unwrap_or_default();
        let end = last.strip_prefix("# end ");
        let end = Keys::parse(end.ok_or_else(|| odd("no last line", last))?)?;
        let columns = lines.first().map_or("", |line| *line);
        Ok(Self {
            columns: columns.split(' ').collect(),
            rows: lines.split_off(lines.len().min(1)),
            end,
        })
    }

    /// Its rows, made of the fields of the columns with these names.
    pub fn rows<const N: usize, T>(
        &self,
        names: [&str; N],
        make: impl Fn([&'a str; N]) -> Option<T>,
    ) -> Result<Vec<T>> {
        if self.rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut places = [0; N];
        for (place, name) in places.iter_mut().zip(names) {
            let found = self.columns.iter().position(|column| *column == name);
            *place = found.ok_or_else(|| odd("no such column", name))?;
        }
        let mut fields = Vec::new();
        let row = |line: &&'a str| {
            fields.clear();
            fields.extend(line.split(' '));
            let wanted = places.map(|place| fields.get(place).copied().unwrap_or_default());
            make(wanted).ok_or_else(|| odd("a field", line))
        };
        self.rows.iter().map(row).collect()
    }
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

    #[test]
    fn fields_are_found_by_the_header() {
        let text = "PID VA NEW COMM\n119 0x1000 x bash\n120 0x2000 y sh\n# end pa=0x1 rows=2\n";
        let answer = Answer::parse(text).unwrap();
        assert_eq!(answer.end.number("rows"), Some(2));
        let rows = answer.rows(["COMM", "PID"], Some).unwrap();
        assert_eq!(rows, [["bash", "119"], ["sh", "120"]]);
        assert!(answer.rows(["PERM"], Some).is_err());
        assert!(answer.rows(["PID"], |_| None::<()>).is_err());
    }

    #[test]
    fn an_error_is_its_last_line_alone() {
        let answer = Answer::parse("# end pid=9 error=ESRCH why=no-process\n").unwrap();
        assert_eq!(answer.end.get("why"), Some("no-process"));
        assert!(answer.rows(["PID"], Some).unwrap().is_empty());
        assert!(Answer::parse("").is_err());
        assert!(Answer::parse("PID VA\n1 0x0\n").is_err());
    }
}
