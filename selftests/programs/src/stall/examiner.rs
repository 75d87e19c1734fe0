// SPDX-License-Identifier: GPL-2.0

//! The process that examines: one question after the other about another one.

use crate::prelude::*;

const PAGE: u64 = sys::PAGE as u64;

/// What it asks, in turn.
const QUESTIONS: [&str; 6] = [
    "walk",
    "vmas",
    "vmas totals",
    "extents",
    "extents totals",
    "rmap",
];

/// Who may be examined: a process, and memory of it that it uses.
#[derive(Clone, Copy)]
pub struct Subject {
    /// Its number.
    pub pid: &'static AtomicU64,
    /// The address of the memory; 0 until it is there.
    pub place: &'static AtomicU64,
}

/// Asks about one of the subjects, for ever; `whom` is its number, from 1 on, or
/// 0 to wait. `asked` counts the answers.
pub fn run(subjects: &[Subject], whom: &AtomicU64, asked: &AtomicU64) -> ! {
    if let Err(error) = ask(subjects, whom, asked) {
        println!("stall: the examiner failed: {error}");
    }
    process::exit_now()
}

fn ask(subjects: &[Subject], whom: &AtomicU64, asked: &AtomicU64) -> io::Result<()> {
    // Whose page it is does not matter: `rmap` looks at all tables of all.
    let own = Pagemap::open("self")?.entry(&raw const asked as usize)?;
    let pa = own.frame().unwrap_or(1) * PAGE;
    let mut files = BTreeMap::new();
    for name in ["walk", "vmas", "extents", "rmap"] {
        let file = Conversation::of(name)?;
        files.insert(name, file);
    }
    loop {
        for question in QUESTIONS {
            let Some(subject) = subjects.get(whom.load(Ordering::SeqCst).wrapping_sub(1) as usize)
            else {
                std::thread::sleep(Duration::from_millis(2));
                continue;
            };
            let pid = subject.pid.load(Ordering::Relaxed);
            let place = subject.place.load(Ordering::Relaxed);
            let (name, tail) = question.split_once(' ').unwrap_or((question, ""));
            let text = match name {
                // Every fourth where nothing is mapped: there is no lock but
                // that of all memory.
                "walk" => {
                    let line = |i: u64| match i % 4 {
                        0 => format!("{pid} {:#x}", 0x1000 + i * PAGE),
                        _ => format!("{pid} {:#x}", place + i % 16 * PAGE),
                    };
                    (0..200).map(line).collect::<Vec<_>>().join("\n")
                }
                "rmap" => format!("{pa:#x}"),
                _ => format!("{pid} {tail}"),
            };
            if let Some(file) = files.get_mut(name) {
                file.ask(&text)?;
                asked.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
