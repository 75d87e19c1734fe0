// SPDX-License-Identifier: GPL-2.0

//! The rows of the tables.

use super::{
    answer::put_page_size,
    layout::{
        Mapped,
        Window, //
    },
    name::put_name,
    text::Line,
    PhysAddr,
    VirtAddr, //
};

/// Column widths that fit what real machines have; a wider value pushes its row to the right. The
/// headers are written with them.
mod width {
    pub(super) const PID: usize = 8;
    pub(super) const UID: usize = 7;
    pub(super) const STATE: usize = 6;
    pub(super) const THREADS: usize = 8;
    pub(super) const BYTES: usize = 12;
    pub(super) const ADDRESS: usize = 19;
    pub(super) const SIZE: usize = 7;
    pub(super) const KB: usize = 10;
    pub(super) const KIND: usize = 13;
    pub(super) const REGION: usize = 8;
    pub(super) const SPACE: usize = 18;
    pub(super) const PAGE: usize = 5;
}

/// A process, as `tasks` shows it.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The process ID.
    pub pid: u32,
    /// The parent's process ID, 0 if it has none in this namespace.
    pub ppid: u32,
    /// The effective user ID.
    pub uid: u32,
    /// The state's letter.
    pub state: u8,
    /// The number of threads.
    pub threads: u32,
    /// The task's own name.
    pub comm: &'a [u8],
}

impl Task<'_> {
    /// Writes the header of `tasks`.
    pub fn header(line: &mut Line<'_>) {
        line.put(b"PID     PPID    UID    STATE THREADS COMM").end();
    }

    /// Writes the row.
    pub fn row(&self, line: &mut Line<'_>) {
        line.dec(u64::from(self.pid)).pad(width::PID);
        line.dec(u64::from(self.ppid)).pad(width::PID);
        line.dec(u64::from(self.uid)).pad(width::UID);
        line.put_byte(self.state).pad(width::STATE);
        line.dec(u64::from(self.threads)).pad(width::THREADS);
        put_name(line, self.comm);
        line.end();
    }
}

/// A process and its heap, as `heapmax` shows it.
#[derive(Clone, Copy, Debug)]
pub struct Heap<'a> {
    /// The process ID.
    pub pid: u32,
    /// The size of the heap, in bytes.
    pub bytes: u64,
    /// The task's own name.
    pub comm: &'a [u8],
}

impl Heap<'_> {
    /// Writes the header of `heapmax`.
    pub fn header(line: &mut Line<'_>) {
        line.put(b"PID     HEAP_B      COMM").end();
    }

    /// Writes the row.
    pub fn row(&self, line: &mut Line<'_>) {
        line.dec(u64::from(self.pid)).pad(width::PID);
        line.dec(self.bytes).pad(width::BYTES);
        put_name(line, self.comm);
        line.end();
    }
}

/// A thread and its kernel stack, as `kstack` shows it.
#[derive(Clone, Copy, Debug)]
pub struct KernelStack<'a> {
    /// The thread's ID.
    pub tid: u32,
    /// The ID of its process.
    pub pid: u32,
    /// The state's letter.
    pub state: u8,
    /// The lowest address of the stack; `None` once it is freed.
    pub stack: Option<VirtAddr>,
    /// The saved stack pointer; `None` while the thread runs.
    pub sp: Option<VirtAddr>,
    /// The size of the stack, in bytes.
    pub size: u64,
    /// The task's own name.
    pub comm: &'a [u8],
}

impl KernelStack<'_> {
    /// Writes the header of `kstack`.
    pub fn header(line: &mut Line<'_>) {
        line.put(b"TID     PID     STATE STACK              SP                 ");
        line.put(b"SIZE_B USED_B COMM").end();
    }

    /// Returns the saved stack pointer and how far it is from the top of the stack.
    ///
    /// `None` unless the pointer lies in the stack: a pointer that was saved while the stack was
    /// being freed means nothing.
    fn depth(&self) -> Option<(VirtAddr, u64)> {
        let sp = self.sp?;
        let used = self.stack?.0.checked_add(self.size)?.checked_sub(sp.0)?;
        (1..=self.size).contains(&used).then_some((sp, used))
    }

    /// Writes the row.
    pub fn row(&self, line: &mut Line<'_>) {
        line.dec(u64::from(self.tid)).pad(width::PID);
        line.dec(u64::from(self.pid)).pad(width::PID);
        line.put_byte(self.state).pad(width::STATE);
        match self.stack {
            Some(stack) => line.hex(stack.0),
            None => line.put_byte(b'-'),
        };
        line.pad(width::ADDRESS);
        match self.depth() {
            Some((sp, used)) => {
                line.hex(sp.0).pad(width::ADDRESS);
                line.dec(self.size).pad(width::SIZE);
                line.dec(used).pad(width::SIZE);
            }
            None => {
                line.put_byte(b'-').pad(width::ADDRESS);
                line.dec(self.size).pad(width::SIZE);
                line.put_byte(b'-').pad(width::SIZE);
            }
        }
        put_name(line, self.comm);
        line.end();
    }
}

