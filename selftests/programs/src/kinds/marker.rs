// SPDX-License-Identifier: GPL-2.0

//! Entries that are neither a page nor empty: guards, poison, userfaultfd.

use crate::prelude::*;
use crate::sys::{
    uffd::{self, Uffd},
    MADV_GUARD_INSTALL,
};

const LEN: usize = 16 * PAGE;

pub fn guard() -> io::Result<Vec<Area>> {
    let area = Area::anonymous(LEN)?;
    // Installing a guard drops what was there.
    area.write();
    area.advise(MADV_GUARD_INSTALL)?;
    Ok(vec![area])
}

/// The userfaultfd stays open with the process.
fn write_protected(area: Area) -> io::Result<Vec<Area>> {
    let uffd = Uffd::register(area, uffd::FEATURE_WP_UNPOPULATED, uffd::MODE_WP)?;
    uffd.protect(area, true)?;
    uffd.keep();
    Ok(vec![area])
}

/// Write-protected before it was touched: there is a marker and no page.
pub fn uffd_marker() -> io::Result<Vec<Area>> {
    write_protected(Area::anonymous(LEN)?)
}

pub fn uffd_protected() -> io::Result<Vec<Area>> {
    write_protected(super::base::anon()?[0])
}

pub fn poison() -> io::Result<Vec<Area>> {
    let area = Area::anonymous(LEN)?;
    let uffd = Uffd::register(area, uffd::FEATURE_POISON, uffd::MODE_MISSING)?;
    uffd.poison(area)?;
    uffd.keep();
    Ok(vec![area])
}

/// Takes a page of the machine's memory out of use until it is rebooted.
pub fn hwpoison() -> io::Result<Vec<Area>> {
    let area = Area::anonymous(3 * PAGE)?;
    area.write();
    let page = area.page(1);
    // The kernel tells this process of its loss.
    process::survive_sigbus();
    page.advise(libc::MADV_HWPOISON)?;
    Ok(vec![page])
}
