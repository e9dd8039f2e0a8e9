//! What is typed into the form besides the specification.

use crate::{
    db::experiments::Experiment, error::Result, pages::experiments::posted::Posted, proposal,
    render::form::FormErrors, state::AppState,
};
use breakmywork_protocol::{id::ExperimentId, spec::Criterion};
use chrono::{DateTime, SecondsFormat, Utc};

/// What else was typed besides the specification.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    pub(super) claim: String,
    pub(super) amends: String,
    pub(super) amend_reason: String,
    /// The experiment of which it is a variation; empty of one that is none.
    pub(super) varies: String,
    pub(super) prediction: String,
    pub(super) rationale: String,
    /// Sealed for at most so many days; empty if it is not.
    pub(super) seal_days: String,
    /// Which state of the proposal was edited; empty for a new one.
    version: String,
    /// What a new proposal starts from: drafts that start from different things are kept apart.
    pub(super) start: String,
}

/// Longest name of a start.
const START: usize = 120;

impl Words {
    pub(super) fn from_form(posted: &Posted) -> Self {
        // Chosen, not written: what is longer is no number of anything.
        let number = |name| posted.get(name).chars().take(20).collect();
        Self {
            claim: number("claim"),
            amends: number("amends"),
            varies: number("varies"),
            amend_reason: posted.text("amend_reason"),
            prediction: posted.text("prediction"),
            rationale: posted.text("rationale"),
            seal_days: number("seal_days"),
            version: posted.text("version"),
            // It goes into a cookie, so nothing else gets in.
            start: posted
                .get("start")
                .chars()
                .filter(|letter| letter.is_ascii_alphanumeric() || "?=&-".contains(*letter))
                .take(START)
                .collect(),
        }
    }

    /// A prediction that only put the criterion into words is left out: it follows when the criterion changes.
    pub(super) fn of(experiment: &Experiment) -> Self {
        let spec = experiment.parsed().ok();
        let reading = spec.and_then(|spec| spec.criterion.as_ref().map(Criterion::reading));
        let own = reading.as_deref() != Some(&experiment.prediction);
        Self {
            claim: experiment.claim.to_string(),
            prediction: match own {
                true => experiment.prediction.clone(),
                false => String::new(),
            },
            rationale: experiment.rationale.clone(),
            ..Self::default()
        }
        .at(experiment)
    }

    /// The same, sealed as the proposal is: what was public once, or was to be sealed, stays so.
    pub(super) fn sealed_as(mut self, experiment: &Experiment) -> Self {
        let days = experiment.seal_days;
        self.seal_days = days.map_or_else(String::new, |days| days.to_string());
        self
    }

    /// The experiment of which it is a variation, if it is one.
    pub(super) fn varies(&self) -> Option<ExperimentId> {
        self.varies.parse().ok()
    }

    /// For how many days it is sealed, if it is. What is no number is no number of days.
    pub(super) fn seal_days(&self) -> Option<i64> {
        let typed = self.seal_days.trim();
        (!typed.is_empty()).then(|| typed.parse().unwrap_or(0))
    }

    /// The same, as an edit of the proposal as it is now.
    pub(super) fn at(mut self, experiment: &Experiment) -> Self {
        let micros = SecondsFormat::Micros;
        self.version = experiment.updated_at.to_rfc3339_opts(micros, true);
        self
    }

    /// The same, as an amendment of what cannot change any more.
    pub(super) fn amending(mut self, experiment: &Experiment) -> Self {
        self.claim = experiment.claim.to_string();
        self.amends = experiment.id.to_string();
        self.version = String::new();
        self
    }

    /// When the proposal that was edited had last changed.
    pub(super) fn version(&self) -> Option<DateTime<Utc>> {
        self.version.parse().ok()
    }

    pub(super) fn version_text(&self) -> &str {
        &self.version
    }

    /// The experiment that is amended, if one is, checked together with the reason.
    pub(super) async fn amended(
        &self,
        state: &AppState,
        errors: &mut FormErrors,
    ) -> Result<Option<(ExperimentId, String)>> {
        if self.amends.is_empty() {
            return Ok(None);
        }
        let mut problems = Vec::new();
        // What is no number names no experiment, as one that is not there.
        let earlier = self.amends.parse().unwrap_or(ExperimentId(0));
        let mut connection = state.pool.acquire().await?;
        let reason = Some(self.amend_reason.as_str());
        let amends =
            proposal::amendment(&mut connection, Some(earlier), reason, &mut problems).await?;
        for problem in problems {
            let detail = match problem.pointer.as_str() {
                "/amends" => "Only a registered experiment can be amended.".to_owned(),
                _ => format!("The amendment: {}", problem.detail),
            };
            errors.add("amend_reason", detail);
        }
        Ok(amends)
    }
}
