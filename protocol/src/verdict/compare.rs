//! The runs of the two arms that are compared, seed by seed.

use super::gaps::Gap;
use super::{End, Pair, RunOutcome};
use crate::result::Provenance;
use crate::spec::{Better, Criterion, CriterionKind, Scale, Spec};
use crate::stats;

/// Differences are held within ± this, so that every sum over the pairs, and every bound, stays a finite number.
pub(super) const LARGEST: f64 = 1e300;

/// What the runs of an experiment give to compare.
pub(super) struct Compared<'a> {
    /// Every seed, complete or not.
    pub(super) pairs: Vec<Pair>,
    /// Of each complete pair the advantage of the treatment, finite: a run that diverged has the worst value that
    /// either arm reached.
    pub(super) differences: Vec<f64>,
    /// The same for counting and ordering: infinite where one of the two diverged, and not a number, so neither above
    /// nor below anything, where both did.
    pub(super) orders: Vec<f64>,
    /// What is missing.
    pub(super) gaps: Vec<Gap<'a>>,
    /// Pairs whose two runs were made by different means, in words.
    pub(super) mixed: Vec<String>,
}

/// Compares the runs seed by seed.
pub(super) fn compare<'a>(
    spec: &Spec,
    criterion: &'a Criterion,
    outcomes: &'a [RunOutcome],
) -> Compared<'a> {
    let worst = worst_value(criterion, outcomes);
    let mut compared = Compared {
        pairs: Vec::new(),
        differences: Vec::new(),
        orders: Vec::new(),
        gaps: Vec::new(),
        mixed: Vec::new(),
    };
    for &seed in &spec.seeds {
        compared.add(seed, worst, criterion, outcomes);
    }
    compared
}

impl<'a> Compared<'a> {
    fn add(
        &mut self,
        seed: u32,
        worst: Option<f64>,
        criterion: &'a Criterion,
        outcomes: &'a [RunOutcome],
    ) {
        let arms = [&criterion.treatment, &criterion.control];
        let ends = arms.map(|arm| {
            let of_both = |outcome: &&RunOutcome| outcome.arm == *arm && outcome.seed == seed;
            outcomes.iter().find(of_both).map(|outcome| &outcome.end)
        });
        let mut notes = Vec::new();
        for (arm, end) in arms.iter().zip(ends) {
            let reason = match end {
                Some(end) if diverged(end, criterion) => {
                    notes.push(format!("\"{arm}\" diverged"));
                    continue;
                }
                Some(End::Finished(_) | End::Diverged) => continue,
                Some(End::Missing(reason)) => reason.as_str(),
                Some(End::Cancelled) => "it was cancelled",
                None => "it never ran",
            };
            notes.push(format!("\"{arm}\" has no result"));
            self.gaps.push(Gap { arm, seed, reason });
        }
        if let [Some(End::Finished(treatment)), Some(End::Finished(control))] = ends
            && let Some(mixed) = differ(&treatment.provenance, &control.provenance)
        {
            notes.push(mixed.clone());
            self.mixed.push(format!("seed {seed}: {mixed}"));
        }
        let lost = ends.map(|end| end.is_some_and(|end| diverged(end, criterion)));
        let seen = ends.map(|end| value(end?, criterion));
        let counted = [0, 1].map(|arm| if lost[arm] { worst } else { seen[arm] });
        let difference = match counted {
            [Some(treatment), Some(control)] => Some(signed(treatment, control, criterion)),
            // Nothing finite was ever reached, and nothing is missing: two runs that are worth the same.
            _ if lost == [true, true] => Some(0.0),
            _ => None,
        };
        if let Some(difference) = difference {
            self.differences.push(difference);
            self.orders.push(match lost {
                [false, false] => difference,
                [true, false] => f64::NEG_INFINITY,
                [false, true] => f64::INFINITY,
                [true, true] => f64::NAN,
            });
        }
        self.pairs.push(Pair {
            seed,
            treatment: seen[0],
            control: seen[1],
            difference,
            note: notes.join("; "),
        });
    }

    /// Pairs above a value.
    pub(super) fn above(&self, value: f64) -> usize {
        self.orders.iter().filter(|order| **order > value).count()
    }

    /// Pairs below a value.
    pub(super) fn below(&self, value: f64) -> usize {
        self.orders.iter().filter(|order| **order < value).count()
    }
}

