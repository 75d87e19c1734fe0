// SPDX-License-Identifier: GPL-2.0

//! An address explained: its indices, its way through the tables, and sentences.

mod indices;
mod way;

use crate::{
    human::{many, shorten, size, wrap},
    lines::{hex, Mapper, Vma, Walk},
    look::{paint, Look, BAD, GOOD, NOTE, STRONG},
    verdict::{self, Effect, Touch},
};

/// Who maps a page.
pub struct Mapped<'a> {
    /// Every mapping.
    pub mappers: Vec<Mapper<'a>>,
    /// Mappings that are not shown here.
    pub outside: u64,
    /// Processes that could not be looked at.
    pub busy: u64,
}

/// An address, and all that was said about it.
pub struct Place<'a> {
    /// Whose it is.
    pub title: String,
    /// The walk, with its levels.
    pub walk: &'a Walk<'a>,
    /// The mapping it lies in.
    pub vma: Option<&'a Vma<'a>>,
    /// Who maps the page.
    pub mapped: Option<&'a Mapped<'a>>,
    /// A page has `1 << page_shift` bytes.
    pub page_shift: u32,
}

impl Place<'_> {
    fn va(&self) -> u64 {
        self.walk.keys.hex("va").unwrap_or(0)
    }

    fn of_kernel(&self) -> bool {
        self.walk.keys.get("pid") == Some("kernel")
    }

    /// How many bytes the page has.
    fn page_size(&self) -> Option<u64> {
        let page = self.walk.keys.get("page")?;
        let (number, unit) = page.split_at(page.len().checked_sub(1)?);
        let shift = match unit {
            "K" => 10,
            "M" => 20,
            "G" => 30,
            _ => return None,
        };
        Some(number.parse::<u64>().ok()? << shift)
    }
}

/// All of it.
pub fn draw(place: &Place<'_>, look: &Look) -> String {
    let mut out = format!(
        "{} of {}\n\n",
        paint(STRONG, format!("{:#x}", place.va())),
        place.title
    );
    if !place.walk.levels.is_empty() {
        out += &indices::draw(place, look);
        out.push('\n');
        out += &way::draw(place, look);
        out.push('\n');
    }
    for (label, text) in sentences(place, look) {
        out += &line(label, &text, look);
    }
    if !place.of_kernel() {
        let others = place
            .mapped
            .map(|mapped| others(place, mapped) + mapped.outside);
        let [read, write] = verdict::touches(&place.walk.keys, place.vma, others);
        out += &touch("a read", &read, look);
        out += &touch("a write", &write, look);
    }
    out
}

const LABEL: usize = 12;

fn line(label: &str, text: &str, look: &Look) -> String {
    format!(
        "{}{}\n",
        paint(STRONG, format!("{label:LABEL$}")),
        wrap(text, look.width, LABEL)
    )
}

