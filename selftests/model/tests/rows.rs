// SPDX-License-Identifier: GPL-2.0

//! Tests of `src/model/rows.rs`, the rows of tables, and `src/model/layout.rs`.

use memintro_model::model::{
    addr::{Halves, PhysAddr, VirtAddr},
    layout::{Mapped, Regions, Window},
    name::COMM_MAX,
    rows::{Heap, KernelMemory, KernelStack, Memory, MmStat, Region, Task},
    text::LINE_MAX,
};
use proptest::{collection::vec, prelude::*};

#[path = "support/common.rs"]
mod common;
#[path = "support/unescape.rs"]
mod unescape;
use common::{assert_aligned, fields, header, line};
use unescape::unescape;

/// The name that is longest when escaped.
const WIDEST: &[u8] = &[0xff; COMM_MAX];

/// A stack where x86 puts them.
const STACK: u64 = 0xffff_c900_0012_8000;

const THREAD: KernelStack<'static> = KernelStack {
    tid: 814,
    pid: 812,
    state: b'S',
    stack: Some(VirtAddr(STACK)),
    sp: Some(VirtAddr(STACK + 0x3d00)),
    size: 0x4000,
    comm: b"bash",
};

#[test]
fn headers_are_those_of_the_design() {
    let names = |header: String| header.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        names(header(Task::header)),
        "PID PPID UID STATE THREADS COMM"
    );
    assert_eq!(names(header(Heap::header)), "PID HEAP_B COMM");
    assert_eq!(
        names(header(KernelStack::header)),
        "TID PID STATE STACK SP SIZE_B USED_B COMM"
    );
}

#[test]
fn ordinary_rows_stand_under_their_header() {
    let task = Task {
        pid: 4194304,
        ppid: 4194303,
        uid: 65534,
        state: b'R',
        threads: 1234567,
        comm: b"bash",
    };
    assert_aligned(&header(Task::header), &line(|l| task.row(l)));
    let heap = Heap {
        pid: 1,
        bytes: 64 << 30,
        comm: b"init",
    };
    assert_aligned(&header(Heap::header), &line(|l| heap.row(l)));
    let head = header(KernelStack::header);
    assert_aligned(&head, &line(|l| THREAD.row(l)));
    let freed = KernelStack {
        stack: None,
        sp: None,
        ..THREAD
    };
    assert_aligned(&head, &line(|l| freed.row(l)));
    let memory = Memory {
        pid: 4194304,
        stat: MmStat::default(),
        heap: 64 << 30,
        comm: b"bash",
    };
    assert_aligned(&header(Memory::header), &line(|l| memory.row(l)));
    let kernel = KernelMemory {
        kind: "kernel-stack",
        va: VirtAddr(STACK),
        size: 0x4000,
        pa_linear: PhysAddr(STACK),
        walked: Some((PhysAddr(0x2_0000_0000), 12)),
        runs: 1000,
    };
    assert_aligned(&header(KernelMemory::header), &line(|l| kernel.row(l)));
}

#[test]
fn widest_rows_fit() {
    let task = Task {
        pid: u32::MAX,
        ppid: u32::MAX,
        uid: u32::MAX,
        state: b'S',
        threads: u32::MAX,
        comm: WIDEST,
    };
    let heap = Heap {
        pid: u32::MAX,
        bytes: u64::MAX,
        comm: WIDEST,
    };
    let stack = KernelStack {
        tid: u32::MAX,
        pid: u32::MAX,
        state: b'S',
        stack: Some(VirtAddr(1 << 63)),
        sp: Some(VirtAddr(1 << 63)),
        size: u64::MAX >> 1,
        comm: WIDEST,
    };
    let rows = [
        (header(Task::header), line(|l| task.row(l))),
        (header(Heap::header), line(|l| heap.row(l))),
        (header(KernelStack::header), line(|l| stack.row(l))),
    ];
    for (header, row) in rows {
        fields(&header, &row);
        // Far below, as the model's documentation says.
        assert!(row.len() < LINE_MAX / 2, "{row}");
    }
}

#[test]
fn a_thread_that_sleeps() {
    let row = line(|l| THREAD.row(l));
    assert_eq!(
        row.split_whitespace().collect::<Vec<_>>(),
        [
            "814",
            "812",
            "S",
            "0xffffc90000128000",
            "0xffffc9000012bd00",
            "16384",
            "768",
            "bash",
        ]
    );
}

