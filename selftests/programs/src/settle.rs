// SPDX-License-Identifier: GPL-2.0

//! Tables of all tasks, compared with what `/proc` said before and after.

use std::fmt::Debug;

use crate::prelude::*;

/// The rows of a table, by the number in their first column.
pub type Rows = BTreeMap<u32, Vec<String>>;

/// What a comparison gave.
#[derive(Default)]
pub struct Outcome {
    /// How many tasks could be judged.
    pub judged: usize,
    /// What is wrong.
    pub mismatches: Vec<String>,
    /// What is wrong if it is so again: tasks change, come and go.
    pub in_motion: BTreeMap<u32, String>,
}

/// Reads a table whose numbers must ascend.
pub fn rows(path: &Path, header: &str) -> io::Result<Rows> {
    let mut rows = Rows::new();
    for row in Table::read(path, header)?.rows {
        let id = number(&row[0])? as u32;
        let ascends = rows.last_key_value().is_none_or(|(&last, _)| last < id);
        ensure!(ascends, "{id} is out of order");
        rows.insert(id, row);
    }
    Ok(rows)
}

impl Outcome {
    /// Has `judge` look at the row of each task that was the same before and after.
    pub fn join<T: Debug>(
        before: &BTreeMap<u32, T>,
        mut rows: Rows,
        after: &BTreeMap<u32, T>,
        same: impl Fn(&T, &T) -> bool,
        mut judge: impl FnMut(&mut Self, u32, (&T, &T), &[String]) -> io::Result<()>,
    ) -> io::Result<Self> {
        let mut outcome = Self::default();
        for (&id, old) in before {
            let row = rows.remove(&id);
            let Some(new) = after.get(&id).filter(|new| same(old, new)) else {
                continue;
            };
            match row {
                Some(row) => judge(&mut outcome, id, (old, new), &row)?,
                None => outcome.mismatches.push(format!("no row for {old:?}")),
            }
        }
        // A row that /proc had neither before nor after is a task that came and went, or
        // one that does not exist: the next rounds tell.
        rows.retain(|id, _| !after.contains_key(id));
        let unknown = rows.into_iter();
        outcome
            .in_motion
            .extend(unknown.map(|(id, row)| (id, format!("/proc has no {row:?}"))));
        Ok(outcome)
    }
}

/// Compares until enough could be judged, and what was in motion has settled: a mistake
/// is made again, and another task does not get a number. Prints what is wrong.
pub fn settle(
    at_least: usize,
    mut compare: impl FnMut() -> io::Result<Outcome>,
) -> io::Result<Outcome> {
    let mut outcome = compare()?;
    let (wait, mut rounds) = (Wait::begin(), 1..8);
    while outcome.mismatches.is_empty()
        && (outcome.judged < at_least && !wait.is_over()
            || !outcome.in_motion.is_empty() && rounds.next().is_some())
    {
        let suspects = outcome.in_motion;
        outcome = compare()?;
        outcome
            .in_motion
            .retain(|task, _| suspects.contains_key(task));
    }
    let moving = std::mem::take(&mut outcome.in_motion);
    outcome.mismatches.extend(moving.into_values());
    for mismatch in outcome.mismatches.iter().take(20) {
        println!("{mismatch}");
    }
    Ok(outcome)
}
