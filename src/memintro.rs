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
    proc_fs::{
        Dir,
        File, //
    },
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
use kernel::{
    prelude::*,
    sync::Arc, //
};
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
    _proc: ProcFiles,
}

/// The files in `/proc/memintro`.
struct ProcFiles {
    _tasks: File<Snapshot<tasks::TaskTable>>,
    _heapmax: File<Snapshot<heapmax::HeapMax>>,
    _kstack: File<Snapshot<kstack::KernelStacks>>,
    _vm: File<Snapshot<vm::MemoryTable>>,
    _kmem: File<Snapshot<kmem::KernelMemoryTable>>,
    _walk: File<Dialogue<walk::WalkConversation>>,
    _vmas: File<Dialogue<vmas::VmasConversation>>,
    _extents: File<Dialogue<extents::ExtentsConversation>>,
    _rmap: File<Dialogue<rmap::RmapConversation>>,
}

impl ProcFiles {
    fn new(module: &'static ThisModule) -> Result<Self> {
        let samples = kmem::Samples::new(module)?;
        let dir = Arc::new(Dir::new(c"memintro")?, GFP_KERNEL)?;
        Ok(ProcFiles {
            _tasks: File::new(&dir, c"tasks", 0o400, ())?,
            _heapmax: File::new(&dir, c"heapmax", 0o400, ())?,
            _kstack: File::new(&dir, c"kstack", 0o400, ())?,
            _vm: File::new(&dir, c"vm", 0o400, ())?,
            _kmem: File::new(&dir, c"kmem", 0o400, samples)?,
            _walk: File::new(&dir, c"walk", 0o600, ())?,
            _vmas: File::new(&dir, c"vmas", 0o600, ())?,
            _extents: File::new(&dir, c"extents", 0o600, ())?,
            _rmap: File::new(&dir, c"rmap", 0o600, ())?,
        })
    }
}

impl kernel::InPlaceModule for Memintro {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Memintro {
            _proc: ProcFiles::new(module)?,
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
