//! Whether the authors of claims have accepted an experiment as a test, in words.

use super::time;
use crate::db::experiments::{Acceptance, Experiment};

/// In a line, for the facts of a verdict; none of an exploratory experiment, which is no test.
pub fn line(experiment: &Experiment) -> Option<String> {
    if experiment.exploratory {
        return None;
    }
    let said = one(&experiment.acceptance);
    Some(match (experiment.confirms, &experiment.rival_acceptance) {
        (Some(confirmed), _) => format!("as experiment {confirmed}, which it repeats: {said}"),
        (None, Some(rival)) => format!(
            "{said}; as a test of its rival {}: {}",
            rival.label,
            one(rival)
        ),
        (None, None) => said,
    })
}

fn one(asked: &Acceptance) -> String {
    match (asked.status.as_deref(), asked.answered()) {
        (Some("accepted"), Some(answer)) => format!(
            "by {}, the claim’s author, on {}, before the first run",
            answer.by,
            time::exact(&answer.answered_at)
        ),
        (Some("declined"), Some(answer)) => format!(
            "by nobody else (unilateral): {}, the claim’s author, declined it on {}",
            answer.by,
            time::exact(&answer.answered_at)
        ),
        (Some("own"), _) => "registered by the claim’s author themselves".to_owned(),
        (None, _) => {
            "by nobody else (unilateral): it was registered before that could be said".into()
        }
        _ => match &asked.author {
            Some(author) => format!(
                "by nobody else (unilateral): the claim’s author, {author}, had not answered"
            ),
            None => {
                "by nobody else (unilateral): no account on this board is the claim’s author".into()
            }
        },
    }
}
