//! The rule: what the evidence, at the level, says about the prediction.

use super::evidence::Evidence;
use super::{Label, Outcome};
use crate::spec::{Criterion, CriterionKind};

/// What the rule concludes.
pub(super) struct Conclusion {
    pub(super) outcome: Outcome,
    pub(super) label: Option<Label>,
    /// Why a test that was passed does not count, in words; empty otherwise.
    pub(super) reason: String,
    /// p-value of what would support the prediction.
    pub(super) p_support: f64,
    /// p-value of what would falsify it.
    pub(super) p_falsify: f64,
}

/// One side of the rule: a test, and the second one that must agree.
struct Side {
    p: f64,
    /// Whether both are passed.
    agrees: bool,
}

/// Applies the criterion to the evidence.
pub(super) fn apply(evidence: &dyn Evidence, criterion: &Criterion, level: f64) -> Conclusion {
    // Only where the first test is passed does anybody ask the second, which may take long.
    let side = |p: f64, agrees: &dyn Fn() -> bool| Side {
        p,
        agrees: p <= level && agrees(),
    };
    let above = |value: f64| side(evidence.p_above(value), &|| evidence.agrees_above(value));
    let below = |value: f64| side(evidence.p_below(value), &|| evidence.agrees_below(value));
    let holds = |side: &Side| side.p <= level && side.agrees;
    let margin = criterion.margin;
    let (support, falsify) = match criterion.kind {
        // Both must hold: as sure as the less sure of the two.
        CriterionKind::Equivalence => (
            both(above(-margin), below(margin)),
            either(above(margin), below(-margin), level),
        ),
        CriterionKind::NonInferiority => (above(-margin), below(-margin)),
        _ => (above(0.0), below(margin)),
    };
    let of_size = !matches!(
        criterion.kind,
        CriterionKind::Equivalence | CriterionKind::NonInferiority
    );
    let large_enough = !of_size || evidence.effect() >= margin;
    let (outcome, label) = if holds(&support) && large_enough {
        (Outcome::Supported, None)
    } else if holds(&falsify) {
        // Too small to matter comes first: a worse treatment that is as good for every purpose is not "worse".
        let label = if !of_size {
            None
        } else if holds(&above(-margin)) {
            Some(Label::Negligible)
        } else if holds(&below(0.0)) {
            Some(Label::Reversed)
        } else {
            None
        };
        (Outcome::Falsified, label)
    } else {
        (Outcome::Inconclusive, None)
    };
    let reason = match (outcome, &support, &falsify) {
        (Outcome::Inconclusive, side, _) if side.p <= level && !side.agrees => {
            disagreement("support", side, evidence)
        }
        (Outcome::Inconclusive, _, side) if side.p <= level && !side.agrees => {
            disagreement("falsify", side, evidence)
        }
        _ => String::new(),
    };
    Conclusion {
        outcome,
        label,
        reason,
        p_support: support.p,
        p_falsify: falsify.p,
    }
}

fn both(one: Side, other: Side) -> Side {
    Side {
        p: one.p.max(other.p),
        agrees: one.agrees && other.agrees,
    }
}

/// The side that holds; if neither does, the surer one.
fn either(one: Side, other: Side, level: f64) -> Side {
    let holds = |side: &Side| side.p <= level && side.agrees;
    match (holds(&one), holds(&other)) {
        (true, _) => one,
        (_, true) => other,
        _ if one.p <= other.p => one,
        _ => other,
    }
}

fn disagreement(verb: &str, side: &Side, evidence: &dyn Evidence) -> String {
    format!(
        "The test (p = {:.4}) would {verb} the claim, but {} does not agree.",
        side.p,
        evidence.second_test()
    )
}
