//! Gates: plans that cannot lose, cannot win, or cannot tell are refused at registration, each with the reason and what
//! to do about it.

use super::contrast::{self, settings};
use super::fields::Problem;
use super::limits;
use super::plain::plain;
use super::reading::number;
use super::types::*;
use crate::metric;
use crate::stats::{sign_e_value, sign_test};
use crate::text;
use serde_json::Value;
use std::collections::BTreeMap;

/// Largest margin on the logarithmic scale: a factor of twenty. Nobody calls less than that too small to matter.
const LARGEST_LOG_MARGIN: f64 = 3.0;

/// Everything that keeps the experiment from saying something about a claim.
pub(super) fn problems(spec: &Spec) -> Vec<Problem> {
    let Some(criterion) = &spec.criterion else {
        return Vec::new();
    };
    let arm = |name: &str| spec.arms.iter().find(|arm| arm.name == name);
    let mut found = Vec::new();
    if let (Some(treatment), Some(control)) = (arm(&criterion.treatment), arm(&criterion.control))
        && alike(&treatment.setup, &control.setup)
    {
        found.push(problem(
            "control",
            "trains the same as the treatment, so there is nothing to find. Let the arms differ in what the claim is about."
                .into(),
        ));
    }
    found.extend(cells(spec, criterion));
    found.extend(square(spec, criterion));
    found.extend(alone(spec, criterion));
    found.extend(reach(spec, criterion));
    found.extend(margin(spec, criterion));
    found.extend(threshold(spec, criterion));
    found
}

fn problem(field: &str, detail: String) -> Problem {
    Problem {
        pointer: format!("/criterion/{field}"),
        detail,
    }
}

/// Whether two arms train the same.
fn alike(one: &Setup, other: &Setup) -> bool {
    plain(one) == plain(other)
}

/// The two pairs of an interaction must differ in the same, or their differences cannot be compared; and no two of the
/// four arms may train the same, or less than four are compared.
fn square(spec: &Spec, criterion: &Criterion) -> Option<Problem> {
    let names = [
        [&*criterion.treatment, &*criterion.control],
        criterion.other_pair()?,
    ];
    let setup = |name: &str| Some(&spec.arms.iter().find(|arm| arm.name == name)?.setup);
    let [[treatment, control], [other_treatment, other_control]] = [
        [setup(names[0][0])?, setup(names[0][1])?],
        [setup(names[1][0])?, setup(names[1][1])?],
    ];
    for (field, one, twin, its) in [
        (
            "other_control",
            other_control,
            other_treatment,
            "other treatment",
        ),
        ("other_treatment", other_treatment, treatment, "treatment"),
        ("other_control", other_control, control, "control"),
    ] {
        if alike(one, twin) {
            return Some(problem(
                field,
                format!(
                    "trains the same as the {its}, so one of the two conditions is missing. Let the two pairs differ in the \
                     condition, and each pair in what the claim is about; to compare two arms, take kind \"difference\"."
                ),
            ));
        }
    }
    let settings = [treatment, control, other_treatment, other_control].map(effective);
    let odd: Vec<String> = contrast::differing(&settings.each_ref())
        .into_iter()
        .filter(|path| {
            let [treatment, control, other_treatment, other_control] =
                settings.each_ref().map(|settings| settings.get(path));
            let same = treatment == control && other_treatment == other_control;
            !same && (treatment != other_treatment || control != other_control)
        })
        .collect();
    (!odd.is_empty()).then(|| {
        problem(
            "other_treatment",
            format!(
                "and its control do not differ in the same as \"{}\" and \"{}\" ({}), so the two advantages cannot be compared. \
                 Change the same in both pairs, and between them the condition alone.",
                criterion.treatment,
                criterion.control,
                text::first_of(&odd, NAMED, ", ")
            ),
        )
    })
}

