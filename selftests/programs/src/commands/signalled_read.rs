// SPDX-License-Identifier: GPL-2.0

//! `signalled-read FILE QUESTION`: asks one question in a conversation, or of the sysfs
//! file, while a signal with a handler comes ten times a second, and again for each call
//! that it ended. Prints the outcome of the last call: what was answered, `ok N` for a
//! write, or an error's name.

use crate::prelude::*;

fn outcome(path: &str, question: &str) -> io::Result<String> {
    let slot = path.starts_with("/sys/");
    let mut file = OpenOptions::new().read(!slot).write(true).open(path)?;
    let question = format!("{question}\n");
    process::signal_often()?;
    if slot {
        return file.write(question.as_bytes()).map(|n| format!("ok {n}\n"));
    }
    file.write_all(question.as_bytes())?;
    let mut text = Vec::new();
    let mut piece = vec![0; 65536];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return String::from_utf8(text).map_err(io::Error::other),
            Ok(n) => text.extend_from_slice(&piece[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
    }
}

pub fn run(options: &mut Options) -> io::Result<bool> {
    let (path, question): (String, String) = (options.word()?, options.word()?);
    options.end()?;
    let failed = |error| format!("{}\n", sys::errno_name(&error));
    print!("{}", outcome(&path, &question).unwrap_or_else(failed));
    Ok(true)
}