fn touch(label: &str, touch: &Touch, look: &Look) -> String {
    let style = match touch.effect {
        Effect::Nothing => GOOD,
        Effect::Minor | Effect::Major => NOTE,
        Effect::Signal => BAD,
    };
    let text = wrap(&touch.text, look.width, LABEL);
    // What happens is said before the colon.
    let (first, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
    format!(
        "{}{}{rest}\n",
        paint(STRONG, format!("{label:LABEL$}")),
        paint(style, first)
    )
}

/// What is there, whose it is, who has it too.
fn sentences(place: &Place<'_>, look: &Look) -> Vec<(&'static str, String)> {
    let mut all = vec![("there is", there_is(place))];
    if place.of_kernel() {
        all.extend(kernel(place).map(|text| ("it lies in", text)));
    } else {
        all.push(("it is in", mapping(place, look)));
    }
    if let Some(mapped) = place.mapped {
        all.push(("mapped by", mappers(place, mapped)));
    }
    all
}

fn there_is(place: &Place<'_>) -> String {
    let keys = &place.walk.keys;
    if let (Some(pa), Some(page), Some(bytes)) =
        (keys.hex("pa"), keys.get("page"), place.page_size())
    {
        let flags = match keys.get("flags").unwrap_or("-") {
            "-" => String::new(),
            flags => format!(" ({})", flags.replace(',', ", ")),
        };
        let what = if flags.contains("zero") {
            "the zero page, which everybody shares,"
        } else {
            "a page"
        };
        return format!(
            "{what} of {page} at {:#x}{flags}; the address is at {pa:#x}; all levels together allow {}",
            pa & !(bytes - 1),
            keys.get("perm").unwrap_or("-")
        );
    }
    let why = keys.get("why").unwrap_or_default();
    match why {
        "no-vma" => "nothing: no mapping of the process has this address",
        "not-populated" => "no page: never touched, or given back",
        "swap" => "no page: it is in swap",
        "migration" => "no page at the moment: it is being moved",
        "device" => "no page here: it is in a device's memory",
        "hwpoison" => "no page any more: its memory failed",
        "poison" => "no page: marked as poisoned",
        "guard" => "no page: a guard marker",
        "uffd" => "no page: a marker of userfaultfd's write protection",
        "not-mapped" => "nothing: no page is mapped there",
        _ => "no answer: the entry kept changing; ask again",
    }
    .to_owned()
}

fn mapping(place: &Place<'_>, look: &Look) -> String {
    let Some(vma) = place.vma else {
        return "no mapping".to_owned();
    };
    let name = match vma.name {
        "-" => "memory without a file",
        // A name has no place to break it.
        name => &shorten(name, look.width.saturating_sub(LABEL + 1)),
    };
    let shared = if vma.shared() { "shared" } else { "private" };
    format!(
        "{:#x}-{:#x}, {} {} {shared}: {name}; {} of it there",
        vma.start,
        vma.end,
        size(vma.size_kb),
        vma.perm,
        size(vma.present_kb + vma.zero_kb)
    )
}

/// How many mappings of the page there are besides this one.
fn others(place: &Place<'_>, mapped: &Mapped<'_>) -> u64 {
    let (pid, va) = (place.walk.keys.number("pid"), place.va());
    let other = |mapper: &&Mapper<'_>| Some(mapper.pid) != pid || mapper.va != va;
    mapped.mappers.iter().filter(other).count() as u64
}

fn mappers(place: &Place<'_>, mapped: &Mapped<'_>) -> String {
    let pid = place.walk.keys.number("pid");
    let mut text = match (place.of_kernel(), others(place, mapped)) {
        (true, 0) => "no process".to_owned(),
        (false, 0) => "this process alone, once".to_owned(),
        (true, n) => many(n, "mapping of processes", "mappings of processes"),
        (false, n) => format!(
            "this process, and {}",
            many(n, "other mapping", "other mappings")
        ),
    };
    let mut pids: Vec<(u64, &str)> = mapped.mappers.iter().map(|m| (m.pid, m.comm)).collect();
    pids.dedup();
    pids.retain(|(other, _)| Some(*other) != pid);
    let names: Vec<_> = pids
        .iter()
        .take(6)
        .map(|(pid, comm)| format!("{comm} ({pid})"))
        .collect();
    if !names.is_empty() {
        text += &format!(": {}", names.join(", "));
    }
    if pids.len() > names.len() {
        text += &format!(", and {} more", pids.len() - names.len());
    }
    if mapped.outside > 0 {
        text += &format!(
            "; {} outside this PID namespace",
            many(mapped.outside, "mapping", "mappings")
        );
    }
    if mapped.busy > 0 {
        text += &format!(
            "; {} could not be looked at, ask again",
            many(mapped.busy, "process", "processes")
        );
    }
    text
}

fn kernel(place: &Place<'_>) -> Option<String> {
    let keys = &place.walk.keys;
    let (region, linear) = (keys.get("region")?, keys.hex("pa_linear")?);
    let verdict = match keys.get("agree")? {
        "yes" => "the same, so __pa() is right here".to_owned(),
        _ if hex(keys.get("pa")?).is_some() => {
            "which is another place: __pa() holds in the linear map alone".to_owned()
        }
        _ => "where nothing is mapped".to_owned(),
    };
    Some(format!(
        "the region {region}; __pa() gives {linear:#x}, {verdict}"
    ))
}

#[cfg(test)]
mod tests;
