// SPDX-License-Identifier: GPL-2.0

//! `map`: the address space of a process, drawn.

use super::process;
use crate::{
    cli::MapArgs,
    draw::{map, svg},
    failure::{Failure, Result},
    lines::{Answer, Vma},
    look::Look,
};

/// Asks vmas, and draws it.
pub fn run(args: &MapArgs, look: &Look) -> Result<bool> {
    let text = process::ask("vmas", &args.pid)?;
    let answer = Answer::parse(&text)?;
    let mut vmas = Vma::all(&answer)?;
    let all = vmas.len();
    if let Some(top) = args.top {
        vmas.sort_by_key(|vma| std::cmp::Reverse(vma.touched_kb()));
        vmas.truncate(top);
        vmas.sort_by_key(|vma| vma.start);
    }
    let title = process::titled(answer.end.get("pid").unwrap_or(&args.pid));
    let picture = map::Picture {
        title,
        vmas: &vmas,
        left_out: all - vmas.len(),
        page_kb: rustix::param::page_size() as u64 >> 10,
    };
    let Some(path) = &args.svg else {
        look.print(&map::draw(&picture, look))?;
        return Ok(true);
    };
    std::fs::write(path, svg::draw(&picture))
        .map_err(|error| Failure::unanswered(format!("{}: {error}", path.display())))?;
    Ok(true)
}
