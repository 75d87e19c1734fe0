// SPDX-License-Identifier: GPL-2.0

//! `explain`: an address: its indices, its way through the tables, and sentences.

use super::process;
use crate::{
    cli::PlaceArgs,
    files::Conversation,
    frame,
    human::{many, shorten, size, wrap},
    levels::{self, Levels},
    lines::{hex, Answer, Keys, Mapper, Vma, Walk},
    look::{self, Look, BAD, GOOD, NOTE, STRONG},
    verdict::{self, Effect, Touch},
    Result,
};

/// Asks walk, vmas, rmap and page about one address, and draws what they say.
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
    let frame = pa.and_then(frame::ask);
    let frame = frame.as_deref().map(str::trim_end).map(Keys::parse);

    let title = match of_kernel {
        true => "the kernel".to_owned(),
        false => process::titled(pid),
    };
    look::print(&draw(
        &Place {
            title,
            way: Levels {
                walk: &walk,
                page_shift: rustix::param::page_size().trailing_zeros(),
            },
            vma: vma.as_ref(),
            mapped: mapped.as_ref(),
            frame: frame.transpose()?.as_ref(),
        },
        look,
    ))?;
    Ok(true)
}

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
    pub way: Levels<'a>,
    /// The mapping it lies in.
    pub vma: Option<&'a Vma<'a>>,
    /// Who maps the page.
    pub mapped: Option<&'a Mapped<'a>>,
    /// What the page is used for.
    pub frame: Option<&'a Keys<'a>>,
}

impl Place<'_> {
    fn keys(&self) -> &Keys<'_> {
        &self.way.walk.keys
    }

    fn of_kernel(&self) -> bool {
        self.keys().get("pid") == Some("kernel")
    }
}

/// All of it.
pub fn draw(place: &Place<'_>, look: &Look) -> String {
    let mut out = format!(
        "{} of {}\n\n",
        look.paint(STRONG, format!("{:#x}", place.way.va())),
        place.title
    );
    if !place.way.walk.levels.is_empty() {
        out += &levels::indices(&place.way, look);
        out.push('\n');
        out += &levels::way(&place.way, look);
        out.push('\n');
    }
    for (label, text) in sentences(place, look) {
        out += &line(label, &text, look);
    }
    if !place.of_kernel() {
        let others = place
            .mapped
            .map(|mapped| others(place, mapped) + mapped.outside);
        let kind = place.frame.and_then(|frame| frame.get("kind"));
        let [read, write] = verdict::touches(place.keys(), place.vma, others, kind);
        out += &touch("a read", &read, look);
        out += &touch("a write", &write, look);
    }
    out
}

const LABEL: usize = 12;

fn line(label: &str, text: &str, look: &Look) -> String {
    format!(
        "{}{}\n",
        look.paint(STRONG, format!("{label:LABEL$}")),
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
        look.paint(STRONG, format!("{label:LABEL$}")),
        look.paint(style, first)
    )
}

/// What is there, whose it is, who has it too.
fn sentences(place: &Place<'_>, look: &Look) -> Vec<(&'static str, String)> {
    let mut all = vec![("there is", there_is(place))];
    let name = place.vma.filter(|vma| vma.of_file()).map(|vma| vma.name);
    let room = look.width.saturating_sub(LABEL + 1);
    let page = place.keys().get("page").unwrap_or_default();
    let small = size((1 << place.way.page_shift) >> 10);
    let frame = place.frame;
    all.extend(
        frame.and_then(|frame| Some(("used as", frame::words(frame, [page, &small], name, room)?))),
    );
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
    let keys = place.keys();
    if let (Some(pa), Some(page), Some(bytes)) =
        (keys.hex("pa"), keys.get("page"), place.way.page_size())
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
        "not-populated" if place.vma.is_some_and(|vma| vma.shared() || vma.of_file()) => {
            "no page: this process has not touched it, or has given it back; it may be in memory for others"
        }
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
    let (pid, va) = (place.keys().number("pid"), place.way.va());
    let other = |mapper: &&Mapper<'_>| Some(mapper.pid) != pid || mapper.va != va;
    mapped.mappers.iter().filter(other).count() as u64
}

