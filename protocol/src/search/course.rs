//! Walks a search from its first stage to what is to run next.

use super::shrink::shrink;
use super::{Course, LARGEST_MISSING, Next, RungEnd, TrialRun, Tried};
use crate::scope::Scope;
use crate::spec::{Criterion, SearchPlan, Settings, Spec};
use crate::verdict::{RunOutcome, Tally, tally};
use std::collections::BTreeMap;

/// How the search went so far, and what it needs next. `scope` is that of the claim, `points` are those that were drawn, `seeds`
/// those of the registration; runs that have not ended are left out of `runs`. None of what is no search.
pub fn course(
    spec: &Spec,
    scope: &Scope,
    points: &[Settings],
    seeds: &[u32],
    runs: &[TrialRun],
) -> Option<(Course, Next)> {
    let plan = SearchPlan::of(spec)?;
    let mut walk = Walk::new(spec, scope, seeds, runs)?;
    let mut course = Course {
        points: points.len(),
        rungs: Vec::new(),
        shrinking: Vec::new(),
        counterexample: None,
        over: false,
        plan,
    };
    let next = match halve(&mut walk, &mut course, points) {
        Err(next) => next,
        Ok(None) => Next::Nothing,
        Ok(Some(worst)) => match shrink(&mut walk, &mut course, worst) {
            Err(next) => next,
            Ok(()) => Next::Nothing,
        },
    };
    course.over = next == Next::Nothing;
    Some((course, next))
}

/// The differences of the pairs at a point.
pub(crate) fn differences(
    spec: &Spec,
    scope: &Scope,
    point: &Settings,
    seeds: &[u32],
    runs: &[TrialRun],
) -> Vec<f64> {
    let walk = Walk::new(spec, scope, seeds, runs);
    walk.map_or_else(Vec::new, |walk| walk.tally(point, seeds).differences)
}

/// Looks up what the runs say.
pub(super) struct Walk<'a> {
    pub(super) spec: &'a Spec,
    pub(super) scope: &'a Scope,
    seeds: &'a [u32],
    /// By the point, written as JSON.
    runs: BTreeMap<String, Vec<RunOutcome>>,
}

impl<'a> Walk<'a> {
    fn new(spec: &'a Spec, scope: &'a Scope, seeds: &'a [u32], all: &[TrialRun]) -> Option<Self> {
        spec.criterion.as_ref()?;
        let mut runs: BTreeMap<String, Vec<RunOutcome>> = BTreeMap::new();
        for TrialRun { settings, run } in all {
            runs.entry(key(settings)).or_default().push(run.clone());
        }
        Some(Self {
            spec,
            scope,
            seeds,
            runs,
        })
    }

    /// The tallies of these points with so many pairs each, in their order.
    pub(super) fn stage(&self, points: &[Settings], pairs: usize) -> Result<Vec<Tally>, Next> {
        let seeds = &self.seeds[..pairs.min(self.seeds.len())];
        let lacking: Vec<(Settings, Vec<u32>)> = (points.iter())
            .filter_map(|point| {
                let lacking = self.lacking(point, seeds);
                (!lacking.is_empty()).then(|| (point.clone(), lacking))
            })
            .collect();
        if !lacking.is_empty() {
            return Err(Next::Run(lacking));
        }
        let tallies: Vec<Tally> = points
            .iter()
            .map(|point| self.tally(point, seeds))
            .collect();
        let all = points.len() * seeds.len();
        let [missing, cancelled] = [0, 1].map(|which| {
            let counts = tallies.iter().map(|tally| tally.missing[which]);
            counts.sum::<usize>()
        });
        let many = |count: usize| count as f64 > LARGEST_MISSING * all as f64;
        if many(missing) {
            return Err(Next::Missing {
                reason: format!(
                    "{missing} of the {all} pairs that this stage of the search compares have no result, for reasons that say \
                     nothing about the claim."
                ),
                by_people: many(cancelled),
            });
        }
        Ok(tallies)
    }