/// In what two runs of a pair were made by different means, if in anything that may change their numbers.
fn differ(treatment: &Provenance, control: &Provenance) -> Option<String> {
    let kind = |provenance: &Provenance| -> String {
        provenance
            .device
            .split(':')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let arithmetic = |provenance: &Provenance| provenance.products.clone().unwrap_or_default();
    let pairs = [
        ("devices", kind(treatment), kind(control)),
        ("arithmetic", arithmetic(treatment), arithmetic(control)),
        (
            "versions of the worker",
            treatment.worker_version.clone(),
            control.worker_version.clone(),
        ),
        (
            "code",
            treatment.code_version.clone(),
            control.code_version.clone(),
        ),
    ];
    pairs
        .into_iter()
        .find(|(_, one, other)| one != other)
        .map(|(what, one, other)| format!("its two runs had different {what} ({one} and {other})"))
}

/// The final value, if it is a number.
fn value(end: &End, criterion: &Criterion) -> Option<f64> {
    reported(end, criterion).filter(|value| value.is_finite())
}

fn reported(end: &End, criterion: &Criterion) -> Option<f64> {
    match end {
        End::Finished(result) => result.metrics.get(&criterion.metric).copied(),
        End::Diverged | End::Missing(_) | End::Cancelled => None,
    }
}

/// Whether a run left the finite numbers, whatever it calls itself.
pub(super) fn diverged(end: &End, criterion: &Criterion) -> bool {
    *end == End::Diverged || reported(end, criterion).is_some_and(|value| !value.is_finite())
}

/// What a diverged run counts as: the worst finite value of both arms, for a solve rate simply unsolved.
fn worst_value(criterion: &Criterion, outcomes: &[RunOutcome]) -> Option<f64> {
    if criterion.kind == CriterionKind::SolveRate {
        return Some(beyond_worst(criterion));
    }
    let values = outcomes
        .iter()
        .filter(|outcome| outcome.arm == criterion.treatment || outcome.arm == criterion.control)
        .filter_map(|outcome| value(&outcome.end, criterion));
    match criterion.better {
        Better::Lower => values.max_by(f64::total_cmp),
        Better::Higher => values.min_by(f64::total_cmp),
    }
}

/// Worse than every number.
fn beyond_worst(criterion: &Criterion) -> f64 {
    match criterion.better {
        Better::Lower => f64::INFINITY,
        Better::Higher => f64::NEG_INFINITY,
    }
}

/// The advantage of the treatment in one pair; finite.
fn signed(treatment: f64, control: f64, criterion: &Criterion) -> f64 {
    if criterion.kind == CriterionKind::SolveRate {
        let points = |value: f64| f64::from(u8::from(solves(value, criterion)));
        return points(treatment) - points(control);
    }
    let (treatment, control) = match criterion.scale {
        Scale::Additive => (treatment, control),
        Scale::Log => (log(treatment), log(control)),
    };
    let advantage = match criterion.better {
        Better::Lower => control - treatment,
        Better::Higher => treatment - control,
    };
    advantage.clamp(-LARGEST, LARGEST)
}

/// Whether a final value counts as solved.
pub(super) fn solves(value: f64, criterion: &Criterion) -> bool {
    criterion
        .threshold
        .is_some_and(|threshold| match criterion.better {
            Better::Lower => value <= threshold,
            Better::Higher => value >= threshold,
        })
}

/// A loss of exactly 0 is below what single precision tells apart from this.
fn log(value: f64) -> f64 {
    const SMALLEST: f64 = 1e-12;
    value.max(SMALLEST).ln()
}

/// P(treatment better than control) over all pairs of runs, partners or not; a diverged run is worse than every other.
pub(super) fn superiority(criterion: &Criterion, outcomes: &[RunOutcome]) -> Option<f64> {
    let values = |arm: &str| -> Vec<f64> {
        outcomes
            .iter()
            .filter(|outcome| outcome.arm == arm)
            .filter_map(|outcome| match &outcome.end {
                end if diverged(end, criterion) => Some(beyond_worst(criterion)),
                end => value(end, criterion),
            })
            .collect()
    };
    let (treatment, control) = (values(&criterion.treatment), values(&criterion.control));
    match criterion.better {
        Better::Lower => stats::superiority(&control, &treatment),
        Better::Higher => stats::superiority(&treatment, &control),
    }
}
