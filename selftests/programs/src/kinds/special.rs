// SPDX-License-Identifier: GPL-2.0

//! Mappings at special places, and those that every process has.

use std::env;

use super::mapped;
use crate::layout::Mode;
use crate::prelude::*;

const LEN: usize = 16 * PAGE;

/// Maps and touches memory at `start`.
fn at(start: usize) -> io::Result<Vec<Area>> {
    super::base::locked(Area::at(start, LEN, READ_WRITE)?)
}

/// The lowest addresses that may be mapped.
pub fn lowest() -> io::Result<Vec<Area>> {
    let text = fs::read_to_string("/proc/sys/vm/mmap_min_addr")?;
    let lowest = text.trim().parse().map_err(io::Error::other)?;
    at(PAGE.max(lowest))
}

/// Two places that only five levels reach: just above the lower half of
/// four levels, and the last 64 KiB below the end of user addresses.
pub fn high() -> io::Result<Vec<Area>> {
    let mode = Mode::of_this_machine()?;
    ensure!(mode.has_most(), "four levels");
    let mut areas = at(1 << mode.fewer_bits())?;
    areas.extend(at((1 << mode.bits) - PAGE - LEN)?);
    Ok(areas)
}

/// Where a PC has the ROM of its BIOS, and arm64's emulated machine its flash.
pub const BIOS: u64 = 0xf_0000;

/// Memory without a struct page behind the mapping.
pub fn pfnmap() -> io::Result<Vec<Area>> {
    let file = fs::File::open("/dev/mem")?;
    let (prot, flags) = (libc::PROT_READ, libc::MAP_SHARED);
    let area = Area::of_file_at(0, file, BIOS, LEN, prot, flags)?;
    area.read();
    Ok(vec![area])
}

pub fn vdso() -> io::Result<Vec<Area>> {
    let areas = mapped(|name| name == b"[vdso]")?;
    for area in &areas {
        area.read();
    }
    Ok(areas)
}

/// Not read directly: a page of it that this machine does not use would
/// raise SIGBUS.
pub fn vvar() -> io::Result<Vec<Area>> {
    // A call that the vDSO answers.
    std::hint::black_box(Instant::now());
    mapped(|name| name.starts_with(b"[vvar"))
}

/// Everything mapped from the program's own file.
pub fn text() -> io::Result<Vec<Area>> {
    let program = env::current_exe()?;
    mapped(|name| program.as_os_str().as_encoded_bytes() == name)
}
