//! From the ends of the runs to the conclusion.

use super::explain::explain;
use super::*;
use crate::spec::{Better, Criterion, Spec};
use crate::stats::{self, holm_level, paired};
use crate::text;

/// Differences are held within ± this, so that every sum over the pairs, and every bound, stays a finite number.
const LARGEST: f64 = 1e300;
/// Reasons of one kind that the result post gives; the runs' own pages have them all.
const REASONS: usize = 5;
/// Seeds that a reason names for an arm.
const SEEDS: usize = 12;

/// What one of the two rules says before the exceptions are looked at.
struct Reading {
    effect: f64,
    /// Absent where a bound is not finite: so few pairs, or so small a level, that there is none.
    interval: Option<[f64; 2]>,
    level: f64,
    p_support: f64,
    p_falsify: f64,
    checks: Checks,
}

/// A run without a result, for a reason that says nothing about the claim.
struct Gap<'a> {
    arm: &'a str,
    seed: u32,
    reason: &'a str,
}

/// Applies the registered criterion to how the runs ended.
pub fn decide(spec: &Spec, outcomes: &[RunOutcome], family: &Family) -> Verdict {
    decision(spec, outcomes, family).verdict
}

/// Applies the registered criterion to how the runs ended, and says what decided.
pub fn decision(spec: &Spec, outcomes: &[RunOutcome], family: &Family) -> Decision {
    let Some(criterion) = &spec.criterion else {
        return Decision::aborted("The specification has no criterion.".into());
    };
    let mut verdict = blank(spec, criterion, family);
    let (pairs, missing) = pair_up(spec, criterion, outcomes);
    verdict.diverged = [&criterion.treatment, &criterion.control].map(|arm| {
        outcomes
            .iter()
            .filter(|outcome| outcome.arm == **arm && diverged(&outcome.end, criterion))
            .count()
    });
    verdict.pairs = pairs;
    let differences: Vec<f64> = verdict
        .pairs
        .iter()
        .filter_map(|pair| pair.difference)
        .collect();
    let reading = match criterion.kind {
        CriterionKind::Difference => difference(outcomes, &differences, criterion, family),
        CriterionKind::SolveRate => solve_rate(&verdict.pairs, criterion, family),
    };
    if let Some(reading) = &reading {
        verdict.effect = Some(reading.effect);
        verdict.interval = reading.interval;
        verdict.level = reading.level;
        verdict.p_support = Some(reading.p_support);
        verdict.p_falsify = Some(reading.p_falsify);
        verdict.p_value = Some(reading.p_support.min(reading.p_falsify));
        verdict.checks = Some(reading.checks);
    }
    let violations = violations(outcomes);
    let reason = conclude(
        &mut verdict,
        spec,
        criterion,
        reading.as_ref(),
        &missing,
        &violations,
    );
    verdict.explanation = explain(&verdict, criterion, &reason);
    let cancelled = |seed: u32| {
        outcomes.iter().any(|outcome| {
            outcome.seed == seed
                && outcome.end == End::Cancelled
                && [&criterion.treatment, &criterion.control].contains(&&outcome.arm)
        })
    };
    let left = spec.seeds.iter().filter(|seed| !cancelled(**seed)).count();
    Decision {
        verdict,
        reason,
        by_people: left < spec.seeds.len() && too_few(left, spec.seeds.len()),
    }
}

/// Whether so few complete pairs are left, of those that were planned, that there is no verdict.
fn too_few(complete: usize, planned: usize) -> bool {
    let missing = planned - complete;
    complete < FEWEST_PAIRS || missing as f64 / planned as f64 > LARGEST_FAILED_SHARE
}

fn blank(spec: &Spec, criterion: &Criterion, family: &Family) -> Verdict {
    let size = family.others + 1;
    Verdict {
        outcome: Outcome::Inconclusive,
        unit: criterion.unit(spec.task.name).into(),
        kind: Some(criterion.kind),
        metric: criterion.metric.clone(),
        scale: Some(criterion.scale),
        margin: criterion.margin,
        alpha: criterion.alpha,
        level: criterion.alpha / size as f64,
        family: size,
        ..Verdict::aborted(String::new())
    }
}

