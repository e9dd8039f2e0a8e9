//! Whether anything was learned: of networks that have learned nothing, none is better than the other.

use super::RunOutcome;
use super::compare::value;
use crate::metric;
use crate::spec::{Better, Criterion, CriterionKind, Spec};

/// Share of the way from a network that has learned nothing to a perfect one that some run must have gone. On a test of
/// 500 sequences the best of twenty lucky guessers goes a twentieth.
const LEAST_GAIN: f64 = 0.1;

/// Why no conclusion can be drawn, if no run of the arms that are compared learned anything; of several conditions, if that
/// is so in one of them, which then says nothing. Only where the task says what learning nothing is.
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
    let arm = spec
        .arms
        .iter()
        .find(|arm| Some(&&*arm.name) == arms.first())?;
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
            crate::spec::number(reached),
            crate::metric::words(&criterion.metric),
            crate::spec::number(untrained)
        )
    })
}
