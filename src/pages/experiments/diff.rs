//! What an amendment changed: beside what it was, and whether the results could be seen by then.

use crate::{
    diff::{self, Change, Comparison, Known, Piece, Section, TextDiff},
    error::Result,
    extract::{Path, Query, Visit},
    pages::{Cache, show},
    render::{badge, filters},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::ExperimentId;
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Template)]
#[template(path = "experiment_diff.html")]
struct DiffPage {
    visit: Visit,
    compared: Comparison,
}

/// Differences under one heading.
#[derive(Debug)]
struct Group<'a> {
    heading: String,
    changes: Vec<&'a Change>,
}

impl DiffPage {
    /// What could be known of the earlier experiment, plainly.
    fn known(&self) -> String {
        let earlier = self.compared.before.id;
        let registered = self.compared.timing.registered.is_some();
        match (self.compared.timing.known, registered) {
            (Known::Nothing, true) => format!(
                "Registered before any run of experiment {earlier} had begun: nothing of its results could be known."
            ),
            (Known::Curves, true) => format!(
                "Registered while runs of experiment {earlier} were under way: their curves could be watched, and none had ended."
            ),
            (Known::Runs, true) => format!(
                "Registered after runs of experiment {earlier} had ended: part of its results could be seen."
            ),
            (Known::Everything, true) => format!(
                "Registered after experiment {earlier} was concluded: its results could be seen."
            ),
            (Known::Nothing, false) => format!(
                "Not registered yet. No run of experiment {earlier} has begun: nothing of its results can be known."
            ),
            (Known::Curves, false) => format!(
                "Not registered yet. Runs of experiment {earlier} are under way: their curves can be watched."
            ),
            (Known::Runs, false) => format!(
                "Not registered yet. Runs of experiment {earlier} have ended: part of its results can be seen."
            ),
            (Known::Everything, false) => format!(
                "Not registered yet. Experiment {earlier} is concluded: its results can be seen."
            ),
        }
    }

    fn saw_results(&self) -> bool {
        self.compared.timing.known != Known::Nothing
    }

    /// The differences by section; each arm is one of its own.
    fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for change in &self.compared.changes {
            let heading = heading(change);
            match groups.last_mut() {
                Some(group) if group.heading == heading => group.changes.push(change),
                _ => groups.push(Group {
                    heading,
                    changes: vec![change],
                }),
            }
        }
        groups
    }
}

fn heading(change: &Change) -> String {
    match (change.section, &change.arm) {
        (Section::Criterion, _) => "Criterion".to_owned(),
        (Section::Search, _) => "Search".to_owned(),
        (Section::Seeds, _) => "Seeds".to_owned(),
        (Section::Task, _) => "Task".to_owned(),
        (Section::Model, _) => "Network".to_owned(),
        (Section::Training, _) => "Training".to_owned(),
        (Section::Evaluation, _) => "Measured".to_owned(),
        (Section::Arms, arm) => format!("Arm {}", arm.as_deref().unwrap_or_default()),
    }
}

/// A value as a specification has it.
fn value(value: &Option<Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    }
}

/// A text's name as a heading.
fn text_heading(diff: &TextDiff) -> &'static str {
    match diff.name {
        "title" => "Title",
        "prediction" => "Prediction",
        _ => "Why this tests the claim",
    }
}

/// The page: what changed from what it amends, or from another experiment on its claim.
pub async fn diff(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<ExperimentId>,
    Query(other): Query<Other>,
) -> Result<Response> {
    let compared = diff::compare(&state.pool, id, other.with, visit.reader()).await?;
    show(&DiffPage { visit, compared }, Cache::Fresh)
}

/// With which other one.
#[derive(Debug, Default, Deserialize)]
pub struct Other {
    with: Option<ExperimentId>,
}