/// What an address space amounts to: bytes, but for the number of mappings.
///
/// The layout is that of `struct memintro_mm_stat`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct MmStat {
    /// The size of all mappings.
    pub total_vm: u64,
    /// Resident anonymous memory.
    pub anon: u64,
    /// Resident memory of files.
    pub file: u64,
    /// Resident shared memory.
    pub shmem: u64,
    /// Anonymous memory in swap.
    pub swap: u64,
    /// hugetlb memory, which is not part of the resident memory.
    pub hugetlb: u64,
    /// The page tables themselves.
    pub pgtables: u64,
    /// How many mappings there are.
    pub map_count: u64,
}

/// A process's memory, as `vm` shows it.
#[derive(Clone, Copy, Debug)]
pub struct Memory<'a> {
    /// The process ID.
    pub pid: u32,
    /// What its address space amounts to.
    pub stat: MmStat,
    /// The size of the heap, in bytes.
    pub heap: u64,
    /// The task's own name.
    pub comm: &'a [u8],
}

impl Memory<'_> {
    /// Writes the header of `vm`.
    pub fn header(line: &mut Line<'_>) {
        line.put(b"PID     VSZ_KB    RSS_KB    ANON_KB   FILE_KB   SHMEM_KB  SWAP_KB   ");
        line.put(b"HUGETLB_KB HEAP_B      PGTABLES_KB VMAS   COMM")
            .end();
    }

    /// Writes the row. The resident memory is the sum of the parts that are printed.
    pub fn row(&self, line: &mut Line<'_>) {
        let kb = |bytes: u64| bytes >> 10;
        let stat = &self.stat;
        let resident = stat.anon.saturating_add(stat.file);
        line.dec(u64::from(self.pid)).pad(width::PID);
        for bytes in [
            stat.total_vm,
            resident.saturating_add(stat.shmem),
            stat.anon,
            stat.file,
            stat.shmem,
            stat.swap,
        ] {
            line.dec(kb(bytes)).pad(width::KB);
        }
        line.dec(kb(stat.hugetlb)).pad(width::KB + 1);
        line.dec(self.heap).pad(width::BYTES);
        line.dec(kb(stat.pgtables)).pad(width::BYTES);
        line.dec(stat.map_count).pad(width::SIZE);
        put_name(line, self.comm);
        line.end();
    }
}

/// Memory of the module's own, as `kmem` shows it.
#[derive(Clone, Copy, Debug)]
pub struct KernelMemory {
    /// What kind of memory.
    pub kind: &'static str,
    /// Where it begins.
    pub va: VirtAddr,
    /// Its size in bytes.
    pub size: u64,
    /// What the formula of the linear map gives for `va`.
    pub pa_linear: PhysAddr,
    /// What the page tables say of `va`, and the size of that page as a shift.
    pub walked: Option<(PhysAddr, u8)>,
    /// The number of physically contiguous pieces.
    pub runs: u64,
}

impl KernelMemory {
    /// Writes the header of `kmem`.
    pub fn header(line: &mut Line<'_>) {
        line.put(b"KIND         VA                 SIZE_B PA_LINEAR          ");
        line.put(b"PA_WALK            PAGE RUNS AGREE").end();
    }

    /// Writes the row. The two addresses agree if the formula is right for every byte.
    pub fn row(&self, line: &mut Line<'_>) {
        line.put(self.kind.as_bytes()).pad(width::KIND);
        line.hex(self.va.0).pad(width::ADDRESS);
        line.dec(self.size).pad(width::SIZE);
        line.hex(self.pa_linear.0).pad(width::ADDRESS);
        match self.walked {
            Some((pa, shift)) => {
                line.hex(pa.0).pad(width::ADDRESS);
                put_page_size(line, shift);
            }
            None => {
                line.put_byte(b'-').pad(width::ADDRESS).put_byte(b'-');
            }
        }
        line.pad(width::PAGE);
        line.dec(self.runs).pad(width::PAGE);
        let agree = self.runs == 1 && self.walked.is_some_and(|(pa, _)| pa == self.pa_linear);
        line.put(if agree { b"yes" } else { b"no" }).end();
    }
}

/// A region of the address space, as `layout` shows it.
#[derive(Clone, Copy, Debug)]
pub struct Region {
    /// Its name, and where it is.
    pub region: Window,
    /// Whether it is mapped; `None` where that is not for all to say.
    pub mapped: Option<Mapped>,
}

impl Region {
    /// Writes the header of `layout`.
    pub fn header(line: &mut Line<'_>) {
        line.put(b"REGION  START              END                SIZE_KB           MAPPED");
        line.end();
    }

    /// Writes the row.
    pub fn row(&self, line: &mut Line<'_>) {
        let Window { name, start, last } = self.region;
        line.put(name.as_bytes()).pad(width::REGION);
        line.hex(start.0).pad(width::ADDRESS);
        line.hex_end(last).pad(width::ADDRESS);
        let kb = (last - start).wrapping_add(1) >> 10;
        line.dec(kb).pad(width::SPACE);
        line.put(self.mapped.map_or("-", Mapped::as_str).as_bytes())
            .end();
    }
}
