// SPDX-License-Identifier: GPL-2.0

//! All programs of the selftests in one.

fn main() -> std::process::ExitCode {
    memintro_selftests::main()
}
