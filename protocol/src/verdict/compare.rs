//! The runs of the arms that are compared, seed by seed.

use super::gaps::Gap;
use super::spread;
use super::{End, Pair, RunOutcome};
use crate::result::Provenance;
use crate::spec::{Better, Criterion, CriterionKind, Scale, Spec, Term, pair};
use crate::stats;

/// Differences are held within ± this, so that every sum over the pairs, and every bound, stays a finite number.
pub(super) const LARGEST: f64 = 1e300;

/// Sums smaller than this, relative to their parts, are rounding.
const ROUNDING: f64 = 1e-14;

/// What the runs of an experiment give to compare.
pub(super) struct Compared<'a> {
    /// The arms, each with its weight in a difference: the treatment first, the control second.
    pub(super) terms: Vec<Term<'a>>,
    /// The same of each condition alone, where there are several.
    pub(super) conditions: Vec<Compared<'a>>,
    /// Every seed, complete or not.
    pub(super) pairs: Vec<Pair>,
    /// Of each complete pair the difference δ, finite: a run that diverged has the worst value that any of the arms
    /// reached.
    pub(super) differences: Vec<f64>,
    /// The same for counting and ordering: infinite where a run diverged, and not a number, so neither above nor below
    /// anything, where runs on both sides did.
    pub(super) orders: Vec<f64>,
    /// What is missing.
    pub(super) gaps: Vec<Gap<'a>>,
    /// Pairs whose runs were made by different means, in words.
    pub(super) mixed: Vec<String>,
}

/// Compares the runs seed by seed.
pub(super) fn compare<'a>(
    spec: &'a Spec,
    seeds: &[u32],
    criterion: &'a Criterion,
    outcomes: &'a [RunOutcome],
) -> Compared<'a> {
    let mut compared = weigh(spec.contrast(), seeds, criterion, outcomes);
    if criterion.kind == CriterionKind::Cells {
        compared.conditions = (criterion.cells().into_iter())
            .map(|arms| weigh(Vec::from(pair(arms, 1.0)), seeds, criterion, outcomes))
            .collect();
    }
    compared
}

/// Compares the runs of some arms, each with its weight.
fn weigh<'a>(
    terms: Vec<Term<'a>>,
    seeds: &[u32],
    criterion: &Criterion,
    outcomes: &'a [RunOutcome],
) -> Compared<'a> {
    let mut compared = Compared {
        terms,
        conditions: Vec::new(),
        pairs: Vec::new(),
        differences: Vec::new(),
        orders: Vec::new(),
        gaps: Vec::new(),
        mixed: Vec::new(),
    };
    let worst = worst_value(&compared.terms, criterion, outcomes);
    for &seed in seeds {
        compared.add(seed, worst, criterion, outcomes);
    }
    if criterion.kind == CriterionKind::Dispersion {
        compared.by_distance(criterion);
    }
    compared
}

