//! What an experiment can find, told before its first run from the noise of those that ended.
//!
//! Estimates, like all of [`super::power`]: no level depends on them, and nobody is refused for what they say, unless no
//! effect that can happen would be found.

mod chance;

use crate::spec::{Criterion, CriterionKind, Problem, Scale, Spec, limits, number};
use crate::stats;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

/// Power with which an effect counts as one that would be found.
const ENOUGH: f64 = 0.8;
/// Standard deviation of a pair's difference in the logarithm, where nobody has measured it: pairs of the board's own
/// templates had 0.24 to 0.46.
const USUAL_LOG_NOISE: f64 = 0.3;
/// The same on a plain scale, as a share of all there is to gain.
const USUAL_SHARE: f64 = 0.05;

/// What earlier pairs of that task and size say about noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PairNoise {
    /// Standard deviation of a pair's difference; of `dispersion`, for which only the shape of the noise counts, 1 where
    /// nobody has measured any.
    pub sd: f64,
    /// Pairs it is estimated from; 0 if nobody has measured any, and it is what is usual.
    pub pairs: u32,
    /// Experiments they are of; of `cells` those of the condition whose pairs vary most.
    pub experiments: u32,
    /// Whether they are the author's own, which go before those of others.
    pub own: bool,
    /// Differences less the median of their experiment.
    #[serde(skip)]
    pub differences: Vec<f64>,
}

/// What an experiment can find, if its pairs vary like those before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Power {
    /// Pairs that are planned.
    pub pairs: u32,
    /// Smallest effect of interest.
    pub margin: f64,
    /// Chance to falsify the prediction where there is no effect, in any of the conditions of `cells`, and as good as that
    /// to see an effect of the margin; of `equivalence` the chance to support it where there is no difference.
    pub power: f64,
    /// Smallest effect (of `cells` in every condition) that would be found with a chance of 0.8; null where none that can happen would, or where nobody
    /// knows what can.
    pub detectable: Option<f64>,
    /// Whether it is known how large an effect can be.
    pub bounded: bool,
    /// Fewest pairs with which `power` is 0.8; null where the most that are allowed are too few.
    pub enough: Option<u32>,
    /// The noise that it follows from.
    pub noise: PairNoise,
}

impl PairNoise {
    /// Of the experiments of one person, each as its differences less their median; `None` without any.
    pub fn of(experiments: &[Vec<f64>], own: bool) -> Option<Self> {
        let differences = experiments.concat();
        // One of each experiment's differences is spent on its median.
        let free = differences.len().checked_sub(experiments.len())?;
        let squares: f64 = differences.iter().map(|d| d * d).sum();
        let sd = (squares / free as f64).sqrt();
        sd.is_finite().then(|| Self {
            sd,
            pairs: u32::try_from(differences.len()).unwrap_or(u32::MAX),
            experiments: u32::try_from(experiments.len()).unwrap_or(u32::MAX),
            own,
            differences,
        })
    }

    /// What is taken where nobody has measured any; `None` where not even that can be said.
    fn usual(criterion: &Criterion, gain: Option<f64>) -> Option<Self> {
        let sd = match (criterion.kind, criterion.scale) {
            (CriterionKind::SolveRate, _) => return None,
            // Only its shape counts.
            (CriterionKind::Dispersion, _) => 1.0,
            (_, Scale::Log) => USUAL_LOG_NOISE,
            _ => USUAL_SHARE * gain?,
        };
        let normal = Normal::standard();
        let place = |i: u32| normal.inverse_cdf((f64::from(i) + 0.5) / 40.0);
        Some(Self {
            sd,
            pairs: 0,
            experiments: 0,
            own: false,
            differences: (0..40).map(|i| sd * place(i)).collect(),
        })
    }
}

impl Power {
    /// What the experiment can find; `None` without a criterion, of a search, and where its noise is not known and not even what is
    /// usual can be said.
    pub fn of(spec: &Spec, noise: Option<PairNoise>) -> Option<Self> {
        let criterion = spec.criterion.as_ref()?;
        if spec.is_search() {
            return None;
        }
        let gain = spec.gain();
        let noise = noise.or_else(|| PairNoise::usual(criterion, gain))?;
        let planned = spec.seeds.count();
        let refuted = |pairs: usize| chance::refuted(criterion, &noise, criterion.margin, pairs);
        let seen = |effect: f64| chance::seen(criterion, &noise, effect, planned);
        let enough = (planned.min(super::FEWEST_PAIRS)..=*limits::SEEDS.end())
            .find(|pairs| refuted(*pairs) >= ENOUGH);
        Some(Self {
            pairs: u32::try_from(planned).unwrap_or(u32::MAX),
            margin: criterion.margin,
            power: refuted(planned),
            detectable: gain.and_then(|gain| smallest(gain, seen)),
            bounded: gain.is_some(),
            enough: enough.and_then(|pairs| u32::try_from(pairs).ok()),
            noise,
        })
    }

    /// What is wrong with an experiment that would find nothing that can happen, by noise that was measured.
    pub fn hopeless(&self) -> Option<Problem> {
        if self.noise.pairs == 0 || self.detectable.is_some() || !self.bounded {
            return None;
        }
        Some(Problem {
            pointer: "/seeds".into(),
            detail: format!(
                "are too few: pairs of this task and size differ by {} from one another (standard deviation of {} pairs), and \
                 {} of them would show no effect that can happen. Take more seeds, or register it as exploratory.",
                number(self.noise.sd),
                self.noise.pairs,
                self.pairs
            ),
        })
    }
}

/// The smallest effect up to `most` that is found with a chance of [`ENOUGH`], to a hundredth of it.
fn smallest(most: f64, found: impl Fn(f64) -> f64) -> Option<f64> {
    let [mut low, mut high] = [0.0, most];
    if found(high) < ENOUGH {
        return None;
    }
    while high - low > high / 100.0 && high > most * 1e-6 {
        let middle = (low + high) / 2.0;
        if found(middle) < ENOUGH {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}

/// The differences of pairs less their median; `None` of fewer than three.
pub(super) fn centred(pairs: &[super::Pair]) -> Option<Vec<f64>> {
    let differences: Vec<f64> = pairs.iter().filter_map(|pair| pair.difference).collect();
    let middle = stats::median(&differences)?;
    (differences.len() >= 3).then(|| differences.iter().map(|d| d - middle).collect())
}

#[cfg(test)]
mod tests;
