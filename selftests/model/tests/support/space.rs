// SPDX-License-Identifier: GPL-2.0

//! Address spaces as lists of mappings: the oracle, which knows nothing of tables.

use super::modes::{self, Mode};
use memintro_model::model::{
    addr::PhysAddr,
    pgtable::{flags, Entry, Kind, Level},
    walk::{Absent, Answer, Page},
    words::Why,
};
use proptest::{collection::vec, prelude::*};
use std::collections::BTreeMap;

/// What an entry that ends a walk may be.
pub const ENDS: [(Kind, Option<Why>); 9] = [
    (Kind::Leaf, None),
    (Kind::Swap, Some(Why::Swap)),
    (Kind::Migration, Some(Why::Migration)),
    (Kind::Device, Some(Why::Device)),
    (Kind::HwPoison, Some(Why::HwPoison)),
    (Kind::Poison, Some(Why::Poison)),
    (Kind::Guard, Some(Why::Guard)),
    (Kind::Uffd, Some(Why::Uffd)),
    // An empty entry of a table that is there.
    (Kind::None, Some(Why::NotPopulated)),
];

/// Returns the number of a kind.
pub fn raw_kind(kind: Kind) -> u8 {
    let number = Kind::ALL.iter().position(|other| *other == kind);
    number.expect("a kind") as u8
}

/// An address space.
#[derive(Clone, Debug)]
pub struct Space {
    pub mode: Mode,
    /// By their first address: the level whose entries have their size, and what they are.
    pub mappings: BTreeMap<u64, (Level, Entry)>,
    /// Where an aligned block of a level's size allows less than everything to what is below it.
    limits: BTreeMap<(Level, u64), u32>,
}

impl Space {
    /// Returns the first address of the block of a level's size that `va` is in.
    pub fn block(&self, level: Level, va: u64) -> u64 {
        va & !(self.mode.paging.span(level) - 1)
    }

    /// Returns the last address of such a block.
    fn last(&self, level: Level, va: u64) -> u64 {
        va | (self.mode.paging.span(level) - 1)
    }

    /// Returns the levels that have tables, from the top down.
    pub fn levels(&self) -> impl Iterator<Item = Level> {
        let top = self.mode.paging.top;
        Level::ALL.into_iter().filter(move |level| *level <= top)
    }

    /// Returns what the block around `va` allows to what is below it.
    pub fn limit(&self, level: Level, va: u64) -> u32 {
        let limit = self.limits.get(&(level, self.block(level, va)));
        limit.copied().unwrap_or(flags::PERM)
    }

    /// Adds a mapping, unless it overlaps another.
    fn map(&mut self, level: Level, va: u64, entry: Entry) {
        let va = self.block(level, va);
        let before = self.mappings.range(..=self.last(level, va)).next_back();
        if before.is_none_or(|(start, (level, _))| self.last(*level, *start) < va) {
            self.mappings.insert(va, (level, entry));
        }
    }

    /// Says what is behind `va`.
    pub fn answer(&self, va: u64) -> Answer {
        let absent = |why, level, swap| {
            let level = Some(level);
            Err(Absent { why, level, swap })
        };
        let before = self.mappings.range(..=va).next_back();
        let found = before.filter(|(start, (level, _))| va <= self.last(*level, **start));
        let Some((start, (level, entry))) = found else {
            // The largest block around it that nothing is mapped in.
            let empty = |level: &Level| {
                let block = self.block(*level, va)..=self.last(*level, va);
                self.mappings.range(block).next().is_none()
            };
            let level = self.levels().find(empty).expect("a hole");
            return absent(Why::NotPopulated, level, None);
        };
        let (kind, why) = ENDS[ENDS.iter().position(|end| end.0 == entry.kind()).unwrap()];
        if let Some(why) = why {
            let swap = (entry.swap_type, entry.target);
            return absent(why, *level, (kind == Kind::Swap).then_some(swap));
        }
        let above = self.levels().filter(|above| above > level);
        Ok(Page {
            pa: PhysAddr(entry.target + (va - start)),
            shift: entry.page_shift,
            level: *level,
            perm: above.fold(entry.flags, |perm, level| perm & self.limit(level, va)) & flags::PERM,
            flags: entry.flags & !flags::PERM,
        })
    }

