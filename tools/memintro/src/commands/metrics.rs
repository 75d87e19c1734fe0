// SPDX-License-Identifier: GPL-2.0

//! `metrics`: the memory of all processes, by name or by cgroup, for a collector.

use std::{collections::BTreeMap, fmt::Write, fs};

use crate::{
    cli::{Label, MetricsArgs},
    files::{self, Conversation},
    lines::{unescape, Keys, Table},
    look, Failure, Result,
};

/// What is measured: its name, what it is, and how much there is of it in a sum.
struct Metric {
    name: &'static str,
    help: &'static str,
    of: fn(&Sum) -> u64,
}

const fn metric(name: &'static str, help: &'static str, of: fn(&Sum) -> u64) -> Metric {
    Metric { name, help, of }
}

static METRICS: [Metric; 10] = [
    metric(
        "memintro_processes",
        "Processes that have memory of their own.",
        |sum| sum.processes,
    ),
    metric(
        "memintro_resident_bytes",
        "RSS; what several share is counted for each.",
        |sum| sum.rss,
    ),
    metric("memintro_swap_bytes", "Anonymous memory in swap.", |sum| {
        sum.swap
    }),
    metric(
        "memintro_page_table_bytes",
        "Page tables of processes.",
        |sum| sum.tables,
    ),
    metric(
        "memintro_largest_heap_bytes",
        "The largest heap of a process.",
        |sum| sum.heap,
    ),
    metric(
        "memintro_present_bytes",
        "Mapped memory that has a page.",
        |sum| sum.present,
    ),
    metric(
        "memintro_huge_bytes",
        "The part of it behind entries above the pte level.",
        |sum| sum.huge,
    ),
    metric(
        "memintro_untouched_bytes",
        "Mapped memory that was never touched, or given back.",
        |sum| sum.empty,
    ),
    metric(
        "memintro_physical_runs",
        "Physically contiguous runs of pages.",
        |sum| sum.runs,
    ),
    metric(
        "memintro_largest_run_bytes",
        "The largest such run of a process.",
        |sum| sum.largest,
    ),
];

/// Sums over processes of one name, or of one cgroup.
#[derive(Default)]
struct Sum {
    processes: u64,
    rss: u64,
    swap: u64,
    tables: u64,
    heap: u64,
    present: u64,
    huge: u64,
    empty: u64,
    runs: u64,
    largest: u64,
}

/// Asks vm, and the totals of vmas and extents of every process.
pub fn run(args: &MetricsArgs) -> Result<bool> {
    let table = files::table("vm")?;
    let table = Table::parse(&table)?;
    let pid = column(&table, "PID")?;
    let questions: Vec<_> = table
        .rows
        .iter()
        .map(|row| format!("{} totals", row[pid]))
        .collect();
    let questions = questions.join("\n");
    let vmas = Conversation::open("vmas")?.ask(&questions)?;
    let extents = Conversation::open("extents")?.ask(&questions)?;
    let label = |pid: &str, comm: &str| match args.by {
        Label::Comm => unescape(comm).unwrap_or_else(|| comm.to_owned()),
        Label::Cgroup => cgroup(pid),
    };
    let sums = sums(&table, &vmas, &extents, label)?;
    let name = match args.by {
        Label::Comm => "comm",
        Label::Cgroup => "cgroup",
    };
    let text = text(name, &sums);
    look::print(&text)?;
    Ok(true)
}

/// The cgroup of a process, which no file of the module names: where the memory controller
/// is, or of version 2. Empty if the process has ended.
fn cgroup(pid: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    cgroup_of(&text).to_owned()
}

fn cgroup_of(text: &str) -> &str {
    let with = |controller: &str| {
        text.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            controllers
                .split(',')
                .any(|one| one == controller)
                .then_some(path)
        })
    };
    with("memory").or_else(|| with("")).unwrap_or_default()
}

fn column(table: &Table<'_>, name: &str) -> Result<usize> {
    let found = table.column(name);
    found.ok_or_else(|| {
        Failure::unanswered(format!("this version of the module has no column {name}"))
    })
}

