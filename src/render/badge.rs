//! States and verdicts by word and shape; colour only repeats what they say.

use super::{form::Escaped, html::Html, number as digits};
use crate::db::claims::{Claim, Standing};
use std::fmt;

/// A badge: class for the colour, shape, word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    /// Class of the colour.
    pub class: &'static str,
    /// One character, hidden from screen readers.
    pub shape: &'static str,
    /// What it says.
    pub word: String,
}

impl fmt::Display for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every part is one of the words of this file: nothing to escape.
        write!(
            f,
            "<span class=\"badge {}\"><span aria-hidden=\"true\">{}</span> {}</span>",
            self.class, self.shape, self.word
        )
    }
}

impl askama::filters::HtmlSafe for Badge {}

fn badge(class: &'static str, shape: &'static str, word: impl Into<String>) -> Badge {
    Badge {
        class,
        shape,
        word: word.into(),
    }
}

/// Of a verdict.
pub fn outcome(outcome: &str) -> Badge {
    match outcome {
        "supported" => badge("supported", "●", "supported"),
        "falsified" => badge("falsified", "✕", "falsified"),
        "inconclusive" => badge("inconclusive", "◐", "inconclusive"),
        "inadmissible" => badge("inadmissible", "⊘", "inadmissible"),
        _ => badge("aborted", "–", "aborted"),
    }
}

/// Of an experiment that has not ended, whatever it waits for.
pub fn under_way() -> Badge {
    badge("running", "▷", "under way")
}

/// Of an experiment that does not move its claim.
pub fn aside() -> Badge {
    badge("proposed", "◇", "aside")
}

/// Of an experiment: its verdict, or where it is on the way to one.
pub fn experiment(state: &str, verdict: Option<&str>) -> Badge {
    match (state, verdict) {
        (_, Some(verdict)) => outcome(verdict),
        ("running", None) => badge("running", "▷", "running"),
        ("registered", None) => badge("registered", "▪", "registered"),
        ("stalled", None) => badge("inconclusive", "‖", "stalled"),
        // Only exploratory experiments end without one.
        ("concluded", None) => badge("proposed", "◇", "exploratory"),
        ("withdrawn", None) => badge("aborted", "–", "withdrawn"),
        (_, None) => badge("proposed", "○", "proposed"),
    }
}

/// Of a run.
pub fn run(state: &str, failure: Option<&str>) -> Badge {
    match state {
        "queued" => badge("registered", "▪", "queued"),
        "running" => badge("running", "▷", "running"),
        "succeeded" => badge("done", "✓", "succeeded"),
        "failed" if failure == Some("diverged") => badge("inconclusive", "≠", "diverged"),
        "failed" => badge("falsified", "✕", "failed"),
        _ => badge("aborted", "–", "cancelled"),
    }
}

/// Of a claim.
pub fn claim(claim: &Claim) -> Badge {
    match claim.standing() {
        Standing::Untested => badge("proposed", "○", "untested"),
        Standing::Standing(attempts) => badge(
            "supported",
            "●",
            format!(
                "standing after {}{}, severity {}",
                digits::plural(
                    attempts + claim.refuted + claim.stopped,
                    "attempt",
                    "attempts"
                ),
                match claim.stopped {
                    0 => String::new(),
                    stopped => format!(" ({stopped} stopped)"),
                },
                digits::percent(claim.severity)
            ),
        ),
        Standing::Challenged => {
            let by = claim.challenged_by.unwrap_or_default();
            badge(
                "inconclusive",
                "◐",
                format!("challenged by experiment {by}"),
            )
        }
        Standing::Falsified => {
            let by = claim.fell_by.unwrap_or_default();
            badge(
                "falsified",
                "✕",
                format!("falsified by experiment {by}, confirmed"),
            )
        }
    }
}

/// A run in a table of runs: the badge as a link, what there is to say, and a bar while it runs.
pub fn cell(run: i64, badge: &Badge, text: &str, progress: Option<f64>) -> Html {
    let bar = progress.map_or_else(String::new, |share| {
        format!("<br><progress max=\"1\" value=\"{share:.3}\" aria-hidden=\"true\"></progress>")
    });
    Html(format!(
        "<a id=\"run-{run}\" href=\"/runs/{run}\">{badge}</a> {}{bar}",
        Escaped(text)
    ))
}

/// A run with its number in a table of runs: its word is left to screen readers, so that numbers stand one below the other.
pub fn number(run: i64, badge: &Badge, text: &str, better: bool) -> Html {
    let text = Escaped(text);
    let number = match better {
        true => format!("<strong>{text}</strong>"),
        false => text.to_string(),
    };
    Html(format!(
        "<a id=\"run-{run}\" href=\"/runs/{run}\"><span class=\"badge {}\"><span aria-hidden=\"true\">{}</span><span class=\"visually-hidden\">{}</span></span> {number}</a>",
        badge.class, badge.shape, badge.word
    ))
}

/// The colour of a badge on paper, as the stylesheet has it: white reads on each at 4.5:1 and more.
pub fn on_paper(class: &str) -> &'static str {
    match class {
        "supported" => "#00664a",
        "falsified" => "#a63c00",
        "inconclusive" => "#7d5300",
        "inadmissible" => "#8c3a68",
        "running" => "#00588c",
        _ => "#5b5952",
    }
}

/// Of a proof of treatment.
pub fn verified(verified: bool) -> Badge {
    if verified {
        badge("supported", "✓", "verified")
    } else {
        badge("inadmissible", "⊘", "not as specified")
    }
}