/// Sets the outcome and gives the reason for anything that is not the plain rule.
fn conclude(
    verdict: &mut Verdict,
    spec: &Spec,
    criterion: &Criterion,
    reading: Option<&Reading>,
    missing: &[Gap],
    violations: &[String],
) -> String {
    let complete = verdict
        .pairs
        .iter()
        .filter(|pair| pair.difference.is_some())
        .count();
    let planned = spec.seeds.len();
    if !violations.is_empty() {
        verdict.outcome = Outcome::Inadmissible;
        return text::first_of(violations, REASONS, " ");
    }
    let share = |count: usize| count as f64 / planned as f64;
    if !missing.is_empty() && too_few(complete, planned) {
        verdict.outcome = Outcome::Aborted;
        return format!(
            "{} of {planned} pairs are incomplete for reasons that say nothing about the claim: {}",
            planned - complete,
            in_words(missing)
        );
    }
    let worst = verdict.diverged.into_iter().max().unwrap_or(0);
    if share(worst) > LARGEST_FAILED_SHARE {
        return format!(
            "{} runs of the treatment and {} of the control diverged; with more than a fifth of an arm the mean means little.",
            verdict.diverged[0], verdict.diverged[1]
        );
    }
    if complete < FEWEST_PAIRS {
        return format!(
            "There are {complete} complete pairs; fewer than {FEWEST_PAIRS} cannot decide."
        );
    }
    let Some(reading) = reading else {
        return "There is nothing to compare.".into();
    };
    let Some([low, high]) = reading.interval else {
        return "At this level there are no bounds.".into();
    };
    let margin = criterion.margin;
    if low > 0.0 && reading.effect >= margin {
        if reading.checks.exact_support > reading.level {
            return format!(
                "The bounds would support the claim, but the exact test (p = {:.4}) does not agree at the level {:.4}.",
                reading.checks.exact_support, reading.level
            );
        }
        verdict.outcome = Outcome::Supported;
    } else if high < margin {
        if let Some(p) = reading.checks.exact_falsify.filter(|p| *p > reading.level) {
            return format!(
                "The bounds would falsify the claim, but the exact test (p = {p:.4}) does not agree at the level {:.4}.",
                reading.level
            );
        }
        verdict.outcome = Outcome::Falsified;
        verdict.label = if high < 0.0 {
            Some(Label::Reversed)
        } else if low > -margin {
            Some(Label::Negligible)
        } else {
            None
        };
    }
    String::new()
}

/// Pairs in the order of the seeds, and what is missing, in words.
fn pair_up<'a>(
    spec: &Spec,
    criterion: &'a Criterion,
    outcomes: &'a [RunOutcome],
) -> (Vec<Pair>, Vec<Gap<'a>>) {
    let end = |arm: &str, seed: u32| {
        outcomes
            .iter()
            .find(|outcome| outcome.arm == arm && outcome.seed == seed)
            .map(|outcome| &outcome.end)
    };
    // Worse than anything that was seen: a run that diverged must never look better than its partner.
    let worst = worst_value(criterion, outcomes);
    let mut missing = Vec::new();
    let pairs = spec
        .seeds
        .iter()
        .map(|&seed| {
            let arms = [&criterion.treatment, &criterion.control];
            let ends = arms.map(|arm| end(arm, seed));
            let mut notes = Vec::new();
            for (arm, end) in arms.iter().zip(ends) {
                let reason = match end {
                    Some(end) if diverged(end, criterion) => {
                        notes.push(format!("\"{arm}\" diverged"));
                        continue;
                    }
                    Some(End::Finished(_) | End::Diverged) => continue,
                    Some(End::Missing(reason)) => reason.as_str(),
                    Some(End::Cancelled) => "it was cancelled",
                    None => "it never ran",
                };
                notes.push(format!("\"{arm}\" has no result"));
                missing.push(Gap { arm, seed, reason });
            }
            let seen = ends.map(|end| value(end?, criterion));
            let compared = ends.map(|end| match end? {
                end if diverged(end, criterion) => worst,
                other => value(other, criterion),
            });
            let difference = match compared {
                [Some(treatment), Some(control)] => Some(signed(treatment, control, criterion)),
                _ => None,
            };
            Pair {
                seed,
                treatment: seen[0],
                control: seen[1],
                difference,
                note: notes.join("; "),
            }
        })
        .collect();
    (pairs, missing)
}

