// SPDX-License-Identifier: GPL-2.0

//! The walk over tables of which the bytes decide each reading: it ends, and an answer is what
//! was read, over a way that was still there afterwards.

use super::{
    answers::check_line,
    input::{mode, Input},
};
use memintro_model::model::{
    addr::{PhysAddr, VirtAddr},
    pgtable::{flags, Entry, Kind, PageTables, Paging, Reading},
    question::Whose,
    walk::{walk, walk_twice, Answer, Path},
    words::Why,
};
use std::cell::RefCell;

/// How many readings may never be needed.
const TOO_MANY: usize = 1000;

/// One reading: of which table, what it said, where it led.
struct Read {
    table: u8,
    said: Option<(Entry, Option<u8>)>,
}

struct Hostile<'a> {
    paging: Paging,
    input: RefCell<Input<'a>>,
    log: RefCell<Vec<Read>>,
}

impl Hostile<'_> {
    /// What a reading says: often the same as the last one of this table, or else a walk would
    /// nearly always give up.
    fn say(&self, table: u8, log: &[Read]) -> Option<(Entry, Option<u8>)> {
        let mut input = self.input.borrow_mut();
        let shape = input.byte();
        let before = log.iter().rev().find(|read| read.table == table);
        match (shape & 7, before) {
            (0..5, Some(before)) => before.said,
            (7, _) => None,
            _ => {
                let entry = input.entry();
                let next = (shape < 240).then_some((shape >> 3) & 7);
                Some((entry, next))
            }
        }
    }
}

impl PageTables for Hostile<'_> {
    type Table = u8;

    fn paging(&self) -> &Paging {
        &self.paging
    }

    fn root(&self) -> u8 {
        0
    }

    fn root_pa(&self) -> PhysAddr {
        PhysAddr(0x1000)
    }

    fn read(&self, table: u8, _va: VirtAddr) -> Option<Reading<u8>> {
        let mut log = self.log.borrow_mut();
        assert!(log.len() < TOO_MANY, "the walk does not end");
        let said = self.say(table, &log);
        log.push(Read { table, said });
        let (entry, next) = said?;
        Some(Reading {
            at: VirtAddr(table.into()),
            entry,
            next,
        })
    }
}

impl Hostile<'_> {
    /// An answer comes from one descent, after which all that led to it was read again.
    fn check(&self, answer: &Answer, path: &Path, va: VirtAddr) {
        let walked = path.iter().next().is_some();
        assert_eq!(path.root.is_some(), walked);
        assert!(path.root.is_none_or(|root| root == self.root_pa()));
        let path: Vec<_> = path.iter().collect();
        let Some((last, above)) = path.split_last() else {
            assert_eq!(answer.map_err(|absent| absent.why), Err(Why::Retry));
            return;
        };
        let kind = last.entry.kind();
        assert!(!matches!(kind, Kind::Table | Kind::Bad));
        assert!(above.iter().all(|step| step.entry.kind() == Kind::Table));
        assert_eq!(path[0].level, self.paging.top);

        let log = self.log.borrow();
        let descended = |from: usize| {
            let mut table = Some(0);
            log[from..].len() >= path.len()
                && path.iter().zip(&log[from..]).all(|(step, read)| {
                    let good = Some(read.table) == table
                        && read.said.is_some_and(|(entry, _)| entry == step.entry);
                    table = read.said.and_then(|(_, next)| next);
                    good
                })
        };
        let confirmed = |from: usize| {
            above.iter().all(|step| {
                log[from + path.len()..].iter().any(|read| {
                    u64::from(read.table) == step.at.0
                        && read
                            .said
                            .is_some_and(|(entry, _)| entry.points_like(&step.entry))
                })
            })
        };
        assert!((0..log.len()).any(|from| descended(from) && confirmed(from)));

        match answer {
            Ok(page) => {
                assert_eq!(kind, Kind::Leaf);
                let inside = self.paging.span(page.level) - 1;
                let pa = page.pa.0;
                assert_eq!(pa & !inside, last.entry.target & !inside);
                assert_eq!(pa | last.entry.target, pa);
                assert_eq!(pa | (va.0 & inside), pa);
                let allowed = path
                    .iter()
                    .fold(flags::PERM, |perm, step| perm & step.entry.flags);
                assert_eq!(page.perm, allowed);
            }
            Err(absent) => {
                assert_ne!(kind, Kind::Leaf, "there was a page");
                assert_eq!(absent.level, Some(last.level));
            }
        }
    }
}

/// A walk as users' tables get it, and one as the kernel's get it.
pub fn check(bytes: &[u8]) {
    let mut input = Input(bytes);
    let (paging, _) = mode(input.byte());
    let va = VirtAddr(input.number());
    let rest = input.0;
    for whose in [Whose::Process(1), Whose::Kernel] {
        let tables = Hostile {
            paging,
            input: RefCell::new(Input(rest)),
            log: RefCell::default(),
        };
        let mut path = Path::default();
        let answer = match whose {
            Whose::Process(_) => walk(&tables, va, Some(&mut path)),
            Whose::Kernel => walk_twice(&tables, va, Some(&mut path)),
        };
        tables.check(&answer, &path, va);
        check_line(whose, va, None, &answer);
    }
}
