//! Whether anything was learned: of networks that have learned nothing, none is better than the other.

use super::compare::{diverged, value};
use super::{End, RunOutcome};
use crate::metric;
use crate::result::{Constant, RunResult};
use crate::spec::{Arm, Better, Criterion, CriterionKind, Spec, number};

/// Share of the way from a network that has learned nothing to a perfect one that a run must have gone. On a test of 500
/// sequences the best of twenty lucky guessers goes a twentieth.
const LEAST_GAIN: f64 = 0.1;

/// The same on a data set, where nothing is perfect and the test is the same for all: the best networks on the chorales go a
/// quarter of it, small ones that were trained for a minute an eighth.
const LEAST_GAIN_ON_DATA: f64 = 0.05;

/// Why no conclusion can be drawn, if in none of the arms that are compared the typical run learned anything; of several
/// conditions, if that is so in one of them, which then says nothing.
///
/// Results from before runs reported what reading nothing reaches are held by the rule of that time, so that their verdict
/// stays what it was.
pub(super) fn nothing_learned(
    spec: &Spec,
    criterion: &Criterion,
    outcomes: &[RunOutcome],
) -> Option<String> {
    if criterion.kind == CriterionKind::Cells {
        let mut cells = criterion.cells().into_iter();
        return cells.find_map(|arms| {
            let [treatment, control] = arms;
            let whose = format!("of \"{treatment}\" and \"{control}\"");
            unlearned(spec, criterion, &arms, &whose, outcomes)
        });
    }
    let arms: Vec<&str> = spec.contrast().iter().map(|term| term.arm).collect();
    unlearned(spec, criterion, &arms, "of all arms", outcomes)
}

/// `arms` begin with the one whose task is asked.
fn unlearned(
    spec: &Spec,
    criterion: &Criterion,
    arms: &[&str],
    whose: &str,
    outcomes: &[RunOutcome],
) -> Option<String> {
    let named = arms.iter().filter_map(|name| arm_of(spec, name));
    let tried: Vec<Tried<'_>> = named
        .filter_map(|arm| Tried::of(arm, criterion, outcomes))
        .collect();
    if tried.is_empty() {
        return best_unlearned(spec, criterion, arms, whose, outcomes);
    }
    if tried.iter().any(|arm| arm.has_learned(criterion)) {
        // A rank correlation may say nothing of networks that have learned.
        let ranked = metric::is_rank(&criterion.metric);
        return ranked
            .then(|| best_unlearned(spec, criterion, arms, whose, outcomes))
            .flatten();
    }
    Some(format!(
        "Nothing was learned: {}. Of such networks none is better than the other.",
        tried
            .iter()
            .filter_map(|arm| arm.words(criterion))
            .collect::<Vec<_>>()
            .join("; ")
    ))
}

fn arm_of<'a>(spec: &'a Spec, name: &str) -> Option<&'a Arm> {
    spec.arms.iter().find(|arm| arm.name == name)
}

/// The runs of an arm that say what reading nothing reaches.
struct Tried<'a> {
    arm: &'a Arm,
    constant: Constant,
    /// What each run came to; none of one that diverged.
    results: Vec<Option<&'a RunResult>>,
}

impl<'a> Tried<'a> {
    /// `None` where no run says what reading nothing reaches, or none ended with a number.
    fn of(arm: &'a Arm, criterion: &Criterion, outcomes: &'a [RunOutcome]) -> Option<Self> {
        let own = outcomes.iter().filter(|run| run.arm == arm.name);
        let results: Vec<Option<&RunResult>> = own
            .filter_map(|run| match &run.end {
                end if diverged(end, criterion) => Some(None),
                End::Finished(result) => Some(Some(&**result)),
                _ => None,
            })
            .collect();
        let constant = results
            .iter()
            .flatten()
            .find_map(|result| result.constant)?;
        Some(Self {
            arm,
            constant,
            results,
        })
    }

    /// What tells whether a run learned: what decides, and the fit of what was trained on, where a network that only learned by
    /// heart is good.
    fn tells(&self, criterion: &Criterion) -> [String; 2] {
        let usual = metric::measures(self.arm.setup.task.name)[0];
        [criterion.metric.clone(), format!("train_{usual}")]
    }

    /// Whether half of its runs went far enough; where shares of solved runs are compared, as many as the margin, for an effect
    /// of its size is possible then.
    fn has_learned(&self, criterion: &Criterion) -> bool {
        let tells = self.tells(criterion);
        let gain = |result: &RunResult| {
            let gains = tells
                .iter()
                .filter_map(|name| self.constant.gain(name, *result.metrics.get(name)?));
            gains.max_by(f64::total_cmp)
        };
        let learned = self.results.iter().flatten();
        let least = match self.arm.setup.task.name.is_generated() {
            true => LEAST_GAIN,
            false => LEAST_GAIN_ON_DATA,
        };
        let learned = learned.filter(|result| gain(result).is_none_or(|gain| gain >= least));
        let share = match criterion.kind {
            CriterionKind::SolveRate => criterion.margin,
            _ => 0.5,
        };
        learned.count() as f64 >= share * self.results.len() as f64
    }

    /// Where its typical run ended, and what reading nothing reaches.
    fn words(&self, criterion: &Criterion) -> Option<String> {
        self.tells(criterion).iter().find_map(|name| {
            let constant = self.constant.of(name)?;
            let values = self.results.iter().flatten();
            let values: Vec<f64> = values.filter_map(|it| it.metrics.get(name).copied()).collect();
            Some(format!(
                "the typical run of \"{}\" ended at {} in {}, where an answer that is always the same has {}",
                self.arm.name,
                number(crate::stats::median(&values)?),
                metric::words(name),
                number(constant)
            ))
        })
    }
}

/// Where no run of the arms learned anything, by what the task itself says of learning nothing, if it does.
fn best_unlearned(
    spec: &Spec,
    criterion: &Criterion,
    arms: &[&str],
    whose: &str,
    outcomes: &[RunOutcome],
) -> Option<String> {
    let arm = arm_of(spec, arms.first()?)?;
    let (untrained, best) = metric::spread(&arm.setup.task, &criterion.metric)?;
    let values = outcomes
        .iter()
        .filter(|outcome| arms.contains(&&*outcome.arm))
        .filter_map(|outcome| value(&outcome.end, criterion));
    let reached = match criterion.better {
        Better::Lower => values.min_by(f64::total_cmp),
        Better::Higher => values.max_by(f64::total_cmp),
    }?;
    let gain = (reached - untrained) / (best - untrained);
    (gain < LEAST_GAIN).then(|| {
        format!(
            "Nothing was learned: the best run {whose} ended at {} in {}, where a network that has learned nothing has {}. Of \
             such networks none is better than the other.",
            number(reached),
            metric::words(&criterion.metric),
            number(untrained)
        )
    })
}
