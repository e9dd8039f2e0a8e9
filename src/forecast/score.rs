//! How good somebody's forecasts were: Brier score and calibration.

use super::Percent;

/// Forecasts of the same percentage that came out the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// What was forecast.
    pub percent: Percent,
    /// Whether the claims survived.
    pub survived: bool,
    /// How many.
    pub times: i64,
}

/// How good somebody's forecasts were.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// How many count.
    pub forecasts: i64,
    /// Mean of (p − o)², o being 1 where the claim survived and 0 where it did not (Brier 1950): 0 is perfect, and whoever
    /// always says 50 % has 0.25.
    pub brier: f64,
    /// Tenths of the probabilities that have forecasts, in order.
    pub bins: Vec<Bin>,
}

/// Forecasts of about the same probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Which tenth: 0 is 0 to 10 %, 1 is 11 to 20 %, and so on.
    pub tenth: usize,
    /// How many.
    pub forecasts: i64,
    /// Mean of their probabilities, from 0 to 1.
    pub mean: f64,
    /// Share of the claims that survived.
    pub survived: f64,
}

impl Bin {
    /// Smallest percentage that falls in.
    pub fn from(&self) -> usize {
        if self.tenth == 0 {
            0
        } else {
            self.tenth * 10 + 1
        }
    }

    /// Largest percentage that falls in.
    pub fn to(&self) -> usize {
        self.tenth * 10 + 10
    }
}

/// The tenth that a probability falls into; each includes its upper end, as in scikit-learn's `calibration_curve`.
pub(super) fn tenth(percent: Percent) -> usize {
    usize::try_from((percent.get() - 1).max(0) / 10).unwrap_or(0)
}

impl Score {
    /// Of resolved forecasts; none without any.
    pub fn of(tallies: &[Tally]) -> Option<Self> {
        let (mut forecasts, mut squares) = (0, 0);
        // Forecasts, percent and survivals by tenth.
        let mut tenths = [(0, 0, 0); 10];
        for tally in tallies {
            let percent = i64::from(tally.percent.get());
            let off = if tally.survived {
                100 - percent
            } else {
                percent
            };
            forecasts += tally.times;
            squares += off * off * tally.times;
            let bin = &mut tenths[tenth(tally.percent)];
            bin.0 += tally.times;
            bin.1 += percent * tally.times;
            bin.2 += if tally.survived { tally.times } else { 0 };
        }
        if forecasts == 0 {
            return None;
        }
        let bin = |(tenth, (forecasts, percent, survived)): (usize, (i64, i64, i64))| Bin {
            tenth,
            forecasts,
            mean: percent as f64 / (forecasts * 100) as f64,
            survived: survived as f64 / forecasts as f64,
        };
        let filled = tenths.into_iter().enumerate();
        Some(Self {
            forecasts,
            brier: squares as f64 / (forecasts * 10_000) as f64,
            bins: filled.filter(|(_, bin)| bin.0 > 0).map(bin).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tallies(forecasts: &[(i64, bool)]) -> Vec<Tally> {
        let tally = |&(percent, survived): &(i64, bool)| Tally {
            percent: Percent::new(percent).expect("a percentage"),
            survived,
            times: 1,
        };
        forecasts.iter().map(tally).collect()
    }

    /// Brier score and, of each tenth that has forecasts, their mean and the share that survived, as
    /// `bench/forecast/golden.py` prints them.
    fn agrees(forecasts: &[(i64, bool)], brier: f64, bins: &[(f64, f64)]) {
        let score = Score::of(&tallies(forecasts)).expect("a score");
        assert!((score.brier - brier).abs() < 1e-12, "{score:?}");
        assert_eq!(score.bins.len(), bins.len(), "{score:?}");
        for (bin, (mean, survived)) in score.bins.iter().zip(bins) {
            assert!((bin.mean - mean).abs() < 1e-11, "{bin:?}");
            assert!((bin.survived - survived).abs() < 1e-11, "{bin:?}");
        }
    }

    #[test]
    fn every_edge_falls_where_scikit_learn_puts_it() {
        let edges = [
            0, 1, 10, 11, 20, 21, 30, 31, 40, 41, 50, 51, 60, 61, 70, 71, 80, 81, 90, 91, 99, 100,
        ];
        let forecasts: Vec<(i64, bool)> = edges
            .into_iter()
            .enumerate()
            .map(|(index, percent)| (percent, index % 3 != 0))
            .collect();
        agrees(
            &forecasts,
            0.347_777_272_727_272_77,
            &[
                (0.036_666_666_667, 0.666_666_666_667),
                (0.155, 0.5),
                (0.255, 0.5),
                (0.355, 1.0),
                (0.455, 0.5),
                (0.555, 0.5),
                (0.655, 1.0),
                (0.755, 0.5),
                (0.855, 0.5),
                (0.966_666_666_667, 0.666_666_666_667),
            ],
        );
    }

    #[test]
    fn a_person_scores_as_scikit_learn_says() {
        let forecasts = [
            (85, true),
            (85, false),
            (90, true),
            (65, true),
            (35, false),
            (20, true),
            (55, false),
            (70, true),
            (15, false),
            (95, true),
            (60, false),
            (5, false),
        ];
        agrees(
            &forecasts,
            0.201_666_666_666_666_66,
            &[
                (0.05, 0.0),
                (0.175, 0.5),
                (0.35, 0.0),
                (0.575, 0.0),
                (0.675, 1.0),
                (0.866_666_666_667, 0.666_666_666_667),
                (0.95, 1.0),
            ],
        );
        agrees(&[(100, false), (0, true)], 1.0, &[(0.0, 1.0), (1.0, 0.0)]);
    }

    #[test]
    fn the_same_said_several_times_counts_as_often() {
        let once = tallies(&[(70, true), (70, true), (20, false)]);
        let mut together = once[1..].to_vec();
        together[0].times = 2;
        assert_eq!(Score::of(&once), Score::of(&together));
        assert_eq!(Score::of(&[]), None);
        let half = Score::of(&tallies(&[(50, true), (50, false)])).expect("two");
        assert_eq!(half.brier, 0.25);
    }
}
