// SPDX-License-Identifier: GPL-2.0

//! `doctor`: whether memintro can work here. It is a script, which needs no module.

use std::{env, os::unix::process::CommandExt, path::Path, process::Command};

use crate::failure::{Failure, Result};

/// Becomes the doctor.
pub fn run() -> Result<bool> {
    let here = env::current_exe().unwrap_or_default();
    let here = here.parent().unwrap_or(Path::new("/"));
    // Beside this program; where it was installed; where cargo built it.
    for folder in [".", "../share/memintro", "../../.."] {
        let doctor = here.join(folder).join("doctor");
        if doctor.is_file() {
            let error = Command::new(&doctor).exec();
            return Err(Failure::unanswered(format!(
                "{}: {error}",
                doctor.display()
            )));
        }
    }
    Err(Failure::unanswered(
        "the doctor is not installed: it comes with the package, with make install, and in the source as \
         tools/doctor",
    ))
}
