// SPDX-License-Identifier: GPL-2.0

//! `pin`: has the kernel pin a page for DMA, as a buffer of an io_uring, prints its
//! address and that of the page after it, which is not pinned, and rests.

use crate::prelude::*;

pub fn run(_options: &mut Options) -> io::Result<bool> {
    let area = Area::anonymous(2 * PAGE)?;
    area.huge_pages(false)?;
    area.write();
    // struct io_uring_params, all zeros.
    let mut params = [0u64; 15];
    let buffer = libc::iovec {
        iov_base: area.start as *mut libc::c_void,
        iov_len: PAGE,
    };
    const REGISTER_BUFFERS: usize = 0;
    // SAFETY: The kernel writes to the parameters alone, and the buffer stays mapped.
    let registered = unsafe {
        let ring = libc::syscall(libc::SYS_io_uring_setup, 1, &raw mut params);
        let buffer = &raw const buffer;
        libc::syscall(
            libc::SYS_io_uring_register,
            ring,
            REGISTER_BUFFERS,
            buffer,
            1,
        )
    };
    if registered != 0 {
        return Err(io::Error::last_os_error());
    }
    hold(&format!(
        "pinned {:#x}\nother {:#x}\n",
        area.start,
        area.start + PAGE
    ))
}
