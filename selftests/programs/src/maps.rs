// SPDX-License-Identifier: GPL-2.0

//! `/proc/PID/maps` and `/proc/PID/smaps`. (Names may hold any byte, which the crate
//! procfs refuses; and it makes a map of 25 strings for each mapping.)

use crate::prelude::*;

/// The amounts that are kept: others change with what other processes do.
const AMOUNTS: [&str; 9] = words(
    "KernelPageSize Rss Swap AnonHugePages ShmemPmdMapped FilePmdMapped Shared_Hugetlb \
     Private_Hugetlb Size",
);

/// A mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    /// The first address.
    pub start: u64,
    /// The address after the last.
    pub end: u64,
    /// The permissions, such as `rw-p`.
    pub perm: String,
    /// The name, as the file has it: a newline in it is `\012`.
    pub name: Vec<u8>,
    /// Of smaps: the amounts in KiB.
    kb: BTreeMap<String, u64>,
    /// Of smaps: the two-letter flags.
    flags: Vec<String>,
}

impl Mapping {
    /// One of the amounts of smaps that are kept, in KiB; 0 where this kernel
    /// does not have it.
    pub fn kb(&self, key: &str) -> u64 {
        self.kb.get(key).copied().unwrap_or(0)
    }

    /// Whether this is its name: in maps, a newline is escaped, and nothing
    /// else.
    pub fn is_named(&self, name: &[u8]) -> bool {
        let mut text = Vec::new();
        for &byte in name {
            match byte {
                b'\n' => text.extend_from_slice(b"\\012"),
                _ => text.push(byte),
            }
        }
        text == self.name
    }

    /// Whether smaps shows a flag.
    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.iter().any(|other| other == flag)
    }

    /// Whether its memory is without struct pages, so that pagemap shows it
    /// as empty.
    pub fn is_pfnmap(&self) -> bool {
        self.has_flag("pf")
    }

    /// Whether it is of hugetlb.
    pub fn is_hugetlb(&self) -> bool {
        self.has_flag("ht")
    }
}

/// Parses the line of a mapping.
fn parse_line(line: &[u8]) -> Option<Mapping> {
    // Of the name, only the blanks before it are not part.
    let mut fields = line.splitn(6, |&byte| byte == b' ');
    let mut text = || std::str::from_utf8(fields.next()?).ok();
    let (start, end) = text()?.split_once('-')?;
    let perm = text()?.to_owned();
    let (_offset, _device, _inode) = (text()?, text()?, text()?);
    let name = fields.next().unwrap_or_default();
    let blanks = name.iter().take_while(|&&byte| byte == b' ').count();
    Some(Mapping {
        start: u64::from_str_radix(start, 16).ok()?,
        end: u64::from_str_radix(end, 16).ok()?,
        perm,
        name: name[blanks..].to_vec(),
        ..Mapping::default()
    })
}

/// Parses the whole of maps or smaps, but for `[vsyscall]`, which belongs to
/// no process.
fn parse(text: &[u8]) -> Option<Vec<Mapping>> {
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in text.strip_suffix(b"\n")?.split(|&byte| byte == b'\n') {
        if line
            .first()
            .is_some_and(|first| !first.is_ascii_uppercase())
        {
            mappings.push(parse_line(line)?);
            continue;
        }
        let (key, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
        let mapping = mappings.last_mut()?;
        if key == "VmFlags" {
            mapping.flags = value.split_whitespace().map(str::to_owned).collect();
        } else if let (Some(kb), true) = (value.strip_suffix(" kB"), AMOUNTS.contains(&key)) {
            mapping.kb.insert(key.to_owned(), kb.trim().parse().ok()?);
        }
    }
    mappings.retain(|mapping| mapping.name != b"[vsyscall]");
    Some(mappings)
}

/// Reads one of the two files; a process without memory has none.
fn read(path: &Path) -> io::Result<Vec<Mapping>> {
    let text = fs::read(path)?;
    if text.is_empty() {
        return Ok(Vec::new());
    }
    parse(&text).ok_or_else(|| error!("cannot read {}", path.display()))
}

/// The mappings of a process, given its folder in `/proc`.
pub fn maps(folder: &Path) -> io::Result<Vec<Mapping>> {
    read(&folder.join("maps"))
}

/// The same with amounts and flags.
pub fn smaps(folder: &Path) -> io::Result<Vec<Mapping>> {
    read(&folder.join("smaps"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let text =
            b"1000-3000 r-xp 00000000 00:02 17                         /a b\\012 (deleted)\n\
            Rss:                   8 kB\n\
            THPeligible:           0\n\
            VmFlags: rd ex ht \n\
            7000-8000 rw-s 00000000 00:00 0 \n\
            ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";
        let mappings = parse(text).unwrap();
        assert_eq!(mappings.len(), 2);
        assert_eq!((mappings[0].start, mappings[0].end), (0x1000, 0x3000));
        assert_eq!(mappings[0].name, b"/a b\\012 (deleted)");
        assert_eq!((mappings[0].kb("Rss"), mappings[0].kb("Swap")), (8, 0));
        assert!(mappings[0].is_named(b"/a b\n (deleted)"));
        assert!(mappings[0].is_hugetlb() && !mappings[0].is_pfnmap());
        assert_eq!(
            (mappings[1].perm.as_str(), &mappings[1].name[..]),
            ("rw-s", &b""[..])
        );
    }
}
