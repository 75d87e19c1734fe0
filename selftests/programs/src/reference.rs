// SPDX-License-Identifier: GPL-2.0

//! The client of `selftests/reference`: what the kernel's own functions say
//! of kernel addresses.

use std::ops::RangeInclusive;

use crate::prelude::*;

const FOLDER: &str = "/proc/memintro_reference";
/// How many addresses one lookup takes.
pub const MOST: usize = 512;

/// So many addresses of a region are looked at in search of what is mapped.
const SCANNED: usize = 1 << 20;

const PRESENT: u64 = 1;
const HAS_PAGE: u64 = 2;
const IS_LINEAR: u64 = 4;
const HAS_LEVEL: u64 = 8;

/// What the kernel says of one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    flags: u64,
    level: usize,
    value: u64,
    pa: u64,
    page_pa: u64,
    linear_pa: u64,
}

impl Reply {
    fn when(self, flag: u64, value: u64) -> Option<u64> {
        (self.flags & flag != 0).then_some(value)
    }

    /// Where the walk ended: 0 in a page table, 1 in the table above, ...
    pub fn level(self) -> Option<usize> {
        (self.flags & HAS_LEVEL != 0).then_some(self.level)
    }

    /// The entry there; 0 where it is empty.
    pub fn value(self) -> Option<u64> {
        self.when(HAS_LEVEL, self.value)
    }

    /// The physical address by `lookup_address()`, or by the processor.
    pub fn pa(self) -> Option<u64> {
        self.when(PRESENT, self.pa)
    }

    /// The physical address by `vmalloc_to_page()`.
    pub fn page_pa(self) -> Option<u64> {
        self.when(HAS_PAGE, self.page_pa)
    }

    /// The physical address by `virt_to_phys()`.
    pub fn linear_pa(self) -> Option<u64> {
        self.when(IS_LINEAR, self.linear_pa)
    }

    /// How many bytes of addresses the entry stands for.
    fn span(self) -> u64 {
        1 << (12 + 9 * self.level)
    }
}

/// A region of the kernel's half of the address space.
#[derive(Clone, Debug)]
pub struct Region {
    /// Its name, as in answers.
    pub name: String,
    /// Its addresses.
    pub range: RangeInclusive<u64>,
    /// What an address of it without a page belongs to.
    hole: String,
}

impl Region {
    /// The name that an answer must give.
    pub fn at(&self, pa: Option<u64>) -> &str {
        match pa {
            Some(_) => &self.name,
            None => &self.hole,
        }
    }
}

/// The regions, by address; those of no name are `other`.
pub fn regions(first: u64) -> io::Result<Vec<Region>> {
    let mut named = Vec::new();
    for line in fs::read_to_string(format!("{FOLDER}/regions"))?.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let [name, start, end] = words[..] else {
            bail!("not a region: {line}");
        };
        named.push(Region {
            name: name.to_owned(),
            range: parse_hex(start)?..=parse_hex(end)? - 1,
            hole: name.to_owned(),
        });
    }
    if !named.iter().any(|region| region.name == "text") {
        split_image(&mut named)?;
    }
    named.sort_by_key(|region| *region.range.start());
    let mut all = Vec::new();
    let mut next = Some(first);
    let other = |range| Region {
        name: "other".to_owned(),
        range,
        hole: "other".to_owned(),
    };
    for region in named {
        match next {
            Some(next) if next < *region.range.start() => {
                all.push(other(next..=region.range.start() - 1));
            }
            Some(next) if next == *region.range.start() => {}
            _ => return Err(error!("{region:?} overlaps")),
        }
        next = region.range.end().checked_add(1);
        all.push(region);
    }
    all.extend(next.map(|next| other(next..=u64::MAX)));
    Ok(all)
}

