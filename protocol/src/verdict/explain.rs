//! The verdict in words: the body of the result post.

use super::{Label, Outcome, Verdict};
use crate::spec::{Criterion, CriterionKind, Estimand, number};
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
    let (treatment, control) = (escape(&criterion.treatment), escape(&criterion.control));
    match (verdict.outcome, verdict.label) {
        (Outcome::Supported, _) if criterion.kind == CriterionKind::Equivalence => format!(
            "\"{treatment}\" and \"{control}\" differ by less than the smallest effect of interest."
        ),
        (Outcome::Supported, _) => format!(
            "\"{treatment}\" is better than \"{control}\": the estimate is the smallest effect of interest or more."
        ),
        (Outcome::Falsified, _) if criterion.kind == CriterionKind::Equivalence => format!(
            "\"{treatment}\" and \"{control}\" differ by more than the smallest effect of interest."
        ),
        (Outcome::Falsified, Some(Label::Reversed)) => {
            format!("\"{treatment}\" is worse than \"{control}\".")
        }
        (Outcome::Falsified, Some(Label::Negligible)) => {
            format!(
                "\"{treatment}\" and \"{control}\" are equivalent within the smallest effect of interest."
            )
        }
        (Outcome::Falsified, None) => format!(
            "Whatever advantage \"{treatment}\" has over \"{control}\", it is smaller than the smallest effect of interest."
        ),
        (Outcome::Inconclusive, _) => "These runs cannot tell.".into(),
        (Outcome::Inadmissible, _) => "A run did not apply the treatment it was to test.".into(),
        (Outcome::Aborted, _) => "The experiment could not be carried through.".into(),
    }
}

fn numbers(verdict: &Verdict) -> Option<String> {
    let effect = verdict.effect?;
    let bounds = match verdict.interval {
        Some([low, high]) => format!("bounds {} and {}", number(low), number(high)),
        None => "bounds: none".into(),
    };
    let pairs = verdict
        .pairs
        .iter()
        .filter(|pair| pair.difference.is_some())
        .count();
    let what = match verdict.kind? {
        CriterionKind::Difference | CriterionKind::Equivalence => {
            let which = match verdict.estimand {
                Some(Estimand::Mean) => "mean advantage",
                Some(Estimand::Median) | None => "typical (median) advantage",
            };
            format!("{which} in {}", verdict.metric)
        }
        CriterionKind::SolveRate => "advantage in the share of solved seeds".into(),
    };
    Some(format!(
        "Over {pairs} complete pairs the {what} is **{}** {} (one-sided {} % {bounds}). \
         For the prediction p = {}, against it p = {}.",
        number(effect),
        verdict.unit,
        number(100.0 * (1.0 - verdict.level)),
        number(verdict.p_support?),
        number(verdict.p_falsify?),
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
