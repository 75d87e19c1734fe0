// SPDX-License-Identifier: GPL-2.0

//! Names that processes and files chose for themselves, made safe for a table.

use super::text::Line;

/// The longest name of a task, in bytes (`TASK_COMM_LEN` without its final NUL).
pub const COMM_MAX: usize = 15;

/// Whether a byte of a name is itself; else it becomes `\ooo`: what is outside 0x21-0x7e, and the
/// backslash.
fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e) && byte != b'\\'
}

fn put_name_byte(line: &mut Line<'_>, byte: u8) {
    if is_plain(byte) {
        line.put_byte(byte);
    } else {
        put_escaped(line, byte);
    }
}

fn put_escaped(line: &mut Line<'_>, byte: u8) {
    line.put(&[
        b'\\',
        b'0' + (byte >> 6),
        b'0' + ((byte >> 3) & 7),
        b'0' + (byte & 7),
    ]);
}

/// Appends `name` so that it is one field of a row.
///
/// An empty name is `-`. The names `-` and `denied`, which mean something else in a table, have
/// their first byte escaped.
///
/// # Examples
///
/// ```
/// use memintro_model::model::{name::put_name, text::Line};
///
/// let mut bytes = [0; 64];
/// let mut line = Line::new(&mut bytes);
/// put_name(&mut line, b"a b");
/// assert_eq!(line.as_bytes(), br"a\040b");
/// ```
pub fn put_name(line: &mut Line<'_>, name: &[u8]) {
    let Some((&first, rest)) = name.split_first() else {
        line.put_byte(b'-');
        return;
    };
    if name == b"-" || name == b"denied" {
        put_escaped(line, first);
    } else if name.iter().all(|&byte| is_plain(byte)) {
        // By far the most.
        line.put(name);
        return;
    } else {
        put_name_byte(line, first);
    }
    for &byte in rest {
        put_name_byte(line, byte);
    }
}

/// Cuts a buffer at its first NUL byte.
///
/// # Examples
///
/// ```
/// use memintro_model::model::name::until_nul;
///
/// assert_eq!(until_nul(b"init\0\0"), b"init");
/// ```
pub fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or(&[])
}
