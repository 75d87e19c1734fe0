// SPDX-License-Identifier: GPL-2.0

//! `/proc/memintro/layout`: what the address space is divided into, as this boot has it.

use crate::{
    abstractions::{
        compat::local_interrupt_disable,
        kernel_pgtable::{
            pa_linear,
            step_kernel,
            KernelTables, //
        },
        layout::{
            image,
            windows, //
        },
        pgtable::paging,
        proc_fs::ProcFile,
        task::{
            being_killed,
            reschedule, //
        },
    },
    model::{
        addr::VirtAddr,
        layout::{
            Mapped,
            Regions,
            Window, //
        },
        pgtable::Entry,
        range::STEP_ENTRIES,
        rows,
        walk::walk_twice, //
    },
    protocol::{
        access::Access,
        snapshot::{
            Table,
            Text, //
        },
    },
};
use kernel::prelude::*;

/// The table.
pub(crate) struct LayoutTable;

/// Lets others run.
///
/// # Errors
///
/// `EINTR` when the reader is being killed.
fn pause() -> Result {
    if being_killed() {
        return Err(EINTR);
    }
    reschedule();
    Ok(())
}

/// Returns the last address, from `va` on `down` or up, as far as pages of the kernel's image reach:
/// where the page tables say what the image's formula does.
fn edge(mut va: VirtAddr, down: bool) -> Result<VirtAddr> {
    loop {
        pause()?;
        let page = {
            let irq = local_interrupt_disable();
            walk_twice(&KernelTables::new(&irq), va, None)
        };
        let outside = va.wrapping_add(if down { 1 } else { u64::MAX });
        let Some(page) = page.ok().filter(|page| page.pa == pa_linear(va)) else {
            return Ok(outside);
        };
        let inside = 1u64
            .checked_shl(u32::from(page.shift))
            .unwrap_or(0)
            .wrapping_sub(1);
        let next = match down {
            true => (va.0 & !inside).checked_sub(1),
            false => (va.0 | inside).checked_add(1),
        };
        let Some(next) = next else {
            return Ok(va);
        };
        va = VirtAddr(next);
    }
}

/// Finds out whether a region of the kernel's half is mapped.
fn mapped(region: &Window, buffer: &mut [Entry]) -> Result<Mapped> {
    let mut mapped = Mapped::default();
    let mut va = region.start;
    loop {
        pause()?;
        let found = step_kernel(va, region.last, buffer).map_err(|_unstable| EAGAIN)?;
        let mut reached = va;
        for piece in found.pieces() {
            if piece.is_present() || piece.is_zero() {
                mapped.some = true;
            } else {
                mapped.hole = true;
            }
            reached = piece.last;
        }
        if mapped.is_partly() || reached >= region.last {
            return Ok(mapped);
        }
        va = reached.wrapping_add(1);
    }
}

impl Table for LayoutTable {
    type Data = ();

    const ACCESS: Access = Access::Kernel;

    fn write(_data: &(), _file: &ProcFile, text: &mut Text) -> Result {
        let mut buffer = KVec::from_elem(Entry::default(), STEP_ENTRIES, GFP_KERNEL)?;
        let mut windows = windows();
        let (code, data) = image();
        if let Some(window) = windows.last_mut() {
            *window = Window {
                name: "text",
                start: edge(code, true)?,
                last: edge(data, false)?,
            };
        }
        text.line(rows::Region::header)?;
        for region in Regions::new(&windows, paging().1) {
            let mapped = match region.name {
                // That of each process is another; none; and KASAN's takes minutes.
                "user" | "hole" | "kasan" => None,
                _ => Some(mapped(&region, &mut buffer)?),
            };
            text.line(|line| rows::Region { region, mapped }.row(line))?;
        }
        Ok(())
    }
}
