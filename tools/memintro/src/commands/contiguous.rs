// SPDX-License-Identifier: GPL-2.0

//! `contiguous`: how long the physical runs of a process are.

use super::process;
use crate::{
    cli::ContiguousArgs,
    draw::contiguous::draw,
    failure::Result,
    lines::{Answer, Extent},
    look::Look,
    physical::runs,
};

/// Asks extents, and draws a histogram of runs.
pub fn run(args: &ContiguousArgs, look: &Look) -> Result<bool> {
    let mut question = args.pid.clone();
    if let Some(range) = &args.range {
        question += &format!(" {range}");
    }
    let text = process::ask("extents", &question)?;
    let answer = Answer::parse(&text)?;
    let runs = runs(&Extent::all(&answer)?);
    let mut title = process::titled(answer.end.get("pid").unwrap_or(&args.pid));
    if let Some(range) = &args.range {
        title += &format!(", {range}");
    }
    look.print(&draw(&title, &runs, &answer.end, look))?;
    Ok(true)
}
