//! The mean of each arm's learning curves, with its spread over the seeds: on a logarithmic axis of the logarithms.

use super::curves::Line;
use std::collections::BTreeMap;

/// The mean of an arm's seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Mean {
    /// Which arm, by its place in the specification.
    pub arm: usize,
    /// Seeds that have a curve.
    pub seeds: usize,
    /// By step.
    pub points: Vec<MeanPoint>,
}

/// The mean at a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanPoint {
    /// Optimizer step.
    pub step: f64,
    /// The mean over the seeds; of logarithms it is the geometric one.
    pub mean: f64,
    /// One standard deviation below and above; none of a single seed.
    pub band: Option<[f64; 2]>,
}

/// The mean of each arm at the steps that all of its seeds reached; where one of them left the numbers, so does the mean.
pub(super) fn of(lines: &[Line], log: bool) -> Vec<Mean> {
    let mut arms: BTreeMap<usize, (usize, BTreeMap<u64, Vec<f64>>)> = BTreeMap::new();
    for line in lines.iter().filter(|line| !line.points.is_empty()) {
        let (seeds, steps) = arms.entry(line.arm).or_default();
        *seeds += 1;
        for (step, value) in &line.points {
            steps.entry(*step as u64).or_default().push(*value);
        }
    }
    arms.into_iter()
        .map(|(arm, (seeds, steps))| {
            let points = steps
                .into_iter()
                .filter(|(_, values)| values.len() == seeds)
                .map(|(step, values)| mean(step as f64, values, log))
                .collect();
            Mean { arm, seeds, points }
        })
        .collect()
}

fn mean(step: f64, values: Vec<f64>, log: bool) -> MeanPoint {
    let there = |value: f64| if log { value.ln() } else { value };
    let back = |value: f64| if log { value.exp() } else { value };
    let values: Vec<f64> = values.into_iter().map(there).collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let band = (values.len() > 1).then(|| {
        let sd = (squares / (count - 1.0)).sqrt();
        [back(mean - sd), back(mean + sd)]
    });
    MeanPoint {
        step,
        mean: back(mean),
        band,
    }
}

/// Rows of a table of means: at a few steps from the first to the last, the mean of each arm that has one there.
pub(super) fn rows(means: &[Mean], most: usize) -> Vec<(f64, Vec<Option<MeanPoint>>)> {
    let mut steps: Vec<u64> = means
        .iter()
        .flat_map(|mean| mean.points.iter().map(|point| point.step as u64))
        .collect();
    steps.sort_unstable();
    steps.dedup();
    let last = steps.len().saturating_sub(1);
    let count = most.min(steps.len());
    (0..count)
        .map(|place| steps[place * last / (count - 1).max(1)])
        .map(|step| {
            let at = |mean: &Mean| {
                let mut points = mean.points.iter();
                points.find(|point| point.step as u64 == step).copied()
            };
            (step as f64, means.iter().map(at).collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(arm: usize, points: &[(f64, f64)]) -> Line {
        Line {
            arm,
            points: points.to_vec(),
        }
    }

    #[test]
    fn of_logarithms_the_mean_is_the_geometric_one() {
        let lines = [line(0, &[(10.0, 0.001)]), line(0, &[(10.0, 0.1)])];
        let at = |log: bool| of(&lines, log)[0].points[0];
        assert!((at(false).mean - 0.0505).abs() < 1e-12);
        assert!((at(true).mean - 0.01).abs() < 1e-12);
        let [low, high] = at(true).band.expect("two seeds");
        // One standard deviation of two logarithms is their distance over the root of two.
        assert!(
            (low * high - 1e-4).abs() < 1e-12
                && (high / low).ln() - 100_f64.ln() * 2_f64.sqrt() < 1e-9
        );
    }

    #[test]
    fn a_mean_is_of_all_seeds_or_of_none() {
        let lines = [
            line(1, &[(0.0, 1.0), (10.0, 2.0), (20.0, 3.0)]),
            line(1, &[(0.0, 3.0), (10.0, f64::NAN)]),
            line(2, &[]),
        ];
        let means = of(&lines, false);
        assert_eq!(means.len(), 1);
        let Mean { arm, seeds, points } = &means[0];
        assert_eq!((*arm, *seeds, points.len()), (1, 2, 2));
        assert_eq!(points[0].mean, 2.0);
        assert!(points[1].mean.is_nan());
        assert_eq!(of(&[line(0, &[(0.0, 1.0)])], false)[0].points[0].band, None);
    }

    #[test]
    fn a_table_has_the_first_and_the_last_step_and_some_between() {
        let points: Vec<(f64, f64)> = (0..=100).map(|step| (f64::from(step), 1.0)).collect();
        let means = of(&[line(0, &points), line(1, &points[..51])], false);
        let rows = rows(&means, 5);
        let steps: Vec<f64> = rows.iter().map(|(step, _)| *step).collect();
        assert_eq!(steps, [0.0, 25.0, 50.0, 75.0, 100.0]);
        assert!(rows[4].1[0].is_some() && rows[4].1[1].is_none());
        assert!(super::rows(&[], 5).is_empty());
    }
}
