//! The verdict in words: the body of the result post.

use super::{Label, Outcome, Sequential, Stop, Verdict};
use crate::spec::{Criterion, CriterionKind, Estimand, number, sentence};
use crate::text;

/// Markdown of the result post. `reason` is empty where the plain rule decided.
pub(super) fn explain(verdict: &Verdict, criterion: &Criterion, reason: &str) -> String {
    let mut parts = vec![format!(
        "**{}.** {}",
        headline(verdict),
        conclusion(verdict, criterion)
    )];
    if !reason.is_empty() {
        // Short enough, escaped, to leave room for the numbers and the criterion below it.
        parts.push(escape(&text::cut(reason, text::POST_CHARS / 4)));
    }
    parts.extend(numbers(verdict));
    parts.extend(verdict.sequential.as_ref().and_then(stop));
    parts.push(format!(
        "The criterion was fixed before the first run: smallest effect of interest {} {}, one-sided level {}.",
        number(verdict.margin),
        verdict.unit,
        number(verdict.level),
    ));
    text::cut(&parts.join("\n\n"), text::POST_CHARS)
}

/// Markdown of the result post of an exploratory experiment: the numbers, and no outcome.
pub(super) fn without_outcome(verdict: &Verdict) -> String {
    let mut parts = vec![
        "**Exploratory, so there is no verdict.** It was registered to look, not to decide."
            .to_owned(),
    ];
    match numbers(verdict) {
        Some(numbers) => parts.push(numbers),
        None => parts.push(
            verdict
                .explanation
                .trim_start_matches("**Aborted.** ")
                .to_owned(),
        ),
    }
    text::cut(&parts.join("\n\n"), text::POST_CHARS)
}

fn headline(verdict: &Verdict) -> &'static str {
    match (verdict.outcome, verdict.label) {
        (Outcome::Supported, _) => "Supported",
        (Outcome::Falsified, Some(Label::Reversed)) => "Falsified, reversed",
        (Outcome::Falsified, Some(Label::Negligible)) => "Falsified, negligible effect",
        (Outcome::Falsified, None) => "Falsified",
        (Outcome::Inconclusive, _) => "Inconclusive",
        (Outcome::Inadmissible, _) => "Inadmissible",
        (Outcome::Aborted, _) => "Aborted",
    }
}

fn conclusion(verdict: &Verdict, criterion: &Criterion) -> String {
    let words = predicted(criterion);
    match (verdict.outcome, verdict.label) {
        (Outcome::Supported, _) => words.supported,
        (Outcome::Falsified, Some(Label::Reversed)) => words.reversed,
        (Outcome::Falsified, Some(Label::Negligible)) => words.negligible,
        (Outcome::Falsified, None) => words.falsified,
        (Outcome::Inconclusive, _) => "These runs cannot tell.".into(),
        (Outcome::Inadmissible, _) => "A run did not apply the treatment it was to test.".into(),
        (Outcome::Aborted, _) => "The experiment could not be carried through.".into(),
    }
}

/// What each conclusion means for the arms.
struct Meaning {
    supported: String,
    reversed: String,
    negligible: String,
    falsified: String,
}

