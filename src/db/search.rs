//! Searches: what they came to.

use breakmywork_protocol::id::ExperimentId;
use breakmywork_protocol::search::Course;
use breakmywork_protocol::stored::Stored;
use sqlx::PgExecutor;
use sqlx::types::Json;

/// What a search came to.
#[derive(Debug, Clone)]
pub struct SearchResult {
    /// Its stages, as they are stored.
    pub course: Json<Stored<Course>>,
    /// The experiment that was proposed at the counterexample.
    pub proposed: Option<ExperimentId>,
    /// In which state that is.
    pub proposed_state: Option<String>,
    /// Its verdict, if it has one.
    pub proposed_outcome: Option<String>,
}

/// What a search came to; none before it has ended, of one that was stopped or given up, and of what is no search.
///
/// # Errors
/// If the database is away.
pub async fn result(
    db: impl PgExecutor<'_>,
    experiment: ExperimentId,
) -> sqlx::Result<Option<SearchResult>> {
    sqlx::query_as!(
        SearchResult,
        r#"select course as "course: Json<Stored<Course>>", proposed as "proposed: ExperimentId", e.state as "proposed_state?",
             v.outcome as "proposed_outcome?"
           from search_result s
           left join experiment e on e.id = s.proposed
           left join verdict v on v.experiment_id = s.proposed
           where s.experiment_id = $1"#,
        experiment as ExperimentId
    )
    .fetch_optional(db)
    .await
}
