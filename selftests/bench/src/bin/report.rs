// SPDX-License-Identifier: GPL-2.0

//! `report FOLDER [--judge]`: makes FOLDER/table.md and a plot for each
//! benchmark of FOLDER/samples.csv and FOLDER/machine.txt.
//!
//! The last line is `N passed, N failed`: what was not measured has failed, and
//! with `--judge` what missed its target. Exit status 1 if anything did.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use memintro_selftests::options::Options;

use memintro_bench::{
    plot::{draw, duration},
    results::Results,
    targets::{targets, CONVERSATION_MOST, MODULE_MOST},
};

/// What is drawn: the benchmark, its title, and what its work is counted in.
const PLOTS: &str = "\
tasks|Every process, as text|processes
memory|Memory of every process|processes
walk|Physical addresses of random pages|addresses
totals-4k|What is behind a range of 4K pages|MiB
totals-huge|What is behind a range of huge pages|MiB
totals-one-page|What is behind an empty range, one page touched|MiB
list-scattered|Every run of a range, scattered memory|MiB
list-contiguous|Every run of a range, contiguous memory|MiB
rmap|Who maps a page that each of N processes maps (41 MiB each)|processes";

/// The table in the making, and how many of its lines are good.
struct Table {
    text: String,
    judge: bool,
    passed: usize,
    failed: usize,
}

impl Table {
    fn verdict(&mut self, reached: bool) -> &'static str {
        if reached || !self.judge {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
        if reached {
            "reached"
        } else {
            "**missed**"
        }
    }

    fn speed(&mut self, results: &Results) {
        self.text += "| work | memintro | peer | | ratio | wanted | |\n";
        self.text += "|---|---:|---|---:|---:|---:|---|\n";
        for target in targets() {
            let Some(measured) = target.measured(results) else {
                println!("not ok {} was not measured", target.bench);
                self.failed += 1;
                continue;
            };
            let verdict = self.verdict(measured.ratio() <= target.most);
            self.text += &format!(
                "| {}: {} {} | {} | {} | {} | {:.3} | {:.3} | {} |\n",
                target.bench,
                measured.x,
                target.work,
                duration(measured.ours),
                target.peer,
                duration(measured.peer),
                measured.ratio(),
                target.most,
                verdict,
            );
        }
    }

    fn memory(&mut self, results: &Results) {
        self.text += "\n| memory | KiB | at most | |\n|---|---:|---:|---|\n";
        let mut rows = Vec::new();
        for series in results.series("memory-of-a-conversation") {
            let bytes = series.points.first().map_or(0.0, |point| point.1);
            let what = format!("an open `{}` with a full queue", series.name);
            rows.push((what, bytes, CONVERSATION_MOST));
        }
        let module = results.series("memory-of-the-module");
        let points = module.iter().flat_map(|series| &series.points);
        let bytes = points.map(|point| point.1).sum();
        rows.push(("the module with its samples".to_owned(), bytes, MODULE_MOST));
        if rows.len() < 5 {
            println!("not ok memory was not measured");
            self.failed += 1;
            return;
        }
        for (what, bytes, most) in rows {
            let verdict = self.verdict(bytes <= most);
            let (bytes, most) = (bytes / 1024.0, most / 1024.0);
            self.text += &format!("| {what} | {bytes:.0} | {most:.0} | {verdict} |\n");
        }
    }
}

fn report(folder: &Path, judge: bool) -> Result<bool, Box<dyn Error>> {
    let results = Results::parse(&fs::read_to_string(folder.join("samples.csv"))?)?;
    let machine = fs::read_to_string(folder.join("machine.txt"))?;
    let mut table = Table {
        text: String::new(),
        judge,
        passed: 0,
        failed: 0,
    };
    table.speed(&results);
    table.memory(&results);
    table.text += &format!("\n{machine}");
    for line in PLOTS.lines() {
        let words: Vec<_> = line.split('|').collect();
        let [bench, title, work] = words[..] else {
            return Err(line.into());
        };
        let series = results.series(bench);
        if !series.is_empty() {
            draw(&folder.join(format!("{bench}.svg")), title, work, &series)?;
        }
    }
    println!("{}", table.text);
    println!("{} passed, {} failed", table.passed, table.failed);
    fs::write(folder.join("table.md"), table.text)?;
    Ok(table.failed == 0)
}

fn main() -> ExitCode {
    let mut options = Options::of_process().1;
    let judge = options.flag("--judge");
    let Ok(folder) = options.word::<PathBuf>() else {
        eprintln!("usage: report FOLDER [--judge]");
        return ExitCode::from(2);
    };
    match report(&folder, judge) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("report: {error}");
            ExitCode::FAILURE
        }
    }
}
