// SPDX-License-Identifier: GPL-2.0

//! Capabilities: capget(2), capset(2).

use crate::prelude::*;

/// `CAP_SYSLOG`, include/uapi/linux/capability.h.
pub const SYSLOG: u32 = 34;

/// `_LINUX_CAPABILITY_VERSION_3`, and this thread.
const HEADER: [u32; 2] = [0x2008_0522, 0];

/// Effective, permitted and inheritable ones, first 32 of each, then the rest.
type Sets = [u32; 6];

fn get() -> io::Result<Sets> {
    let (mut header, mut sets) = (HEADER, Sets::default());
    // SAFETY: header and sets have the layout of that version.
    check(unsafe { libc::syscall(libc::SYS_capget, &mut header, &mut sets) } as libc::c_int)?;
    Ok(sets)
}

fn set(sets: &Sets) -> io::Result<()> {
    let mut header = HEADER;
    // SAFETY: as above; the sets are only read.
    check(unsafe { libc::syscall(libc::SYS_capset, &mut header, sets) } as libc::c_int).map(drop)
}

/// Does something without an effective capability, and takes it back after.
pub fn without<T>(capability: u32, act: impl FnOnce() -> T) -> io::Result<T> {
    let sets = get()?;
    let mut fewer = sets;
    fewer[3 * (capability as usize / 32)] &= !(1 << (capability % 32));
    if fewer == sets {
        bail!("it was not there");
    }
    set(&fewer)?;
    let result = act();
    set(&sets)?;
    Ok(result)
}