fn predicted(criterion: &Criterion) -> Meaning {
    let (treatment, control) = (escape(&criterion.treatment), escape(&criterion.control));
    match criterion.kind {
        CriterionKind::Difference | CriterionKind::SolveRate | CriterionKind::Search => Meaning {
            supported: format!(
                "“{treatment}” is better than “{control}”: the estimate is the smallest effect of interest or more."
            ),
            reversed: format!("“{treatment}” is worse than “{control}”."),
            negligible: format!(
                "“{treatment}” and “{control}” are equivalent within the smallest effect of interest."
            ),
            falsified: format!(
                "Whatever advantage “{treatment}” has over “{control}”, it is smaller than the smallest effect of interest."
            ),
        },
        CriterionKind::Equivalence => {
            let differ = format!(
                "“{treatment}” and “{control}” differ by more than the smallest effect of interest."
            );
            Meaning {
                supported: format!(
                    "“{treatment}” and “{control}” differ by less than the smallest effect of interest."
                ),
                reversed: differ.clone(),
                negligible: differ.clone(),
                falsified: differ,
            }
        }
        CriterionKind::NonInferiority => {
            let worse = format!(
                "“{treatment}” is worse than “{control}” by more than the smallest effect of interest."
            );
            Meaning {
                supported: format!(
                    "“{treatment}” is worse than “{control}” by less than the smallest effect of interest, or better."
                ),
                reversed: worse.clone(),
                negligible: worse.clone(),
                falsified: worse,
            }
        }
        CriterionKind::Interaction => {
            let [other_treatment, other_control] = criterion.other_pair().unwrap_or_default();
            let one = format!("the advantage of “{treatment}” over “{control}”");
            let other = format!(
                "that of “{}” over “{}”",
                escape(other_treatment),
                escape(other_control)
            );
            Meaning {
                supported: sentence(&format!(
                    "{one} is greater than {other}: by the estimate, by the smallest effect of interest or more."
                )),
                reversed: sentence(&format!("{one} is smaller than {other}.")),
                negligible: sentence(&format!(
                    "{one} and {other} are equivalent within the smallest effect of interest."
                )),
                falsified: format!(
                    "However much {one} exceeds {other}, it is by less than the smallest effect of interest."
                ),
            }
        }
        CriterionKind::Cells => {
            let all = criterion.cells().len();
            let (count, against) = (criterion.count(), criterion.against());
            Meaning {
                supported: format!(
                    "The treatment is better in at least {count} of {all} conditions: by the estimates, by the smallest effect \
                     of interest or more."
                ),
                reversed: format!(
                    "The treatment is worse in {against} of {all} conditions or more."
                ),
                negligible: format!(
                    "Treatment and control are equivalent within the smallest effect of interest in one condition or more, and \
                     fewer than {count} of {all} show an effect beyond it."
                ),
                falsified: format!(
                    "The advantage is smaller than the smallest effect of interest in {against} of {all} conditions or more."
                ),
            }
        }
        CriterionKind::Dispersion => {
            let spread = format!(
                "The spread of {} over the seeds",
                escape(&crate::metric::words(&criterion.metric))
            );
            Meaning {
                supported: format!(
                    "{spread} is smaller with “{treatment}” than with “{control}”: by the estimate, by the smallest \
                     factor of interest or more."
                ),
                reversed: format!("{spread} is larger with “{treatment}” than with “{control}”."),
                negligible: format!(
                    "{spread} is the same with “{treatment}” and “{control}”, within the smallest factor of interest."
                ),
                falsified: format!(
                    "{spread} may be smaller with “{treatment}” than with “{control}”, but by less than the smallest \
                     factor of interest."
                ),
            }
        }
        CriterionKind::Trend => {
            let metric = escape(&crate::metric::words(&criterion.metric));
            let begun = sentence(&metric);
            let along = format!(
                "along {}, from “{control}” to “{treatment}”",
                escape(criterion.field.as_deref().unwrap_or_default())
            );
            Meaning {
                supported: format!(
                    "{begun} gets better {along}: by the estimate, by the smallest effect of interest or more."
                ),
                reversed: format!("{begun} gets worse {along}."),
                negligible: format!(
                    "{begun} stays the same {along}, within the smallest effect of interest."
                ),
                falsified: format!(
                    "However {metric} improves {along}, it is by less than the smallest effect of interest."
                ),
            }
        }
    }
}

fn numbers(verdict: &Verdict) -> Option<String> {
    let effect = verdict.effect?;
    let metric = crate::metric::words(&verdict.metric);
    let bounds = match verdict.interval {
        Some([low, high]) => format!("bounds {} and {}", text::signed(low), text::signed(high)),
        None => "bounds: none".into(),
    };
    let groups = if verdict.others.is_empty() {
        "pairs"
    } else {
        "seeds"
    };
    let pairs = verdict
        .pairs
        .iter()
        .filter(|pair| pair.difference.is_some())
        .count();
    let which = match verdict.estimand {
        Some(Estimand::Mean) => "mean",
        Some(Estimand::Median) | None => "typical (median)",
    };
    let what = match verdict.kind? {
        CriterionKind::Difference
        | CriterionKind::Equivalence
        | CriterionKind::NonInferiority
        | CriterionKind::Search => {
            format!("{which} advantage in {metric}")
        }
        CriterionKind::Interaction => {
            format!("{which} difference of the two advantages in {metric}")
        }
        CriterionKind::Cells => format!(
            "typical (median) advantage in {metric} that as many conditions reach as are asked for"
        ),
        CriterionKind::Dispersion => {
            format!("logarithm of the control's spread over the treatment's in {metric}")
        }
        CriterionKind::Trend => format!("{which} slope of {metric}"),
        CriterionKind::SolveRate => "advantage in the share of solved seeds".into(),
    };
    let last = verdict.sequential.as_ref().and_then(|it| it.steps.last());
    let (what_decides, [support, falsify]) = match last {
        Some(step) => ("e", [step.support, step.falsify].map(text::measured)),
        None => (
            "p",
            [verdict.p_support?, verdict.p_falsify?].map(text::p_value),
        ),
    };
    Some(format!(
        "Over {pairs} complete {groups} the {what} is **{}** {} (one-sided {} % {bounds}). \
         For the prediction {what_decides} {}, against it {what_decides} {}.",
        text::signed(effect),
        verdict.unit,
        number(100.0 * (1.0 - verdict.level)),
        support,
        falsify,
    ))
}

/// How far a sequential plan went, and why no further.
fn stop(sequential: &Sequential) -> Option<String> {
    let why = match sequential.stop? {
        Stop::Decided => format!("an e-value had reached {}", number(sequential.decides)),
        Stop::Futile => format!(
            "no e-value could reach {} any more",
            number(sequential.decides)
        ),
        Stop::Hindered => "nothing that followed could have brought a verdict".into(),
        Stop::Cap => "it is the last".into(),
    };
    Some(format!(
        "The pairs ran one after the other; it stopped after pair {} of at most {}: {why}.",
        sequential.steps.len(),
        sequential.cap
    ))
}

/// Names are people's text: nothing in them may act as Markdown.
pub(crate) fn escape(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let special = matches!(
                c,
                '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '&' | '!' | '|' | '~'
            );
            special.then_some('\\').into_iter().chain([c])
        })
        .collect()
}