fn sums(
    table: &Table<'_>,
    vmas: &str,
    extents: &str,
    label: impl Fn(&str, &str) -> String,
) -> Result<BTreeMap<String, Sum>> {
    let columns = ["PID", "RSS_KB", "SWAP_KB", "PGTABLES_KB", "HEAP_B", "COMM"];
    let mut places = [0; 6];
    for (place, name) in places.iter_mut().zip(columns) {
        *place = column(table, name)?;
    }
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    // An answer for each row, in their order; one that ended meanwhile has no numbers.
    let mut vmas = vmas.lines().map(ended);
    let mut extents = extents.lines().map(ended);
    for row in &table.rows {
        let [pid, rss, swap, tables, heap, comm] = places.map(|place| row[place]);
        let number = |text: &str| text.parse::<u64>().unwrap_or(0);
        let kb = |keys: &Keys<'_>, key: &str| keys.number(key).unwrap_or(0) << 10;
        let sum = sums.entry(label(pid, comm)).or_default();
        sum.processes += 1;
        sum.rss += number(rss) << 10;
        sum.swap += number(swap) << 10;
        sum.tables += number(tables) << 10;
        sum.heap = sum.heap.max(number(heap));
        if let Some(keys) = vmas.next().transpose()? {
            sum.present += kb(&keys, "present_kb");
            sum.huge += kb(&keys, "huge_kb");
            sum.empty += kb(&keys, "empty_kb");
        }
        if let Some(keys) = extents.next().transpose()? {
            sum.runs += keys.number("runs").unwrap_or(0);
            sum.largest = sum.largest.max(kb(&keys, "largest_kb"));
        }
    }
    Ok(sums)
}

fn ended(line: &str) -> Result<Keys<'_>> {
    Keys::parse(line.strip_prefix("# end ").unwrap_or(line))
}

fn text(label: &str, sums: &BTreeMap<String, Sum>) -> String {
    let mut out = String::new();
    for metric in &METRICS {
        let Metric { name, help, of } = metric;
        // A string takes all that is written to it.
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (value, sum) in sums {
            let value = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let _ = writeln!(out, "{name}{{{label}=\"{value}\"}} {}", of(sum));
        }
    }
    out + "# EOF\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_of_one_name_are_added_up() {
        let table = "PID RSS_KB SWAP_KB HEAP_B PGTABLES_KB COMM\n\
                     1 10 0 4096 4 sh\n\
                     2 20 4 8192 4 sh\n\
                     3 1 0 0 4 a\\042\\134\n";
        let vmas = "# end pid=1 rows=1 present_kb=10 huge_kb=0 empty_kb=5\n\
                    # end pid=2 error=ESRCH why=no-process\n\
                    # end pid=3 rows=1 present_kb=1 huge_kb=1 empty_kb=0\n";
        let extents = "# end pid=1 runs=3 largest_kb=8\n\
                       # end pid=2 runs=2 largest_kb=16\n\
                       # end pid=3 runs=1 largest_kb=1\n";
        let by_name = |_: &str, comm: &str| unescape(comm).unwrap();
        let sums = sums(&Table::parse(table).unwrap(), vmas, extents, by_name).unwrap();
        let text = text("comm", &sums);
        for line in [
            "memintro_processes{comm=\"sh\"} 2",
            "memintro_resident_bytes{comm=\"sh\"} 30720",
            "memintro_largest_heap_bytes{comm=\"sh\"} 8192",
            "memintro_present_bytes{comm=\"sh\"} 10240",
            "memintro_physical_runs{comm=\"sh\"} 5",
            "memintro_largest_run_bytes{comm=\"sh\"} 16384",
            "memintro_huge_bytes{comm=\"a\\\"\\\\\"} 1024",
        ] {
            assert!(text.lines().any(|one| one == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn a_cgroup_is_that_of_the_memory_controller_or_of_version_2() {
        assert_eq!(
            cgroup_of("0::/system.slice/a b.service\n"),
            "/system.slice/a b.service"
        );
        let both = "12:cpu,cpuacct:/x\n4:memory:/y:z\n0::/w\n";
        assert_eq!(cgroup_of(both), "/y:z");
        assert_eq!(cgroup_of("1:name=systemd:/s\n0::/w\n"), "/w");
        assert_eq!(cgroup_of(""), "");
    }
}
