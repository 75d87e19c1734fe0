// SPDX-License-Identifier: GPL-2.0

//! `compare-kstack [--proc FOLDER]`: checks FOLDER/memintro/kstack against
//! the threads that FOLDER (by default `/proc`) lists, and against itself.
//!
//! Every thread that lives throughout must have one row, with the process,
//! state and name of /proc. Of a thread that sleeps, STACK <= SP <
//! STACK + SIZE_B, and USED_B is the distance from SP to the top; no two
//! stacks overlap; STACK is a multiple of SIZE_B. Where /proc/vmallocinfo
//! shows addresses (kptr_restrict=1 on some kernels), each stack must be one
//! of its areas.
//!
//! Prints what differs, then `judged=N sleeping=N vmalloc=N mismatches=N`.

use crate::prelude::*;
use crate::{
    proc::{self, Task},
    settle::{rows, settle, Outcome},
};

const AWAKE: &str = "asleep without a stack pointer";

/// Checks what a row says of its own stack; says what is wrong.
fn check_stack(row: &[String], sleeping: bool) -> io::Result<Option<&'static str>> {
    let (stack, sp, size, used) = (&row[3], &row[4], &row[5], &row[6]);
    let size = number(size)? as usize;
    if stack == "-" {
        let freed = sp == "-" && used == "-" && !sleeping;
        return Ok((!freed).then_some("no stack, but a stack pointer, or asleep"));
    }
    let stack = parse_hex(stack)? as usize;
    if !size.is_power_of_two() || size < 8192 || stack % size != 0 {
        return Ok(Some("size or alignment"));
    }
    if stack >> 63 != 1 {
        return Ok(Some("not a kernel address"));
    }
    if sp == "-" || used == "-" {
        return Ok(match sp == used {
            true => sleeping.then_some(AWAKE),
            false => Some("one of SP and USED_B without the other"),
        });
    }
    let sp = parse_hex(sp)? as usize;
    if sp < stack || sp >= stack + size {
        return Ok(Some("SP outside the stack"));
    }
    if number(used)? as usize != stack + size - sp {
        return Ok(Some("USED_B is not STACK + SIZE_B - SP"));
    }
    // A sleeper has at least the frames of a system call below the top.
    Ok((sp % 8 != 0 || (sleeping && stack + size - sp < 64)).then_some("SP unlikely"))
}

/// The start of every area in vmallocinfo; empty where it hides them.
fn vmalloc_areas() -> BTreeSet<u64> {
    let text = fs::read_to_string("/proc/vmallocinfo").unwrap_or_default();
    let starts: BTreeSet<_> = text
        .lines()
        .filter_map(|line| parse_hex(line.split_once('-')?.0).ok())
        .collect();
    // Hashed pointers are below 2^32, hidden ones are 0.
    if starts.iter().any(|start| start >> 63 != 1) {
        return BTreeSet::new();
    }
    starts
}

/// How many stacks were those of sleepers, and looked for in vmallocinfo.
type Seen = (usize, usize);

fn compare(proc: &Path) -> io::Result<(Outcome, Seen)> {
    let before = proc::threads(proc);
    let mut areas = vmalloc_areas();
    let rows = rows(&proc.join("memintro/kstack"), header("kstack"))?;
    if !areas.is_empty() {
        areas.append(&mut vmalloc_areas());
    }
    let after = proc::threads(proc);

    // The stack of a thread that just ended may serve a new one.
    let mut stacks = BTreeSet::new();
    let again = rows
        .iter()
        .filter(|(_, row)| row[3] != "-" && !stacks.insert(row[3].clone()));
    let twice: Vec<_> = again
        .map(|(&tid, row)| (tid, format!("a stack twice: {row:?}")))
        .collect();
    let (mut sleeping, mut vmalloc) = (0, 0);
    let same = |old: &(u32, Task), new: &(u32, Task)| old.1.start == new.1.start;
    let mut outcome = Outcome::join(&before, rows, &after, same, |outcome, tid, pair, row| {
        let ((pid, old), (_, new)) = pair;
        outcome.judged += 1;
        if row[1] != pid.to_string() || !(old.has_name(&row[7]) || new.has_name(&row[7])) {
            outcome.mismatches.push(format!("row {row:?}, but {old:?}"));
        }
        let mut moving = |what: String| drop(outcome.in_motion.insert(tid, what));
        if row[2] != old.state && old.rested_until(new) {
            moving(format!("row {row:?}, but {old:?}"));
        }
        let sleeps = ["S", "D", "I", "T", "t"].contains(&row[2].as_str());
        sleeping += usize::from(sleeps);
        let wrong = check_stack(row, sleeps)?;
        // It may have woken between the reading of state and pointer.
        if wrong == Some(AWAKE) && old.rested_until(new) {
            moving(format!("{AWAKE}: {row:?}"));
        }
        if let (false, Ok(stack)) = (areas.is_empty(), parse_hex(&row[3])) {
            vmalloc += 1;
            if !areas.contains(&stack) {
                moving(format!("not in vmallocinfo: {row:?}"));
            }
        }
        let wrong = wrong.filter(|what| *what != AWAKE);
        outcome
            .mismatches
            .extend(wrong.map(|what| format!("{what}: {row:?}")));
        Ok(())
    })?;
    outcome.in_motion.extend(twice);
    Ok((outcome, (sleeping, vmalloc)))
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let proc = options.or("--proc", PathBuf::from("/proc"))?;
    options.end()?;
    let mut seen = (0, 0);
    let outcome = settle(1, || {
        let (outcome, now) = compare(&proc)?;
        seen = now;
        Ok(outcome)
    })?;
    let (judged, (sleeping, vmalloc)) = (outcome.judged, seen);
    let wrong = outcome.mismatches.len();
    println!("judged={judged} sleeping={sleeping} vmalloc={vmalloc} mismatches={wrong}");
    Ok(wrong == 0 && sleeping > 0)
}
