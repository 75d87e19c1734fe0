// SPDX-License-Identifier: GPL-2.0

//! The command line. `--help`, the man pages and the completions are made from it.

// Of a command's arguments it would be printed instead of what the command does.
#![allow(missing_docs)]

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::{ArgValueCandidates, CompletionCandidate};

use crate::{files, lines::Table, look::LookArgs};

const EXAMPLES: &str = "\
Examples:
  memintro vm --sort RSS_KB --top 5        the largest processes
  memintro explain 812 0x7f2878000000      what is there, and what a touch would do
  memintro map 812                         its address space, drawn
  memintro walk 812 0x7f2878000000 --json  one question, for a program
  memintro walk <questions >answers        as many questions as there are lines

Exit status: 0; 1 if something was not answered, or the module cannot be asked; 2 on misuse.
All of it needs root: sudo memintro ...";

/// Ask the kernel module memintro about memory
///
/// Tables, single questions, and millions of them are handed on as the files in
/// /proc/memintro give them (see memintro(5)); other commands draw and explain what
/// these say.
#[derive(Debug, Parser)]
#[command(name = "memintro", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub look: LookArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// What can be asked for.
///
/// What a command takes is put together only when it is called, or helped with.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Every process: PID, parent, user, state, threads, name
    Tasks(TableArgs),
    /// The memory of every process: size, exact RSS, swap, heap, page tables
    Vm(TableArgs),
    /// The process with the largest heap
    Heapmax(TableArgs),
    /// Every thread's kernel stack: where it is, how deep it is used
    Kstack(TableArgs),
    /// Kinds of kernel memory: what __pa() gives, and what the page tables say
    Kmem(TableArgs),
    /// What the address space is divided into, with the kernel's half as this boot has it
    Layout(TableArgs),
    /// The page behind an address: PID VA, or kernel VA; levels may follow
    Walk(QuestionArgs),
    /// The mappings of a process, and how much of each is there: PID, PID VA, PID START-END
    Vmas(QuestionArgs),
    /// Physically contiguous runs: PID, PID START-END, kernel START-END
    Extents(QuestionArgs),
    /// Every mapping of a physical page, in every process: PA; PA kernel; PA-PA: who has how much
    Rmap(QuestionArgs),
    /// What a page frame is used for: PA, PID VA, kernel VA, or PA-PA totals
    Page(QuestionArgs),
    /// What the page tables of a process cost, by level: PID
    Tables(QuestionArgs),
    /// What is at an address: its way through the tables, and what a touch would do
    Explain(PlaceArgs),
    /// The address space of a process as bars, a line per mapping
    Map(MapArgs),
    /// Who maps a physical page, or the page behind an address
    Who(WhoArgs),
    /// What two processes have in common, physically, by mapping
    Shared(SharedArgs),
    /// How long the physically contiguous runs of a process are
    Contiguous(ContiguousArgs),
    /// What is touched, freed, swapped and moved from look to look, by mapping
    Watch(WatchArgs),
    /// What is writable and executable, in a process or in the kernel
    Wx(WxArgs),
    /// The memory of all processes by name or by cgroup, as OpenMetrics text
    ///
    /// For the textfile collector of Prometheus' node_exporter, for example:
    /// memintro metrics >/var/lib/prometheus/node-exporter/memintro.prom
    Metrics(MetricsArgs),
    /// Check whether memintro can work on this machine, and say what to type
    Doctor,
}

impl Cli {
    /// What a parser would make of a table or a question without options, which need none: to
    /// prepare one takes as long as to ask.
    pub fn without_options(args: impl Iterator<Item = OsString>) -> Option<Self> {
        let plain = |arg: OsString| arg.into_string().ok().filter(|arg| !arg.starts_with('-'));
        let mut args = args
            .skip(1)
            .map(plain)
            .collect::<Option<Vec<_>>>()?
            .into_iter();
        let name = args.next()?;
        let table = TableArgs::default();
        let words = QuestionArgs {
            question: args.collect(),
            json: false,
        };
        let command = match (name.as_str(), words.question.is_empty()) {
            ("tasks", true) => Command::Tasks(table),
            ("vm", true) => Command::Vm(table),
            ("heapmax", true) => Command::Heapmax(table),
            ("kstack", true) => Command::Kstack(table),
            ("kmem", true) => Command::Kmem(table),
            ("layout", true) => Command::Layout(table),
            ("walk", _) => Command::Walk(words),
            ("vmas", _) => Command::Vmas(words),
            ("extents", _) => Command::Extents(words),
            ("rmap", _) => Command::Rmap(words),
            ("page", _) => Command::Page(words),
            ("tables", _) => Command::Tables(words),
            _ => return None,
        };
        Some(Self {
            look: LookArgs::default(),
            command,
        })
    }
}