/// Each reason once, with the runs that it ended: one that lies in the specification ends them all.
fn in_words(gaps: &[Gap]) -> String {
    let mut reasons: Vec<&str> = Vec::new();
    let mut arms: Vec<&str> = Vec::new();
    for gap in gaps {
        if !reasons.contains(&gap.reason) {
            reasons.push(gap.reason);
        }
        if !arms.contains(&gap.arm) {
            arms.push(gap.arm);
        }
    }
    let runs = |reason: &str, arm: &str| {
        let of_both = |gap: &&Gap| gap.reason == reason && gap.arm == arm;
        let seeds: Vec<String> = gaps
            .iter()
            .filter(of_both)
            .map(|gap| gap.seed.to_string())
            .collect();
        match seeds.as_slice() {
            [] => None,
            [seed] => Some(format!("\"{arm}\" with seed {seed}")),
            many if many.len() > SEEDS => Some(format!(
                "\"{arm}\" with seeds {}",
                text::first_of(many, SEEDS, ", ")
            )),
            [first @ .., last] => Some(format!(
                "\"{arm}\" with seeds {} and {last}",
                first.join(", ")
            )),
        }
    };
    let sentences: Vec<String> = reasons
        .iter()
        .map(|reason| {
            let runs: Vec<String> = arms.iter().filter_map(|arm| runs(reason, arm)).collect();
            format!("{}: {reason}", runs.join(", "))
        })
        .collect();
    text::first_of(&sentences, REASONS, "; ")
}

/// The final value, if it is a number.
fn value(end: &End, criterion: &Criterion) -> Option<f64> {
    reported(end, criterion).filter(|value| value.is_finite())
}

fn reported(end: &End, criterion: &Criterion) -> Option<f64> {
    match end {
        End::Finished(result) => result.metrics.get(&criterion.metric).copied(),
        End::Diverged | End::Missing(_) | End::Cancelled => None,
    }
}

/// Whether a run left the finite numbers, whatever it calls itself.
fn diverged(end: &End, criterion: &Criterion) -> bool {
    *end == End::Diverged || reported(end, criterion).is_some_and(|value| !value.is_finite())
}

/// What a diverged run counts as: the worst finite value of both arms, for a solve rate simply unsolved.
fn worst_value(criterion: &Criterion, outcomes: &[RunOutcome]) -> Option<f64> {
    if criterion.kind == CriterionKind::SolveRate {
        return Some(beyond_worst(criterion));
    }
    let values = outcomes
        .iter()
        .filter(|outcome| outcome.arm == criterion.treatment || outcome.arm == criterion.control)
        .filter_map(|outcome| value(&outcome.end, criterion));
    match criterion.better {
        Better::Lower => values.max_by(f64::total_cmp),
        Better::Higher => values.min_by(f64::total_cmp),
    }
}

/// Worse than every number.
fn beyond_worst(criterion: &Criterion) -> f64 {
    match criterion.better {
        Better::Lower => f64::INFINITY,
        Better::Higher => f64::NEG_INFINITY,
    }
}

/// The advantage of the treatment in one pair; finite.
fn signed(treatment: f64, control: f64, criterion: &Criterion) -> f64 {
    if criterion.kind == CriterionKind::SolveRate {
        let points = |value: f64| f64::from(u8::from(solves(value, criterion)));
        return points(treatment) - points(control);
    }
    let (treatment, control) = match criterion.scale {
        Scale::Additive => (treatment, control),
        Scale::Log => (log(treatment), log(control)),
    };
    let advantage = match criterion.better {
        Better::Lower => control - treatment,
        Better::Higher => treatment - control,
    };
    advantage.clamp(-LARGEST, LARGEST)
}

/// Whether a final value counts as solved.
fn solves(value: f64, criterion: &Criterion) -> bool {
    criterion
        .threshold
        .is_some_and(|threshold| match criterion.better {
            Better::Lower => value <= threshold,
            Better::Higher => value >= threshold,
        })
}

/// A loss of exactly 0 is below what single precision tells apart from this.
fn log(value: f64) -> f64 {
    const SMALLEST: f64 = 1e-12;
    value.max(SMALLEST).ln()
}

