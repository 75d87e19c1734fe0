// SPDX-License-Identifier: GPL-2.0

//! `who`: who maps a page, and what it is, in words and in a table.

use super::process;
use crate::{
    cli::WhoArgs,
    frame,
    human::{self, grid, many, wrap},
    lines::{Answer, Keys, Mapper, Vma, Walk},
    look::{self, Look},
    Result,
};

/// Asks rmap and page about a physical address, or about the one that walk gives.
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
                look::print(&format!(
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
    let mappers = Mapper::all(&answer)?;
    let pa = answer.end.get("pa").unwrap_or(&pa);
    let frame = frame::ask(pa);
    let frame = frame.as_deref().map(str::trim_end).map(Keys::parse);
    let frame = frame.transpose()?;
    // A file's name is known to those who map it.
    let question = mappers
        .first()
        .map(|one| format!("{} {:#x}", one.pid, one.va));
    let mapping = question.and_then(|question| process::ask("vmas", &question).ok());
    let mapping = mapping.as_deref().map(Answer::parse).transpose()?;
    let vma = mapping.as_ref().map(Vma::all).transpose()?;
    let vma = vma.and_then(|all| all.into_iter().next());
    let name = vma.filter(Vma::of_file).map(|vma| vma.name);
    let small = human::size(rustix::param::page_size() as u64 >> 10);
    let page = Page {
        pa,
        used_as: frame.and_then(|frame| frame::words(&frame, [&small; 2], name, look.width / 2)),
        place: place.as_ref().map(|(question, _)| question.as_str()),
        zero: place
            .as_ref()
            .is_some_and(|(_, flags)| flags.split(',').any(|flag| flag == "zero")),
        mappers,
        outside: answer.end.number("outside").unwrap_or(0),
        busy: answer.end.number("busy").unwrap_or(0),
    };
    look::print(&draw(&page, look))?;
    Ok(true)
}

/// A physical page, and who maps it.
pub struct Page<'a> {
    /// Its address.
    pub pa: &'a str,
    /// The address of a process that was asked about.
    pub place: Option<&'a str>,
    /// What it is used for.
    pub used_as: Option<String>,
    /// Whether it is the zero page.
    pub zero: bool,
    /// Every mapping.
    pub mappers: Vec<Mapper<'a>>,
    /// Mappings that are not shown here.
    pub outside: u64,
    /// Processes that could not be looked at.
    pub busy: u64,
}

/// All of it.
pub fn draw(page: &Page<'_>, look: &Look) -> String {
    let mut text = match page.place {
        Some(place) => format!("{} is behind {place}. ", page.pa),
        None => String::new(),
    };
    if let Some(used_as) = &page.used_as {
        text += &format!("It is {used_as}. ");
    }
    let mappings = page.mappers.len() as u64;
    // Rows are in the order of PIDs.
    let mut pids: Vec<_> = page.mappers.iter().map(|mapper| mapper.pid).collect();
    pids.dedup();
    text += &match mappings {
        0 => "No process maps it.".to_owned(),
        1 => "One process maps it, once.".to_owned(),
        _ => format!(
            "{} {}.",
            many(mappings, "mapping", "mappings"),
            match pids.len() {
                1 => "of it, all of one process".to_owned(),
                n => format!("of it, of {}", many(n as u64, "process", "processes")),
            }
        ),
    };
    if page.zero && page.used_as.is_none() {
        text += " It is the zero page, which stands for all that was only read.";
    }
    if page.outside > 0 {
        text += &format!(
            " {} more outside this PID namespace.",
            many(page.outside, "mapping", "mappings")
        );
    }
    if page.busy > 0 {
        text += &format!(
            " {} could not be looked at: ask again.",
            many(page.busy, "process", "processes")
        );
    }
    let mut out = wrap(&text, look.width, 0) + "\n";
    if mappings > 0 {
        let mut rows = vec![["PID", "COMM", "VA", "PAGE", "PERM"].map(str::to_owned)];
        rows.extend(page.mappers.iter().map(|mapper| {
            [
                mapper.pid.to_string(),
                mapper.comm.to_owned(),
                format!("{:#x}", mapper.va),
                mapper.page.to_owned(),
                mapper.perm.to_owned(),
            ]
        }));
        let rows: Vec<_> = rows.iter().map(<[String; 5]>::as_slice).collect();
        out += "\n";
        out += &grid(&rows, "", "  ");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(mappers: Vec<Mapper<'_>>) -> Page<'_> {
        Page {
            pa: "0x1000",
            place: None,
            used_as: None,
            zero: false,
            mappers,
            outside: 0,
            busy: 0,
        }
    }

    fn mapper(pid: u64) -> Mapper<'static> {
        Mapper {
            pid,
            va: 0x7f0000000000,
            page: "4K",
            perm: "r-xu",
            comm: "sh",
        }
    }

    #[test]
    fn mappings_are_counted_and_listed() {
        let look = Look::plain(80, true);
        assert_eq!(draw(&page(vec![]), &look), "No process maps it.\n");
        assert!(draw(&page(vec![mapper(1)]), &look).starts_with("One process maps it, once.\n"));
        let text = draw(&page(vec![mapper(1), mapper(1), mapper(12)]), &look);
        assert!(
            text.starts_with("3 mappings of it, of 2 processes.\n\nPID  COMM  VA "),
            "{text}"
        );
        assert!(
            text.ends_with("12   sh    0x7f0000000000  4K    r-xu\n"),
            "{text}"
        );
    }

    #[test]
    fn what_is_not_listed_is_said() {
        let mut page = page(vec![mapper(1)]);
        page.outside = 2;
        page.busy = 1;
        page.zero = true;
        page.place = Some("1 0x5000");
        let text = draw(&page, &Look::plain(200, true));
        for part in [
            "0x1000 is behind 1 0x5000.",
            "the zero page",
            "2 mappings more",
            "1 process could",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
