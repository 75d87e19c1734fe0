// SPDX-License-Identifier: GPL-2.0

//! `wx`: what is writable and executable.

use super::process;
use crate::{
    cli::WxArgs,
    draw::wx::{draw, Found},
    failure::Result,
    files::Conversation,
    lines::{Answer, Extent, Keys, Vma},
    look::Look,
};

/// Where the kernel's half may begin, by the number of bits that addresses have.
const HALVES: [u64; 5] = [
    0xff00_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0xffff_0000_0000_0000,
    0xffff_8000_0000_0000,
    0xffff_ff80_0000_0000,
];

/// Asks extents of a process or of the kernel, and of a process vmas too.
pub fn run(args: &WxArgs, look: &Look) -> Result<bool> {
    let Some(pid) = &args.pid else {
        let text = kernel()?;
        let extents = Extent::all(&Answer::parse(&text)?)?;
        look.print(&draw(&found("the kernel".to_owned(), &extents, &[]), look))?;
        return Ok(true);
    };
    let pages = process::ask("extents", pid)?;
    let mappings = process::ask("vmas", pid)?;
    let extents = Extent::all(&Answer::parse(&pages)?)?;
    let vmas = Vma::all(&Answer::parse(&mappings)?)?;
    look.print(&draw(&found(process::titled(pid), &extents, &vmas), look))?;
    Ok(true)
}

/// All of the kernel's half, wherever it begins.
fn kernel() -> Result<String> {
    let mut conversation = Conversation::open("extents")?;
    for start in HALVES {
        let question = format!("kernel {start:#x}-{:#x}", u64::MAX);
        let text = conversation.ask(&question)?;
        let last = text.lines().next_back().unwrap_or_default();
        let keys = Keys::parse(last.strip_prefix("# end ").unwrap_or(last))?;
        match keys.get("why") {
            // Not in the half, on this machine.
            Some("not-canonical" | "user-address") => continue,
            Some(_) => return Err(process::refusal(&keys, &question)),
            None => return Ok(text),
        }
    }
    Err(crate::failure::Failure::unanswered(
        "the kernel's half was not found",
    ))
}

fn found<'a>(title: String, extents: &[Extent<'a>], vmas: &'a [Vma<'a>]) -> Found<'a> {
    let both = |perm: &str| perm.contains('w') && perm.contains('x');
    Found {
        title,
        pages: extents
            .iter()
            .filter(|extent| both(extent.perm))
            .copied()
            .collect(),
        mappings: vmas.iter().filter(|vma| both(vma.perm)).collect(),
        of_kernel: vmas.is_empty(),
    }
}