    /// Returns the addresses around the borders of all mappings and of the blocks around them.
    pub fn borders(&self) -> Vec<u64> {
        let mut borders = vec![0, u64::MAX];
        for (start, (own, _)) in &self.mappings {
            for level in self.levels().filter(|level| level >= own) {
                borders.extend([
                    self.block(level, *start),
                    self.block(level, *start).wrapping_sub(1),
                    self.last(level, *start),
                    self.last(level, *start).wrapping_add(1),
                ]);
            }
        }
        borders.retain(|va| self.mode.canonical(*va) == *va);
        borders
    }
}

/// An entry that ends a walk at a level with these many bits of address.
pub fn end(kind: Kind, shift: u8, random: [u64; 2]) -> Entry {
    let [value, more] = random;
    let mut entry = Entry {
        value,
        raw_kind: raw_kind(kind),
        ..Entry::default()
    };
    match kind {
        Kind::Leaf => {
            // 52 bits of physical address.
            entry.target = (more >> 12) >> shift << shift;
            entry.flags = value as u32 & 0x7fff;
            entry.page_shift = shift;
            if entry.flags & flags::CONTIGUOUS != 0 {
                // Several entries make one page; its size is not what the offset goes by.
                entry.page_shift += 4;
            }
        }
        Kind::Swap => {
            entry.target = more >> 8;
            entry.swap_type = more as u16 & 31;
        }
        _ => {}
    }
    entry
}

/// Addresses that are often near each other and near the ends of tables.
fn address(mode: Mode) -> impl Strategy<Value = u64> {
    let place = prop_oneof![
        4 => 0u64..3,
        2 => Just(u64::MAX),
        1 => any::<u64>(),
    ];
    [
        place.clone(),
        place.clone(),
        place.clone(),
        place.clone(),
        place,
    ]
    .prop_map(move |places| {
        let mut va = 0;
        for (level, place) in Level::ALL.into_iter().zip(places) {
            let entries = u64::from(mode.paging.entries[level as usize]);
            va += (place & (entries - 1)) * mode.paging.span(level);
        }
        mode.canonical(va)
    })
}

/// Any address space.
pub fn spaces() -> impl Strategy<Value = Space> {
    modes::any().prop_flat_map(|mode| {
        let top = mode.paging.top;
        let level = prop::sample::select(vec![Level::Pte, Level::Pte, Level::Pmd, Level::Pud])
            .prop_map(move |level| level.min(top));
        let kind = prop_oneof![
            2 => Just(Kind::Leaf),
            1 => prop::sample::select(ENDS.to_vec()).prop_map(|(kind, _)| kind),
        ];
        let mapping = (level, address(mode), kind, any::<[u64; 2]>());
        let limit = (prop::sample::select(Level::ALL.to_vec()), 0..=flags::PERM);
        let limits = vec((limit, any::<prop::sample::Index>()), 0..12);
        (vec(mapping, 0..40), limits).prop_map(move |(mappings, limits)| {
            let mut space = Space {
                mode,
                mappings: BTreeMap::new(),
                limits: BTreeMap::new(),
            };
            for (level, va, kind, random) in mappings {
                let shift = mode.paging.shift[level as usize];
                space.map(level, va, end(kind, shift, random));
            }
            let starts: Vec<u64> = space.mappings.keys().copied().collect();
            for ((level, perm), place) in limits {
                if !starts.is_empty() {
                    let va = *place.get(&starts);
                    space.limits.insert((level, space.block(level, va)), perm);
                }
            }
            space
        })
    })
}
