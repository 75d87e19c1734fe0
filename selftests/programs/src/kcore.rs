// SPDX-License-Identifier: GPL-2.0

//! `/proc/kcore`: the kernel's memory as it is, as the segments of an ELF file.

use crate::prelude::*;

/// Where a segment is in memory, its size, and its place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    start: u64,
    size: u64,
    offset: u64,
}

/// The open file.
pub struct Kcore {
    file: File,
    segments: Vec<Segment>,
}

fn number(bytes: &[u8], at: usize, len: usize) -> u64 {
    let digits = bytes.iter().skip(at).take(len).rev();
    digits.fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

/// Parses the program headers of a little-endian 64-bit ELF file: elf(5).
fn segments(bytes: &[u8]) -> Vec<Segment> {
    let first = number(bytes, 32, 8) as usize;
    let (size, count) = (number(bytes, 54, 2) as usize, number(bytes, 56, 2) as usize);
    (0..count)
        .filter_map(|n| bytes.get(first + n * size..first + (n + 1) * size))
        .filter(|header| number(header, 0, 4) == 1)
        .map(|header| Segment {
            start: number(header, 16, 8),
            size: number(header, 40, 8),
            offset: number(header, 8, 8),
        })
        .collect()
}

impl Kcore {
    /// Opens it.
    pub fn open() -> io::Result<Self> {
        let mut file = File::open("/proc/kcore")?;
        let mut bytes = Vec::new();
        Read::by_ref(&mut file)
            .take(1 << 16)
            .read_to_end(&mut bytes)?;
        Ok(Self {
            segments: segments(&bytes),
            file,
        })
    }

    /// Reads memory at a kernel address.
    pub fn read(&self, va: u64, bytes: &mut [u8]) -> io::Result<()> {
        let segment = self
            .segments
            .iter()
            .find(|segment| {
                va.checked_sub(segment.start)
                    .is_some_and(|at| at < segment.size)
            })
            .ok_or_else(|| error!("kcore has no {va:#x}"))?;
        self.file
            .read_exact_at(bytes, segment.offset + (va - segment.start))
    }

    /// The ranges that it has: first and last address.
    pub fn ranges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.segments
            .iter()
            .map(|segment| (segment.start, segment.start + (segment.size - 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_found() {
        let mut bytes = vec![0; 64 + 2 * 56];
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = 2;
        bytes[64 + 56] = 1;
        bytes[64 + 56 + 9] = 0x20;
        bytes[64 + 56 + 23] = 0xff;
        bytes[64 + 56 + 41] = 0x10;
        let segment = Segment {
            start: 0xff << 56,
            size: 0x1000,
            offset: 0x2000,
        };
        assert_eq!(segments(&bytes), [segment]);
    }
}
