// SPDX-License-Identifier: GPL-2.0

//! Questions that a command asks for a person, and what refusals mean.

use crate::{
    files::{self, Conversation},
    lines::{Keys, Table},
    Failure, Result,
};

/// Asks one question of a file. A refusal is a failure that says why in words.
pub fn ask(name: &'static str, question: &str) -> Result<String> {
    ask_of(&mut Conversation::open(name)?, question)
}

/// As [`ask`], of an open conversation.
pub fn ask_of(conversation: &mut Conversation, question: &str) -> Result<String> {
    let text = conversation.ask(question)?;
    let last = text.lines().next_back().unwrap_or_default();
    let keys = Keys::parse(last.strip_prefix("# end ").unwrap_or(last))?;
    match keys.get("error") {
        Some(_) => Err(refusal(&keys, question)),
        None => Ok(text),
    }
}

/// What a process is called, where the table of all names it.
pub fn name_of(pid: &str) -> Option<String> {
    let text = files::table("tasks").ok()?;
    let table = Table::parse(&text).ok()?;
    let row = table.rows.iter().find(|row| row[0] == pid)?;
    Some((*row.last()?).to_owned())
}

/// A process, with its name where that is known.
pub fn titled(pid: &str) -> String {
    match name_of(pid) {
        Some(name) => format!("process {pid} ({name})"),
        None => format!("process {pid}"),
    }
}

/// A refusal in words, with what to do.
pub fn refusal(keys: &Keys<'_>, question: &str) -> Failure {
    let why = keys.get("why").unwrap_or_default();
    let pid = keys.get("pid").unwrap_or("-");
    let error = keys.get("error").unwrap_or_default();
    let text = match why {
        "no-process" => format!("there is no process {pid}"),
        "kernel-thread" => format!(
            "process {pid} is a kernel thread: it has no memory of its own; ask about the kernel's \
             addresses: memintro explain kernel VA"
        ),
        "no-memory" => format!("process {pid} has ended, and given its memory back"),
        "busy" => format!("process {pid} kept its memory locked for half a second; ask again"),
        "retry" => "the page tables kept changing; ask again".to_owned(),
        "need-0x" => "an address needs 0x in front of it".to_owned(),
        "not-canonical" => "no address of this machine: it lies in neither half of the address space".to_owned(),
        "kernel-address" => "that is an address of the kernel; ask with the word kernel instead of a PID".to_owned(),
        "user-address" => "that is an address of processes; ask with a PID instead of the word kernel".to_owned(),
        "need-cap-syslog" => "questions about the kernel's addresses need CAP_SYSLOG".to_owned(),
        "kptr-restrict" => {
            "kernel.kptr_restrict=2 hides the kernel's addresses; type: sudo sysctl kernel.kptr_restrict=1"
                .to_owned()
        }
        "not-an-address" => "that is no address, or the end of a range is not behind its start".to_owned(),
        _ => "that is no question; see --help".to_owned(),
    };
    let text = format!("{text} ({error} {why}: {question})");
    // What no machine and no moment could answer.
    match error {
        "EINVAL" => Failure::Misuse(text),
        _ => Failure::Unanswered(text),
    }
}
