// SPDX-License-Identifier: GPL-2.0

//! Processes, for completion: from the table `vm`, which names those that have memory.

use clap_complete::CompletionCandidate;

use crate::{files, lines::Table};

/// The processes that can be asked about.
pub fn candidates() -> Vec<CompletionCandidate> {
    let Ok(text) = files::table("vm") else {
        return Vec::new();
    };
    let Ok(table) = Table::parse(&text) else {
        return Vec::new();
    };
    let named = |row: &Vec<&str>| {
        let name = row.last().copied().unwrap_or_default().to_owned();
        CompletionCandidate::new(row[0]).help(Some(name.into()))
    };
    table.rows.iter().map(named).collect()
}

/// The processes, and the kernel.
pub fn candidates_or_kernel() -> Vec<CompletionCandidate> {
    let mut all = candidates();
    all.push(CompletionCandidate::new("kernel"));
    all
}
