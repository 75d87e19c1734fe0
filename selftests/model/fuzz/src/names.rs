// SPDX-License-Identifier: GPL-2.0

//! Names: one field whatever is in them, and the same name again when it is read back.

#[path = "../../tests/support/unescape.rs"]
mod unescaping;

use memintro_model::model::{
    name::{put_long_name, put_name, until_nul, COMM_MAX},
    text::{Line, LINE_MAX},
};
pub use unescaping::unescape;

/// The bytes are the name.
pub fn check(bytes: &[u8]) {
    let mut text = Vec::new();
    put_long_name(bytes, |piece| {
        assert!(piece.len() <= LINE_MAX);
        text.extend_from_slice(piece);
        Ok::<_, ()>(())
    })
    .expect("no error");
    assert!(text.iter().all(|byte| matches!(byte, 0x21..=0x7e)));
    assert_eq!(unescape(&text).as_deref(), Some(bytes));

    // In one piece, where it fits into a row.
    if bytes.len() <= COMM_MAX {
        let mut room = [0; LINE_MAX];
        let mut line = Line::new(&mut room);
        put_name(&mut line, bytes);
        assert!(line.is_whole());
        assert_eq!(line.as_bytes(), text);
    }

    let cut = until_nul(bytes);
    assert!(bytes.starts_with(cut) && !cut.contains(&0));
    assert!(cut.len() == bytes.len() || bytes[cut.len()] == 0);

    // An error of the receiver ends it, and is passed on.
    let mut calls = 0;
    let result = put_long_name(bytes, |_| {
        calls += 1;
        Err(calls)
    });
    assert_eq!(result, Err(1));
}
