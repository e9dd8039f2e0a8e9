//! Mean of paired differences with Student's t.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Summary of paired differences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paired {
    /// Number of pairs.
    pub n: usize,
    /// Mean difference.
    pub mean: f64,
    /// Standard deviation of the differences (n − 1).
    pub sd: f64,
}

/// Summarises differences; `None` for fewer than two.
pub fn paired(differences: &[f64]) -> Option<Paired> {
    let n = differences.len();
    if n < 2 {
        return None;
    }
    let mean = differences.iter().sum::<f64>() / n as f64;
    // Around the largest, or the squares of huge differences would leave the finite numbers.
    let scale = differences
        .iter()
        .map(|d| (d - mean).abs())
        .fold(0.0, f64::max);
    if scale == 0.0 {
        return Some(Paired { n, mean, sd: 0.0 });
    }
    let squares: f64 = differences
        .iter()
        .map(|d| ((d - mean) / scale).powi(2))
        .sum();
    Some(Paired {
        n,
        mean,
        sd: scale * (squares / (n - 1) as f64).sqrt(),
    })
}

/// Sample skewness G₁, corrected for its bias (Joanes & Gill 1998). `None` for fewer than three values or no spread.
pub fn skewness(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let summary = paired(values).filter(|summary| summary.n > 2 && summary.sd > 0.0)?;
    let cubes: f64 = values
        .iter()
        .map(|value| ((value - summary.mean) / summary.sd).powi(3))
        .sum();
    Some(cubes * n / ((n - 1.0) * (n - 2.0)))
}

/// What the skewness of `n` normal values stays within, nine times in ten: 1.645 of its standard errors.
pub fn largest_skewness(n: usize) -> Option<f64> {
    let n = (n > 2).then_some(n as f64)?;
    let variance = 6.0 * n * (n - 1.0) / ((n - 2.0) * (n + 1.0) * (n + 3.0));
    Some(1.645 * variance.sqrt())
}

/// Student's quantile for a one-sided bound of the mean of `n` values at level `alpha`; `n` is two or more.
pub fn student_quantile(alpha: f64, n: usize) -> f64 {
    student(n).inverse_cdf(1.0 - alpha)
}

fn student(n: usize) -> StudentsT {
    StudentsT::new(0.0, 1.0, (n - 1) as f64).expect("two pairs or more")
}

impl Paired {
    fn standard_error(&self) -> f64 {
        self.sd / (self.n as f64).sqrt()
    }

    /// One-sided lower and upper bounds of the mean, each at level `alpha`.
    pub fn bounds(&self, alpha: f64) -> (f64, f64) {
        let half = student_quantile(alpha, self.n) * self.standard_error();
        (self.mean - half, self.mean + half)
    }

    /// t statistic against a mean of `null`.
    pub fn t(&self, null: f64) -> f64 {
        let distance = self.mean - null;
        if distance == 0.0 {
            return 0.0;
        }
        distance / self.standard_error()
    }

    /// One-sided p-value of "the mean is at most `null`".
    pub fn p_greater(&self, null: f64) -> f64 {
        student(self.n).sf(self.t(null))
    }

    /// One-sided p-value of "the mean is at least `null`".
    pub fn p_less(&self, null: f64) -> f64 {
        student(self.n).cdf(self.t(null))
    }
}
