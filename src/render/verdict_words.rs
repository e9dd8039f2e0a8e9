//! The numbers of a verdict in words, for people.

use super::number::{self, percent, plural, value};
use breakmywork_protocol::spec::{Criterion, CriterionKind, Estimand};
use breakmywork_protocol::verdict::{Checks, Outcome, Pair, Step, Verdict};

/// What was found, in one sentence without a symbol; none where there is no number, or no such sentence.
pub fn finding(verdict: &Verdict, criterion: Option<&Criterion>) -> Option<String> {
    criterion?.finding(verdict.effect?)
}

/// Why a verdict does not say whether the prediction held, in Markdown; none of one that says it, or where the numbers alone
/// are why.
pub fn reason(verdict: &Verdict) -> Option<&str> {
    if matches!(verdict.outcome, Outcome::Supported | Outcome::Falsified) {
        return None;
    }
    let mut parts = verdict.explanation.split("\n\n");
    let first = parts.next()?;
    // Without a comparison it is all there is, after the outcome.
    if verdict.kind.is_none() {
        return first.split_once("** ").map(|(_, reason)| reason);
    }
    let others = ["Over ", "The pairs ran ", "The criterion was "];
    parts
        .next()
        .filter(|part| !others.iter().any(|other| part.starts_with(other)))
}

/// How large an effect is in words, whatever direction is better: the ratio behind a logarithm, the points behind a share; none
/// of other units.
pub fn size(effect: &f64, unit: &str) -> Option<String> {
    let way = match *effect < 0.0 {
        true => "against the prediction",
        false => "as predicted",
    };
    let words = number::effect(effect.abs(), unit)?;
    Some(match words == number::effect(0.0, unit)? {
        true => "nearly no effect".to_owned(),
        false => format!("{words}, {way}"),
    })
}

/// What the effect is an estimate of.
pub fn estimate(verdict: &Verdict) -> &'static str {
    match (verdict.kind, verdict.estimand) {
        (Some(CriterionKind::SolveRate), _) => "Difference of the shares",
        (Some(CriterionKind::Dispersion), _) => "Logarithm of the ratio of the spreads",
        (Some(CriterionKind::Interaction), Some(Estimand::Mean)) => {
            "Mean difference of the two advantages"
        }
        (Some(CriterionKind::Interaction), _) => {
            "Typical difference of the two advantages (median)"
        }
        (Some(CriterionKind::Cells), _) => {
            "Typical difference that enough conditions reach (median)"
        }
        (Some(CriterionKind::Trend), Some(Estimand::Mean)) => "Mean slope",
        (Some(CriterionKind::Trend), _) => "Typical slope (median)",
        (_, Some(Estimand::Median)) => "Typical difference (median)",
        _ => "Mean difference",
    }
}

/// The same in one word.
pub fn estimate_in_a_word(verdict: &Verdict) -> &'static str {
    match (verdict.kind, verdict.estimand) {
        (Some(CriterionKind::SolveRate), _) => "share",
        (Some(CriterionKind::Dispersion), _) => "log ratio",
        (Some(CriterionKind::Cells), _) | (_, Some(Estimand::Median)) => "median",
        _ => "mean",
    }
}

/// What the figure shows.
pub fn figure(verdict: &Verdict) -> String {
    let bounds = format!(
        "The diamond is the estimate with its one-sided {} bounds.",
        percent(1.0 - verdict.level)
    );
    match verdict.kind {
        Some(CriterionKind::Interaction) => format!(
            "Each dot is one seed: the difference between two advantages, of four runs in all. {bounds}"
        ),
        Some(CriterionKind::Trend) => {
            format!("Each dot is one seed: the slope through its runs. {bounds}")
        }
        Some(CriterionKind::Cells) => {
            "Each row is a condition, each dot the difference between its two runs of one seed. The diamonds are the conditions’ medians with one-sided bounds, each at its share of the level.".to_owned()
        }
        Some(CriterionKind::Dispersion) => {
            "Each dot is one seed: how much farther its control ended from the median of all controls than its treatment from that of all treatments. The estimate is a ratio and has no place on this axis.".to_owned()
        }
        _ => format!("Each dot is one seed: the difference between its two runs. {bounds}"),
    }
}

/// What a seed comes to, as the heads of columns: one, or one for each condition.
pub fn columns(verdict: &Verdict) -> Vec<String> {
    let one = match verdict.kind {
        Some(CriterionKind::Trend) => "Slope",
        Some(CriterionKind::Dispersion) => "Difference of distances",
        Some(CriterionKind::Cells) => {
            let conditions = 1..=verdict.conditions.len();
            return conditions
                .map(|number| format!("Difference {number}"))
                .collect();
        }
        _ => "Difference",
    };
    vec![one.to_owned()]
}

/// What the seed in that place comes to, in the order of [`columns`].
pub fn differences(verdict: &Verdict, place: &usize) -> Vec<Option<f64>> {
    let difference = |pairs: &[Pair]| pairs.get(*place).and_then(|pair| pair.difference);
    if verdict.kind == Some(CriterionKind::Cells) {
        let conditions = verdict.conditions.iter();
        return conditions
            .map(|condition| difference(&condition.pairs))
            .collect();
    }
    vec![difference(&verdict.pairs)]
}

