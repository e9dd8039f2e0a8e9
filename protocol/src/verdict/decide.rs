//! From the ends of the runs to the conclusion: what stands in the way of the rule, then the rule.

use super::cells::Cells;
use super::compare::{Compared, compare, diverged};
use super::evidence::{self, Evidence};
use super::explain::explain;
use super::gaps::{REASONS, in_words, violations};
use super::learned::nothing_learned;
use super::rule::{self, Conclusion};
use super::sequential::{self, Signs};
use super::solve_rate::SolveRate;
use super::spread::Spread;
use super::*;
use crate::spec::{Criterion, CriterionKind, Estimand, Spec};
use crate::text;

/// Applies the registered criterion, at `level`, to how the runs ended.
pub fn decide(spec: &Spec, seeds: &[u32], outcomes: &[RunOutcome], level: f64) -> Verdict {
    decision(spec, seeds, outcomes, level).verdict
}

/// Applies the registered criterion, at `level`, to how the runs ended, and says what decided.
///
/// `seeds` are those of the registration ([`Spec::seeds_drawn`]). Nothing else goes in: whoever has the specification,
/// the level and the runs gets the same verdict.
pub fn decision(spec: &Spec, seeds: &[u32], outcomes: &[RunOutcome], level: f64) -> Decision {
    let Some(criterion) = &spec.criterion else {
        return Decision::aborted("The specification has no criterion.".into());
    };
    if criterion.kind == CriterionKind::Search {
        return Decision::aborted("A search decides nothing.".into());
    }
    if criterion.stopping.is_some() {
        return sequential::decision(spec, criterion, seeds, outcomes, level);
    }
    let compared = compare(spec, seeds, criterion, outcomes);
    let evidence = evidence_of(&compared, criterion, level);
    let evidence = evidence.as_deref();
    let mut decision = concluded(spec, seeds, criterion, outcomes, &compared, evidence, level);
    if let Some(evidence) = evidence {
        beside(&mut decision.verdict, evidence, criterion, outcomes);
    }
    decision
}

/// The verdict of [`decide`] without what stands beside its conclusion, the checks and the severity, which take most of the
/// time: for whoever simulates.
pub fn conclusion(spec: &Spec, seeds: &[u32], outcomes: &[RunOutcome], level: f64) -> Verdict {
    let criterion = match &spec.criterion {
        // A sequential plan has no checks that take long.
        Some(criterion) if criterion.stopping.is_none() => criterion,
        _ => return decide(spec, seeds, outcomes, level),
    };
    let compared = compare(spec, seeds, criterion, outcomes);
    let evidence = evidence_of(&compared, criterion, level);
    let evidence = evidence.as_deref();
    concluded(spec, seeds, criterion, outcomes, &compared, evidence, level).verdict
}

/// What the rule says, unless something stands in its way.
pub(super) fn concluded(
    spec: &Spec,
    seeds: &[u32],
    criterion: &Criterion,
    outcomes: &[RunOutcome],
    compared: &Compared,
    evidence: Option<&dyn Evidence>,
    level: f64,
) -> Decision {
    let conclusion = evidence.map(|evidence| rule::apply(evidence, criterion, level));
    let mut verdict = numbers(
        spec,
        criterion,
        level,
        outcomes,
        compared,
        evidence.zip(conclusion.as_ref()),
    );
    let reason = match obstacle(
        &verdict,
        spec,
        seeds.len(),
        criterion,
        outcomes,
        compared,
        evidence,
    ) {
        Some((outcome, reason)) => {
            verdict.outcome = outcome;
            reason
        }
        None => match conclusion {
            Some(conclusion) => {
                verdict.outcome = conclusion.outcome;
                verdict.label = conclusion.label;
                conclusion.reason
            }
            None => "There is nothing to compare.".into(),
        },
    };
    verdict.explanation = explain(&verdict, criterion, &reason);
    let learned = nothing_learned(spec, criterion, outcomes).is_none();
    Decision {
        noise: planned::centred(&verdict.pairs).filter(|_| learned),
        by_people: by_people(seeds, compared, outcomes),
        verdict,
        reason,
        next_seed: None,
    }
}