/// STACK, SP and USED_B of a row; SIZE_B is always there.
fn stack_fields(thread: &KernelStack<'_>) -> [String; 3] {
    let (header, row) = (header(KernelStack::header), line(|l| thread.row(l)));
    let fields = fields(&header, &row);
    assert_eq!(fields[5], ("SIZE_B", &*thread.size.to_string()));
    [3, 4, 6].map(|place| fields[place].1.to_string())
}

#[test]
fn a_thread_that_runs_or_is_gone() {
    let running = KernelStack { sp: None, ..THREAD };
    assert_eq!(stack_fields(&running), ["0xffffc90000128000", "-", "-"]);
    // A stale pointer says nothing about a stack that is not there.
    for sp in [None, THREAD.sp] {
        let freed = KernelStack {
            stack: None,
            sp,
            ..THREAD
        };
        assert_eq!(stack_fields(&freed), ["-", "-", "-"]);
    }
}

#[test]
fn a_stack_pointer_outside_of_the_stack_is_not_shown() {
    let with = |sp| {
        let sp = Some(VirtAddr(sp));
        stack_fields(&KernelStack { sp, ..THREAD })
    };
    for sp in [0, STACK - 1, STACK + 0x4000, STACK + 0x4001, u64::MAX] {
        assert_eq!(with(sp)[1..], ["-", "-"], "{sp:#x}");
    }
    assert_eq!(with(STACK)[1..], ["0xffffc90000128000", "16384"]);
    assert_eq!(with(STACK + 0x3fff)[1..], ["0xffffc9000012bfff", "1"]);
}

fn comm() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(1u8..=255, 0..=COMM_MAX),
        Just(b"-".to_vec()),
        Just(b"denied".to_vec()),
        Just(b"# end".to_vec()),
        Just(b"PID".to_vec()),
        Just(b"a\n1 1 1 R 1 b".to_vec()),
    ]
}

fn state() -> impl Strategy<Value = u8> {
    prop::sample::select(b"RSDTtXZPI".to_vec())
}

proptest! {
    #![proptest_config(common::config(4))]

    #[test]
    fn task_rows(n in any::<[u32; 4]>(), state in state(), comm in comm()) {
        let [pid, ppid, uid, threads] = n;
        let task = Task { pid, ppid, uid, state, threads, comm: &comm };
        let (header, row) = (header(Task::header), line(|l| task.row(l)));
        let fields = fields(&header, &row);
        let expected = [
            ("PID", pid.to_string()),
            ("PPID", ppid.to_string()),
            ("UID", uid.to_string()),
            ("STATE", char::from(state).to_string()),
            ("THREADS", threads.to_string()),
        ];
        for (field, (name, value)) in fields.iter().zip(&expected) {
            prop_assert_eq!(*field, (*name, &**value));
        }
        prop_assert_eq!(unescape(fields[5].1.as_bytes()), Some(comm));
    }

    #[test]
    fn heap_rows(pid in any::<u32>(), bytes in any::<u64>(), comm in comm()) {
        let heap = Heap { pid, bytes, comm: &comm };
        let (header, row) = (header(Heap::header), line(|l| heap.row(l)));
        let fields = fields(&header, &row);
        prop_assert_eq!(fields[0], ("PID", &*pid.to_string()));
        prop_assert_eq!(fields[1], ("HEAP_B", &*bytes.to_string()));
        prop_assert_eq!(unescape(fields[2].1.as_bytes()), Some(comm));
    }

    // Whatever the numbers are: STACK + SIZE_B - USED_B is SP.
    #[test]
    fn stack_rows(
        ids in any::<[u32; 2]>(),
        state in state(),
        stack in prop::option::of(prop_oneof![any::<u64>(), Just(0), Just(u64::MAX)]),
        offset in prop::option::of(prop_oneof![0u64..0x5000, any::<u64>()]),
        size in prop_oneof![Just(0x4000), Just(0x8000), Just(0), any::<u64>()],
        comm in comm(),
    ) {
        let [tid, pid] = ids;
        let sp = offset.map(|offset| stack.unwrap_or(STACK).wrapping_add(offset));
        let thread = KernelStack {
            tid,
            pid,
            state,
            stack: stack.map(VirtAddr),
            sp: sp.map(VirtAddr),
            size,
            comm: &comm,
        };
        let [stack_field, sp_field, used_field] = stack_fields(&thread);
        prop_assert_eq!(stack_field == "-", stack.is_none());
        prop_assert_eq!(&sp_field == "-", &used_field == "-");
        if used_field != "-" {
            let used: u64 = used_field.parse().unwrap();
            let (stack, sp) = (u128::from(stack.unwrap()), u128::from(sp.unwrap()));
            prop_assert_eq!(stack + u128::from(size - used), sp);
            prop_assert!(used > 0 && used <= size);
            prop_assert_eq!(sp_field, format!("{sp:#x}"));
        } else if let (Some(stack), Some(sp)) = (stack, sp) {
            // Not inside, or a stack that would go round the address space.
            let inside = sp >= stack && sp - stack < size;
            prop_assert!(!inside || stack.checked_add(size).is_none());
        }
        let (header, row) = (header(KernelStack::header), line(|l| thread.row(l)));
        let fields = fields(&header, &row);
        prop_assert_eq!(fields[0], ("TID", &*tid.to_string()));
        prop_assert_eq!(fields[1], ("PID", &*pid.to_string()));
        prop_assert_eq!(fields[2], ("STATE", &*char::from(state).to_string()));
        prop_assert_eq!(unescape(fields[7].1.as_bytes()), Some(comm));
    }
}

