//! Sequential plans: one seed pair after the other, until an e-value decides or the cap is reached.
//!
//! Whoever looks after each pair and stops when a p-value is small errs far more often than its level says. An e-value
//! may be looked at after each: where the prediction's opposite holds it reaches 1/α at any time with a chance of at most
//! α, whatever the noise looks like ([`stats::sign_e_value`]). There are two, which bet on the signs of the pairs: one
//! that more than half lie above 0, and one that more than half lie below the margin. A tie, and a pair both of whose
//! runs diverged, has lost both bets. Student's bound, the second lock of a fixed plan, holds for a number of pairs that
//! was fixed before, so there is none here.
//!
//! The pairs are looked at in the order of their seeds, which were drawn before the first run; one that lacks a run for a
//! reason that says nothing about the claim is passed over. Where it stops follows from the runs alone: the first pair
//! after which the rule decides, or nothing could change the verdict any more.

use super::compare::{Compared, compare, diverged, superiority};
use super::decide::{beside, concluded, evidence_of, too_few};
use super::evidence::{Evidence, finite};
use super::explain::explain;
use super::{Checks, Decision, End, LARGEST_FAILED_SHARE, Outcome, RunOutcome};
use crate::spec::{Criterion, Spec, number};
use crate::stats::{self, Paired, sign_e_value};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// How a sequential plan went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sequential {
    /// Pairs that the plan allowed.
    pub cap: usize,
    /// The e-value that decides: 1/level.
    pub decides: f64,
    /// The e-values after each pair.
    pub steps: Vec<Step>,
    /// Why it ended after the last of them; null while it goes on.
    pub stop: Option<Stop>,
}

/// The e-values after a pair.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Step {
    /// Seed of the pair.
    pub seed: u32,
    /// E-value against "the typical effect is at most 0": for the prediction.
    pub support: f64,
    /// E-value against "the typical effect is at least the margin": against the prediction.
    pub falsify: f64,
}

/// Why a sequential plan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// An e-value decided.
    Decided,
    /// No outcome of the pairs that were left could have decided.
    Futile,
    /// Something stands in the way that the pairs that were left could not have moved.
    Hindered,
    /// All pairs have run.
    Cap,
}

/// The signs of the pairs so far, by their e-values. There is no second test.
pub(super) struct Signs<'a> {
    compared: &'a Compared<'a>,
    summary: Paired,
    level: f64,
}

impl<'a> Signs<'a> {
    /// `None` without two pairs.
    pub(super) fn of(compared: &'a Compared<'a>, level: f64) -> Option<Self> {
        let summary = stats::paired(&compared.differences)?;
        Some(Self {
            compared,
            summary,
            level,
        })
    }
}

/// One over the e-value: at most the level exactly where the e-value decides.
fn p_value(count: usize, n: usize) -> f64 {
    sign_e_value(count, n).recip().min(1.0)
}

impl Evidence for Signs<'_> {
    fn effect(&self) -> f64 {
        stats::median(&self.compared.differences).expect("there are pairs")
    }

    fn interval(&self) -> Option<[f64; 2]> {
        let proves = |count, n| p_value(count, n) <= self.level;
        finite(stats::median_bounds_by(&self.compared.differences, proves))
    }

    fn p_above(&self, value: f64) -> f64 {
        p_value(self.compared.above(value), self.compared.orders.len())
    }

    fn p_below(&self, value: f64) -> f64 {
        p_value(self.compared.below(value), self.compared.orders.len())
    }

    fn agrees_above(&self, _: f64) -> bool {
        true
    }

    fn agrees_below(&self, _: f64) -> bool {
        true
    }

    fn second_test(&self) -> &'static str {
        "none"
    }

    fn doubt(&self) -> Option<String> {
        None
    }

    /// Without the tests and bounds that hold for a number of pairs that was fixed before.
    fn checks(&self, criterion: &Criterion, outcomes: &[RunOutcome]) -> Checks {
        Checks {
            mean: Some(self.summary.mean),
            sd: Some(self.summary.sd),
            superiority: superiority(&self.compared.terms, criterion, outcomes),
            ..Checks::default()
        }
    }
}

/// Applies the criterion to the pairs up to the one after which it stops, or says which seed is next.
pub(super) fn decision(
    spec: &Spec,
    criterion: &Criterion,
    seeds: &[u32],
    outcomes: &[RunOutcome],
    level: f64,
) -> Decision {
    // Each seed's runs behind one another, so that those of the first pairs are a slice.
    let (mut ordered, mut ends) = (Vec::new(), Vec::new());
    for seed in seeds {
        let before = ordered.len();
        ordered.extend(outcomes.iter().filter(|run| run.seed == *seed).cloned());
        // What was never queued was not looked at.
        if ordered.len() == before {
            break;
        }
        ends.push(ordered.len());
    }
    let mut steps = Vec::new();
    for (pairs, end) in (1..).zip(ends) {
        let (seeds_so_far, runs) = (&seeds[..pairs], &ordered[..end]);
        let compared = compare(spec, seeds_so_far, criterion, runs);
        let e_value = |count| sign_e_value(count, compared.orders.len());
        steps.push(Step {
            seed: seeds[pairs - 1],
            support: e_value(compared.above(0.0)),
            falsify: e_value(compared.below(criterion.margin)),
        });
        let look = Look {
            criterion,
            level,
            cap: seeds.len(),
            compared: &compared,
            runs,
        };
        let evidence = evidence_of(&compared, criterion, level);
        let evidence = evidence.as_deref();
        let decision = concluded(
            spec,
            seeds_so_far,
            criterion,
            runs,
            &compared,
            evidence,
            level,
        );
        if let Some(stop) = look.stop(decision.verdict.outcome) {
            let mut decision = look.stopped(decision, steps, stop);
            if let Some(evidence) = evidence {
                beside(&mut decision.verdict, evidence, criterion, runs);
            }
            return decision;
        }
    }
    let next_seed = seeds.get(steps.len()).copied();
    let mut none_yet =
        Decision::aborted("Neither e-value has decided yet, and pairs are left to run.".into());
    none_yet.verdict.sequential = Some(Sequential {
        cap: seeds.len(),
        decides: level.recip(),
        steps,
        stop: None,
    });
    Decision {
        next_seed,
        ..none_yet
    }
}

