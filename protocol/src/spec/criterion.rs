//! Reading the criterion, and what it must agree with.

use super::fields::Fields;
use super::limits;
use super::types::*;
use crate::metric;

mod cells;
mod sweep;

const KINDS: &[(&str, CriterionKind)] = &[
    ("difference", CriterionKind::Difference),
    ("equivalence", CriterionKind::Equivalence),
    ("non_inferiority", CriterionKind::NonInferiority),
    ("solve_rate", CriterionKind::SolveRate),
    ("interaction", CriterionKind::Interaction),
    ("trend", CriterionKind::Trend),
    ("dispersion", CriterionKind::Dispersion),
    ("cells", CriterionKind::Cells),
    ("search", CriterionKind::Search),
];
const ESTIMANDS: &[(&str, Estimand)] = &[("median", Estimand::Median), ("mean", Estimand::Mean)];
const DIRECTIONS: &[(&str, Better)] = &[("lower", Better::Lower), ("higher", Better::Higher)];
const STOPPING: &[(&str, Stopping)] = &[("e_value", Stopping::EValue)];
const SCALES: &[(&str, Scale)] = &[("additive", Scale::Additive), ("log", Scale::Log)];

/// Largest margin that could be meant; what is reachable is checked apart.
const MARGINS: std::ops::RangeInclusive<f64> = 1e-9..=1e6;
/// Level of a one-sided test by convention.
const DEFAULT_ALPHA: f64 = 0.05;

pub(super) fn criterion(mut fields: Fields<'_>, arms: &[Arm]) -> Criterion {
    let kind = fields.choice("kind", KINDS, None);
    let estimand = estimand(&mut fields, kind);
    let metric_name = fields.required_text("metric", 60);
    let treatment = arm_name(&mut fields, "treatment", arms);
    let control = arm_name(&mut fields, "control", arms);
    if !treatment.is_empty() && treatment == control {
        fields.problem("control", "must be another arm than the treatment.");
    }
    let [other_treatment, other_control] =
        other_pair(&mut fields, kind, [&treatment, &control], arms);
    let mut compared = vec![treatment.as_str(), &control];
    compared.extend(other_treatment.as_deref());
    compared.extend(other_control.as_deref());
    let (field, field_scale) = sweep::read(&mut fields, kind, [&treatment, &control], arms);
    if kind == CriterionKind::Trend {
        compared = arms.iter().map(|arm| arm.name.as_str()).collect();
    }
    let (conditions, at_least) = cells::read(&mut fields, kind, [&treatment, &control], arms);
    compared.extend(conditions.iter().flatten().map(String::as_str));
    let known = check_metric(&mut fields, &metric_name, &compared, arms);
    let natural = known.map_or(Better::Lower, |metric| metric.better);
    let better = fields.choice("better", DIRECTIONS, Some(natural));
    if known.is_some() && better != natural {
        let word = if natural == Better::Lower {
            "lower"
        } else {
            "higher"
        };
        fields.problem(
            "better",
            format!("{metric_name} is better when it is {word}; to predict the opposite, swap treatment and control."),
        );
    }
    let margin = fields.number("margin", None, MARGINS);
    let scale = fields.choice("scale", SCALES, Some(Scale::Additive));
    let alpha = fields.number("alpha", Some(DEFAULT_ALPHA), limits::ALPHA);
    let threshold = threshold(&mut fields, kind);
    let stopping = stopping(&mut fields, kind, estimand);
    if kind == CriterionKind::SolveRate && scale == Scale::Log {
        fields.problem(
            "scale",
            "a difference of solve rates is additive; leave scale out.",
        );
    }
    if scale == Scale::Log && known.is_some_and(|metric| !metric.has_ratios()) {
        fields.problem(
            "scale",
            format!("{metric_name} is no error, likelihood or perplexity, so its ratios mean nothing; use \"additive\"."),
        );
    }
    let share = kind == CriterionKind::SolveRate
        || known.is_some_and(|metric| metric.unit == "share correct");
    // What more than two runs may differ by, the gates say; a ratio of spreads has no such bound.
    let of_two = matches!(
        kind,
        CriterionKind::Difference
            | CriterionKind::Equivalence
            | CriterionKind::NonInferiority
            | CriterionKind::SolveRate
            | CriterionKind::Cells
            | CriterionKind::Search
    );
    if share && scale == Scale::Additive && margin >= 1.0 && of_two {
        fields.problem(
            "margin",
            "two shares cannot differ by 1 or more, so nothing could support this; 0.1 means ten points.",
        );
    }
    fields.close();
    Criterion {
        kind,
        estimand,
        metric: metric_name,
        treatment,
        control,
        other_treatment,
        other_control,
        field,
        field_scale,
        conditions,
        at_least,
        better,
        margin,
        scale,
        alpha,
        threshold,
        stopping,
    }
}

