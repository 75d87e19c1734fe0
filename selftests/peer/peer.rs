// SPDX-License-Identifier: GPL-2.0

//! Reads a record of another module's memory, and says where that is.
//!
//! `insmod memintro_peer.ko address=0x…`, with the VA of the kmalloc or the vmalloc object of
//! `/proc/memintro/kmem`, prints one line to the log. A wrong address makes loading fail with
//! `EFAULT` (nothing is mapped there), `EINVAL` (not a kernel address) or `ENOMSG` (no record).

use core::borrow::Borrow;
use kernel::{
    bindings,
    ffi::c_void,
    prelude::*, //
};

module! {
    type: Peer,
    name: "memintro_peer",
    authors: ["The memintro developers"],
    description: "Reads memintro's memory from another module",
    license: "GPL",
    params: {
        address: u64 {
            default: 0,
            description: "Kernel address of a record of memintro",
        },
    },
}

// What memintro writes: see sysfs-layout.md.
const ID: i64 = 1530;
const VALUE: i32 = 50;

/// The record that memintro's objects begin with.
#[derive(Default)]
#[repr(C)]
struct Record {
    id: i64,
    value: i32,
}

unsafe extern "C" {
    safe fn peer_pa_linear(va: u64) -> u64;
    fn peer_pa_walk(va: u64) -> u64;
}

struct Peer;

/// Copies the record at a kernel address that may be anything.
fn read(address: u64) -> Result<Record> {
    // The upper half of the address space has the highest bit set.
    if address >> 63 == 0 {
        return Err(EINVAL);
    }
    let mut record = Record::default();
    // SAFETY: The record may be written. The source may be anything: faults are handled, and
    // what is no kernel address is refused.
    kernel::error::to_result(unsafe {
        bindings::copy_from_kernel_nofault(
            (&raw mut record).cast::<c_void>(),
            address as *const c_void,
            size_of::<Record>(),
        ) as i32
    })
    // What can be no kernel address is not even tried.
    .map_err(|error| if error == ERANGE { EINVAL } else { error })?;
    if record.id != ID || record.value != VALUE {
        // The kernel's own constant is there since 7.3.
        return Err(Error::from_errno(-(bindings::ENOMSG as i32)));
    }
    Ok(record)
}

/// A parameter's value; before 7.3 there is only a reference to it.
fn plain(value: impl Borrow<u64>) -> u64 {
    *value.borrow()
}

impl kernel::Module for Peer {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let va = plain(module_parameters::address.value());
        let Record { id, value } = read(va)?;
        let linear = peer_pa_linear(va);
        // SAFETY: A record was just read there, and memintro keeps its objects while it is loaded.
        // If it is unloaded at this very moment the page may be unmapped, and loading a test
        // module fails loudly.
        let walk = unsafe { peer_pa_walk(va) };
        let agree = if linear == walk { "yes" } else { "no" };
        pr_info!(
            "va={va:#x} id={id} value={value} pa_linear={linear:#x} pa_walk={walk:#x} agree={agree}\n"
        );
        Ok(Peer)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        pr_info!("unloaded\n");
    }
}
