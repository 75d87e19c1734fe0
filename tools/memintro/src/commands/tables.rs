// SPDX-License-Identifier: GPL-2.0

//! Tables: as they are, or sorted, cut, and in other forms.

use std::{cmp::Ordering, io::Write};

use crate::{
    cli::TableArgs,
    files, human, json,
    lines::{hex, is_name, unescape, Table},
    Failure, Result,
};

/// Prints a table.
pub fn run(name: &str, args: &TableArgs) -> Result<bool> {
    let text = files::table(name)?;
    let plain = args.sort.is_none() && args.top.is_none() && args.columns.is_empty();
    let out = if plain && !args.json && !args.csv {
        text.into_bytes()
    } else {
        shown(name, &text, args)?
    };
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(&out).and_then(|()| stdout.flush());
    written.map_err(Failure::of_output)?;
    Ok(true)
}

/// The table as the arguments want it.
fn shown(name: &str, text: &str, args: &TableArgs) -> Result<Vec<u8>> {
    let mut table = Table::parse(text)?;
    let place = |column: &String| {
        let found = table.column(column);
        found.ok_or_else(|| {
            let columns = table.columns.join(" ");
            Failure::Misuse(format!("{name} has no column '{column}'; it has {columns}"))
        })
    };
    let by = args.sort.as_ref().map(place).transpose()?;
    let wanted: Vec<_> = args.columns.iter().map(place).collect::<Result<_>>()?;
    if let Some(by) = by {
        let largest_first = is_amount(table.columns[by]);
        table.rows.sort_by(|one, other| {
            let order = compare(one[by], other[by], largest_first);
            if args.reverse {
                order.reverse()
            } else {
                order
            }
        });
    }
    table.rows.truncate(args.top.unwrap_or(usize::MAX));
    if !wanted.is_empty() {
        table.columns = wanted.iter().map(|place| table.columns[*place]).collect();
        for row in &mut table.rows {
            *row = wanted.iter().map(|place| row[*place]).collect();
        }
    }
    Ok(if args.json {
        let mut out = Vec::new();
        for row in &table.rows {
            json::object(
                &mut out,
                table.columns.iter().copied().zip(row.iter().copied()),
            );
        }
        out
    } else if args.csv {
        csv(&table).into_bytes()
    } else {
        human::of_table(&table).into_bytes()
    })
}

/// Whether a column counts something.
fn is_amount(column: &str) -> bool {
    column.ends_with("_KB")
        || column.ends_with("_B")
        || ["THREADS", "VMAS", "RUNS"].contains(&column)
}

/// The order of two fields; what does not apply comes last.
fn compare(one: &str, other: &str, largest_first: bool) -> Ordering {
    let number = |field: &str| field.parse().ok().or_else(|| hex(field));
    match (number(one), number(other)) {
        (Some(one), Some(other)) if largest_first => other.cmp(&one),
        (Some(one), Some(other)) => one.cmp(&other),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.cmp(other),
    }
}

/// As RFC 4180 has it, but for the ends of lines.
fn csv(table: &Table<'_>) -> String {
    let mut out = table.columns.join(",") + "\n";
    for row in &table.rows {
        let fields: Vec<_> = table
            .columns
            .iter()
            .zip(row)
            .map(|(column, field)| csv_field(column, field))
            .collect();
        out += &(fields.join(",") + "\n");
    }
    out
}

fn csv_field(column: &str, field: &str) -> String {
    let text = match field {
        _ if is_name(column) => unescape(field).unwrap_or_else(|| field.to_owned()),
        "-" => String::new(),
        _ => field.to_owned(),
    };
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "PID     RSS_KB   SP        COMM\n\
                        1       1656     0xff10    init\n\
                        20      9        -         a\\040\\042b\\042\n\
                        3       100      0xff02    20\n";

    fn shown_with(change: impl FnOnce(&mut TableArgs)) -> String {
        let mut args = TableArgs::default();
        change(&mut args);
        String::from_utf8(shown("vm", TEXT, &args).unwrap()).unwrap()
    }

    fn pids(text: &str) -> Vec<&str> {
        text.lines()
            .skip(1)
            .map(|line| line.split(' ').next().unwrap())
            .collect()
    }

    #[test]
    fn sizes_are_sorted_from_the_largest_all_else_from_the_lowest() {
        let sorted = |by: &str, reverse| {
            shown_with(|args| {
                args.sort = Some(by.to_owned());
                args.reverse = reverse;
            })
        };
        assert_eq!(pids(&sorted("rss_kb", false)), ["1", "3", "20"]);
        assert_eq!(pids(&sorted("rss_kb", true)), ["20", "3", "1"]);
        assert_eq!(pids(&sorted("PID", false)), ["1", "3", "20"]);
        assert_eq!(pids(&sorted("SP", false)), ["3", "1", "20"]);
    }

    #[test]
    fn rows_and_columns_are_cut() {
        let text = shown_with(|args| {
            args.columns = vec!["COMM".to_owned(), "PID".to_owned()];
            args.top = Some(2);
        });
        assert_eq!(
            text,
            "COMM           PID\n\
             init           1\n\
             a\\040\\042b\\042 20\n"
        );
    }

    #[test]
    fn other_forms_have_names_as_they_are() {
        let text = shown_with(|args| args.csv = true);
        assert_eq!(text.lines().nth(2), Some("20,9,,\"a \"\"b\"\"\""));
        let text = shown_with(|args| args.json = true);
        let last = "{\"PID\":3,\"RSS_KB\":100,\"SP\":\"0xff02\",\"COMM\":\"20\"}";
        assert_eq!(text.lines().nth(2), Some(last));
    }

    #[test]
    fn a_column_that_is_not_there_is_misuse() {
        let args = TableArgs {
            sort: Some("X".to_owned()),
            ..TableArgs::default()
        };
        assert!(matches!(shown("vm", TEXT, &args), Err(Failure::Misuse(_))));
    }
}