impl<'a> Compared<'a> {
    fn add(
        &mut self,
        seed: u32,
        worst: Option<f64>,
        criterion: &Criterion,
        outcomes: &'a [RunOutcome],
    ) {
        let arms: Vec<&'a str> = self.terms.iter().map(|term| term.arm).collect();
        let end_of = |arm: &&str| {
            let of_both = |outcome: &&RunOutcome| outcome.arm == *arm && outcome.seed == seed;
            outcomes.iter().find(of_both).map(|outcome| &outcome.end)
        };
        let ends: Vec<Option<&'a End>> = arms.iter().map(end_of).collect();
        let mut notes = Vec::new();
        for (arm, end) in arms.iter().zip(&ends) {
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
        if let Some(mixed) = mixed(&ends) {
            notes.push(mixed.clone());
            self.mixed.push(format!("seed {seed}: {mixed}"));
        }
        let lost: Vec<bool> = ends
            .iter()
            .map(|end| end.is_some_and(|end| diverged(end, criterion)))
            .collect();
        let seen: Vec<Option<f64>> = ends
            .iter()
            .map(|end| value(end.as_ref()?, criterion))
            .collect();
        let counted: Option<Vec<f64>> = seen
            .iter()
            .zip(&lost)
            .map(|(seen, lost)| if *lost { worst } else { *seen })
            .collect();
        let difference = match counted {
            Some(values) => Some(self.difference(&values, criterion)),
            // Nothing finite was ever reached, and nothing is missing: runs that are worth the same.
            None if lost.iter().all(|lost| *lost) => Some(0.0),
            None => None,
        };
        if let Some(difference) = difference {
            self.differences.push(difference);
            self.orders.push(self.order(difference, &lost));
        }
        self.pairs.push(Pair {
            seed,
            treatment: seen[0],
            control: seen[1],
            others: seen[2..].to_vec(),
            difference,
            note: notes.join("; "),
        });
    }

    /// Of spreads the difference of a pair is how much farther out the control's run is than the treatment's.
    fn by_distance(&mut self, criterion: &Criterion) {
        let distances = spread::distances(&self.pairs, criterion);
        for (pair, distances) in self.pairs.iter_mut().zip(distances) {
            pair.difference = distances.map(|[treatment, control]| control - treatment);
        }
        self.differences = (self.pairs.iter())
            .filter_map(|pair| pair.difference)
            .collect();
        self.orders.clone_from(&self.differences);
    }

    /// The difference δ of a seed; finite.
    fn difference(&self, values: &[f64], criterion: &Criterion) -> f64 {
        let parts: Vec<f64> = (self.terms.iter().zip(values))
            .map(|(term, value)| term.weight * advantage(*value, criterion))
            .collect();
        let sum: f64 = parts.iter().sum();
        let size: f64 = parts.iter().map(|part| part.abs()).sum();
        // Of two runs the difference is exact. A sum of more that is nothing but rounding must not count as a sign.
        if parts.len() > 2 && sum.abs() <= ROUNDING * size {
            return 0.0;
        }
        sum.clamp(-LARGEST, LARGEST)
    }

    /// The difference for counting: what diverged is worse than every number.
    fn order(&self, difference: f64, lost: &[bool]) -> f64 {
        let weights = self.terms.iter().zip(lost).filter(|(_, lost)| **lost);
        let infinite: f64 = weights
            .filter(|(term, _)| term.weight != 0.0)
            .map(|(term, _)| term.weight * f64::NEG_INFINITY)
            .sum();
        difference + infinite
    }

    /// Share of the pairs that alone would have said the opposite of the estimate; nothing where that is exactly between. A
    /// pair that lies there itself says nothing.
    pub(super) fn misleading(&self, effect: f64, criterion: &Criterion) -> Option<f64> {
        // Positive on one side, negative on the other.
        let side = |value: f64| match criterion.kind {
            CriterionKind::Equivalence => criterion.margin - value.abs(),
            CriterionKind::NonInferiority => value + criterion.margin,
            _ => value,
        };
        let here = side(effect);
        let opposite = |order: &&f64| {
            let there = side(**order);
            (here > 0.0 && there < 0.0) || (here < 0.0 && there > 0.0)
        };
        let count = self.orders.iter().filter(opposite).count();
        let all = self.orders.len();
        (here != 0.0 && all > 0).then(|| count as f64 / all as f64)
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

/// Whether the runs of a seed were made by different means, so that they cannot be compared.
pub fn made_by_different_means(ends: &[End]) -> bool {
    mixed(&ends.iter().map(Some).collect::<Vec<_>>()).is_some()
}

/// In what the runs of a pair were made by different means, if in anything that may change their numbers.
fn mixed(ends: &[Option<&End>]) -> Option<String> {
    let mut made = ends.iter().filter_map(|end| match end {
        Some(End::Finished(result)) => Some(&result.provenance),
        _ => None,
    });
    let first = made.next()?;
    let (what, one, other) = made.find_map(|other| differ(first, other))?;
    let whose = if ends.len() > 2 {
        "its runs"
    } else {
        "its two runs"
    };
    Some(format!("{whose} had different {what} ({one} and {other})"))
}

fn differ(treatment: &Provenance, control: &Provenance) -> Option<(&'static str, String, String)> {
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
    pairs.into_iter().find(|(_, one, other)| one != other)
}

/// The final value, if it is a number.
pub(super) fn value(end: &End, criterion: &Criterion) -> Option<f64> {
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

/// What a diverged run counts as: the worst finite value of all arms, for a solve rate simply unsolved.
fn worst_value(terms: &[Term], criterion: &Criterion, outcomes: &[RunOutcome]) -> Option<f64> {
    if criterion.kind == CriterionKind::SolveRate {
        return Some(beyond_worst(criterion));
    }
    let values = outcomes
        .iter()
        .filter(|outcome| terms.iter().any(|term| term.arm == outcome.arm))
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

/// How good a final value is, more being better; finite.
pub(super) fn advantage(value: f64, criterion: &Criterion) -> f64 {
    if criterion.kind == CriterionKind::SolveRate {
        return f64::from(u8::from(solves(value, criterion)));
    }
    let value = match criterion.scale {
        Scale::Additive => value,
        Scale::Log => log(value),
    };
    match criterion.better {
        Better::Lower => -value,
        Better::Higher => value,
    }
    .clamp(-LARGEST, LARGEST)
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

/// P(first of the arms better than the second) over all pairs of runs, partners or not; a diverged run is worse than every
/// other.
pub(super) fn superiority(
    terms: &[Term],
    criterion: &Criterion,
    outcomes: &[RunOutcome],
) -> Option<f64> {
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
    let [treatment, control] = [terms.first()?, terms.get(1)?].map(|term| values(term.arm));
    match criterion.better {
        Better::Lower => stats::superiority(&control, &treatment),
        Better::Higher => stats::superiority(&treatment, &control),
    }
}