fn arm_name(fields: &mut Fields<'_>, name: &'static str, arms: &[Arm]) -> String {
    let text = fields.required_text(name, limits::ARM_CHARS);
    if !text.is_empty() && !arms.iter().any(|arm| arm.name == text) {
        let names: Vec<String> = arms.iter().map(|arm| format!("\"{}\"", arm.name)).collect();
        fields.problem(
            name,
            format!(
                "no arm is called \"{text}\". The arms are: {}.",
                names.join(", ")
            ),
        );
    }
    text
}

/// Treatment and control under the other condition, which only an interaction has: four different arms in all.
fn other_pair(
    fields: &mut Fields<'_>,
    kind: CriterionKind,
    pair: [&str; 2],
    arms: &[Arm],
) -> [Option<String>; 2] {
    let mut taken = Vec::from(pair);
    let mut found = [None, None];
    for (name, place) in ["other_treatment", "other_control"]
        .into_iter()
        .zip(&mut found)
    {
        let applies = kind == CriterionKind::Interaction;
        *place = fields.of(name, applies, "kind \"interaction\"", |fields| {
            arm_name(fields, name, arms)
        });
    }
    let [treatment, control] = &found;
    for (name, arm) in [("other_treatment", treatment), ("other_control", control)] {
        let Some(arm) = arm.as_deref().filter(|arm| !arm.is_empty()) else {
            continue;
        };
        if taken.contains(&arm) {
            fields.problem(
                name,
                "must be another arm than those named before: an interaction compares four.",
            );
        }
        taken.push(arm);
    }
    found
}

/// The metric must be one that all arms that are compared report at their end.
fn check_metric(
    fields: &mut Fields<'_>,
    name: &str,
    compared: &[&str],
    arms: &[Arm],
) -> Option<&'static metric::Metric> {
    if name.is_empty() {
        return None;
    }
    if metric::find(name).is_some_and(|metric| !metric.is_outcome()) {
        fields.problem(
            "metric",
            format!("{name} says how a run was measured, not how good it was; choose what it was to reach."),
        );
        return None;
    }
    for arm in arms
        .iter()
        .filter(|arm| compared.contains(&arm.name.as_str()))
    {
        let offered = metric::of(&arm.setup);
        if !offered.contains(&name) {
            fields.problem(
                "metric",
                format!(
                    "arm \"{}\" does not report \"{name}\" at its end. Its task offers: {}.",
                    arm.name,
                    offered.join(", ")
                ),
            );
            return None;
        }
    }
    metric::find(name)
}

fn estimand(fields: &mut Fields<'_>, kind: CriterionKind) -> Option<Estimand> {
    let estimated = match kind {
        CriterionKind::SolveRate => "a solve rate",
        CriterionKind::Dispersion => "a ratio of spreads",
        CriterionKind::Cells => "the typical pair of each condition",
        CriterionKind::Search => "the typical pair of each point",
        _ => return Some(fields.choice("estimand", ESTIMANDS, Some(Estimand::Median))),
    };
    if fields.take("estimand").is_some() {
        fields.problem(
            "estimand",
            format!("{estimated} is what is estimated; leave estimand out."),
        );
    }
    None
}

/// A plan that stops early needs a test that holds whenever one looks: there is one of the signs of the pairs.
fn stopping(
    fields: &mut Fields<'_>,
    kind: CriterionKind,
    estimand: Option<Estimand>,
) -> Option<Stopping> {
    let applies = kind == CriterionKind::Difference && estimand == Some(Estimand::Median);
    let whose = "kind \"difference\" in the typical pair (estimand \"median\")";
    fields
        .of("stopping", applies, whose, |fields| {
            fields.take("stopping")?;
            Some(fields.choice("stopping", STOPPING, None))
        })
        .flatten()
}

fn threshold(fields: &mut Fields<'_>, kind: CriterionKind) -> Option<f64> {
    const RANGE: std::ops::RangeInclusive<f64> = 0.0..=1e6;
    match kind {
        CriterionKind::SolveRate => Some(fields.number("threshold", None, RANGE)),
        _ => {
            if fields.take("threshold").is_some() {
                fields.problem(
                    "threshold",
                    "only kind \"solve_rate\" has a threshold; leave it out.",
                );
            }
            None
        }
    }
}

#[cfg(test)]
mod tests;
