// SPDX-License-Identifier: GPL-2.0

//! Checks of the lines that `levels` asks for, by the layout of the tables.

use crate::layout::{self, Mode, LEVELS};
use crate::prelude::*;

/// What holds for all answers of one boot.
pub struct LevelCheck {
    mode: Mode,
    /// Where the kernel sees physical address 0; learnt from the first answer.
    linear: Option<u64>,
}

impl LevelCheck {
    /// Learns how the machine runs.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            mode: Mode::of_this_machine()?,
            linear: None,
        })
    }

    /// The paging mode.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Checks the levels of the answer to a question about `va`.
    pub fn check(&mut self, va: u64, levels: &[Line<'_>], answer: &Line<'_>) -> io::Result<()> {
        let last = answer.get("level");
        let expected = LEVELS
            .iter()
            .position(|(name, _)| *name == last)
            .map_or(0, |depth| depth + 1);
        // No walk was made where the process has no mapping.
        if (last == "-") != (answer.get("why") == "no-vma") || (last != "-" && expected == 0) {
            bail!("ends at level={last}");
        }
        ensure!(
            levels.len() == expected,
            "{} lines, expected {expected}",
            levels.len()
        );
        for (depth, line) in levels.iter().enumerate() {
            self.check_line(va, depth, line)
                .map_err(|what| error!("level={}: {what}", line.get("level")))?;
            let folded = line.get("folded") == "yes";
            if folded && without_name(line) != without_name(&levels[depth - 1]) {
                bail!("a folded level is not the one above");
            }
            if depth > 0 && !folded {
                self.check_follows(&levels[depth - 1], line)?;
            }
        }
        let Some(line) = levels.last() else {
            return Ok(());
        };
        check_last(va, line, answer)?;
        self.check_perm(levels, answer)
    }

    /// What the processor allows is what the entries of all levels allow.
    fn check_perm(&self, levels: &[Line<'_>], answer: &Line<'_>) -> io::Result<()> {
        let perm = answer.get("perm");
        if answer.get("pa") == "none" || perm == "---u" {
            return Ok(());
        }
        let values: Vec<_> = levels
            .iter()
            .map(|line| line.hex("value"))
            .collect::<Result<_, _>>()?;
        let folded = levels.iter().filter(|line| line.get("folded") == "yes");
        let want = layout::permissions(&values, 1 + folded.count());
        match perm == want {
            true => Ok(()),
            false => Err(error!("perm={perm}, the levels allow {want}")),
        }
    }

    fn check_line(&self, va: u64, depth: usize, line: &Line<'_>) -> io::Result<()> {
        let (name, _) = LEVELS[depth];
        let folded = (1..=self.mode.folded()).contains(&depth);
        let want = [
            ("level", name.to_owned()),
            ("index", self.mode.index(va, depth).to_string()),
            ("folded", if folded { "yes" } else { "no" }.to_owned()),
        ];
        for (key, want) in want {
            line.expect(key, &want)?;
        }
        let value = line.hex("value")?;
        if line.get("kind") == "table" && line.hex("next")? != layout::next_table(value) {
            bail!("next={} of {value:#x}", line.get("next"));
        }
        Ok(())
    }

    /// The entry lies in the table that the level above leads to.
    fn check_follows(&mut self, above: &Line<'_>, line: &Line<'_>) -> io::Result<()> {
        ensure!(
            above.get("kind") == "table",
            "goes on below kind={}",
            above.get("kind")
        );
        let index: u64 = line.get("index").parse().map_err(|_| error!("index"))?;
        let table = line.hex("entry")?.wrapping_sub(index * 8);
        let linear = table.wrapping_sub(above.hex("next")?);
        let known = *self.linear.get_or_insert(linear);
        // Its borders lie at whole huge pages, whatever KASLR did.
        if linear != known || linear % (1 << 30) != 0 || linear >> 63 != 1 {
            bail!("the table {table:#x} is not at {}", above.get("next"));
        }
        Ok(())
    }
}

/// What a folded level repeats.
fn without_name<'a>(line: &Line<'a>) -> [&'a str; 5] {
    ["index", "entry", "value", "next", "kind"].map(|key| line.get(key))
}

/// The last line is the entry that the answer speaks of.
fn check_last(va: u64, line: &Line<'_>, answer: &Line<'_>) -> io::Result<()> {
    ensure!(line.get("kind") != "table", "ends at a table");
    if answer.get("pa") == "none" {
        let next = line.get("next");
        return match next {
            "-" => Ok(()),
            _ => Err(error!("no page, but next={next}")),
        };
    }
    // The entry may be one of several that make up the page.
    let shift = LEVELS.iter().find(|(name, _)| *name == line.get("level"));
    let offset = va & ((1 << shift.map_or(0, |(_, shift)| *shift)) - 1);
    let next = line.hex("next")?;
    if line.get("kind") != "page" || next.checked_add(offset) != Some(answer.hex("pa")?) {
        bail!(
            "kind={} next={next:#x} for pa={}",
            line.get("kind"),
            answer.get("pa")
        );
    }
    Ok(())
}
