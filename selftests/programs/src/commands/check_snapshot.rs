// SPDX-License-Identifier: GPL-2.0

//! `check-snapshot FILE`: the first read generates a table, the open file keeps it, and a read at
//! offset 0 regenerates it.
//!
//! FILE is a table with the PID in its first column. A child that starts and ends between reads
//! shows which moment a read speaks of. Prints `ok NAME` or `not ok NAME` for each property.

use crate::prelude::*;

fn has(table: &[u8], pid: Pid) -> bool {
    let pid = format!("{pid} ");
    let mut lines = table.split(|&byte| byte == b'\n');
    lines.any(|line| line.starts_with(pid.as_bytes()))
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let path: PathBuf = options.word()?;
    let mut all = true;
    let mut is = |name: &str, right: bool| {
        println!("{} {name}", if right { "ok" } else { "not ok" });
        all &= right;
    };
    let mut file = File::open(&path)?;
    let child = || process::fork_tied(|| process::sleep_for_ever());

    // `old` is there at the first read and then ends, `new` starts after it.
    let old = child()?;
    let mut first = [0; 1];
    file.read_exact(&mut first)?;
    process::end(&[old]);
    let new = child()?;
    let rest = read_all(&file, 4096)?;
    let kept = [&first[..], &rest].concat();
    let right = has(&kept, old) && !has(&kept, new);
    is("the first read decides which moment the table shows", right);

    file.seek(SeekFrom::Start(1))?;
    let right = read_all(&file, 4096)? == rest;
    is("a seek to byte 1 keeps the table", right);

    let right = pieces(&file, 1, 1)? == rest;
    is("pread in pieces of 1 byte gives the same table", right);

    let mut random = Random::with_seed(1);
    let mut same = true;
    for _ in 0..1000 {
        let at = 1 + random.usize(..kept.len());
        let mut piece = vec![0; 1 + random.usize(..5000)];
        let n = file.read_at(&mut piece, at as u64)?;
        // Short reads are allowed, empty ones only at the end.
        same &= (n == 0) == (at == kept.len()) && kept[at..].starts_with(&piece[..n]);
    }
    is("pread at random places gives the same table", same);

    let far = file.read_at(&mut first, kept.len() as u64 + (1 << 40))?;
    is("a read far past the end gives nothing", far == 0);

    file.rewind()?;
    let again = read_all(&file, 4096)?;
    let right = !has(&again, old) && has(&again, new);
    is("a seek to the start regenerates the table", right);

    process::end(&[new]);
    file.read_at(&mut first, 0)?;
    let kept = pieces(&file, 1, 4096)?;
    is("pread at 0 regenerates the table", !has(&kept, new));

    // Two open files are two tables.
    let other = child()?;
    let apart = pieces(&File::open(&path)?, 0, 4096)?;
    let unmoved = pieces(&file, 1, 4096)?;
    process::end(&[other]);
    let right = has(&apart, other) && unmoved == kept;
    is("another open file has a table of its own", right);

    // A first read that is not at the start makes the whole table, too.
    let file = File::open(&path)?;
    let tail = pieces(&file, 1, 4096)?;
    let old = child()?;
    let unmoved = pieces(&file, 1, 7)?;
    process::end(&[old]);
    let right = !tail.is_empty() && tail == unmoved;
    is("a first read past the start makes the table", right);
    Ok(all)
}
