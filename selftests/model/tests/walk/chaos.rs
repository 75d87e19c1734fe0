// SPDX-License-Identifier: GPL-2.0

//! Tables that return whatever they like. A walk of them must end without a panic, and never
//! answer what it found below an entry that led elsewhere when it was read again.

use super::{
    common,
    modes::{self, Mode},
    Walk,
};
use memintro_model::model::{
    addr::{PhysAddr, VirtAddr},
    pgtable::{Entry, Kind, PageTables, Paging, Reading},
    walk::{walk, walk_twice},
    words::Why,
};
use proptest::{collection::vec, prelude::*};
use std::cell::RefCell;

/// How many readings may never be needed.
const TOO_MANY: usize = 1000;

/// What one reading returns: the entry, and the number of the table it leads to.
type Said = Option<(Entry, Option<u8>)>;

/// Returns the readings of a list, over and over, and notes what it was asked.
struct Chaos {
    mode: Mode,
    says: Vec<Said>,
    log: RefCell<Vec<(u8, Said)>>,
}

impl PageTables for Chaos {
    type Table = u8;

    fn paging(&self) -> &Paging {
        &self.mode.paging
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
        let said = self.says[log.len() % self.says.len()];
        log.push((table, said));
        let (entry, next) = said?;
        Some(Reading {
            at: VirtAddr(u64::from(table)),
            entry,
            next,
        })
    }
}

impl Chaos {
    /// Checks a walk against what was said to it.
    fn check(&self, walk: &Walk) -> Result<(), TestCaseError> {
        if matches!(walk.answer, Err(absent) if absent.why == Why::Retry) {
            return Ok(());
        }
        let log = self.log.borrow();
        let path: Vec<_> = walk.path().collect();
        let (last, above) = path.split_last().expect("an answer comes from an entry");
        prop_assert!(![Kind::Table, Kind::Bad].contains(&last.entry.kind()));
        prop_assert_eq!(last.level > self.mode.paging.top, false);

        // The last descent: one reading for each step, each of the table that the one before
        // led to, with what it said then.
        let fits = |from: usize| {
            let mut table = Some(0);
            log.len() >= from + path.len()
                && path.iter().zip(&log[from..]).all(|(step, (of, said))| {
                    let good = Some(*of) == table
                        && step.at.0 == u64::from(*of)
                        && said.is_some_and(|(entry, _)| entry == step.entry);
                    table = said.and_then(|(_, next)| next);
                    good
                })
        };
        // After it, each entry above was read again and led where it had led.
        let confirmed = |from: usize| {
            let after = &log[from + path.len()..];
            above.iter().all(|step| {
                after.iter().any(|(of, said)| {
                    let alike = |(entry, _): (Entry, _)| {
                        entry.raw_kind == step.entry.raw_kind && entry.target == step.entry.target
                    };
                    u64::from(*of) == step.at.0 && said.is_some_and(alike)
                })
            })
        };
        let descents: Vec<_> = (0..log.len()).filter(|from| fits(*from)).collect();
        prop_assert!(!descents.is_empty(), "nothing said so: {:?}", path);
        prop_assert!(descents.into_iter().any(confirmed), "not true: {:?}", path);
        Ok(())
    }
}

/// Readings that often lead on and often agree with each other, so that a walk gets somewhere.
fn said() -> impl Strategy<Value = Said> {
    let kind = prop_oneof![
        // Tables.
        8 => Just(1u8),
        4 => 0u8..11,
        1 => any::<u8>(),
    ];
    let numbers = (
        prop_oneof![8 => 0u64..2, 1 => any::<u64>()],
        any::<u32>(),
        any::<u8>(),
    );
    let next = prop_oneof![8 => (0u8..3).prop_map(Some), 1 => Just(None)];
    let entry = (kind, numbers, next).prop_map(|(raw_kind, (target, flags, page_shift), next)| {
        let entry = Entry {
            value: u64::from(flags),
            target,
            flags,
            raw_kind,
            page_shift,
            swap_type: 0,
        };
        (entry, next)
    });
    prop_oneof![20 => entry.prop_map(Some), 1 => Just(None)]
}

/// Readings of a few tries: down, and up again, as a walk wants it except here and there.
fn tries() -> impl Strategy<Value = Vec<Said>> {
    let table = |target: u8| {
        let entry = Entry {
            target: u64::from(target),
            raw_kind: 1,
            ..Entry::default()
        };
        Some((entry, Some(target)))
    };
    let wrong = vec((any::<prop::sample::Index>(), said()), 0..3);
    let one = (vec(0u8..3, 0..5), said(), 0..2usize, wrong);
    let one = one.prop_map(move |(path, end, twice, wrong)| {
        let down = path.iter().map(|target| table(*target));
        let up = down.clone().rev();
        let mut says: Vec<_> = down.chain([end]).chain(up).collect();
        says.extend(says.clone().into_iter().take(says.len() * twice));
        for (place, said) in wrong {
            let place = place.index(says.len());
            says[place] = said;
        }
        says
    });
    let tries = vec(one, 1..8).prop_map(|tries| tries.concat());
    prop_oneof![3 => tries, 1 => vec(said(), 1..60)]
}

/// Modes, some of them absurd: a walk must not panic because a machine has a strange shape.
fn any_mode() -> impl Strategy<Value = Mode> {
    let absurd = (any::<[u8; 5]>(), any::<[u16; 5]>(), modes::any()).prop_map(
        |(shift, entries, mut mode)| {
            mode.paging.shift = shift;
            mode.paging.entries = entries;
            mode
        },
    );
    prop_oneof![4 => modes::any(), 1 => absurd]
}

proptest! {
    #![proptest_config(common::config(64))]

    #[test]
    fn a_walk_of_chaos_ends_and_believes_nothing_unconfirmed(
        mode in any_mode(),
        says in tries(),
        va in any::<u64>(),
    ) {
        for twice in [false, true] {
            let chaos = Chaos { mode, says: says.clone(), log: RefCell::default() };
            let found = Walk::of(|path| match twice {
                false => walk(&chaos, VirtAddr(va), path),
                true => walk_twice(&chaos, VirtAddr(va), path),
            });
            chaos.check(&found)?;
        }
    }
}

// If nearly all walks of chaos gave up, the test above would test little.
#[test]
fn chaos_is_not_hopeless() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut deep = 0;
    for _ in 0..2000 {
        let says = tries().new_tree(&mut runner).unwrap().current();
        let chaos = Chaos {
            mode: modes::x86(5),
            says,
            log: RefCell::default(),
        };
        let found = Walk::of(|path| walk(&chaos, VirtAddr(0), path));
        let retry = matches!(found.answer, Err(absent) if absent.why == Why::Retry);
        deep += u32::from(!retry && found.path().count() > 2);
    }
    assert!(deep > 200, "{deep}");
}
