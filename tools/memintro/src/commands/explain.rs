// SPDX-License-Identifier: GPL-2.0

//! `explain`: what is at an address.

use super::process;
use crate::{
    cli::PlaceArgs,
    draw::explain::{draw, Mapped, Place},
    failure::Result,
    files::Conversation,
    lines::{Answer, Mapper, Vma, Walk},
    look::Look,
};

/// Asks walk, vmas and rmap about one address, and draws what they say.
pub fn run(args: &PlaceArgs, look: &Look) -> Result<bool> {
    let question = format!("{} {}", args.pid, args.va);
    let walked = process::ask("walk", &format!("{question} levels"))?;
    let walk = Walk::parse(&walked)?;
    let of_kernel = walk.keys.get("pid") == Some("kernel");
    let pid = walk.keys.get("pid").unwrap_or_default();

    let mapping = match of_kernel {
        true => None,
        // It may have ended meanwhile; what the walk said was true.
        false => process::ask("vmas", &question).ok(),
    };
    let mapping = mapping.as_deref().map(Answer::parse).transpose()?;
    let vma = mapping.as_ref().map(Vma::all).transpose()?;
    let vma = vma.and_then(|all| all.into_iter().next());

    // All processes map the zero page; a special one belongs to none.
    let flags = walk.keys.get("flags").unwrap_or_default();
    let of_nobody = flags.split(',').any(|flag| flag == "zero");
    let pa = walk.keys.get("pa").filter(|pa| *pa != "none" && !of_nobody);
    let mapped = pa.and_then(|pa| Conversation::open("rmap").ok()?.ask(pa).ok());
    let mapped = mapped.as_deref().map(Answer::parse).transpose()?;
    let mapped = match &mapped {
        Some(answer) => Some(Mapped {
            mappers: Mapper::all(answer)?,
            outside: answer.end.number("outside").unwrap_or(0),
            busy: answer.end.number("busy").unwrap_or(0),
        }),
        None => None,
    };

    let title = match of_kernel {
        true => "the kernel".to_owned(),
        false => process::titled(pid),
    };
    look.print(&draw(
        &Place {
            title,
            walk: &walk,
            vma: vma.as_ref(),
            mapped: mapped.as_ref(),
            page_shift: rustix::param::page_size().trailing_zeros(),
        },
        look,
    ))?;
    Ok(true)
}