/// Adds what a sceptic asks for besides. It decides nothing.
pub(super) fn beside(
    verdict: &mut Verdict,
    evidence: &dyn Evidence,
    criterion: &Criterion,
    outcomes: &[RunOutcome],
) {
    verdict.checks = Some(evidence.checks(criterion, outcomes));
    let checks = evidence.checks_of_conditions(criterion, outcomes);
    for (condition, checks) in verdict.conditions.iter_mut().zip(checks) {
        condition.checks = Some(checks);
    }
    verdict.severity = power::severity(verdict, verdict.level);
}

pub(super) fn evidence_of<'a>(
    compared: &'a Compared<'a>,
    criterion: &Criterion,
    level: f64,
) -> Option<Box<dyn Evidence + 'a>> {
    match criterion.kind {
        _ if criterion.stopping.is_some() => {
            Some(Box::new(Signs::of(compared, level)?) as Box<dyn Evidence>)
        }
        CriterionKind::SolveRate => {
            Some(Box::new(SolveRate::of(compared, criterion, level)?) as Box<dyn Evidence>)
        }
        CriterionKind::Cells => {
            Some(Box::new(Cells::of(compared, criterion, level)?) as Box<dyn Evidence>)
        }
        CriterionKind::Dispersion => {
            Some(Box::new(Spread::of(compared, criterion, level)?) as Box<dyn Evidence>)
        }
        _ => evidence::of_differences(compared, criterion, level),
    }
}

/// The numbers of the verdict; what they mean is decided afterwards.
fn numbers(
    spec: &Spec,
    criterion: &Criterion,
    level: f64,
    outcomes: &[RunOutcome],
    compared: &Compared,
    read: Option<(&dyn Evidence, &Conclusion)>,
) -> Verdict {
    let drops: Vec<ArmDrops> = compared
        .terms
        .iter()
        .map(|term| drops(term.arm, criterion, outcomes, compared))
        .collect();
    let arms = [&drops[0], &drops[1]];
    let mut verdict = Verdict {
        outcome: Outcome::Inconclusive,
        unit: criterion.unit(spec.task.name),
        kind: Some(criterion.kind),
        estimand: criterion.estimand,
        metric: criterion.metric.clone(),
        scale: Some(criterion.scale),
        margin: criterion.margin,
        alpha: criterion.alpha,
        level,
        pairs: compared.pairs.clone(),
        diverged: arms.map(|arm| arm.diverged),
        missing: arms.map(|arm| arm.missing),
        others: drops[2..].to_vec(),
        at_least: criterion.at_least,
        ..Verdict::aborted(String::new())
    };
    if let Some((evidence, conclusion)) = read {
        verdict.effect = Some(evidence.effect()).filter(|effect| effect.is_finite());
        verdict.interval = evidence.interval();
        verdict.p_support = Some(conclusion.p_support);
        verdict.p_falsify = Some(conclusion.p_falsify);
        verdict.p_value = Some(conclusion.p_support.min(conclusion.p_falsify));
        verdict.conditions = evidence.conditions(criterion.margin);
    }
    verdict
}

/// What became of an arm's runs.
fn drops(
    arm: &str,
    criterion: &Criterion,
    outcomes: &[RunOutcome],
    compared: &Compared,
) -> ArmDrops {
    let lost = |outcome: &&RunOutcome| outcome.arm == arm && diverged(&outcome.end, criterion);
    ArmDrops {
        arm: arm.to_owned(),
        diverged: outcomes.iter().filter(lost).count(),
        missing: compared.gaps.iter().filter(|gap| gap.arm == arm).count(),
    }
}

