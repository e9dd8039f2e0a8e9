//! What an experiment can find, in words.

use super::number::{effect, percent, plural, value};
use breakmywork_protocol::spec::{Criterion, CriterionKind, Spec, limits};
use breakmywork_protocol::verdict::Power;

/// The sentences of an experiment's page.
#[derive(Debug)]
pub struct PowerWords {
    /// In what treatment and control differ.
    pub differ: String,
    /// How much pairs vary, and how that is known.
    pub noise: String,
    /// The chance to find an effect of the margin.
    pub chance: String,
    /// The smallest effect that it finds, beside the margin.
    pub floor: String,
    /// Whether the margin lies below it.
    pub weak: bool,
}

/// The words for what an experiment can find; `None` where that cannot be said.
pub fn of(spec: &Spec, power: Option<&Power>) -> Option<PowerWords> {
    let criterion = spec.criterion.as_ref()?;
    let power = power?;
    let unit = criterion.unit(spec.task.name);
    let margin = amount(power.margin, &unit);
    let chance = match criterion.kind {
        CriterionKind::Equivalence => format!(
            "With {} pairs, arms that do the same are found to with a chance of {}.",
            power.pairs,
            percent(power.power)
        ),
        CriterionKind::Cells => format!(
            "With {} pairs of each condition, the prediction is falsified with a chance of {} where no condition has an \
             effect.",
            power.pairs,
            percent(power.power)
        ),
        CriterionKind::NonInferiority => format!(
            "With {} pairs, the prediction is falsified with a chance of {} where the treatment is worse by twice the margin, \
             {margin}, and supported with about the same chance where both arms do the same.",
            power.pairs,
            percent(power.power)
        ),
        _ => format!(
            "With {} pairs, the prediction is falsified with a chance of {} where there is no effect, and an effect of the \
             margin, {margin}, is seen with about the same chance. A larger one is seen more easily.",
            power.pairs,
            percent(power.power)
        ),
    };
    let everywhere = match criterion.kind {
        CriterionKind::Cells => " in every condition",
        _ => "",
    };
    let weak = power.detectable.is_none_or(|least| least > power.margin) && power.bounded;
    let floor = match (power.detectable, weak) {
        (Some(least), true) => format!(
            "The smallest effect{everywhere} that it finds with a chance of 80 % is {}, more than its margin, {margin}: as a test of \
             the claim it is weak. {}",
            amount(least, &unit),
            advice(power)
        ),
        (Some(least), false) => format!(
            "The smallest effect{everywhere} that it finds with a chance of 80 % is {}.",
            amount(least, &unit)
        ),
        (None, true) => format!(
            "No effect that can happen would be found. {}",
            advice(power)
        ),
        (None, false) => String::new(),
    };
    Some(PowerWords {
        differ: differ(spec),
        noise: noise(criterion, power, &unit),
        chance,
        floor,
        weak,
    })
}

/// An effect as people say it, of a ratio its logarithm too; in its unit where there is no other word for it.
fn amount(size: f64, unit: &str) -> String {
    match (effect(size, unit), unit.strip_prefix("log ratio")) {
        (Some(words), Some(of)) => format!("{words}{of} ({} in logarithm)", value(size)),
        (Some(words), None) => words,
        (None, _) => format!("{} {unit}", value(size)),
    }
}

fn advice(power: &Power) -> String {
    match power.enough {
        Some(pairs) => format!("With {pairs} seeds it finds an effect of the margin."),
        None => format!(
            "Even {} seeds, the most that are taken, miss an effect of the margin more than one time in five.",
            limits::SEEDS.end()
        ),
    }
}

fn differ(spec: &Spec) -> String {
    match &spec.manipulated()[..] {
        [] => String::new(),
        [one] => format!("Treatment and control differ in {one} alone."),
        [first @ .., last] => format!(
            "Treatment and control differ in {} and {last}: what is found is due to all of that together.",
            first.join(", ")
        ),
    }
}

/// Also where there were runs: noise of networks that learned nothing says nothing of those that do.
const UNKNOWN: &str = "No experiment on this task at this size has learned anything here yet, so the noise is not known";

fn noise(criterion: &Criterion, power: &Power, unit: &str) -> String {
    let noise = &power.noise;
    let sd = amount(noise.sd, unit);
    let (of_spreads, of_cells) = (
        criterion.kind == CriterionKind::Dispersion,
        criterion.kind == CriterionKind::Cells,
    );
    if noise.pairs == 0 && of_spreads {
        return format!("{UNKNOWN}; it is assumed to be normal.");
    }
    if noise.pairs == 0 {
        return format!("{UNKNOWN}; a standard deviation of {sd} between pairs is assumed.");
    }
    let whose = if noise.own {
        "the author’s own"
    } else {
        "the member whose pairs vary least"
    };
    let counted = format!(
        "{} in {} of {whose}",
        plural(noise.pairs, "pair", "pairs"),
        plural(noise.experiments, "experiment", "experiments")
    );
    if of_spreads {
        return format!(
            "The noise is taken to have the shape that pairs of this task and size have shown ({counted}); how large it is \
             does not count for spreads."
        );
    }
    let of = match of_cells {
        true => "Pairs of the condition that varies most",
        false => "Pairs of this task and size",
    };
    format!("{of} vary by {sd}, the standard deviation of {counted}.")
}
