// SPDX-License-Identifier: GPL-2.0

//! How the property tests run.

use proptest::test_runner::Config;

/// `times` as many cases as usual; `PROPTEST_CASES` in the environment changes what is usual.
///
/// A failure is printed with its smallest input and nothing is written into the source tree: who
/// fixes it keeps that input as a unit test.
pub fn config(times: u32) -> Config {
    let usual = Config::default();
    Config {
        cases: usual.cases.saturating_mul(times),
        failure_persistence: None,
        ..usual
    }
}
