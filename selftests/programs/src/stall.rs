// SPDX-License-Identifier: GPL-2.0

//! How much longer a process takes for its memory while somebody examines it;
//! for the program of this name.

pub mod examiner;
pub mod target;
pub mod trace;

/// The value below which `of` of 1000 samples are; sorts them.
pub fn quantile(samples: &mut [u64], of: usize) -> u64 {
    samples.sort_unstable();
    let place = (samples.len() * of).div_ceil(1000).max(1) - 1;
    samples.get(place).copied().unwrap_or(0)
}

/// The middle one; sorts them.
pub fn median(samples: &mut [u64]) -> u64 {
    quantile(samples, 500)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_samples() {
        let mut samples: Vec<u64> = (1..=1000).rev().collect();
        assert_eq!(quantile(&mut samples, 999), 999);
        assert_eq!(quantile(&mut samples, 1000), 1000);
        assert_eq!(median(&mut samples), 500);
        assert_eq!(median(&mut [7]), 7);
        assert_eq!(median(&mut []), 0);
    }
}