/// Makes a region of the kernel's image where that lies among vmalloc's areas. Of
/// its holes nothing tells that they are no area's.
fn split_image(named: &mut Vec<Region>) -> io::Result<()> {
    let symbols = fs::read_to_string("/proc/kallsyms")?;
    let symbol = |name: &str| {
        let mut lines = symbols.lines();
        lines
            .find_map(|line| line.strip_suffix(name)?.split(' ').next())
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .ok_or_else(|| error!("kallsyms has no{name}"))
    };
    let (start, end) = (symbol(" _text")?, symbol(" _end")?.next_multiple_of(4096));
    let around = named
        .iter_mut()
        .find(|region| region.range.contains(&start) && region.range.contains(&end))
        .ok_or_else(|| error!("no region has {start:#x}-{end:#x}"))?;
    let mut image = around.clone();
    let mut above = around.clone();
    image.name = "text".to_owned();
    image.range = start..=end - 1;
    above.range = end..=*around.range.end();
    around.range = *around.range.start()..=start - 1;
    named.extend([image, above]);
    named.retain(|region| !region.range.is_empty());
    Ok(())
}

/// The open lookup.
pub struct Reference(File);

impl Reference {
    /// Opens it.
    pub fn open() -> io::Result<Self> {
        let path = format!("{FOLDER}/lookup");
        Ok(Self(read_write(path)?))
    }

    /// Looks addresses up, at most [`MOST`].
    pub fn look_up(&mut self, addresses: &[u64]) -> io::Result<Vec<Reply>> {
        let bytes: Vec<u8> = addresses.iter().flat_map(|va| va.to_ne_bytes()).collect();
        let n = self.0.write(&bytes)?;
        ensure!(n == bytes.len(), "a write took {n} bytes");
        let mut bytes = vec![0; addresses.len() * 48];
        let n = self.0.read(&mut bytes)?;
        if n != bytes.len() {
            bail!("a read gave {n} bytes");
        }
        let word = |bytes: &[u8], i: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[8 * i..8 * i + 8]);
            u64::from_ne_bytes(word)
        };
        Ok(bytes
            .chunks_exact(48)
            .map(|bytes| Reply {
                flags: word(bytes, 0),
                level: word(bytes, 1) as usize,
                value: word(bytes, 2),
                pa: word(bytes, 3),
                page_pa: word(bytes, 4),
                linear_pa: word(bytes, 5),
            })
            .collect())
    }

    /// Whether it tells where a walk ends.
    pub fn knows_levels(&mut self, va: u64) -> io::Result<bool> {
        Ok(self.look_up(&[va])?[0].level().is_some())
    }

    /// The mapped ranges of a region, as they are at this moment; of a huge one,
    /// as KASAN's shadow of all addresses, those at its start.
    pub fn scan(&mut self, range: &RangeInclusive<u64>) -> io::Result<Vec<RangeInclusive<u64>>> {
        let mut runs: Vec<RangeInclusive<u64>> = Vec::new();
        let mut next = Some(*range.start());
        let (mut span, mut looked_at) = (0, 0);
        while let Some(va) = next.filter(|va| range.contains(va) && looked_at < SCANNED) {
            // The rest of a table is looked up at once.
            let batch: Vec<_> = match span {
                0 => vec![va],
                _ => (va..=*range.end())
                    .step_by(span)
                    .take((MOST * span - va as usize % (MOST * span)).div_ceil(span))
                    .collect(),
            };
            looked_at += batch.len();
            for (&va, reply) in batch.iter().zip(self.look_up(&batch)?) {
                // An entry above means that the table has ended.
                let start = va & !(reply.span() - 1);
                let last = start | (reply.span() - 1);
                if reply.pa().is_some() {
                    match runs.last_mut() {
                        Some(run) if run.end().wrapping_add(1) >= start => {
                            *run = *run.start()..=last;
                        }
                        _ => runs.push(start..=last),
                    }
                }
                next = last.checked_add(1);
                span = reply.span() as usize;
                if batch.len() > 1 && reply.span() as usize != batch_span(&batch) {
                    break;
                }
            }
        }
        Ok(runs)
    }
}

fn batch_span(batch: &[u64]) -> usize {
    (batch[1] - batch[0]) as usize
}
