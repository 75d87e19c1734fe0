// SPDX-License-Identifier: GPL-2.0

//! Rows of tables, from any values: as many fields as the header, none empty, each readable again;
//! and names: one field whatever is in them, and the same name again when it is read back.

#[path = "../../tests/support/unescape.rs"]
mod unescaping;

use super::{
    input::Input,
    lines::{self, address, fields, line, number},
};
use memintro_model::model::{
    addr::{PhysAddr, VirtAddr},
    name::{put_name, until_nul, COMM_MAX},
    question::PhysicalQuestion,
    rmap::{self, Hit},
    rows::{Heap, KernelMemory, KernelStack, Memory, MmStat, Task},
    text::Line,
};
use unescaping::unescape;

/// Writes a header and a row, and returns the row's fields but the last, which is a name.
fn named(
    header: impl FnOnce(&mut Line<'_>),
    row: impl FnOnce(&mut Line<'_>),
    comm: &[u8],
) -> Vec<String> {
    let text = line(row);
    let mut fields = fields(&line(header), &text);
    let name = fields.pop().expect("a name");
    assert_eq!(unescape(name.as_bytes()).as_deref(), Some(comm));
    fields.into_iter().map(String::from).collect()
}

fn check_task(input: &mut Input<'_>, comm: &[u8]) {
    let row = Task {
        pid: input.number() as u32,
        ppid: input.number() as u32,
        uid: input.number() as u32,
        state: b"RSDTtXZPI"[usize::from(input.byte()) % 9],
        threads: input.number() as u32,
        comm,
    };
    let fields = named(Task::header, |line| row.row(line), comm);
    let numbers = [row.pid, row.ppid, row.uid, row.threads].map(u64::from);
    assert_eq!(
        [0, 1, 2, 4].map(|field: usize| number(&fields[field])),
        numbers
    );
    assert_eq!(fields[3].as_bytes(), [row.state]);
}

fn check_heap(input: &mut Input<'_>, comm: &[u8]) {
    let row = Heap {
        pid: input.number() as u32,
        bytes: input.number(),
        comm,
    };
    let fields = named(Heap::header, |line| row.row(line), comm);
    assert_eq!(number(&fields[0]), row.pid.into());
    assert_eq!(number(&fields[1]), row.bytes);
}

fn check_stack(input: &mut Input<'_>, comm: &[u8]) {
    let row = KernelStack {
        tid: input.number() as u32,
        pid: input.number() as u32,
        state: b'S',
        stack: input.bit().then(|| VirtAddr(input.number())),
        sp: input.bit().then(|| VirtAddr(input.number())),
        size: input.number(),
        comm,
    };
    let fields = named(KernelStack::header, |line| row.row(line), comm);
    match row.stack {
        Some(stack) => assert_eq!(address(&fields[3]), stack.0),
        None => assert_eq!(fields[3], "-"),
    }
    assert_eq!(number(&fields[5]), row.size);
    // A stack pointer is shown with its depth or not at all, and lies in the stack.
    assert_eq!(fields[4] == "-", fields[6] == "-");
    if fields[4] != "-" {
        let (sp, used) = (address(&fields[4]), number(&fields[6]));
        let (stack, sp_given) = (row.stack.expect("a stack").0, row.sp.expect("a pointer").0);
        assert_eq!(sp, sp_given);
        assert!(sp >= stack && (1..=row.size).contains(&used));
        assert_eq!(
            u128::from(sp) + u128::from(used),
            u128::from(stack) + u128::from(row.size)
        );
    }
}

fn check_memory(input: &mut Input<'_>, comm: &[u8]) {
    let row = Memory {
        pid: input.number() as u32,
        stat: MmStat {
            total_vm: input.number(),
            anon: input.number(),
            file: input.number(),
            shmem: input.number(),
            swap: input.number(),
            hugetlb: input.number(),
            pgtables: input.number(),
            map_count: input.number(),
        },
        heap: input.number(),
        comm,
    };
    let fields = named(Memory::header, |line| row.row(line), comm);
    let kb = |field: usize| number(&fields[field]);
    let stat = row.stat;
    let expected = [
        stat.total_vm,
        stat.anon,
        stat.file,
        stat.shmem,
        stat.swap,
        stat.hugetlb,
        stat.pgtables,
    ];
    assert_eq!(
        [1, 3, 4, 5, 6, 7, 9].map(kb),
        expected.map(|bytes| bytes >> 10)
    );
    assert_eq!(
        [0, 8, 10].map(kb),
        [row.pid.into(), row.heap, stat.map_count]
    );
    assert!(kb(2) >= kb(3).max(kb(4)).max(kb(5)));
}

fn check_kernel(input: &mut Input<'_>) {
    let row = KernelMemory {
        kind: ["kmalloc", "kernel-stack"][usize::from(input.bit())],
        va: VirtAddr(input.number()),
        size: input.number(),
        pa_linear: PhysAddr(input.number()),
        walked: input
            .bit()
            .then(|| (PhysAddr(input.number()), input.byte())),
        runs: input.number(),
    };
    let text = line(|line| row.row(line));
    let header = line(KernelMemory::header);
    let fields = fields(&header, &text);
    assert_eq!(address(fields[1]), row.va.0);
    assert_eq!(address(fields[3]), row.pa_linear.0);
    match row.walked {
        Some((pa, _)) => assert_eq!(address(fields[4]), pa.0),
        None => assert_eq!(fields[4..6], ["-", "-"]),
    }
    let agree = row.runs == 1 && row.walked.is_some_and(|(pa, _)| pa == row.pa_linear);
    assert_eq!(fields[7], if agree { "yes" } else { "no" });
}

fn check_hit(input: &mut Input<'_>, comm: &[u8]) {
    let hit = Hit {
        va: VirtAddr(input.number()),
        shift: input.byte(),
        perm: input.number() as u32,
    };
    let pid = input.number() as u32;
    let pa = PhysAddr(hit.va.0);
    let page = |line: &mut Line<'_>| rmap::header(&PhysicalQuestion::Page(pa), line);
    let fields = named(page, |line| rmap::row(line, pid, &hit, comm), comm);
    assert_eq!(number(&fields[0]), pid.into());
    assert_eq!(address(&fields[1]), hit.va.0);
    let range = |line: &mut Line<'_>| rmap::header(&PhysicalQuestion::Range(pa, pa), line);
    let bytes = hit.va.0;
    let fields = named(range, |line| rmap::range_row(line, pid, bytes, comm), comm);
    assert_eq!(
        (number(&fields[0]), number(&fields[1])),
        (pid.into(), bytes >> 10)
    );
    let text = line(|line| rmap::kernel_row(line, &hit, "linear"));
    let head = line(|line| rmap::header(&PhysicalQuestion::Kernel(pa), line));
    assert_eq!(address(lines::fields(&head, &text)[0]), hit.va.0);
}

/// The first byte chooses the table; a name follows, and then the numbers.
pub fn check(bytes: &[u8]) {
    let mut input = Input(bytes);
    let table = input.byte();
    let comm = input.bytes(usize::from(table >> 4).min(COMM_MAX));
    match table % 6 {
        0 => check_task(&mut input, comm),
        1 => check_heap(&mut input, comm),
        2 => check_stack(&mut input, comm),
        3 => check_memory(&mut input, comm),
        4 => check_kernel(&mut input),
        _ => check_hit(&mut input, comm),
    }
}

/// The bytes are the name.
pub fn check_name(bytes: &[u8]) {
    let mut room = vec![0; 4 * bytes.len() + 1];
    let mut line = Line::new(&mut room);
    put_name(&mut line, bytes);
    assert!(line.is_whole());
    let text = line.as_bytes();
    assert!(text.iter().all(|byte| matches!(byte, 0x21..=0x7e)));
    assert!(!text.is_empty());
    assert_eq!(unescape(text).as_deref(), Some(bytes));

    let cut = until_nul(bytes);
    assert!(bytes.starts_with(cut) && !cut.contains(&0));
    assert!(cut.len() == bytes.len() || bytes[cut.len()] == 0);
}
