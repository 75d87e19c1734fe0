// SPDX-License-Identifier: GPL-2.0

//! Names: one field whatever is in them, and the same name again when it is read back.

#[path = "../../tests/support/unescape.rs"]
mod unescaping;

use memintro_model::model::{
    name::{put_name, until_nul},
    text::Line,
};
pub use unescaping::unescape;

/// The bytes are the name.
pub fn check(bytes: &[u8]) {
    let mut room = vec![0; 4 * bytes.len() + 1];
    let mut line = Line::new(&mut room);
    put_name(&mut line, bytes);
    assert!(line.is_whole());
    let text = line.as_bytes();
    assert!(text.iter().all(|byte| matches!(byte, 0x21..=0x7e)));
    assert!(!text.is_empty());
    assert_eq!(unescape(text).as_deref(), Some(bytes));

    let cut = until_nul(bytes);
    assert!(bytes.starts_with(cut) && !cut.contains(&0));
    assert!(cut.len() == bytes.len() || bytes[cut.len()] == 0);
}
