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

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{
    proc,
    question::parse_hex,
    table::{number, Table},
};

const HEADER: &str = "TID PID STATE STACK SP SIZE_B USED_B COMM";
const ROUNDS: usize = 8;
const AWAKE: &str = "asleep without a stack pointer";

#[derive(Default)]
struct Outcome {
    judged: usize,
    sleeping: usize,
    vmalloc: usize,
    mismatches: Vec<String>,
    in_motion: BTreeMap<u32, String>,
}

/// Checks what a row says of its own stack; says what is wrong.
fn check_stack(row: &[String], sleeping: bool) -> io::Result<Option<&'static str>> {
    let (stack, sp, size, used) = (&row[3], &row[4], &row[5], &row[6]);
    let size = number(size)? as usize;
    if stack == "-" {
        let freed = sp == "-" && used == "-" && !sleeping;
        return Ok((!freed).then_some("no stack, but a stack pointer, or asleep"));
    }
    let stack = parse_hex(stack)?;
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
    let sp = parse_hex(sp)?;
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
fn vmalloc_areas() -> BTreeSet<usize> {
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

fn compare(proc: &Path) -> io::Result<Outcome> {
    let before = proc::threads(proc);
    let mut areas = vmalloc_areas();
    let table = Table::read(&proc.join("memintro/kstack"), HEADER)?;
    if !areas.is_empty() {
        areas.append(&mut vmalloc_areas());
    }
    let after = proc::threads(proc);

    let mut outcome = Outcome::default();
    let mut rows = BTreeMap::new();
    let mut stacks = BTreeSet::new();
    for row in table.rows {
        let tid = number(&row[0])? as u32;
        if rows.last_key_value().is_some_and(|(&last, _)| last >= tid) {
            outcome.mismatches.push(format!("out of order: {row:?}"));
        }
        if row[3] != "-" && !stacks.insert(row[3].clone()) {
            // The stack of a thread that just ended may serve a new one.
            outcome
                .in_motion
                .insert(tid, format!("a stack twice: {row:?}"));
        }
        rows.insert(tid, row);
    }
    for (tid, (pid, old)) in &before {
        let row = rows.remove(tid);
        let Some((_, new)) = after.get(tid).filter(|(_, new)| new.start == old.start) else {
            continue;
        };
        let Some(row) = row else {
            outcome.mismatches.push(format!("no row for {old:?}"));
            continue;
        };
        outcome.judged += 1;
        if row[1] != pid.to_string() || !(old.has_name(&row[7]) || new.has_name(&row[7])) {
            outcome.mismatches.push(format!("row {row:?}, but {old:?}"));
        }
        if row[2] != old.state && old.rested_until(new) {
            outcome
                .in_motion
                .insert(*tid, format!("row {row:?}, but {old:?}"));
        }
        let sleeping = ["S", "D", "I", "T", "t"].contains(&row[2].as_str());
        outcome.sleeping += usize::from(sleeping);
        match check_stack(&row, sleeping)? {
            // It may have woken between the reading of state and pointer.
            Some(AWAKE) if !old.rested_until(new) => {}
            Some(AWAKE) => drop(outcome.in_motion.insert(*tid, format!("{AWAKE}: {row:?}"))),
            Some(what) => outcome.mismatches.push(format!("{what}: {row:?}")),
            None => {}
        }
        if let (false, Ok(stack)) = (areas.is_empty(), parse_hex(&row[3])) {
            outcome.vmalloc += 1;
            if !areas.contains(&stack) {
                outcome
                    .in_motion
                    .insert(*tid, format!("not in vmallocinfo: {row:?}"));
            }
        }
    }
    for (tid, row) in rows {
        if !after.contains_key(&tid) {
            outcome
                .in_motion
                .insert(tid, format!("/proc has no {row:?}"));
        }
    }
    Ok(outcome)
}

fn run(proc: &Path) -> io::Result<bool> {
    let mut outcome = compare(proc)?;
    for _ in 1..ROUNDS {
        if !outcome.mismatches.is_empty() || outcome.in_motion.is_empty() {
            break;
        }
        // A mistake is made again. One that was just about to leave the CPU has left it.
        let suspects = outcome.in_motion;
        outcome = compare(proc)?;
        outcome
            .in_motion
            .retain(|task, _| suspects.contains_key(task));
    }
    outcome.mismatches.extend(outcome.in_motion.into_values());
    for mismatch in outcome.mismatches.iter().take(20) {
        println!("{mismatch}");
    }
    println!(
        "judged={} sleeping={} vmalloc={} mismatches={}",
        outcome.judged,
        outcome.sleeping,
        outcome.vmalloc,
        outcome.mismatches.len()
    );
    Ok(outcome.mismatches.is_empty() && outcome.sleeping > 0)
}

pub fn main() -> ExitCode {
    let args: Vec<_> = crate::options::args().skip(1).collect();
    let proc = match &args[..] {
        [] => PathBuf::from("/proc"),
        [name, folder] if name == "--proc" => folder.into(),
        _ => {
            eprintln!("usage: compare-kstack [--proc FOLDER]");
            return ExitCode::from(2);
        }
    };
    match run(&proc) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("compare-kstack: {error}");
            ExitCode::FAILURE
        }
    }
}
