// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/walk.rs`.
//!
//! `space` describes an address space without tables and knows what a walk must answer; `tables`
//! builds the tables for it. `moving` changes tables between the readings of a walk as a kernel
//! may, and `chaos` returns whatever it likes.

#[path = "walk/chaos.rs"]
mod chaos;
#[path = "support/common.rs"]
mod common;
#[path = "support/modes.rs"]
mod modes;
#[path = "walk/moving.rs"]
mod moving;
#[path = "support/space.rs"]
mod space;
#[path = "walk/still.rs"]
mod still;
#[path = "support/tables.rs"]
mod tables;

use memintro_model::model::{
    addr::VirtAddr,
    walk::{walk, walk_twice, Answer, Path, PathEntry},
};

/// A walk: its answer, and the entries that it read.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Walk {
    answer: Answer,
    path: Path,
}

impl Walk {
    fn of(walk: impl FnOnce(Option<&mut Path>) -> Answer) -> Self {
        let mut path = Path::default();
        let answer = walk(Some(&mut path));
        Walk { answer, path }
    }

    fn path(&self) -> impl Iterator<Item = &PathEntry> {
        self.path.iter()
    }
}

/// Walks with the full number of readings left.
fn once(tables: &tables::Scripted<'_>, va: u64) -> Walk {
    tables.readings.set(0);
    Walk::of(|path| walk(tables, VirtAddr(va), path))
}

fn twice(tables: &tables::Scripted<'_>, va: u64) -> Walk {
    tables.readings.set(0);
    Walk::of(|path| walk_twice(tables, VirtAddr(va), path))
}

/// Both kinds of walk: over tables that locks keep, and over those that nothing keeps.
const WALKS: [fn(&tables::Scripted<'_>, u64) -> Walk; 2] = [once, twice];