    /// The seeds of which a run of that point was never queued, or has not ended.
    fn lacking(&self, point: &Settings, seeds: &[u32]) -> Vec<u32> {
        let runs = self.runs.get(&key(point)).map_or(&[][..], Vec::as_slice);
        let has = |seed: u32| {
            let mut arms = self.spec.arms.iter();
            arms.all(|arm| {
                runs.iter()
                    .any(|run| run.seed == seed && run.arm == arm.name)
            })
        };
        seeds.iter().copied().filter(|seed| !has(*seed)).collect()
    }

    fn tally(&self, point: &Settings, seeds: &[u32]) -> Tally {
        let of_seeds = |runs: &Vec<RunOutcome>| -> Vec<RunOutcome> {
            let runs = runs.iter().filter(|run| seeds.contains(&run.seed));
            runs.cloned().collect()
        };
        let runs = self.runs.get(&key(point)).map(of_seeds).unwrap_or_default();
        // A point that was run can be read.
        let at = self.spec.at(point).unwrap_or_else(|_| self.spec.clone());
        let criterion: &Criterion = at.criterion.as_ref().expect("a search has a criterion");
        tally(&at, criterion, seeds, &runs)
    }
}

/// A point as one text: its fields in their order.
fn key(point: &Settings) -> String {
    serde_json::to_string(point).expect("plain data")
}

/// Halves the points until the last stage has ended, and gives the worst of it if the prediction fails there.
fn halve(walk: &mut Walk, course: &mut Course, points: &[Settings]) -> Result<Option<Tried>, Next> {
    let mut left: Vec<Settings> = points.to_vec();
    let rungs = course.plan.rungs.clone();
    for (place, rung) in rungs.iter().enumerate() {
        let tallies = walk.stage(&left, rung.pairs as usize)?;
        let mut ranked: Vec<(Settings, Tally)> = left.drain(..).zip(tallies).collect();
        // Those that say nothing come last; equals stay in the order in which they were drawn.
        ranked.sort_by(|(_, one), (_, other)| rank(one).cmp_all(rank(other)));
        let speak = ranked
            .iter()
            .filter(|(_, tally)| tally.order.is_some())
            .count();
        let kept = rungs
            .get(place + 1)
            .map_or(0, |next| speak.min(next.points as usize));
        left = ranked
            .iter()
            .take(kept)
            .map(|(point, _)| point.clone())
            .collect();
        course.rungs.push(RungEnd {
            pairs: rung.pairs,
            tried: ranked
                .into_iter()
                .map(|(point, tally)| Tried::of(point, tally))
                .collect(),
            kept,
        });
        if left.is_empty() {
            break;
        }
    }
    let last = course
        .rungs
        .last()
        .filter(|rung| rung.pairs == course.plan.pairs());
    let worst = last.and_then(|rung| rung.tried.first());
    Ok(worst.filter(|worst| worst.breaks).cloned())
}

/// What points are ordered by: how the typical pair lies, then the median.
fn rank(tally: &Tally) -> Rank {
    Rank([
        tally.order.unwrap_or(f64::NAN),
        tally.effect.unwrap_or(f64::NAN),
    ])
}

struct Rank([f64; 2]);

impl Rank {
    /// The lower one first; what is no number last.
    fn cmp_all(self, other: Self) -> std::cmp::Ordering {
        let [one, two] = [self.0, other.0];
        let nan = |numbers: [f64; 2]| numbers[0].is_nan();
        nan(one)
            .cmp(&nan(two))
            .then(one[0].total_cmp(&two[0]))
            .then(one[1].total_cmp(&two[1]))
    }
}

impl Tried {
    pub(super) fn of(settings: Settings, tally: Tally) -> Self {
        Self {
            settings,
            pairs: tally.pairs,
            below: tally.below,
            effect: tally.effect,
            diverged: tally.diverged,
            missing: tally.missing[0],
            breaks: tally.breaks(),
            silent: tally.silent,
        }
    }
}
