// SPDX-License-Identifier: GPL-2.0

//! `compare-layout`: compares `/proc/memintro/layout` with the program headers of
//! `/proc/kcore`, which say where the kernel has its image, modules, vmalloc, memory and
//! its descriptions, and with what `/proc/memintro/walk` says of the ends of regions.
//!
//! Prints what differs, then `regions=N headers=N mismatches=N`. Exit status 1 if
//! anything differs.

use crate::prelude::*;
use crate::reference::Kcore;

/// What an image's last huge page may hold beyond it.
const HUGE: u64 = PAGE_2M as u64;

struct Region {
    name: String,
    start: u64,
    last: u64,
    kb: u64,
    mapped: String,
}

pub fn run(_options: &mut Options) -> io::Result<bool> {
    let table = Table::read(format!("{PROC}/layout").as_ref(), header("layout"))?;
    let mut regions = Vec::new();
    for row in &table.rows {
        let end = hex(&row[2])?;
        regions.push(Region {
            name: row[0].clone(),
            start: hex(&row[1])?,
            last: if end == u64::MAX { end } else { end - 1 },
            kb: number(&row[3])?,
            mapped: row[4].clone(),
        });
    }
    let mut wrong = Vec::new();
    // All addresses, each once.
    let mut next = Some(0);
    for region in &regions {
        let Region { start, last, .. } = *region;
        if next != Some(start) || start > last || region.kb != (last - start).wrapping_add(1) >> 10
        {
            wrong.push(format!(
                "{}: {start:#x}-{last:#x} does not follow",
                region.name
            ));
        }
        next = last.checked_add(1);
    }
    if next.is_some() {
        wrong.push("the end is missing".to_owned());
    }
    // The ends that are mapped have the region that walk tells.
    let mut walk = Conversation::of("walk")?;
    for region in &regions {
        if ["user", "hole", "other"].contains(&region.name.as_str()) {
            continue;
        }
        for va in [region.start, region.last] {
            let answer = walk.walk("kernel", va)?;
            let is_mapped = answer.get("pa") != "none";
            let can_be = match &region.mapped[..] {
                "yes" => is_mapped,
                "no" => !is_mapped,
                "partly" | "-" => true,
                _ => false,
            };
            // Its word for KASAN's shadow is none of its own.
            let named = !is_mapped || region.name == "kasan" || answer.get("region") == region.name;
            if !can_be || !named {
                wrong.push(format!(
                    "{} {}: {va:#x}, and walk: {answer:?}",
                    region.name, region.mapped
                ));
            }
        }
    }
    let mut seen = BTreeSet::new();
    let kcore = Kcore::open()?;
    let headers: Vec<_> = kcore.ranges().collect();
    for &(first, last) in &headers {
        let Some(region) = regions
            .iter()
            .find(|region| (region.start..=region.last).contains(&first))
        else {
            continue;
        };
        seen.insert(region.name.clone());
        let ends_in_vmalloc = regions
            .iter()
            .any(|region| region.name == "vmalloc" && (region.start..=region.last).contains(&last));
        let right = match &region.name[..] {
            // The whole window; an image in it may divide it.
            "vmalloc" | "text" if ends_in_vmalloc => {
                let all = regions.iter().filter(|region| region.name == "vmalloc");
                let end = all.map(|region| region.last).max().unwrap_or(0);
                region.start == first && end >> 12 == last >> 12
            }
            "modules" => (region.start, region.last) == (first, last),
            "text" => region.start == first && region.last >= last && region.last - last < HUGE,
            // Those of existing memory.
            "linear" | "vmemmap" => last <= region.last,
            // The page of vsyscall.
            _ => last - first < 4096,
        };
        if !right {
            wrong.push(format!(
                "{}: {:#x}-{:#x}, and kcore has {first:#x}-{last:#x}",
                region.name, region.start, region.last
            ));
        }
    }
    for name in ["text", "vmalloc", "linear", "vmemmap"] {
        // An image in vmalloc's window begins where that does, or inside of it.
        if !seen.contains(name) {
            wrong.push(format!("{name}: kcore has no header in it"));
        }
    }
    for line in wrong.iter().take(20) {
        println!("{line}");
    }
    println!(
        "regions={} headers={} mismatches={}",
        regions.len(),
        headers.len(),
        wrong.len()
    );
    Ok(wrong.is_empty())
}
