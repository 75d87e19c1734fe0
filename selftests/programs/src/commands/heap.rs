// SPDX-License-Identifier: GPL-2.0

//! `heap BYTES`: makes this process's heap exactly BYTES long and prints
//! `heap PID BYTES`, then `ready`, and keeps it until the end of standard
//! input.
//!
//! BYTES is measured as brk(2) and /proc define it: the break that sbrk(2)
//! reports, less the start that field 47 of /proc/self/stat gives.

use std::process;

use crate::prelude::*;
use crate::proc::Task;

pub fn run(options: &mut Options) -> io::Result<bool> {
    let bytes: usize = options.word()?;
    let pid = process::id();
    let task = Task::read(Path::new("/proc/self"), pid).ok_or(io::ErrorKind::NotFound)?;
    let start = task.start_brk as usize;
    let line = format!("heap {pid} {bytes}\nready\n").into_bytes();
    let mut input = [0; 64];
    let mut stdin = io::stdin().lock();

    // From here on the allocator is not used: it might move the break.
    let end = start + bytes;
    ensure!(
        end >= sys::program_break(),
        "the allocator already has more"
    );
    sys::set_program_break(end)?;
    ensure!(sys::program_break() == end, "the break is elsewhere");
    // One write, without the allocator.
    let n = rustix::io::write(rustix::stdio::stdout(), &line)?;
    ensure!(n == line.len(), "a short write");
    while stdin.read(&mut input)? != 0 {}

    ensure!(sys::program_break() == end, "the break has moved");
    Ok(true)
}