// How a table is shown.
#[derive(Debug, Default, Args)]
pub struct TableArgs {
    /// Sort by this column: sizes from the largest, anything else from the lowest
    #[arg(long, value_name = "COLUMN")]
    pub sort: Option<String>,
    /// Sort the other way round
    #[arg(long, requires = "sort")]
    pub reverse: bool,
    /// Only the first N rows
    #[arg(long, value_name = "N")]
    pub top: Option<usize>,
    /// Only these columns, in this order
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// One JSON object for each row
    #[arg(long)]
    pub json: bool,
    /// Comma-separated values
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

// A question; without one, each line of standard input is one.
#[derive(Debug, Args)]
pub struct QuestionArgs {
    /// The words of one question; without any, each line of standard input is a question
    #[arg(value_name = "QUESTION", add = ArgValueCandidates::new(pids_or_kernel))]
    pub question: Vec<String>,
    /// One JSON object for each line of the answers
    #[arg(long)]
    pub json: bool,
}

// An address of a process, or of the kernel.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// A process, or the word kernel
    #[arg(value_name = "PID|kernel", add = ArgValueCandidates::new(pids_or_kernel))]
    pub pid: String,
    /// An address, such as 0x7f2878000000
    #[arg(value_name = "VA")]
    pub va: String,
}

// What is drawn as bars.
#[derive(Debug, Args)]
pub struct MapArgs {
    /// A process
    #[arg(add = ArgValueCandidates::new(pids))]
    pub pid: String,
    /// Only the N mappings that have most pages
    #[arg(long, value_name = "N")]
    pub top: Option<usize>,
    /// Draw it into this file instead, for a browser
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

// A page, by its own address or by one that maps it.
#[derive(Debug, Args)]
pub struct WhoArgs {
    /// A physical address; or a process and an address of it
    #[arg(value_name = "PA | PID VA", num_args = 1..=2, required = true)]
    pub place: Vec<String>,
}

// Two processes.
#[derive(Debug, Args)]
pub struct SharedArgs {
    /// A process
    #[arg(add = ArgValueCandidates::new(pids))]
    pub pid: String,
    /// The process that it is compared with
    #[arg(value_name = "PID", add = ArgValueCandidates::new(pids))]
    pub other: String,
}

// A process, or a part of it.
#[derive(Debug, Args)]
pub struct ContiguousArgs {
    /// A process
    #[arg(add = ArgValueCandidates::new(pids))]
    pub pid: String,
    /// Only this part of it
    #[arg(value_name = "START-END")]
    pub range: Option<String>,
}

// A process that is looked at again and again.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// A process
    #[arg(add = ArgValueCandidates::new(pids))]
    pub pid: String,
    /// From one look to the next
    #[arg(short = 'n', long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub interval: f64,
    /// End after N looks; without it, when the process does
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
}

// A process, or the kernel.
#[derive(Debug, Args)]
pub struct WxArgs {
    /// A process; the kernel without one
    #[arg(add = ArgValueCandidates::new(pids))]
    pub pid: Option<String>,
}

// Sums over processes.
#[derive(Debug, Args)]
pub struct MetricsArgs {
    /// What the processes of a sum have in common: their name, or their cgroup
    #[arg(long, value_enum, value_name = "LABEL", default_value = "comm")]
    pub by: Label,
}

/// What the processes of a sum have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Label {
    Comm,
    Cgroup,
}

/// A time that can be slept for.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(n) if (0.01..=86400.0).contains(&n) => Ok(n),
        _ => Err("it takes seconds, from 0.01 to 86400".to_owned()),
    }
}

/// The processes that can be asked about, for completion: the table `vm` has those that have
/// memory.
fn pids() -> Vec<CompletionCandidate> {
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
fn pids_or_kernel() -> Vec<CompletionCandidate> {
    let mut all = pids();
    all.push(CompletionCandidate::new("kernel"));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_says_what_a_command_does() {
        let mut all = Cli::command();
        all.build();
        let about = |name: &str| {
            let command = all.find_subcommand(name).unwrap();
            command.get_about().unwrap().to_string()
        };
        assert!(about("walk").starts_with("The page behind an address"));
        assert!(about("map").starts_with("The address space of a process"));
    }

    #[test]
    fn words_of_a_question_may_come_before_and_after_options() {
        for words in ["walk --json 1 0x1000 levels", "walk 1 0x1000 levels --json"] {
            let cli = Cli::try_parse_from(["memintro"].into_iter().chain(words.split(' ')));
            let Ok(Command::Walk(args)) = cli.map(|cli| cli.command) else {
                panic!("{words}");
            };
            assert!(args.json);
            assert_eq!(args.question.join(" "), "1 0x1000 levels");
        }
    }

    #[test]
    fn without_options_no_parser_is_needed() {
        let both = |line: &str| {
            let words = || ["memintro"].into_iter().chain(line.split(' '));
            let short = Cli::without_options(words().map(OsString::from));
            (short, Cli::try_parse_from(words()))
        };
        for line in [
            "tasks",
            "vm",
            "heapmax",
            "kstack",
            "kmem",
            "layout",
            "walk",
            "vmas 1",
            "extents 1",
            "rmap 0x1",
            "page 0x1000",
            "tables 1",
            "walk 1 0x1000 levels",
        ] {
            let (short, long) = both(line);
            let (short, long) = (short.unwrap(), long.unwrap());
            assert_eq!(format!("{short:?}"), format!("{long:?}"));
        }
        for line in [
            "help",
            "map 1",
            "walk 1 0x1000 --json",
            "--ascii walk",
            "tasks 1",
            "wlak",
        ] {
            assert!(both(line).0.is_none(), "{line}");
        }
    }

    #[test]
    fn times_are_checked() {
        assert_eq!(seconds("0.5"), Ok(0.5));
        for text in ["0", "-1", "nan", "inf", "1e9", "x"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
