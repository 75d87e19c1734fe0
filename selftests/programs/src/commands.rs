// SPDX-License-Identifier: GPL-2.0

//! The programs: one file holds them all, and which of them runs its name says, or
//! its first word.

use std::process::ExitCode;

use crate::prelude::*;

/// What a program does; `false` is a result that is not what it should be.
type Command = fn(&mut Options) -> io::Result<bool>;

macro_rules! commands {
    ($($name:ident)*) => {
        $(mod $name;)*
        /// Every program: in its name `-` stands for `_`.
        const COMMANDS: &[(&str, Command)] = &[$((stringify!($name), $name::run)),*];
    };
}

commands! {
    bad_buffer check_snapshot compare_extents compare_heapmax compare_kernel compare_kstack
    compare_reference compare_rmap compare_runs compare_tasks compare_vm compare_vmas
    compare_walk converse crowd execs fail_nth fuzz heap hog hold_mmap_lock kill_readers
    last_user lazy odd_maps pagemap raw_question replaced second_read shared signalled_read
    spawn stall storm stress subject ticks walk_million
}

/// Runs the program that was called: the exit status is 0 if it said yes, 2 on misuse.
pub fn main() -> ExitCode {
    let (name, mut options) = Options::of_process();
    let place = name.replace('-', "_");
    let Some((_, run)) = COMMANDS.iter().find(|(command, _)| *command == place) else {
        let names: Vec<_> = COMMANDS.iter().map(|(name, _)| *name).collect();
        eprintln!("{name}? commands: {}", names.join(" ").replace('_', "-"));
        return ExitCode::from(2);
    };
    match run(&mut options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{name}: {error}");
            let misused = error.kind() == io::ErrorKind::InvalidInput && error.get_ref().is_some();
            ExitCode::from(1 + u8::from(misused))
        }
    }
}
