// SPDX-License-Identifier: GPL-2.0

//! memintro: answers to memory questions, from a shell.
//!
//! `/proc/memintro` holds tables, `/sys/kernel/memintro/walk` one answer. `sysfs-layout.md` says
//! what is in each file.

mod abstractions;
mod heapmax;
mod kstack;
pub mod model;
mod tasks;
mod walk;
mod walk_slot;

use abstractions::{
    conversation::Dialogue,
    proc_fs::Dir,
    snapshot::Snapshot,
    sysfs::{
        BinAttribute,
        Kobject, //
    },
};
use kernel::prelude::*;

module! {
    type: Memintro,
    name: "memintro",
    authors: ["The memintro developers"],
    description: "Answers memory questions from a shell",
    license: "GPL",
}

/// The loaded module. Fields are dropped in their order: the files go first.
#[pin_data(PinnedDrop)]
struct Memintro {
    #[pin]
    _walk: BinAttribute<walk_slot::WalkSlot>,
    _dir: Dir,
}

/// Makes `/proc/memintro` and its files.
fn proc_files() -> Result<Dir> {
    let dir = Dir::new(c"memintro")?;
    dir.create::<Snapshot<tasks::TaskTable>>(c"tasks", 0o400)?;
    dir.create::<Snapshot<heapmax::HeapMax>>(c"heapmax", 0o400)?;
    dir.create::<Snapshot<kstack::KernelStacks>>(c"kstack", 0o400)?;
    dir.create::<Dialogue<walk::WalkConversation>>(c"walk", 0o600)?;
    Ok(dir)
}

impl kernel::InPlaceModule for Memintro {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Memintro {
            _dir: proc_files()?,
            _walk <- BinAttribute::new(
                Kobject::new_in_kernel(c"memintro")?,
                c"walk",
                0o600,
                walk_slot::WalkSlot::new(),
            ),
            _: {
                pr_info!("loaded\n");
            },
        })
    }
}

#[pinned_drop]
impl PinnedDrop for Memintro {
    fn drop(self: Pin<&mut Self>) {
        pr_info!("unloaded\n");
    }
}