/// Of a sequential plan: the e-values after its last pair.
pub fn last_step(verdict: &Verdict) -> Option<&Step> {
    verdict.sequential.as_ref()?.steps.last()
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

/// How the runs of an arm ended, each counted once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArmRuns {
    /// What the arm is called in a sentence.
    pub arm: String,
    /// Runs with a result.
    pub finished: usize,
    /// Runs that left the finite numbers.
    pub diverged: usize,
    /// Runs that were queued and have no result.
    pub missing: usize,
}

impl ArmRuns {
    /// All that were queued.
    fn queued(&self) -> usize {
        self.finished + self.diverged + self.missing
    }
}

/// What became of the runs that were planned: of all arms, those that the verdict does not compare among them.
pub fn drops(verdict: &Verdict, planned: usize, arms: &[ArmRuns]) -> String {
    let finished: usize = arms.iter().map(|arm| arm.finished).sum();
    let queued: usize = arms.iter().map(ArmRuns::queued).sum();
    let mut parts = vec![
        format!("{} planned", plural(planned, "run", "runs")),
        format!("{finished} finished"),
    ];
    parts.extend(counted(arms, |arm| arm.diverged, "diverged"));
    parts.extend(counted(arms, |arm| arm.missing, "without a result"));
    if planned > queued {
        // A sequential plan may have needed less than it was allowed; another one ended before all were queued.
        let why = match verdict.sequential {
            Some(_) => "needed",
            None => "queued",
        };
        parts.push(format!("{} not {why}", planned - queued));
    }
    parts.push("none left out".to_owned());
    parts.join(", ")
}

/// How many runs of which arms ended so; nothing where none did.
fn counted(arms: &[ArmRuns], count: impl Fn(&ArmRuns) -> usize, what: &str) -> Option<String> {
    let words: Vec<String> = arms
        .iter()
        .filter(|arm| count(arm) > 0)
        .map(|arm| format!("{} of {}", count(arm), arm.arm))
        .collect();
    let (last, rest) = words.split_last()?;
    Some(match rest {
        [] => format!("{last} {what}"),
        rest => format!("{} and {last} {what}", rest.join(", ")),
    })
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
    if let Some([treatment, control]) = checks.spreads {
        lines.push(format!(
            "mean distance from the median {} (treatment) and {} (control)",
            value(treatment),
            value(control)
        ));
    }
    if let Some(p) = checks.sign_flip {
        lines.push(format!("sign-flip test p {}", super::number::p_value(p)));
    }
    if let Some(p) = checks.wilcoxon {
        lines.push(format!("Wilcoxon test p {}", super::number::p_value(p)));
    }
    if let Some([low, high]) = checks.bootstrap {
        lines.push(format!(
            "bootstrap bounds [{}, {}]",
            value(low),
            value(high)
        ));
    }
    if let Some(share) = checks.misleading {
        lines.push(format!(
            "{} of the seeds alone would have said the opposite of the estimate",
            percent(share)
        ));
    }
    if let Some(share) = checks.superiority {
        lines.push(format!(
            "treatment better in {} of all pairings",
            percent(share)
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_that_cannot_tell_says_why() {
        let mut verdict = Verdict::aborted("Stopped by its author.".to_owned());
        assert_eq!(reason(&verdict), Some("Stopped by its author."));
        verdict.kind = Some(CriterionKind::Difference);
        verdict.outcome = Outcome::Inconclusive;
        let numbers = "Over 12 complete pairs the mean advantage is **+1**.";
        verdict.explanation =
            format!("**Inconclusive.** Who knows.\n\nNothing was learned.\n\n{numbers}");
        assert_eq!(reason(&verdict), Some("Nothing was learned."));
        verdict.explanation = format!("**Inconclusive.** Who knows.\n\n{numbers}");
        assert_eq!(reason(&verdict), None);
        verdict.outcome = Outcome::Falsified;
        assert_eq!(reason(&verdict), None);
    }

    #[test]
    fn every_run_of_every_arm_is_counted() {
        let arm = |arm: &str, [finished, diverged, missing]: [usize; 3]| ArmRuns {
            arm: arm.to_owned(),
            finished,
            diverged,
            missing,
        };
        let verdict = Verdict::aborted(String::new());
        let three = [
            arm("the treatment", [6, 0, 0]),
            arm("the control", [5, 1, 0]),
            arm("“other”", [6, 0, 0]),
        ];
        assert_eq!(
            drops(&verdict, 18, &three),
            "18 runs planned, 17 finished, 1 of the control diverged, none left out"
        );
        // Stopped before anything ended.
        let stopped = [
            arm("the treatment", [0, 0, 6]),
            arm("the control", [0, 0, 5]),
        ];
        assert_eq!(
            drops(&verdict, 12, &stopped),
            "12 runs planned, 0 finished, 6 of the treatment and 5 of the control without a result, 1 not queued, none left out"
        );
    }
}
