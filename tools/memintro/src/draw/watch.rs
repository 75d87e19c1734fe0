// SPDX-License-Identifier: GPL-2.0

//! What changed from one look to the next: a line per mapping.

use crate::{
    human::{shorten, size},
    lines::Vma,
    look::{paint, Look, FAINT, GOOD, NOTE},
};

/// A mapping, and what changed in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Changed {
    pub start: u64,
    pub name: String,
    pub touched_kb: u64,
    pub gone_kb: u64,
    /// The same addresses, another place.
    pub moved_kb: u64,
    pub swapped_kb: i64,
}

impl Changed {
    /// A mapping in which nothing changed yet.
    pub fn of(vma: &Vma<'_>) -> Self {
        Self {
            start: vma.start,
            name: vma.name.to_owned(),
            ..Self::default()
        }
    }

    /// Whether anything did.
    pub fn is_some(&self) -> bool {
        self.touched_kb > 0 || self.gone_kb > 0 || self.moved_kb > 0 || self.swapped_kb != 0
    }
}

/// The names of the columns.
pub fn heads(_: &Look) -> String {
    let text = format!(
        "{:>7} {:<14} {:>7} {:>7} {:>7} {:>7} NAME",
        "SECONDS", "START", "TOUCHED", "GONE", "MOVED", "SWAPPED"
    );
    format!("{}\n", paint(FAINT, text))
}

/// The lines of one look.
pub fn line(seconds: f64, changed: &[Changed], look: &Look) -> String {
    if changed.is_empty() {
        return format!("{}\n", paint(FAINT, format!("{seconds:>7.1} no change")));
    }
    let mut out = String::new();
    for one in changed {
        let amount = |sign: &str, kb: u64| match kb {
            0 => format!("{:>7}", ""),
            kb => format!("{:>7}", format!("{sign}{}", size(kb))),
        };
        let swapped = match one.swapped_kb {
            kb if kb < 0 => amount("-", kb.unsigned_abs()),
            kb => amount("+", kb.unsigned_abs()),
        };
        let start = format!("{:#x}", one.start);
        out += &format!(
            "{seconds:>7.1} {start:<14} {} {} {} {swapped} {}\n",
            paint(GOOD, amount("+", one.touched_kb)),
            paint(NOTE, amount("-", one.gone_kb)),
            amount("", one.moved_kb),
            shorten(&one.name, look.width.saturating_sub(56).max(4))
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use anstream::adapter::strip_str;

    #[test]
    fn lines_hold_together_at_any_width() {
        let changed = Changed {
            start: 0x7ffd1c2f3000,
            name: "/usr/lib/x86_64-linux-gnu/libc.so.6".to_owned(),
            touched_kb: 128,
            swapped_kb: -4,
            ..Changed::default()
        };
        for width in [60, 80, 200] {
            let look = Look::plain(width, true);
            let text = strip_str(&line(12.34, &[changed.clone()], &look)).to_string();
            assert!(text.trim_end().len() <= width.max(62), "{text}");
            assert!(text.starts_with("   12.3 0x7ffd1c2f3000   +128K"), "{text}");
            assert!(text.contains("-4K"), "{text}");
        }
        let look = Look::plain(80, true);
        assert!(line(1.0, &[], &look).contains("no change"));
    }
}
