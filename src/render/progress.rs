//! How far a run is, as a bar and in words; some runs do not know how far they have to go.

use super::{html::Html, number};
use crate::db::runs::Run;

/// A bar; one without an end moves to and fro. It is hidden from screen readers: the words beside it say the same.
pub fn bar(run: &Run) -> Html {
    let value = run
        .progress()
        .map_or_else(String::new, |share| format!(" value=\"{share:.3}\""));
    Html(format!(
        "<progress max=\"1\"{value} aria-hidden=\"true\"></progress>"
    ))
}

/// The steps done, and of how many if that is known.
pub fn words(run: &Run) -> String {
    steps(run.step, run.steps)
}

/// So many steps done, and of how many if that is known.
pub fn steps(done: Option<i32>, planned: Option<i32>) -> String {
    let step = number::count(done.unwrap_or(0));
    match planned {
        Some(steps) => format!("step {step} of {}", number::count(steps)),
        None => format!("step {step}"),
    }
}
