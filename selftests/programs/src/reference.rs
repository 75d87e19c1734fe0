// SPDX-License-Identifier: GPL-2.0

//! The client of `selftests/reference`: what the kernel's own functions say of kernel
//! addresses; and `/proc/kcore`: the kernel's memory as it is.

use elf::{abi::PT_LOAD, endian::LittleEndian, segment::ProgramHeader, ElfStream};

use crate::prelude::*;

const DIRECTORY: &str = "/proc/memintro_reference";
pub const MOST: usize = 512;

/// How many addresses of a region are tried to find mapped ones.
const SCANNED: usize = 1 << 20;

const PRESENT: u64 = 1;
const HAS_PAGE: u64 = 2;
const IS_LINEAR: u64 = 4;
const HAS_LEVEL: u64 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Where the walk ended: 0 in a page table, 1 in the table above, ...
    pub level: Option<usize>,
    /// The entry there; 0 where it is empty.
    pub value: Option<u64>,
    /// The physical address by `lookup_address()`, or by the processor.
    pub pa: Option<u64>,
    /// By `vmalloc_to_page()`.
    pub page_pa: Option<u64>,
    /// By `virt_to_phys()`.
    pub linear_pa: Option<u64>,
}

impl Reply {
    fn of(bytes: &[u8]) -> Self {
        let words = to_words(bytes);
        let when = |flag, place: usize| (words[0] & flag != 0).then(|| words[place]);
        Self {
            level: when(HAS_LEVEL, 1).map(|level| level as usize),
            value: when(HAS_LEVEL, 2),
            pa: when(PRESENT, 3),
            page_pa: when(HAS_PAGE, 4),
            linear_pa: when(IS_LINEAR, 5),
        }
    }

    fn span(self) -> u64 {
        1 << (12 + 9 * self.level.unwrap_or(0))
    }
}

#[derive(Clone, Debug)]
pub struct Region {
    pub name: String,
    pub range: RangeInclusive<u64>,
    /// What an address of it without a page belongs to.
    hole: String,
}

impl Region {
    fn new(name: &str, range: RangeInclusive<u64>) -> Self {
        let (name, hole) = (name.to_owned(), name.to_owned());
        Self { name, range, hole }
    }

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
    for line in fs::read_to_string(format!("{DIRECTORY}/regions"))?.lines() {
        let words = line.split(' ').collect_tuple();
        let (name, start, end) = words.ok_or_else(|| error!("not a region: {line}"))?;
        named.push(Region::new(name, parse_hex(start)?..=parse_hex(end)? - 1));
    }
    if !named.iter().any(|region| region.name == "text") {
        split_image(&mut named)?;
    }
    named.sort_by_key(|region| *region.range.start());
    let mut all = Vec::new();
    let mut next = Some(first);
    let other = |range| Region::new("other", range);
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

/// Makes a region of the kernel's image where that lies among vmalloc's areas. Of its holes
/// nothing tells that they are no area's.
fn split_image(named: &mut Vec<Region>) -> io::Result<()> {
    let symbols = Symbols::read()?;
    let (start, end) = (
        symbols.at("_text")?,
        symbols.at("_end")?.next_multiple_of(4096),
    );
    let has_it = |it: &&mut Region| it.range.contains(&start) && it.range.contains(&end);
    let around = named.iter_mut().find(has_it);
    let around = around.ok_or_else(|| error!("no region has {start:#x}-{end:#x}"))?;
    let mut image = Region::new("text", start..=end - 1);
    let above = Region::new(&around.name, end..=*around.range.end());
    image.hole.clone_from(&around.name);
    around.range = *around.range.start()..=start - 1;
    named.extend([image, above]);
    named.retain(|region| !region.range.is_empty());
    Ok(())
}

/// The symbols of `/proc/kallsyms` by address, of the kernel itself (`-`) and of each module.
pub struct Symbols {
    of: HashMap<String, Vec<(u64, String)>>,
    text: std::ops::Range<u64>,
}

impl Symbols {
    pub fn read() -> io::Result<Self> {
        let mut of = HashMap::<String, Vec<(u64, String)>>::new();
        for line in fs::read_to_string("/proc/kallsyms")?.lines() {
            let mut words = line.split_ascii_whitespace();
            let (va, _, name) = words.next_tuple().ok_or_else(|| error!("{line:?}"))?;
            // What marks a place, not a thing: is_mapping_symbol() of the kernel.
            if [".L", "L0", "$"].iter().any(|mark| name.starts_with(mark)) {
                continue;
            }
            let va = u64::from_str_radix(va, 16).map_err(io::Error::other)?;
            let module = words.next().unwrap_or("-").trim_matches(['[', ']']);
            let all = of.entry(module.to_owned()).or_default();
            all.push((va, name.to_owned()));
        }
        of.values_mut()
            .for_each(|all| all.sort_by_key(|(va, _)| *va));
        let mut symbols = Self { of, text: 0..0 };
        symbols.text = symbols.at("_stext")?..symbols.at("_etext")?;
        Ok(symbols)
    }

