// SPDX-License-Identifier: GPL-2.0

//! `compare-layout`: compares `/proc/memintro/layout` with the program headers of
//! `/proc/kcore`, which say where the kernel has its image, modules, vmalloc, memory and
//! its descriptions, and with what `/proc/memintro/walk` says of the ends of regions.

use crate::prelude::*;

/// What an image's last huge page may hold beyond it.
const HUGE: u64 = PAGE_2M as u64;

/// A region's name and addresses, and how much of it is mapped.
struct Region(String, RangeInclusive<u64>, String);

fn regions(wrong: &mut Vec<String>) -> io::Result<Vec<Region>> {
    let table = Table::read(format!("{PROC}/layout").as_ref(), header("layout"))?;
    let (mut regions, mut next) = (Vec::new(), Some(0));
    for row in table.rows {
        let (start, end, kb) = (hex(&row[1])?, hex(&row[2])?, number(&row[3])?);
        let last = if end == u64::MAX { end } else { end - 1 };
        let size = last.wrapping_sub(start).wrapping_add(1) >> 10;
        let follows = next == Some(start) && start <= last && kb == size;
        must!(wrong, follows, "{row:?} does not follow");
        next = last.checked_add(1);
        regions.push(Region(row[0].clone(), start..=last, row[4].clone()));
    }
    must!(wrong, next.is_none(), "the end is missing");
    Ok(regions)
}

/// The ends that are mapped have the region that walk tells.
fn compare_ends(regions: &[Region], wrong: &mut Vec<String>) -> io::Result<()> {
    let mut walk = Conversation::of("walk")?;
    for Region(name, range, mapped) in regions {
        if ["user", "hole", "other"].contains(&&**name) {
            continue;
        }
        for va in [*range.start(), *range.end()] {
            let answer = walk.walk("kernel", va)?;
            let is_mapped = answer.get("pa") != "none";
            let can_be = match &mapped[..] {
                "yes" => is_mapped,
                "no" => !is_mapped,
                "partly" | "-" => true,
                _ => false,
            };
            // Its word for KASAN's shadow is none of its own.
            let named = !is_mapped || name == "kasan" || answer.get("region") == name;
            let text = format!("{name} {mapped}: {va:#x}, and walk: {answer:?}");
            wrong.unless(can_be && named, text);
        }
    }
    Ok(())
}

pub fn run(_options: &mut Options) -> io::Result<bool> {
    let mut wrong = Vec::new();
    let regions = regions(&mut wrong)?;
    compare_ends(&regions, &mut wrong)?;
    let mut seen = BTreeSet::new();
    let headers = Kcore::open()?.ranges().collect_vec();
    let vmalloc = || regions.iter().filter(|region| region.0 == "vmalloc");
    for &(first, last) in &headers {
        let Some(Region(name, range, _)) = regions.iter().find(|it| it.1.contains(&first)) else {
            continue;
        };
        seen.insert(&**name);
        let right = match &name[..] {
            // The whole window; an image in it may divide it.
            "vmalloc" | "text" if vmalloc().any(|region| region.1.contains(&last)) => {
                let end = vmalloc().map(|region| *region.1.end()).max().unwrap_or(0);
                *range.start() == first && end >> 12 == last >> 12
            }
            "modules" => *range == (first..=last),
            "text" => {
                let end = *range.end();
                *range.start() == first && end >= last && end - last < HUGE
            }
            // Those of existing memory.
            "linear" | "vmemmap" => last <= *range.end(),
            // The page of vsyscall.
            _ => last - first < 4096,
        };
        let text = format!("{name}: {range:x?}, and kcore has {first:#x}-{last:#x}");
        wrong.unless(right, text);
    }
    for name in ["text", "vmalloc", "linear", "vmemmap"] {
        // An image in vmalloc's window begins where that does, or inside of it.
        let text = format!("{name}: kcore has no header in it");
        wrong.unless(seen.contains(name), text);
    }
    let (regions, headers, mismatches) = (regions.len(), headers.len(), show(&wrong));
    println!("regions={regions} headers={headers} mismatches={mismatches}");
    Ok(mismatches == 0)
}