fn halves(bits: u32) -> Halves {
    Halves {
        user_bits: bits,
        kernel_bits: bits,
    }
}

fn window(name: &'static str, start: u64, last: u64) -> Window {
    let (start, last) = (VirtAddr(start), VirtAddr(last));
    Window { name, start, last }
}

#[test]
fn a_window_inside_another_divides_it() {
    let windows = [
        window("vmalloc", 0xffff_8000_1000_0000, 0xffff_8fff_ffff_ffff),
        window("text", 0xffff_8000_2000_0000, 0xffff_8000_2fff_ffff),
        window("", 1, 0),
        window("fixmap", u64::MAX - 0xfff, u64::MAX),
    ];
    let regions: Vec<_> = Regions::new(&windows, halves(47)).collect();
    assert_eq!(
        regions,
        [
            window("user", 0, 0x7fff_ffff_ffff),
            window("hole", 0x8000_0000_0000, 0xffff_7fff_ffff_ffff),
            window("other", 0xffff_8000_0000_0000, 0xffff_8000_0fff_ffff),
            window("vmalloc", 0xffff_8000_1000_0000, 0xffff_8000_1fff_ffff),
            window("text", 0xffff_8000_2000_0000, 0xffff_8000_2fff_ffff),
            window("vmalloc", 0xffff_8000_3000_0000, 0xffff_8fff_ffff_ffff),
            window("other", 0xffff_9000_0000_0000, u64::MAX - 0x1000),
            window("fixmap", u64::MAX - 0xfff, u64::MAX),
        ]
    );
}

#[test]
fn rows_are_spelled_as_promised() {
    let row = |start, last, mapped| {
        let region = window("linear", start, last);
        line(|l| Region { region, mapped }.row(l))
    };
    let header = header(Region::header);
    let partly = Mapped {
        some: true,
        hole: true,
    };
    let text = row(0xffff_9efb_c000_0000, 0xffff_9efc_3ffd_efff, Some(partly));
    assert_aligned(&header, &text);
    assert_eq!(
        fields(&header, &text),
        [
            ("REGION", "linear"),
            ("START", "0xffff9efbc0000000"),
            ("END", "0xffff9efc3ffdf000"),
            ("SIZE_KB", "2097020"),
            ("MAPPED", "partly"),
        ]
    );
    assert_eq!(fields(&header, &row(0, u64::MAX, None))[4].1, "-");
    assert_eq!(
        fields(&header, &row(1 << 63, u64::MAX, None))[2].1,
        "0xffffffffffffffff"
    );
}

proptest! {
    #[test]
    fn regions_cover_everything_once(
        bits in 36u32..57,
        places in prop::collection::vec((any::<u64>(), any::<u64>()), 0..8),
    ) {
        let kernel = !0u64 << bits;
        let windows: Vec<_> = places
            .into_iter()
            .map(|(one, other)| window("window", one.min(other) | kernel, one.max(other) | kernel))
            .collect();
        let mut next = Some(VirtAddr(0));
        for region in Regions::new(&windows, halves(bits)) {
            prop_assert_eq!(next, Some(region.start));
            prop_assert!(region.start <= region.last);
            let inside = |va: VirtAddr| windows.iter().any(|window| (window.start..=window.last).contains(&va));
            for va in [region.start, region.last] {
                let name = match va {
                    _ if va.0 >> bits == 0 => "user",
                    _ if va.0 < kernel => "hole",
                    _ if inside(va) => "window",
                    _ => "other",
                };
                prop_assert_eq!(name, region.name);
            }
            next = region.last.next();
        }
        prop_assert_eq!(next, None);
    }
}