fn mappers(place: &Place<'_>, mapped: &Mapped<'_>) -> String {
    let pid = place.keys().number("pid");
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
    let keys = place.keys();
    let (region, linear) = (keys.get("region")?, keys.hex("pa_linear")?);
    let verdict = match keys.get("agree")? {
        "yes" => "the same, so __pa() is right here".to_owned(),
        _ if hex(keys.get("pa")?).is_some() => {
            "which is another place: __pa() holds in the linear map alone".to_owned()
        }
        _ => "where nothing is mapped".to_owned(),
    };
    let mut text = format!("the region {region}; __pa() gives {linear:#x}, {verdict}");
    let known = |key: &str| keys.get(key).filter(|value| *value != "-");
    if let (Some(symbol), Some(offset)) = (known("symbol"), known("offset")) {
        text += &format!("; it is {symbol}+{offset}");
        text += &known("module").map_or(String::new(), |module| format!(" of the module {module}"));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALK: &str = "\
level=pgd index=0 entry=0xff1efce00418a000 value=0x8000000004189067 next=0x4189000 kind=table folded=no
level=p4d index=254 entry=0xff1efce0041897f0 value=0x418c067 next=0x418c000 kind=table folded=no
level=pud index=161 entry=0xff1efce00418c508 value=0x418d067 next=0x418d000 kind=table folded=no
level=pmd index=448 entry=0xff1efce00418de00 value=0x418e067 next=0x418e000 kind=table folded=no
level=pte index=0 entry=0xff1efce00418e000 value=0x8000000205018867 next=0x205018000 kind=page folded=no
pid=812 va=0x7f2878000123 pa=0x205018123 page=4K level=pte perm=rw-u flags=accessed,dirty,nx
";
    const VMAS: &str = "\
START END PERM SIZE_KB PRESENT_KB HUGE_KB ZERO_KB SWAP_KB EMPTY_KB NAME
0x7f2878000000 0x7f2878021000 rw-p 132 8 0 0 0 124 -
# end pid=812 va=0x7f2878000123 rows=1
";
    const RMAP: &str = "\
PID VA PAGE PERM COMM
812 0x7f2878000123 4K rw-u sh
# end pa=0x205018123 rows=1 outside=0 busy=0
";

    fn drawn(walk: &str, vmas: &str, rmap: &str, width: usize, ascii: bool) -> String {
        let walk = Walk::parse(walk).unwrap();
        let vmas = Answer::parse(vmas).unwrap();
        let vmas = Vma::all(&vmas).unwrap();
        let answer = Answer::parse(rmap).unwrap();
        let mapped = Mapped {
            mappers: Mapper::all(&answer).unwrap(),
            outside: answer.end.number("outside").unwrap_or(0),
            busy: answer.end.number("busy").unwrap_or(0),
        };
        let place = Place {
            title: "process 812 (sh)".to_owned(),
            way: Levels {
                walk: &walk,
                page_shift: 12,
            },
            vma: vmas.first(),
            mapped: Some(&mapped),
            frame: None,
        };
        draw(&place, &Look::plain(width, ascii))
    }

    fn widest(text: &str) -> usize {
        text.lines().map(|line| line.chars().count()).max().unwrap()
    }

    #[test]
    fn it_holds_together_at_any_width() {
        for ascii in [false, true] {
            for width in [60, 80, 200] {
                let text = drawn(WALK, VMAS, RMAP, width, ascii);
                assert!(widest(&text) <= width, "{width}\n{text}");
                assert!(!ascii || text.is_ascii());
                for part in ["p4d[254]", "0x123", "= 0x205018123", "no fault"] {
                    assert!(text.contains(part), "{part}\n{text}");
                }
            }
        }
    }

    #[test]
    fn bits_are_those_of_the_machine() {
        let text = drawn(WALK, VMAS, RMAP, 80, true);
        for bits in ["48..", "47-39", "38-30", "29-21", "20-12", "11-0"] {
            assert!(text.contains(bits), "{bits}\n{text}");
        }
        // Four levels, a huge page.
        let walk = "\
level=pgd index=254 entry=denied value=0x418c067 next=0x418c000 kind=table folded=no
level=p4d index=254 entry=denied value=0x418c067 next=0x418c000 kind=table folded=yes
level=pud index=161 entry=denied value=0x418d067 next=0x418d000 kind=table folded=no
level=pmd index=448 entry=denied value=0x80000002052008e7 next=0x205200000 kind=page folded=no
pid=812 va=0x7f2878012345 pa=0x205212345 page=2M level=pmd perm=rw-u flags=accessed,dirty,nx
";
        let text = drawn(walk, VMAS, RMAP, 80, true);
        for part in [
            "39..",
            "38-30",
            "29-21",
            "20-0",
            "0x12345",
            "no such level",
            "page of 2M at 0x205200000",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn where_no_page_is_it_says_why() {
        let walk = "\
level=pgd index=0 entry=denied value=0x4189067 next=0x4189000 kind=table folded=no
level=p4d index=254 entry=denied value=0x0 next=- kind=none folded=no
pid=812 va=0x7f2878000123 pa=none why=not-populated level=p4d
";
        let text = drawn(walk, VMAS, "# end pa=0x0 rows=0\n", 80, true);
        for part in [
            "empty",
            "never touched",
            "minor fault: the zero page",
            "minor fault: a new page",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn those_who_share_are_named() {
        let rmap = "PID VA PAGE PERM COMM\n\
                812 0x7f2878000123 4K r--u sh\n\
                813 0x7f2878000123 4K r--u sh\n\
                814 0x1123 4K r--u cat\n\
                # end pa=0x205018123 rows=3 outside=2 busy=1\n";
        let text = drawn(WALK, VMAS, rmap, 200, true);
        for part in [
            "and 2 other mappings: sh (813), cat (814)",
            "2 mappings outside",
            "1 process could not",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
