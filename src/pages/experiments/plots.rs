//! The plots of an experiment, drawn from what is stored.

use crate::{
    db::runs::Curve,
    render::{
        chart::{
            conditions::{Condition, Conditions},
            curves::{Curves, Drawing, Line},
            effects::Ground,
            pairs::Pairs,
        },
        html::Html,
        verdict_words,
        words::sentence,
    },
};
use breakmywork_protocol::{
    metric,
    spec::{CriterionKind, Task, TaskName},
    verdict::{Outcome, Verdict},
};

/// A plot with its words.
#[derive(Debug)]
pub(in crate::pages) struct Plot {
    pub(in crate::pages) title: String,
    pub(in crate::pages) legend: Html,
    pub(in crate::pages) drawing: Drawing,
    /// The metric, as REST calls it.
    pub(in crate::pages) name: String,
    /// What is on its value axis.
    pub(in crate::pages) unit: String,
    /// The arms that have a mean, as a JSON list.
    pub(in crate::pages) arms: String,
}

impl Plot {
    /// How the mean is taken, in words.
    pub(in crate::pages) fn mean(&self) -> &'static str {
        match self.drawing.log {
            true => "geometric mean",
            false => "mean",
        }
    }
}

/// Points that the curves of a page may have together: more of them no eye tells apart, and the page would grow.
const POINTS: usize = 6_000;

/// Learning curves of arms that learn that task, a plot for each metric; where `whole` says all of the task, with what a
/// network would reach that learns nothing.
pub(in crate::pages) fn learning(
    curves: &[Curve],
    arms: &[String],
    task: TaskName,
    whole: Option<&Task>,
) -> Vec<Plot> {
    let mut names: Vec<&str> = curves
        .iter()
        .map(|curve| curve.name.as_str())
        .filter(|name| !metric::find(name).is_some_and(|known| known.at_end))
        .collect();
    names.dedup();
    // What was measured on unseen sequences first.
    names.sort_by_key(|name| !name.starts_with("valid"));
    let room = POINTS / names.len().max(1);
    names
        .into_iter()
        .filter_map(|name| {
            let known = metric::find(name);
            let lines: Vec<Line> = curves
                .iter()
                .filter(|curve| curve.name == name)
                .filter_map(|curve| {
                    let arm = arms.iter().position(|arm| *arm == curve.arm)?;
                    let points = curve.points.iter();
                    let points = points
                        .map(|point| (f64::from(point.step), point.value))
                        .collect();
                    Some(Line { arm, points })
                })
                .collect();
            let title = known.map_or_else(
                || name.to_owned(),
                |known| format!("{}: {}", sentence(&known.words()), known.meaning),
            );
            let drawn = Curves {
                id: name,
                title: &title,
                unit: known.map_or(name, |known| known.unit_of(task)),
                arms,
                lines: &lines,
                baseline: whole.and_then(|whole| metric::unlearned(whole, name)),
                room,
            };
            Some(Plot {
                drawing: drawn.draw()?,
                legend: drawn.legend(),
                name: name.to_owned(),
                unit: drawn.unit.to_owned(),
                arms: serde_json::to_string(arms).unwrap_or_default(),
                title,
            })
        })
        .collect()
}

/// The paired differences of a verdict, of several conditions a row for each.
pub(in crate::pages) fn pairs(verdict: &Verdict) -> Option<Html> {
    if verdict.kind == Some(CriterionKind::Cells) {
        return conditions(verdict);
    }
    let differences: Vec<(u32, f64)> = verdict
        .pairs
        .iter()
        .filter_map(|pair| Some((pair.seed, pair.difference?)))
        .collect();
    // Distances have the metric's unit; the estimate of a spread is a ratio, which has none.
    let on_axis = verdict.kind != Some(CriterionKind::Dispersion);
    let margin = verdict.margin;
    let grounds = match verdict.kind {
        Some(CriterionKind::Dispersion | CriterionKind::Search) | None => Vec::new(),
        Some(CriterionKind::Equivalence) => Ground::of_equivalence(margin),
        Some(CriterionKind::NonInferiority) => Ground::of_no_loss(margin),
        Some(_) => Ground::of_effect(margin),
    };
    let grounds = match follows(verdict, &grounds) {
        true => grounds,
        false => Vec::new(),
    };
    Pairs {
        id: "pairs",
        unit: if on_axis {
            &verdict.unit
        } else {
            "difference of distances"
        },
        differences: &differences,
        estimate: verdict_words::estimate_in_a_word(verdict),
        effect: verdict.effect.filter(|_| on_axis),
        interval: verdict.interval.filter(|_| on_axis),
        margin: on_axis.then_some(match verdict.kind {
            Some(CriterionKind::NonInferiority) => -verdict.margin,
            _ => verdict.margin,
        }),
        grounds: &grounds,
    }
    .svg()
}

/// Whether the verdict is what the picture says by where the bounds lie: not where something stood in the way of the rule.
fn follows(verdict: &Verdict, grounds: &[Ground]) -> bool {
    match verdict.outcome {
        Outcome::Supported | Outcome::Falsified => true,
        Outcome::Inconclusive => {
            let inside = |bounds: [f64; 2]| grounds.iter().any(|ground| ground.holds(bounds));
            !verdict.interval.is_some_and(inside)
        }
        Outcome::Inadmissible | Outcome::Aborted => false,
    }
}

fn conditions(verdict: &Verdict) -> Option<Html> {
    let conditions: Vec<Condition> = (verdict.conditions.iter())
        .map(|condition| Condition {
            differences: (condition.pairs.iter())
                .filter_map(|pair| pair.difference)
                .collect(),
            effect: condition.effect,
            interval: condition.interval,
        })
        .collect();
    Conditions {
        id: "pairs",
        unit: &verdict.unit,
        conditions: &conditions,
        margin: verdict.margin,
    }
    .svg()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_contradicts_no_verdict() {
        let grounds = Ground::of_effect(0.1);
        let mut verdict = Verdict::aborted(String::new());
        assert!(!follows(&verdict, &grounds));
        for (outcome, interval, shown) in [
            (Outcome::Falsified, [-0.3, -0.1], true),
            (Outcome::Inconclusive, [-0.3, 0.3], true),
            // Nothing was learned, so where the bounds lie decided nothing.
            (Outcome::Inconclusive, [-0.3, -0.1], false),
            (Outcome::Inadmissible, [0.2, 0.3], false),
        ] {
            verdict.outcome = outcome;
            verdict.interval = Some(interval);
            assert_eq!(follows(&verdict, &grounds), shown, "{outcome:?}");
        }
    }
}