/// In each further condition there must be something to find, and no two conditions may train the same, or one effect would
/// count twice.
fn cells(spec: &Spec, criterion: &Criterion) -> Option<Problem> {
    let setup = |name: &str| Some(&spec.arms.iter().find(|arm| arm.name == name)?.setup);
    let cells = criterion.cells();
    let setups: Vec<[&Setup; 2]> = (cells.iter())
        .map(|[treatment, control]| Some([setup(treatment)?, setup(control)?]))
        .collect::<Option<_>>()?;
    for (index, [one, other]) in setups.iter().enumerate().skip(1) {
        let [treatment, control] = cells[index];
        let at = format!("conditions/{}", index - 1);
        if alike(one, other) {
            return Some(problem(
                &at,
                format!(
                    "compares \"{treatment}\" and \"{control}\", which train the same, so there is nothing to find. Let them differ \
                     in what the claim is about."
                ),
            ));
        }
        let same =
            |[treatment, control]: &[&Setup; 2]| alike(treatment, one) && alike(control, other);
        if let Some(twin) = setups[..index].iter().position(same) {
            let [its_treatment, its_control] = cells[twin];
            return Some(problem(
                &at,
                format!(
                    "trains the same as \"{its_treatment}\" and \"{its_control}\", so one effect would count twice. Let the \
                     conditions differ, or name this one no more."
                ),
            ));
        }
    }
    None
}

/// The arms of a trend must differ in the swept setting alone, or nobody knows what it is due to.
fn alone(spec: &Spec, criterion: &Criterion) -> Option<Problem> {
    let field = criterion.field.as_ref()?;
    let mut arms = spec.arms.iter().map(|arm| (arm, settings(&arm.setup)));
    let (first, base) = arms.next()?;
    arms.find_map(|(arm, own)| {
        let more: Vec<String> = contrast::differing(&[&base, &own])
            .into_iter()
            .filter(|path| path != field)
            .collect();
        (!more.is_empty()).then(|| {
            problem(
                "field",
                format!(
                    "is not all that \"{}\" and \"{}\" differ in ({}), so nobody could tell what a trend is due to. Let the arms \
                     differ in {field} alone.",
                    first.name,
                    arm.name,
                    text::first_of(&more, NAMED, ", ")
                ),
            )
        })
    })
}

/// Settings that a reason names.
const NAMED: usize = 5;

/// The settings of an arm that change what it trains.
fn effective(setup: &Setup) -> BTreeMap<String, Value> {
    settings(&plain(setup))
}

/// The e-value must be able to reach 1/alpha: even if all pairs agree, it is (2ⁿ⁺¹ − 1)/(n + 1).
fn wager(spec: &Spec, criterion: &Criterion) -> Option<Problem> {
    let cap = spec.seeds.count();
    let enough = |pairs: usize| sign_e_value(pairs, pairs).recip() <= criterion.alpha;
    if enough(cap) || cap < limits::SEEDS_REGISTERED {
        return None;
    }
    let fewest = (limits::SEEDS.into_iter()).find(|pairs| enough(*pairs))?;
    Some(problem(
        "stopping",
        format!(
            "is \"e_value\", but over {cap} pairs an e-value is at most {}, even if all of them agree, and 1/alpha = {} \
             decides, so neither outcome can be reached. Take {fewest} seeds or more, of which only so many are run as are \
             needed; or leave stopping out.",
            number(sign_e_value(cap, cap)),
            number(1.0 / criterion.alpha)
        ),
    ))
}

/// The exact tests must be able to reach the level: even if all pairs agree, p is 2⁻ⁿ.
fn reach(spec: &Spec, criterion: &Criterion) -> Option<Problem> {
    if criterion.stopping.is_some() {
        return wager(spec, criterion);
    }
    let pairs = spec.seeds.count();
    // Of several conditions each is tested at a share of the level: on the side that needs the smaller one.
    let times = criterion.count().max(criterion.against()) as f64;
    let smallest_of = |n: usize| times * sign_test(n, n);
    let smallest = smallest_of(pairs);
    if smallest <= criterion.alpha || pairs < limits::SEEDS_REGISTERED {
        return None;
    }
    let enough = limits::SEEDS.into_inner().1;
    let enough = (pairs..=enough).find(|n| smallest_of(*n) <= criterion.alpha)?;
    let (shared, unreachable) = match criterion.kind {
        CriterionKind::Cells => (
            ", multiplied by the number of conditions that have a chance",
            "one of the outcomes cannot",
        ),
        _ => ("", "neither outcome can"),
    };
    Some(problem(
        "alpha",
        format!(
            "is {}, but with {pairs} seeds no exact test gives a p-value below {smallest:.4}{shared}, so {unreachable} be \
             reached. Take {enough} seeds or more.",
            criterion.alpha
        ),
    ))
}