/// What keeps the rule from being applied, and why, in words.
fn obstacle(
    verdict: &Verdict,
    spec: &Spec,
    planned: usize,
    criterion: &Criterion,
    outcomes: &[RunOutcome],
    compared: &Compared,
    evidence: Option<&dyn Evidence>,
) -> Option<(Outcome, String)> {
    let violations = violations(outcomes);
    if !violations.is_empty() {
        return Some((
            Outcome::Inadmissible,
            text::first_of(&violations, REASONS, " "),
        ));
    }
    let complete = compared.differences.len();
    if !compared.gaps.is_empty() && too_few(complete, planned) {
        let reason = format!(
            "{} of {planned} pairs are incomplete for reasons that say nothing about the claim: {}",
            planned - complete,
            in_words(&compared.gaps)
        );
        return Some((Outcome::Aborted, reason));
    }
    let inconclusive = |reason: String| Some((Outcome::Inconclusive, reason));
    if !compared.mixed.is_empty() {
        let runs = match compared.terms.len() {
            2 => "two runs of a pair",
            _ => "runs of a seed",
        };
        return inconclusive(format!(
            "The {runs} must differ in the arm alone, but {}.",
            text::first_of(&compared.mixed, REASONS, "; ")
        ));
    }
    if let Some(reason) = nothing_learned(spec, criterion, outcomes) {
        return inconclusive(reason);
    }
    let many = |count: usize| count as f64 / planned as f64 > LARGEST_FAILED_SHARE;
    let [treatment, control] = verdict.diverged;
    // A treatment that diverges has lost each of those pairs. A control that does is no measure for anything.
    if many(control) {
        return inconclusive(format!(
            "{treatment} runs of the treatment and {control} of the control diverged; where more than a fifth of the \
             control does, it is nothing to compare with."
        ));
    }
    // So is every arm that the treatment's advantage is measured against, the treatment itself in another condition.
    let others = verdict
        .others
        .iter()
        .map(|other| (&*other.arm, other.diverged));
    let mut arms = others.chain([(&*criterion.treatment, treatment)]);
    if let Some((arm, diverged)) =
        arms.find(|(arm, diverged)| many(*diverged) && !criterion.may_lose(arm))
    {
        return inconclusive(format!(
            "{diverged} runs of \"{arm}\" diverged; where more than a fifth of an arm does that is not the treatment, it is \
             nothing to compare with.",
        ));
    }
    let of_numbers = match (criterion.kind, criterion.estimand) {
        (CriterionKind::Dispersion, _) => Some("spread"),
        (_, Some(Estimand::Mean)) => Some("mean"),
        _ => None,
    };
    if let Some(what) = of_numbers.filter(|_| many(treatment)) {
        return inconclusive(format!(
            "{treatment} runs of the treatment and {control} of the control diverged; with more than a fifth of an arm \
             the {what} means little."
        ));
    }
    let mut lacking = (verdict.missing.iter().copied())
        .chain(verdict.others.iter().map(|other| other.missing))
        .filter(|missing| *missing > 0);
    if let (Some(one), None) = (lacking.next(), lacking.next())
        && one > 1
    {
        return inconclusive(format!(
            "{one} runs are missing, all of one arm, so what took them may have to do with what is compared: {}",
            in_words(&compared.gaps)
        ));
    }
    if complete < FEWEST_PAIRS {
        return inconclusive(format!(
            "There are {complete} complete pairs; fewer than {FEWEST_PAIRS} cannot decide."
        ));
    }
    evidence.and_then(Evidence::doubt).and_then(inconclusive)
}

/// Whether so few complete pairs are left, of those that were planned, that there is no verdict.
pub(super) fn too_few(complete: usize, planned: usize) -> bool {
    let missing = planned - complete;
    complete < FEWEST_PAIRS || missing as f64 / planned as f64 > LARGEST_FAILED_SHARE
}

fn by_people(seeds: &[u32], compared: &Compared, outcomes: &[RunOutcome]) -> bool {
    let cancelled = |seed: u32| {
        outcomes.iter().any(|outcome| {
            outcome.seed == seed
                && outcome.end == End::Cancelled
                && (compared.terms.iter()).any(|term| term.arm == outcome.arm)
        })
    };
    let left = seeds.iter().filter(|seed| !cancelled(**seed)).count();
    left < seeds.len() && too_few(left, seeds.len())
}
