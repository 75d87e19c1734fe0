// SPDX-License-Identifier: GPL-2.0

//! `manuals FOLDER`: writes the man pages and what shells complete with, made from the same
//! source as `--help`.

use std::{env, fs, io, path::Path};

use clap::CommandFactory;
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};

const ZSH_FIRST: &[u8] =
    b"[[ $funcstack[1] != _memintro ]] || _clap_dynamic_completer_memintro \"$@\"\n";

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1);
    let folder = folder.ok_or_else(|| io::Error::other("usage: manuals FOLDER"))?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder.join("man1"))?;
    clap_mangen::generate_to(memintro::cli::Cli::command(), folder.join("man1"))?;
    let shells: [(&dyn EnvCompleter, &str); 3] = [
        (&Bash, "bash-completion/completions/memintro"),
        (&Zsh, "zsh/vendor-completions/_memintro"),
        (&Fish, "fish/vendor_completions.d/memintro.fish"),
    ];
    for (shell, path) in shells {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        let mut text = Vec::new();
        shell.write_registration("COMPLETE", "memintro", "memintro", "memintro", &mut text)?;
        if shell.is("zsh") {
            // What is loaded by the first Tab has to complete, too.
            text.extend_from_slice(ZSH_FIRST);
        }
        fs::write(path, text)?;
    }
    Ok(())
}
