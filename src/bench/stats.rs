//! Medians and spreads.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the values of all rounds lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Half of the values are not above this.
    pub median: u64,
    /// A quarter of the values are not above this.
    pub q1: u64,
    /// Three quarters of the values are not above this.
    pub q3: u64,
    /// The smallest.
    pub min: u64,
    /// The largest.
    pub max: u64,
}

impl Summary {
    /// Returns how these values lie, `None` of none.
    pub fn of(values: impl IntoIterator<Item = u64>) -> Option<Self> {
        let mut sorted: Vec<u64> = values.into_iter().collect();
        sorted.sort_unstable();
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let at = |quarter: usize| quantile(&sorted, quarter);
        Some(Self { median: at(2), q1: at(1), q3: at(3), min, max })
    }

    /// Returns the range of the middle half of the values, as a share of the median; zero where that is zero.
    pub fn spread(&self) -> f64 {
        if self.median == 0 { 0.0 } else { (self.q3 - self.q1) as f64 / self.median as f64 }
    }
}

/// Returns a quartile of sorted values, between two of them where it falls there.
fn quantile(sorted: &[u64], quarter: usize) -> u64 {
    let steps = (sorted.len() - 1) * quarter;
    let (at, rest) = (steps / 4, (steps % 4) as u128);
    let low = sorted[at];
    let high = sorted[(at + 1).min(sorted.len() - 1)];
    low + (u128::from(high - low) * rest / 4) as u64
}

/// Returns the median of the ratios of pairs, `None` where there is no pair; a pair with nothing below the line counts
/// for nothing.
pub fn median_ratio(pairs: impl IntoIterator<Item = (u64, u64)>) -> Option<f64> {
    let pairs = pairs.into_iter().filter(|it| it.1 > 0);
    let mut sorted: Vec<f64> = pairs.map(|(above, below)| above as f64 / below as f64).collect();
    sorted.sort_by(f64::total_cmp);
    let (&low, &high) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    // Documents are read by people too.
    Some(((low + high) / 2.0 * 1e4).round() / 1e4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(values: &[u64]) -> String {
        let it = Summary::of(values.iter().copied()).expect("there are values");
        format!("{} {} {} {} {}", it.min, it.q1, it.median, it.q3, it.max)
    }

    #[test]
    fn quartiles() {
        assert_eq!(Summary::of([]), None);
        assert_eq!(shown(&[7]), "7 7 7 7 7");
        assert_eq!(shown(&[10, 0]), "0 2 5 7 10");
        assert_eq!(shown(&[3, 1, 2]), "1 1 2 2 3");
        assert_eq!(shown(&[5, 1, 4, 2, 3]), "1 2 3 4 5");
        assert_eq!(Summary::of([u64::MAX, 0]).map(|it| it.median), Some(u64::MAX / 2));
    }

    #[test]
    fn spread_is_relative() {
        let spread = |values: &[u64]| Summary::of(values.iter().copied()).expect("there are values").spread();
        assert_eq!(spread(&[100, 100, 100, 500]), 1.0);
        assert_eq!(spread(&[100]), 0.0);
        assert_eq!(spread(&[0, 0]), 0.0);
    }

    #[test]
    fn ratios_are_of_pairs() {
        assert_eq!(median_ratio([]), None);
        assert_eq!(median_ratio([(1, 0)]), None);
        assert_eq!(median_ratio([(3, 1), (100, 10), (2, 2)]), Some(3.0));
        assert_eq!(median_ratio([(1, 1), (2, 1)]), Some(1.5));
    }
}