fn difference(
    outcomes: &[RunOutcome],
    differences: &[f64],
    criterion: &Criterion,
    family: &Family,
) -> Option<Reading> {
    let summary = paired(differences)?;
    let p_support = summary.p_greater(0.0);
    let p_falsify = summary.p_less(criterion.margin);
    let level = level(p_support.min(p_falsify), criterion, family);
    let shortfall: Vec<f64> = differences
        .iter()
        .map(|d| (criterion.margin - d).clamp(-LARGEST, LARGEST))
        .collect();
    // Every run that says something, its partner or not; a diverged one is worse than all others.
    let values = |arm: &str| -> Vec<f64> {
        outcomes
            .iter()
            .filter(|outcome| outcome.arm == arm)
            .filter_map(|outcome| match &outcome.end {
                end if diverged(end, criterion) => Some(beyond_worst(criterion)),
                end => value(end, criterion),
            })
            .collect()
    };
    let (treatment, control) = (values(&criterion.treatment), values(&criterion.control));
    let superiority = match criterion.better {
        Better::Lower => stats::superiority(&control, &treatment),
        Better::Higher => stats::superiority(&treatment, &control),
    };
    Some(Reading {
        effect: summary.mean,
        interval: finite(summary.bounds(level)),
        level,
        p_support,
        p_falsify,
        checks: Checks {
            exact_support: stats::sign_flip(differences),
            exact_falsify: Some(stats::sign_flip(&shortfall)),
            wilcoxon: Some(stats::wilcoxon(differences)),
            superiority,
            sd: Some(summary.sd),
        },
    })
}

fn solve_rate(pairs: &[Pair], criterion: &Criterion, family: &Family) -> Option<Reading> {
    let solved = |pair: &Pair| -> Option<[bool; 2]> {
        pair.difference?;
        // A diverged run has no value and has not solved anything.
        Some([pair.treatment, pair.control].map(|v| v.is_some_and(|v| solves(v, criterion))))
    };
    let outcomes: Vec<[bool; 2]> = pairs.iter().filter_map(solved).collect();
    let count = |wanted: [bool; 2]| outcomes.iter().filter(|pair| **pair == wanted).count();
    let [both, first, second, neither] =
        [[true, true], [true, false], [false, true], [false, false]].map(count);
    let n = outcomes.len();
    if n == 0 {
        return None;
    }
    // A two-sided interval at 2α is made of two one-sided bounds at α.
    let bounds = |alpha: f64| stats::newcombe_paired(both, first, second, neither, 2.0 * alpha);
    let exact = stats::mcnemar(first, second);
    let p_falsify = smallest_level(|alpha| bounds(alpha).1 < criterion.margin);
    let level = level(exact.min(p_falsify), criterion, family);
    let differences: Vec<f64> = pairs.iter().filter_map(|pair| pair.difference).collect();
    Some(Reading {
        effect: (first as f64 - second as f64) / n as f64,
        interval: finite(bounds(level)),
        level,
        p_support: exact,
        p_falsify,
        checks: Checks {
            exact_support: exact,
            exact_falsify: None,
            wilcoxon: None,
            superiority: Some(0.5 + (first as f64 - second as f64) / (2 * n) as f64),
            sd: paired(&differences).map(|summary| summary.sd),
        },
    })
}

fn finite((low, high): (f64, f64)) -> Option<[f64; 2]> {
    (low.is_finite() && high.is_finite()).then_some([low, high])
}

/// The p-value that belongs to a bound: the smallest one-sided level at which it decides, by bisection.
fn smallest_level(decides: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (1e-12, 0.5);
    if !decides(high) {
        return 1.0;
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if decides(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// What the treatment's proof says against a run, in words.
fn violations(outcomes: &[RunOutcome]) -> Vec<String> {
    outcomes
        .iter()
        .filter_map(|outcome| match &outcome.end {
            End::Finished(result) if !result.treatment.verified => Some(format!(
                "\"{}\" with seed {} did not apply its treatment: {}",
                outcome.arm,
                outcome.seed,
                text::first_of(&result.treatment.violations, REASONS, "; ")
            )),
            _ => None,
        })
        .collect()
}

fn level(p: f64, criterion: &Criterion, family: &Family) -> f64 {
    let undecided = family.others - family.known.len().min(family.others);
    holm_level(p, &family.known, undecided, criterion.alpha)
}
