// SPDX-License-Identifier: GPL-2.0

//! `check-snapshot FILE`: a table is made by the first read, kept with the
//! open file, and made anew by a read at offset 0.
//!
//! FILE is a table with the PID in its first column. A child that starts and
//! ends between reads shows which moment a read speaks of. Prints `ok NAME`
//! or `not ok NAME` for each property; exit status 1 if one does not hold.

use std::io::SeekFrom;

use crate::prelude::*;

/// Reads to the end, `size` bytes at a time, from `at` on.
fn pieces(file: &File, mut at: u64, size: usize) -> io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    let mut piece = vec![0; size];
    loop {
        let n = file.read_at(&mut piece, at)?;
        if n == 0 {
            return Ok(whole);
        }
        whole.extend(&piece[..n]);
        at += n as u64;
    }
}

fn has(table: &[u8], pid: Pid) -> bool {
    let pid = pid.to_string();
    table
        .split(|&byte| byte == b'\n')
        .any(|line| line.split(|&byte| byte == b' ').next() == Some(pid.as_bytes()))
}

fn child() -> io::Result<Pid> {
    process::fork_tied(|| process::sleep_for_ever())
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let path: PathBuf = options.word()?;
    let mut all = true;
    let mut is = |name: &str, right: bool| {
        println!("{} {name}", if right { "ok" } else { "not ok" });
        all &= right;
    };
    let mut file = File::open(&path)?;

    // `old` is there at the first read and then ends, `new` starts after it.
    let old = child()?;
    let mut first = [0; 1];
    file.read_exact(&mut first)?;
    process::end(&[old]);
    let new = child()?;
    let mut rest = Vec::new();
    file.read_to_end(&mut rest)?;
    let kept = [&first[..], &rest].concat();
    is(
        "the first read decides which moment the table shows",
        has(&kept, old) && !has(&kept, new),
    );

    let mut again = Vec::new();
    file.seek(SeekFrom::Start(1))?;
    file.read_to_end(&mut again)?;
    is("a seek to byte 1 keeps the table", again == rest);

    is(
        "pread in pieces of 1 byte gives the same table",
        pieces(&file, 1, 1)? == rest,
    );

    let mut random = Random::new(1);
    let mut same = true;
    for _ in 0..1000 {
        let at = 1 + random.below(kept.len());
        let mut piece = vec![0; 1 + random.below(5000)];
        let n = file.read_at(&mut piece, at as u64)?;
        // Short reads are allowed, empty ones only at the end.
        let wrong = (n == 0) != (at == kept.len()) || !kept[at..].starts_with(&piece[..n]);
        same &= !wrong;
    }
    is("pread at random places gives the same table", same);

    let far = file.read_at(&mut first, kept.len() as u64 + (1 << 40))?;
    is("a read far past the end gives nothing", far == 0);

    file.seek(SeekFrom::Start(0))?;
    let mut anew = Vec::new();
    file.read_to_end(&mut anew)?;
    is(
        "a seek to the start makes the table anew",
        !has(&anew, old) && has(&anew, new),
    );

    process::end(&[new]);
    file.read_at(&mut first, 0)?;
    let kept = pieces(&file, 1, 4096)?;
    is("pread at 0 makes the table anew", !has(&kept, new));

    // Two open files are two tables.
    let other = child()?;
    let apart = pieces(&File::open(&path)?, 0, 4096)?;
    let unmoved = pieces(&file, 1, 4096)?;
    process::end(&[other]);
    is(
        "another open file has a table of its own",
        has(&apart, other) && unmoved == kept,
    );

    // A first read that is not at the start makes the whole table, too.
    let file = File::open(&path)?;
    let tail = pieces(&file, 1, 4096)?;
    let old = child()?;
    let unmoved = pieces(&file, 1, 7)?;
    process::end(&[old]);
    is(
        "a first read past the start makes the table",
        !tail.is_empty() && tail == unmoved,
    );
    Ok(all)
}
