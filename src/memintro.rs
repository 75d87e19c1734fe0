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
    page::Watch,
    proc_fs::{
        Dir,
        File, //
    },
    sysfs::{
        BinAttribute,
        Kobject, //
    }, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use protocol::{
    conversation::Conversation,
    rows::RowsAnswer,
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
    _walk: BinAttribute<files::walk_slot::WalkSlot>,
    _proc: ProcFiles,
    /// Outlives the files, which read what it watches.
    _memory: Watch,
}

/// The files in `/proc/memintro`.
struct ProcFiles {
    _tasks: File<Snapshot<files::tasks::TaskTable>>,
    _heapmax: File<Snapshot<files::heapmax::HeapMax>>,
    _kstack: File<Snapshot<files::kstack::KernelStacks>>,
    _vm: File<Snapshot<files::vm::MemoryTable>>,
    _kmem: File<Snapshot<files::kmem::KernelMemoryTable>>,
    _layout: File<Snapshot<files::layout::LayoutTable>>,
    _walk: File<Conversation<files::walk::WalkAnswer>>,
    _vmas: File<Conversation<RowsAnswer<files::vmas::VmaRows>>>,
    _extents: File<Conversation<RowsAnswer<files::extents::ExtentRows>>>,
    _rmap: File<Conversation<RowsAnswer<files::rmap::MappingRows>>>,
    _tables: File<Conversation<RowsAnswer<files::tables::TableRows>>>,
    _page: File<Conversation<files::page::PageAnswer>>,
}

impl ProcFiles {
    fn new(module: &'static ThisModule) -> Result<Self> {
        let samples = files::kmem::Samples::new(module)?;
        let dir = Arc::new(Dir::new(c"memintro")?, GFP_KERNEL)?;
        Ok(ProcFiles {
            _tasks: File::new(&dir, c"tasks", 0o400, ())?,
            _heapmax: File::new(&dir, c"heapmax", 0o400, ())?,
            _kstack: File::new(&dir, c"kstack", 0o400, ())?,
            _vm: File::new(&dir, c"vm", 0o400, ())?,
            _kmem: File::new(&dir, c"kmem", 0o400, samples)?,
            _layout: File::new(&dir, c"layout", 0o400, ())?,
            _walk: File::new(&dir, c"walk", 0o600, ())?,
            _vmas: File::new(&dir, c"vmas", 0o600, ())?,
            _extents: File::new(&dir, c"extents", 0o600, ())?,
            _rmap: File::new(&dir, c"rmap", 0o600, ())?,
            _tables: File::new(&dir, c"tables", 0o600, ())?,
            _page: File::new(&dir, c"page", 0o600, ())?,
        })
    }
}

impl kernel::InPlaceModule for Memintro {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Memintro {
            _memory: Watch::new()?,
            _proc: ProcFiles::new(module)?,
            _walk <- BinAttribute::new(
                Kobject::new_in_kernel(c"memintro")?,
                c"walk",
                0o600,
                files::walk_slot::WalkSlot::new(),
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
