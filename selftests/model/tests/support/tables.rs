// SPDX-License-Identifier: GPL-2.0

//! Page tables that can change between two readings.

use super::space::{raw_kind, Space};
use memintro_model::model::{
    addr::{PhysAddr, VirtAddr},
    pgtable::{flags, Entry, Kind, Level, PageTables, Paging, Reading},
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

/// How many readings may never be needed, whatever the tables do: a walk must end.
const TOO_MANY: usize = 10_000;

/// The first table.
pub const ROOT: u64 = 0;

/// Tables by their number; what a table has no entry for is empty.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// By the number of the table and the index in it.
    pub entries: BTreeMap<(u64, usize), Entry>,
    pub count: u64,
}

/// The physical address of a table.
fn address_of(table: u64) -> u64 {
    0x1_0000_0000 + (table << 16)
}

/// An entry that leads to a table.
pub fn leads_to(table: u64, perm: u32) -> Entry {
    Entry {
        value: table,
        target: address_of(table),
        flags: perm | flags::ACCESSED | flags::NX,
        raw_kind: raw_kind(Kind::Table),
        ..Entry::default()
    }
}

impl Tables {
    /// Builds the tables of an address space.
    pub fn of(space: &Space) -> Self {
        let mut tables = Tables {
            count: ROOT + 1,
            ..Tables::default()
        };
        for (va, (own, entry)) in &space.mappings {
            let mut table = ROOT;
            for level in space.levels().filter(|level| level > own) {
                let next = tables.count;
                let slot = tables
                    .entries
                    .entry((table, space.mode.paging.index(level, VirtAddr(*va))))
                    .or_insert(leads_to(next, space.limit(level, *va)));
                tables.count += u64::from(slot.value == next);
                table = slot.value;
            }
            let index = space.mode.paging.index(*own, VirtAddr(*va));
            tables.entries.insert((table, index), *entry);
        }
        tables
    }

    /// Returns an entry.
    pub fn get(&self, table: u64, index: usize) -> Entry {
        self.entries
            .get(&(table, index))
            .copied()
            .unwrap_or_default()
    }
}

/// What happens before each reading.
pub type Script<'a> = dyn FnMut(usize, &mut Tables) + 'a;

/// Tables for a walk, and what is done to them meanwhile.
pub struct Scripted<'a> {
    paging: Paging,
    tables: RefCell<Tables>,
    script: RefCell<Box<Script<'a>>>,
    /// Which tables may be taken away; all of them unless it is set.
    pub can_be_freed: fn(Level) -> bool,
    /// How many readings there were.
    pub readings: Cell<usize>,
}

impl<'a> Scripted<'a> {
    pub fn new(
        paging: Paging,
        tables: Tables,
        script: impl FnMut(usize, &mut Tables) + 'a,
    ) -> Self {
        Scripted {
            paging,
            tables: RefCell::new(tables),
            script: RefCell::new(Box::new(script)),
            can_be_freed: |_| true,
            readings: Cell::new(0),
        }
    }
}

/// A table, and the level that it was found for.
#[derive(Clone, Copy)]
pub struct Table {
    pub number: u64,
    pub level: Level,
}

impl PageTables for Scripted<'_> {
    type Table = Table;

    fn paging(&self) -> &Paging {
        &self.paging
    }

    fn root(&self) -> Table {
        Table {
            number: ROOT,
            level: self.paging.top,
        }
    }

    fn root_pa(&self) -> PhysAddr {
        PhysAddr(ROOT << 12)
    }

    fn descend(&self, va: VirtAddr) -> (Table, Level, u32) {
        let (mut table, mut perm) = (self.root(), flags::PERM);
        while table
            .level
            .below()
            .is_some_and(|level| !self.can_be_freed(level))
        {
            let Some(Reading {
                entry,
                next: Some(next),
                ..
            }) = self.read(table, va)
            else {
                break;
            };
            perm &= entry.flags;
            table = next;
        }
        (table, table.level, perm)
    }

    fn can_be_freed(&self, level: Level) -> bool {
        (self.can_be_freed)(level)
    }

    fn read(&self, table: Table, va: VirtAddr) -> Option<Reading<Table>> {
        let mut tables = self.tables.borrow_mut();
        (self.script.borrow_mut())(self.readings.get(), &mut tables);
        self.readings.set(self.readings.get() + 1);
        assert!(self.readings.get() < TOO_MANY, "the walk does not end");

        let index = self.paging.index(table.level, va);
        let entry = tables.get(table.number, index);
        let next = match (entry.kind(), table.level.below()) {
            (Kind::Table, Some(level)) => Some(Table {
                number: entry.value,
                level,
            }),
            _ => None,
        };
        Some(Reading {
            at: VirtAddr(address_of(table.number) + 8 * index as u64),
            entry,
            next,
        })
    }
}
