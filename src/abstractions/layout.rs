// SPDX-License-Identifier: GPL-2.0

//! What the kernel's half of the address space is divided into.

use super::{
    bindings,
    pgtable::untagged_addr, //
};
use crate::model::{
    addr::VirtAddr,
    layout::{
        Window,
        WINDOWS, //
    },
};
use kernel::prelude::*;

/// Returns the windows of the kernel's half, in any order: first those that there are, then empty
/// ones.
///
/// They never change, but for the end of the linear map and of vmemmap where memory is added.
///
/// # Examples
///
/// ```
/// use crate::abstractions::layout::windows;
///
/// for window in windows().iter().filter(|window| window.start < window.last) {
///     pr_info!("{} begins at {:x}\n", window.name, window.start.0);
/// }
/// ```
pub(crate) fn windows() -> [Window; WINDOWS] {
    let mut raw = [bindings::memintro_window::default(); WINDOWS];
    // CAST: there are a few.
    // SAFETY: As many windows may be written as is said.
    unsafe { bindings::memintro_windows(raw.as_mut_ptr(), WINDOWS as c_uint) };
    raw.map(|window| Window {
        name: match window.name.is_null() {
            true => "other",
            // SAFETY: A name that is not null is a string literal.
            false => unsafe { CStr::from_char_ptr(window.name) }
                .to_str()
                .unwrap_or("other"),
        },
        start: VirtAddr(window.start),
        last: VirtAddr(window.last),
    })
}

/// Returns an address in the code of the kernel's image, and one in its data.
///
/// # Examples
///
/// ```
/// use crate::abstractions::layout::image;
///
/// let (text, data) = image();
/// pr_info!("code at {:x}, data at {:x}\n", text.0, data.0);
/// ```
pub(crate) fn image() -> (VirtAddr, VirtAddr) {
    let (mut text, mut data) = (0, 0);
    // SAFETY: Both may be written.
    unsafe { bindings::memintro_image(&mut text, &mut data) };
    (untagged_addr(VirtAddr(text)), untagged_addr(VirtAddr(data)))
}
