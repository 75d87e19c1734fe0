// SPDX-License-Identifier: GPL-2.0

//! `who`: who maps a page.

use super::process;
use crate::{
    cli::WhoArgs,
    draw::who::{draw, Page},
    failure::Result,
    lines::{Answer, Mapper, Walk},
    look::Look,
};

/// Asks rmap about a physical address, or about the one that walk gives.
pub fn run(args: &WhoArgs, look: &Look) -> Result<bool> {
    let (pa, place) = match args.place.as_slice() {
        [pa] => (pa.clone(), None),
        place => {
            let question = place.join(" ");
            let text = process::ask("walk", &question)?;
            let walk = Walk::parse(&text)?;
            let pa = walk.keys.get("pa").unwrap_or_default();
            if pa == "none" {
                let why = walk.keys.get("why").unwrap_or_default();
                look.print(&format!(
                    "No page is behind {question}: {why}. (memintro explain {question} says more.)\n"
                ))?;
                return Ok(true);
            }
            (
                pa.to_owned(),
                Some((
                    question,
                    walk.keys.get("flags").unwrap_or_default().to_owned(),
                )),
            )
        }
    };
    let text = process::ask("rmap", &pa)?;
    let answer = Answer::parse(&text)?;
    let page = Page {
        pa: answer.end.get("pa").unwrap_or(&pa),
        place: place.as_ref().map(|(question, _)| question.as_str()),
        zero: place
            .as_ref()
            .is_some_and(|(_, flags)| flags.split(',').any(|flag| flag == "zero")),
        mappers: Mapper::all(&answer)?,
        outside: answer.end.number("outside").unwrap_or(0),
        busy: answer.end.number("busy").unwrap_or(0),
    };
    look.print(&draw(&page, look))?;
    Ok(true)
}
