// SPDX-License-Identifier: GPL-2.0

//! Mappings at special places, and those that every process has.

use std::env;

use super::mapped;
use crate::layout::Mode;
use crate::prelude::*;

const LEN: usize = 16 * PAGE;
const READ_WRITE: i32 = libc::PROT_READ | libc::PROT_WRITE;
const ANONYMOUS: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;

/// Maps and touches memory at `hint`, and fails where it comes to lie
/// elsewhere.
fn at(hint: usize, flags: i32) -> io::Result<Vec<Area>> {
    let area = Area::map(hint, LEN, READ_WRITE, ANONYMOUS | flags, -1)?;
    if area.start != hint {
        bail!("asked for {hint:#x}, got {:#x}", area.start);
    }
    area.write();
    area.lock()?;
    Ok(vec![area])
}

/// The lowest addresses that may be mapped.
pub fn lowest() -> io::Result<Vec<Area>> {
    let text = fs::read_to_string("/proc/sys/vm/mmap_min_addr")?;
    let lowest = text.trim().parse().map_err(io::Error::other)?;
    at(PAGE.max(lowest), libc::MAP_FIXED_NOREPLACE)
}

/// Two places that only five levels reach: just above the lower half of
/// four levels, and the last 64 KiB below the end of user addresses.
pub fn high() -> io::Result<Vec<Area>> {
    let mode = Mode::of_this_machine()?;
    if !mode.has_five() {
        bail!("four levels");
    }
    let mut areas = at(1 << mode.fewer_bits(), libc::MAP_FIXED_NOREPLACE)?;
    areas.extend(at(
        (1 << mode.bits) - PAGE - LEN,
        libc::MAP_FIXED_NOREPLACE,
    )?);
    Ok(areas)
}

/// Where a PC has the ROM of its BIOS, and arm64's emulated machine its flash.
pub const BIOS: u64 = 0xf_0000;

/// Memory without a struct page behind the mapping.
pub fn pfnmap() -> io::Result<Vec<Area>> {
    let file = fs::File::open("/dev/mem")?;
    let (prot, flags) = (libc::PROT_READ, libc::MAP_SHARED);
    let area = Area::map_at(LEN, prot, flags, file.as_raw_fd(), BIOS as i64)?;
    area.read();
    Ok(vec![area])
}

pub fn vdso() -> io::Result<Vec<Area>> {
    let areas = mapped(|name| name == "[vdso]")?;
    for area in &areas {
        area.read();
    }
    Ok(areas)
}

/// Not read directly: a page of it that this machine does not use would
/// raise SIGBUS.
pub fn vvar() -> io::Result<Vec<Area>> {
    sys::touch_vdso();
    mapped(|name| name.starts_with("[vvar"))
}

pub fn stack() -> io::Result<Vec<Area>> {
    mapped(|name| name == "[stack]")
}

pub fn heap() -> io::Result<Vec<Area>> {
    mapped(|name| name == "[heap]")
}

/// Everything mapped from the program's own file.
pub fn text() -> io::Result<Vec<Area>> {
    let program = env::current_exe()?;
    mapped(|name| program.as_os_str() == name)
}
