// SPDX-License-Identifier: GPL-2.0

//! The lines of a walk's levels.
//!
//! Keys and their order are promised to users, as those of the answers are.

use super::{
    answer::LEVEL_WORDS,
    pgtable::{
        Entry,
        Kind,
        Level, //
    },
    text::{
        Line,
        Word, //
    },
    walk::{
        Path,
        PathEntry, //
    },
    PhysAddr,
};

/// The longest text of all levels of a walk.
pub const LEVELS_MAX: usize = 1024;

/// The words of kinds, by [`Kind`].
static KIND_WORDS: [Word; Kind::ALL.len()] = Word::all(Kind::WORDS);

/// The lines of the levels above the pmds, as the last walk had them: those of addresses side by
/// side are mostly the same.
pub struct Levels {
    /// Which walk's they are, its levels below left out, and whether they show kernel addresses.
    of: Option<(Path, bool)>,
    text: [u8; LEVELS_MAX / 2],
    len: usize,
}

/// Those of no walk.
impl Default for Levels {
    fn default() -> Self {
        Levels {
            of: None,
            text: [0; LEVELS_MAX / 2],
            len: 0,
        }
    }
}

impl Levels {
    /// Writes a line for the first table and for each level, from the pgd to the entry that ended
    /// the walk; `show_entry` says whether the opener may see kernel addresses.
    pub fn put(&mut self, line: &mut Line<'_>, path: &Path, show_entry: bool) {
        let same = |(of, shown): &(Path, bool)| *shown == show_entry && path.is_like_above_pmds(of);
        if self.of.as_ref().is_some_and(same) {
            line.put(self.text.get(..self.len).unwrap_or(&[]));
            for read in path.iter().filter(|read| read.level <= Level::Pmd) {
                path_entry(line, read.level, read, false, show_entry);
            }
            return;
        }
        if let Some(pa) = path.root {
            root(line, pa);
        }
        // Levels that are folded into the pmds repeat their entry.
        let mut above = path.iter().next().is_some_and(|top| top.level > Level::Pmd);
        for (level, read, folded) in levels(path.iter()) {
            if above && level <= Level::Pmd {
                above = false;
                self.keep(line, path, show_entry);
            }
            path_entry(line, level, read, folded, show_entry);
        }
    }

    /// Keeps what was written of the levels above.
    fn keep(&mut self, line: &Line<'_>, path: &Path, show_entry: bool) {
        let text = line.as_bytes();
        if let Some(room) = self.text.get_mut(..text.len()) {
            room.copy_from_slice(text);
            self.len = text.len();
            self.of = Some((*path, show_entry));
        }
    }
}

/// Writes where a walk begins: the first table.
fn root(line: &mut Line<'_>, pa: PhysAddr) {
    line.put(b"level=root index=- entry=- value=- next=")
        .hex(pa.0)
        .put(b" kind=table folded=no")
        .end();
}

/// Writes one level of a walk; `show_entry` says whether the opener may see kernel addresses.
fn path_entry(line: &mut Line<'_>, level: Level, read: &PathEntry, folded: bool, show_entry: bool) {
    let PathEntry {
        index, at, entry, ..
    } = read;
    line.put(b"level=")
        .put_word(&LEVEL_WORDS[level as usize])
        .put(b" index=")
        // CAST: an index has at most 16 bits.
        .dec(*index as u64);
    if show_entry {
        line.key_hex(b" entry=", at.0);
    } else {
        line.put(b" entry=denied");
    }
    line.key_hex(b" value=", entry.value);
    match next(entry) {
        Some(next) => line.key_hex(b" next=", next),
        None => line.put(b" next=-"),
    };
    line.put(b" kind=")
        .put_word(&KIND_WORDS[entry.kind() as usize])
        .put(if folded {
            b" folded=yes"
        } else {
            b" folded=no"
        })
        .end();
}

/// Returns the physical address that an entry points to.
fn next(entry: &Entry) -> Option<u64> {
    matches!(entry.kind(), Kind::Table | Kind::Leaf).then_some(entry.target)
}

/// Returns what the lines of a walk are about, from the pgd to the entry that ended it: a level, its
/// entry, and whether it is folded.
///
/// Levels that the paging mode folds away repeat the line above: the kernel finds the same entry
/// there.
fn levels<'a>(
    mut path: impl Iterator<Item = &'a PathEntry>,
) -> impl Iterator<Item = (Level, &'a PathEntry, bool)> {
    let mut next = path.next();
    let top = next.map_or(Level::Pgd, |read| read.level);
    // The entry of the top table belongs to the pgd, and to each level that is folded into it.
    Level::ALL.into_iter().map_while(move |level| {
        let read = next?;
        if level == read.level {
            next = path.next();
        }
        Some((level, read, (top..Level::Pgd).contains(&level)))
    })
}