    fn at(&self, name: &str) -> io::Result<u64> {
        let mut own = self.of.get("-").into_iter().flatten();
        let place = own.find(|(_, other)| other == name);
        place.map(|(va, _)| *va).ok_or_else(|| error!("no {name}"))
    }

    /// Says what is wrong with the symbol of an answer: the last of its module before the address
    /// is that.
    pub fn judge(&self, va: u64, answer: &Line<'_>) -> io::Result<()> {
        let [name, module] = ["symbol", "module"].map(|key| answer.get(key));
        if name == "-" {
            let nothing = [answer.get("offset"), module] == ["-", "-"];
            ensure!(nothing && !self.text.contains(&va), "no symbol");
            return Ok(());
        }
        let start = va.wrapping_sub(answer.hex("offset")?);
        let of_module = self.of.get(module).map_or(&[][..], Vec::as_slice);
        let before = &of_module[..of_module.partition_point(|(at, _)| *at <= va)];
        let last = before.iter().rev();
        let last = last.take_while(|(at, _)| Some(*at) == before.last().map(|(at, _)| *at));
        // What a value must not hold is told as `_`.
        let unfit = |c: char| !c.is_ascii_alphanumeric() && !".,:-".contains(c);
        let is = |(at, other): &(u64, String)| *at == start && other.replace(unfit, "_") == name;
        let right = last.clone().any(is);
        ensure!(
            right,
            "symbol at {start:#x}, but kallsyms has {:x?}",
            last.collect_vec()
        );
        Ok(())
    }
}

pub struct Reference(File);

impl Reference {
    pub fn open() -> io::Result<Self> {
        read_write(format!("{DIRECTORY}/lookup")).map(Self)
    }

    pub fn look_up(&mut self, addresses: &[u64]) -> io::Result<Vec<Reply>> {
        let bytes: Vec<u8> = addresses.iter().flat_map(|va| va.to_ne_bytes()).collect();
        let n = self.0.write(&bytes)?;
        ensure!(n == bytes.len(), "a write took {n} bytes");
        let mut bytes = vec![0; addresses.len() * 48];
        let n = self.0.read(&mut bytes)?;
        ensure!(n == bytes.len(), "a read gave {n} bytes");
        Ok(bytes.chunks_exact(48).map(Reply::of).collect())
    }

    /// The mapped ranges of a region, as they are at this moment; of a huge one, as KASAN's
    /// shadow of all addresses, those at its start.
    pub fn scan(&mut self, range: &RangeInclusive<u64>) -> io::Result<Vec<RangeInclusive<u64>>> {
        let mut runs: Vec<RangeInclusive<u64>> = Vec::new();
        let mut next = Some(*range.start());
        let (mut span, mut looked_at) = (0, 0);
        while let Some(va) = next.filter(|va| range.contains(va) && looked_at < SCANNED) {
            // The rest of a table is looked up at once.
            let count = |span: usize| (MOST * span - va as usize % (MOST * span)).div_ceil(span);
            let batch = match span {
                0 => vec![va],
                _ => Vec::from_iter((va..=*range.end()).step_by(span).take(count(span))),
            };
            looked_at += batch.len();
            for (&va, reply) in batch.iter().zip(self.look_up(&batch)?) {
                // An entry above means that the table has ended.
                let start = va & !(reply.span() - 1);
                let last = start | (reply.span() - 1);
                if reply.pa.is_some() {
                    match runs.last_mut() {
                        Some(run) if run.end().wrapping_add(1) >= start => {
                            *run = *run.start()..=last;
                        }
                        _ => runs.push(start..=last),
                    }
                }
                next = last.checked_add(1);
                span = reply.span() as usize;
                if batch.len() > 1 && reply.span() != batch[1] - batch[0] {
                    break;
                }
            }
        }
        Ok(runs)
    }
}

/// `/proc/kcore`, an ELF file whose segments are memory.
pub struct Kcore {
    file: File,
    segments: Vec<ProgramHeader>,
}

impl Kcore {
    pub fn open() -> io::Result<Self> {
        let file = File::open("/proc/kcore")?;
        // What is asked for is read, and that is the headers alone.
        let elf = ElfStream::<LittleEndian, _>::open_stream(&file).map_err(io::Error::other)?;
        let mut segments = elf.segments().clone();
        segments.retain(|segment| segment.p_type == PT_LOAD);
        Ok(Self { file, segments })
    }

    pub fn read(&self, va: u64, bytes: &mut [u8]) -> io::Result<()> {
        let has = |segment: &&ProgramHeader| va.wrapping_sub(segment.p_vaddr) < segment.p_memsz;
        let found = self.segments.iter().find(has);
        let segment = found.ok_or_else(|| error!("kcore has no {va:#x}"))?;
        self.file
            .read_exact_at(bytes, segment.p_offset + (va - segment.p_vaddr))
    }

    pub fn ranges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let segments = self.segments.iter();
        segments.map(|segment| (segment.p_vaddr, segment.p_vaddr + (segment.p_memsz - 1)))
    }
}
