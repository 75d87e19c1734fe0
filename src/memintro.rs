// SPDX-License-Identifier: GPL-2.0

//! memintro: answers to memory questions, from a shell.
//!
//! `/proc/memintro` holds tables, `/sys/kernel/memintro/walk` one answer. `sysfs-layout.md` says
//! what is in each file.

mod abstractions;
mod files;
pub mod model;
mod protocol;

use abstractions::{
    proc_fs::Dir,
    sysfs::{
        BinAttribute,
        Kobject, //
    }, //
};
use files::{
    extents,
    heapmax,
    kmem,
    kstack,
    rmap,
    tasks,
    vm,
    vmas,
    walk,
    walk_slot, //
};
use kernel::prelude::*;
use protocol::{
    conversation::Dialogue,
    snapshot::Snapshot, //
};

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
    _dir: Dir<kmem::Samples>,
}

/// Makes `/proc/memintro` and its files.
fn proc_files(module: &'static ThisModule) -> Result<Dir<kmem::Samples>> {
    let samples = KBox::new(kmem::Samples::new(module)?, GFP_KERNEL)?;
    let dir = Dir::new(c"memintro", samples)?;
    dir.create::<Snapshot<tasks::TaskTable>>(c"tasks", 0o400)?;
    dir.create::<Snapshot<heapmax::HeapMax>>(c"heapmax", 0o400)?;
    dir.create::<Snapshot<kstack::KernelStacks>>(c"kstack", 0o400)?;
    dir.create::<Snapshot<vm::MemoryTable>>(c"vm", 0o400)?;
    dir.create::<Snapshot<kmem::KernelMemoryTable>>(c"kmem", 0o400)?;
    dir.create::<Dialogue<walk::WalkConversation>>(c"walk", 0o600)?;
    dir.create::<Dialogue<vmas::VmasConversation>>(c"vmas", 0o600)?;
    dir.create::<Dialogue<extents::ExtentsConversation>>(c"extents", 0o600)?;
    dir.create::<Dialogue<rmap::RmapConversation>>(c"rmap", 0o600)?;
    Ok(dir)
}

impl kernel::InPlaceModule for Memintro {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Memintro {
            _dir: proc_files(module)?,
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
