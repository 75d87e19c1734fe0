// SPDX-License-Identifier: GPL-2.0

//! Lines of the module's files as JSON: one object each, with just the line's keys.
//!
//! A decimal number is a number, `-` is null, a name is a string without its escapes
//! (as it is where it is no UTF-8), and anything else is the string that the line has.

use std::io::Write;

use serde::{Serialize, Serializer};

use crate::lines::{is_name, unescape, Line};

/// What a field says.
#[derive(Debug, PartialEq, Eq)]
enum Value<'a> {
    Number(u64),
    Null,
    Text(&'a str),
    Name(String),
}

fn value<'a>(key: &str, field: &'a str) -> Value<'a> {
    if is_name(key) {
        return unescape(field).map_or(Value::Text(field), Value::Name);
    }
    if field == "-" {
        return Value::Null;
    }
    let digits = field.bytes().all(|byte| byte.is_ascii_digit());
    match field.parse() {
        Ok(number) if digits => Value::Number(number),
        _ => Value::Text(field),
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => to.serialize_u64(*number),
            Self::Null => to.serialize_unit(),
            Self::Text(text) => to.serialize_str(text),
            Self::Name(text) => to.serialize_str(text),
        }
    }
}

/// Appends an object of keys and fields, and a newline.
pub fn object<'a>(out: &mut Vec<u8>, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
    let values = pairs.map(|(key, field)| (key, value(key, field)));
    let mut json = serde_json::Serializer::new(&mut *out);
    // Strings and numbers always can be, and so can what writes into memory.
    json.collect_map(values).unwrap_or_default();
    out.push(b'\n');
}

/// Appends what a line of an answer is as JSON; remembers the columns of the rows to come.
pub fn line(out: &mut Vec<u8>, columns: &mut Vec<String>, line: &str) -> crate::Result<()> {
    match Line::parse(line)? {
        Line::Header(names) => *columns = names.into_iter().map(str::to_owned).collect(),
        Line::Row(fields) => object(out, columns.iter().map(String::as_str).zip(fields)),
        Line::Keys(keys) => object(out, keys.iter().copied()),
        Line::Remark(text) => {
            // No part of an answer, and nobody's key.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> String {
        let (mut out, mut columns) = (Vec::new(), Vec::new());
        for one in text.lines() {
            line(&mut out, &mut columns, one).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rows_and_last_lines_are_objects() {
        assert_eq!(
            all("PID VA PAGE PERM COMM\n12 0x1000 4K r-xu 34\n# end pa=0x1 rows=1 outside=0\n"),
            "{\"PID\":12,\"VA\":\"0x1000\",\"PAGE\":\"4K\",\"PERM\":\"r-xu\",\"COMM\":\"34\"}\n\
             {\"pa\":\"0x1\",\"rows\":1,\"outside\":0}\n"
        );
        assert_eq!(
            all("pid=- va=- pa=none error=EINVAL why=need-0x\n"),
            "{\"pid\":null,\"va\":null,\"pa\":\"none\",\"error\":\"EINVAL\",\"why\":\"need-0x\"}\n"
        );
    }

    #[test]
    fn values_have_the_type_that_fits() {
        assert_eq!(value("PID", "1"), Value::Number(1));
        assert_eq!(value("SP", "-"), Value::Null);
        assert_eq!(value("swap", "0:7"), Value::Text("0:7"));
        assert_eq!(value("va", "+1"), Value::Text("+1"));
        assert_eq!(value("COMM", "-"), Value::Name(String::new()));
        assert_eq!(value("NAME", "a\\040\\042b"), Value::Name("a \"b".into()));
        assert_eq!(value("NAME", "a\\377"), Value::Text("a\\377"));
        assert_eq!(
            value("x", "18446744073709551616"),
            Value::Text("18446744073709551616")
        );
    }

    #[test]
    fn everything_parses() {
        let text = all("NAME\n\\042\\134\\012\\001\n\\377\n-\n");
        for object in text.lines() {
            serde_json::from_str::<serde_json::Value>(object).unwrap();
        }
        assert_eq!(text.lines().count(), 3);
    }
}
