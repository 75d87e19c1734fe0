// SPDX-License-Identifier: GPL-2.0

//! What was measured, as `measure` printed it.

use std::{collections::BTreeMap, io};

/// One way to do the work of a benchmark: the median for each size.
#[derive(Clone, Debug)]
pub struct Series {
    /// What the way is called.
    pub name: String,
    /// Size and median, ascending.
    pub points: Vec<(f64, f64)>,
}

/// All samples.
#[derive(Debug, Default)]
pub struct Results {
    /// In the order in which they were measured.
    order: Vec<(String, String)>,
    samples: BTreeMap<(String, String, u64), Vec<f64>>,
}

impl Results {
    /// Parses the lines `BENCH,VARIANT,X,ROUND,VALUE,FOUND` after the header.
    pub fn parse(csv: &str) -> io::Result<Self> {
        let mut results = Self::default();
        for line in csv.lines().skip(1) {
            let fields: Vec<_> = line.split(',').collect();
            let &[bench, variant, x, _round, value, _found] = fields.as_slice() else {
                return Err(io::Error::other(format!("not a sample: {line:?}")));
            };
            let key = (bench.to_owned(), variant.to_owned());
            if !results.order.contains(&key) {
                results.order.push(key.clone());
            }
            let x = x.parse().map_err(io::Error::other)?;
            let value = value.parse().map_err(io::Error::other)?;
            let samples = results.samples.entry((key.0, key.1, x)).or_default();
            samples.push(value);
        }
        Ok(results)
    }

    /// The names of the benchmarks.
    pub fn benches(&self) -> Vec<&str> {
        let mut benches: Vec<&str> = self.order.iter().map(|(bench, _)| bench.as_str()).collect();
        benches.dedup();
        benches
    }

    /// The variants of a benchmark.
    pub fn series(&self, bench: &str) -> Vec<Series> {
        let of_bench = self.order.iter().filter(|(name, _)| name == bench);
        of_bench
            .map(|(_, variant)| Series {
                name: variant.clone(),
                points: self
                    .samples
                    .keys()
                    .filter(|key| key.0 == bench && key.1 == *variant)
                    .filter_map(|key| Some((key.2 as f64, self.median(bench, variant, key.2)?)))
                    .collect(),
            })
            .collect()
    }

    /// The sizes that a benchmark was measured with.
    pub fn sizes(&self, bench: &str) -> Vec<u64> {
        let of_bench = self.samples.keys().filter(|key| key.0 == bench);
        let mut sizes: Vec<_> = of_bench.map(|key| key.2).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// The median of a variant's samples.
    pub fn median(&self, bench: &str, variant: &str, x: u64) -> Option<f64> {
        let key = (bench.to_owned(), variant.to_owned(), x);
        let mut samples = self.samples.get(&key)?.clone();
        samples.sort_unstable_by(f64::total_cmp);
        samples.get(samples.len() / 2).copied()
    }

    /// How many samples there are of a variant.
    pub fn rounds(&self, bench: &str, variant: &str, x: u64) -> usize {
        let key = (bench.to_owned(), variant.to_owned(), x);
        self.samples.get(&key).map_or(0, Vec::len)
    }
}
