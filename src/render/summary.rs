//! Mean, spread and number of values, as they are pasted into papers.

use super::number;
use serde::Serialize;

/// What several runs came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Summary {
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation with n − 1; null of one value.
    pub sd: Option<f64>,
    /// How many values.
    pub n: usize,
}

impl Summary {
    /// Of these values; none of none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Self {
            mean,
            sd: (n > 1).then(|| (squares / (n - 1) as f64).sqrt()),
            n,
        })
    }

    /// Both numbers to the digits that the spread leaves meaning to: two of the spread itself.
    fn digits(&self) -> (String, Option<String>) {
        let Some(sd) = self.sd.filter(|sd| *sd > 0.0) else {
            return (number::digits(self.mean), self.sd.map(|_| "0".to_owned()));
        };
        let places = 1 - sd.log10().floor() as i32;
        if !(0..=12).contains(&places) {
            return (format!("{:.0}", self.mean), Some(format!("{sd:.0}")));
        }
        let places = places as usize;
        (
            format!("{:.places$}", self.mean),
            Some(format!("{sd:.places$}")),
        )
    }

    /// `0.123 ± 0.012 (8)`.
    pub fn text(&self) -> String {
        let (mean, sd) = self.digits();
        let mean = mean.replace('-', "−");
        match sd {
            Some(sd) => format!("{mean} ± {sd} ({})", self.n),
            None => format!("{mean} ({})", self.n),
        }
    }

    /// The same in LaTeX's mathematics.
    pub fn latex(&self) -> String {
        let (mean, sd) = self.digits();
        match sd {
            Some(sd) => format!("${mean} \\pm {sd}$ ({})", self.n),
            None => format!("${mean}$ ({})", self.n),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_says_how_many_digits_there_are() {
        for (values, text) in [
            ([0.1, 0.2, 0.3].as_slice(), "0.20 ± 0.10 (3)"),
            (&[-1234.5, -1238.5], "−1236.5 ± 2.8 (2)"),
            (&[1e-6, 2e-6], "0.00000150 ± 0.00000071 (2)"),
            (&[100.0, 5000.0], "2550 ± 3465 (2)"),
            (&[0.5], "0.500 (1)"),
            (&[2.0, 2.0], "2.00 ± 0 (2)"),
        ] {
            assert_eq!(Summary::of(values).expect("values").text(), text);
        }
        assert_eq!(Summary::of(&[]), None);
        let latex = Summary::of(&[0.1, 0.2, 0.3]).expect("values").latex();
        assert_eq!(latex, "$0.20 \\pm 0.10$ (3)");
    }
}