impl Spec {
    /// The largest advantage that a seed can have: from a network that has learned nothing to a perfect one, in the
    /// logarithm a factor that nobody calls too small to matter. `None` where the task does not say.
    pub(crate) fn gain(&self) -> Option<f64> {
        let criterion = self.criterion.as_ref()?;
        // How often the gain of a single run fits into a difference: once in a plain one, twice in that of two pairs.
        let times = contrast::reach(&self.contrast());
        if criterion.kind == CriterionKind::SolveRate {
            return Some(1.0);
        }
        if criterion.scale == Scale::Log || criterion.kind == CriterionKind::Dispersion {
            return Some(LARGEST_LOG_MARGIN * times);
        }
        let (untrained, best) = spread_for_margin(self, criterion)?;
        Some((untrained - best).abs() * times)
    }
}

/// The margin must be smaller than what there is to gain.
fn margin(spec: &Spec, criterion: &Criterion) -> Option<Problem> {
    if criterion.kind == CriterionKind::SolveRate {
        return None;
    }
    let times = contrast::reach(&spec.contrast());
    if criterion.scale == Scale::Log || criterion.kind == CriterionKind::Dispersion {
        let largest = spec.gain()?;
        return (criterion.margin > largest).then(|| {
            problem(
                "margin",
                format!(
                    "is {} in the logarithm, for which runs would differ by a factor of {:.3e}: nothing could support this. 0.1 is about ten per cent; at most \
                     {} is taken.",
                    criterion.margin,
                    (criterion.margin / times).exp(),
                    number(largest)
                ),
            )
        });
    }
    let (untrained, best) = spread_for_margin(spec, criterion)?;
    let gain = spec.gain()?;
    let most = match criterion.kind {
        CriterionKind::Interaction => {
            format!(", and two advantages cannot differ by more than {gain:.4}")
        }
        CriterionKind::Trend => format!(", and no slope is steeper than {}", number(gain)),
        CriterionKind::Cells if criterion.count() == 1 => " in any of the conditions".to_owned(),
        CriterionKind::Cells => format!(" in all but {} of the conditions", criterion.count() - 1),
        _ => String::new(),
    };
    (criterion.margin >= gain).then(|| {
        problem(
            "margin",
            format!(
                "is {}, but from a network that has learned nothing ({untrained:.4}) to a perfect one there are only \
                 {:.4}{most}, so nothing could support this. Take the smallest difference that would matter.",
                criterion.margin,
                (untrained - best).abs(),
            ),
        )
    })
}

/// A threshold must lie between what needs no learning and what cannot be reached.
fn threshold(spec: &Spec, criterion: &Criterion) -> Option<Problem> {
    let threshold = criterion.threshold?;
    let (untrained, best) = spread(spec, criterion, &criterion.treatment)?;
    let reached = match criterion.better {
        Better::Lower => threshold >= untrained,
        Better::Higher => threshold <= untrained,
    };
    let beyond = match criterion.better {
        Better::Lower => threshold <= best,
        Better::Higher => threshold > best,
    };
    let detail = match (reached, beyond) {
        (true, _) => format!(
            "is {threshold}, which a network that has learned nothing reaches ({untrained:.4}), so every run would count as \
             solved."
        ),
        (_, true) => format!("is {threshold}, which no run reaches: {best} would be perfect."),
        _ => return None,
    };
    Some(problem("threshold", detail))
}

/// The metric without learning, and at its best, that the margin is held against: of several conditions where the k-th most
/// can be gained, if so many must show the effect.
fn spread_for_margin(spec: &Spec, criterion: &Criterion) -> Option<(f64, f64)> {
    let mut spreads: Vec<(f64, f64)> = (criterion.cells().iter())
        .map(|[treatment, _]| spread(spec, criterion, treatment))
        .collect::<Option<_>>()?;
    let gain = |(untrained, best): &(f64, f64)| (untrained - best).abs();
    spreads.sort_by(|one, other| gain(other).total_cmp(&gain(one)));
    spreads.get(criterion.count() - 1).copied()
}

/// The metric without learning, and at its best, where the task says; of that arm's task. On numbers that were shifted for
/// the test there is no telling.
fn spread(spec: &Spec, criterion: &Criterion, name: &str) -> Option<(f64, f64)> {
    let arm = spec.arms.iter().find(|arm| arm.name == name)?;
    let tested = !criterion.metric.starts_with("train_");
    if tested && plain(&arm.setup).evaluation.shift.is_some() {
        return None;
    }
    metric::spread(&arm.setup.task, &criterion.metric)
}

#[cfg(test)]
mod tests;
