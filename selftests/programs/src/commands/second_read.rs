// SPDX-License-Identifier: GPL-2.0

//! `second-read FILE`: what a read of an open table gives while another one is held in
//! the middle of its copy: the error, or how many bytes it read. The second one is a
//! child's, to whom a signal with a handler comes ten times a second.

use crate::{prelude::*, sys::trap::Trap};

pub fn run(options: &mut Options) -> io::Result<bool> {
    let path: String = options.word()?;
    options.end()?;
    let file = File::open(path)?;
    let (mut go, mut tell_go) = sys::pipe()?;
    let (mut outcome, mut tell) = sys::pipe()?;
    let child = process::fork_tied(|| {
        let mut read = || {
            go.read_exact(&mut [0])?;
            process::signal_often()?;
            file.read_at(&mut [0; PAGE], 0)
        };
        let outcome = match read() {
            Ok(n) => format!("read {n}"),
            Err(error) => sys::errno_name(&error),
        };
        let _ = tell.write_all(outcome.as_bytes());
    })?;
    drop(tell);
    let trap = Trap::new()?;
    let mut text = String::new();
    thread::scope(|scope| -> io::Result<()> {
        let first = scope.spawn(|| trap.read(file.as_raw_fd(), 1));
        trap.wait()?;
        tell_go.write_all(b"x")?;
        outcome.read_to_string(&mut text)?;
        trap.release()?;
        let n = first.join().map_err(|_| error!("died"))??;
        ensure!(n > 0, "the first read gave nothing");
        Ok(())
    })?;
    process::reap(child);
    println!("{text}");
    Ok(true)
}
