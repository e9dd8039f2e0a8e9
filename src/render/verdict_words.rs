//! The numbers of a verdict in words, for people.

use super::number::{percent, plural, value};
use breakmywork_protocol::spec::{CriterionKind, Estimand};
use breakmywork_protocol::verdict::{Checks, Verdict};

/// What the effect is an estimate of.
pub fn estimate(verdict: &Verdict) -> &'static str {
    match (verdict.kind, verdict.estimand) {
        (Some(CriterionKind::SolveRate), _) => "Difference of the shares",
        (_, Some(Estimand::Median)) => "Typical difference (median)",
        _ => "Mean difference",
    }
}

/// The same in one word.
pub fn estimate_in_a_word(verdict: &Verdict) -> &'static str {
    match (verdict.kind, verdict.estimand) {
        (Some(CriterionKind::SolveRate), _) => "share",
        (_, Some(Estimand::Median)) => "median",
        _ => "mean",
    }
}

/// How many pairs count.
pub fn pairs(verdict: &Verdict) -> String {
    let complete = verdict
        .pairs
        .iter()
        .filter(|pair| pair.difference.is_some())
        .count();
    match verdict.pairs.len() {
        planned if planned == complete => plural(planned, "seed", "seeds"),
        planned => format!(
            "{complete} complete of {}",
            plural(planned, "seed", "seeds")
        ),
    }
}

/// What became of the runs that were planned.
pub fn drops(verdict: &Verdict) -> String {
    let planned = 2 * verdict.pairs.len();
    let [diverged, missing] = [verdict.diverged, verdict.missing];
    let finished = planned.saturating_sub(diverged.iter().chain(&missing).sum());
    let mut parts = vec![
        format!("{} planned", plural(planned, "run", "runs")),
        format!("{finished} finished"),
    ];
    for (counts, what) in [(diverged, "diverged"), (missing, "without a result")] {
        let words = match counts {
            [0, 0] => continue,
            [treatment, 0] => format!("{treatment} of the treatment {what}"),
            [0, control] => format!("{control} of the control {what}"),
            [treatment, control] => {
                format!("{treatment} of the treatment and {control} of the control {what}")
            }
        };
        parts.push(words);
    }
    parts.push("none left out".to_owned());
    parts.join(", ")
}

/// The checks beside the rule, one a line.
pub fn checks(checks: &Checks) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(mean) = checks.mean {
        let bounds = checks
            .mean_interval
            .map_or_else(String::new, |[low, high]| {
                format!(" [{}, {}]", value(low), value(high))
            });
        let sd = checks.sd.map_or_else(String::new, |sd| {
            format!(", standard deviation {}", value(sd))
        });
        lines.push(format!("mean {}{bounds}{sd}", value(mean)));
    }
    if let Some(p) = checks.sign_flip {
        lines.push(format!("sign-flip test {}", super::number::p_value(p)));
    }
    if let Some(p) = checks.wilcoxon {
        lines.push(format!("Wilcoxon test {}", super::number::p_value(p)));
    }
    if let Some(share) = checks.superiority {
        lines.push(format!(
            "treatment better in {} of all pairings",
            percent(share)
        ));
    }
    lines
}
