// SPDX-License-Identifier: GPL-2.0

//! The command `memintro`.

fn main() -> std::process::ExitCode {
    memintro::main()
}
