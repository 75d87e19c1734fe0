// SPDX-License-Identifier: GPL-2.0

//! `/proc/kcore`: the kernel's memory as it is, as the segments of an ELF file.

use elf::{abi::PT_LOAD, endian::LittleEndian, segment::ProgramHeader, ElfStream};

use crate::prelude::*;

/// The open file.
pub struct Kcore {
    file: File,
    segments: Vec<ProgramHeader>,
}

impl Kcore {
    /// Opens it.
    pub fn open() -> io::Result<Self> {
        let file = File::open("/proc/kcore")?;
        // What is asked for is read, and that is the headers alone.
        let elf = ElfStream::<LittleEndian, _>::open_stream(&file).map_err(io::Error::other)?;
        let mut segments = elf.segments().clone();
        segments.retain(|segment| segment.p_type == PT_LOAD);
        Ok(Self { file, segments })
    }

    /// Reads memory at a kernel address.
    pub fn read(&self, va: u64, bytes: &mut [u8]) -> io::Result<()> {
        let has = |segment: &&ProgramHeader| va.wrapping_sub(segment.p_vaddr) < segment.p_memsz;
        let found = self.segments.iter().find(has);
        let segment = found.ok_or_else(|| error!("kcore has no {va:#x}"))?;
        self.file
            .read_exact_at(bytes, segment.p_offset + (va - segment.p_vaddr))
    }

    /// The ranges that it has: first and last address.
    pub fn ranges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let range =
            |segment: &ProgramHeader| (segment.p_vaddr, segment.p_vaddr + (segment.p_memsz - 1));
        self.segments.iter().map(range)
    }
}