/// The pairs so far.
struct Look<'a> {
    criterion: &'a Criterion,
    level: f64,
    cap: usize,
    compared: &'a Compared<'a>,
    runs: &'a [RunOutcome],
}

impl Look<'_> {
    /// Why it stops here, if it does.
    fn stop(&self, outcome: Outcome) -> Option<Stop> {
        match outcome {
            Outcome::Supported | Outcome::Falsified => Some(Stop::Decided),
            Outcome::Inadmissible => Some(Stop::Hindered),
            _ if !self.compared.mixed.is_empty() || self.no_control() => Some(Stop::Hindered),
            _ if self.is_futile() => Some(Stop::Futile),
            _ if self.too_many(self.compared.pairs.len() - self.compared.differences.len()) => {
                Some(Stop::Hindered)
            }
            _ => (self.compared.pairs.len() == self.cap).then_some(Stop::Cap),
        }
    }

    /// Whether that is more than the largest share of all pairs, so that it stays so however many follow.
    fn too_many(&self, pairs: usize) -> bool {
        pairs as f64 / self.cap as f64 > LARGEST_FAILED_SHARE
    }

    fn no_control(&self) -> bool {
        let control = self
            .runs
            .iter()
            .filter(|run| run.arm == self.criterion.control);
        self.too_many(
            control
                .filter(|run| diverged(&run.end, self.criterion))
                .count(),
        )
    }

    /// Whether neither e-value decides even if all pairs that are left, and those that are missing, agree.
    fn is_futile(&self) -> bool {
        let complete = self.compared.orders.len();
        let left = self.cap - complete;
        let decides = |count: usize| p_value(count, self.cap) <= self.level;
        // A plan that could never decide is there to look at: all of it runs.
        decides(self.cap)
            && !decides(self.compared.above(0.0) + left)
            && !decides(self.compared.below(self.criterion.margin) + left)
    }

    /// The verdict that it stops with.
    fn stopped(&self, decision: Decision, steps: Vec<Step>, stop: Stop) -> Decision {
        let decides = self.level.recip();
        let Decision {
            mut verdict,
            mut reason,
            noise,
            ..
        } = decision;
        if stop == Stop::Futile {
            verdict.outcome = Outcome::Inconclusive;
            verdict.label = None;
            reason = format!(
                "After {} of at most {} pairs no outcome of the others could have brought an e-value to {}, so they were not run.",
                self.compared.pairs.len(),
                self.cap,
                number(decides)
            );
        }
        verdict.sequential = Some(Sequential {
            cap: self.cap,
            decides,
            steps,
            stop: Some(stop),
        });
        verdict.explanation = explain(&verdict, self.criterion, &reason);
        Decision {
            verdict,
            reason,
            noise,
            by_people: self.by_people(),
            next_seed: None,
        }
    }

    /// Whether cancelled runs alone leave too few pairs of all that were allowed.
    fn by_people(&self) -> bool {
        let mut cancelled: Vec<u32> = (self.runs.iter())
            .filter(|run| run.end == End::Cancelled)
            .filter(|run| self.compared.terms.iter().any(|term| term.arm == run.arm))
            .map(|run| run.seed)
            .collect();
        cancelled.sort_unstable();
        cancelled.dedup();
        !cancelled.is_empty() && too_few(self.cap - cancelled.len(), self.cap)
    }
}

/// Chance that a plan of at most `cap` pairs falsifies the prediction where the distances of the pairs from the margin
/// are drawn from `distances` and two imaginary ones, far on either side.
pub(super) fn power(cap: usize, distances: &[f64], margin: f64, level: f64) -> f64 {
    const SAMPLES: u32 = 1_000;
    let farthest = distances.iter().map(|d| d.abs()).fold(0.0, f64::max);
    let all = [distances, &[-farthest, farthest]].concat();
    let least = |pairs: usize| (0..=pairs).find(|count| p_value(*count, pairs) <= level);
    let least: Vec<usize> = (0..=cap)
        .map(|pairs| least(pairs).unwrap_or(usize::MAX))
        .collect();
    // The same numbers whenever it is computed again.
    let mut rng = SmallRng::seed_from_u64(cap as u64);
    let mut falsified = 0;
    for _ in 0..SAMPLES {
        let (mut below, mut above) = (0, 0);
        for (pairs, least) in least.iter().enumerate().skip(1) {
            let distance = all[rng.random_range(0..all.len())];
            below += usize::from(distance < 0.0);
            above += usize::from(distance > -margin);
            if below >= *least {
                falsified += 1;
                break;
            }
            if above >= *least && 2 * below <= pairs {
                break;
            }
        }
    }
    f64::from(falsified) / f64::from(SAMPLES)
}
