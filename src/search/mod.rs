//! Searches for settings at which a claim fails: what page and REST have in common.

mod telling;

use crate::db::experiments::Experiment;
use crate::db::search::SearchResult;
use crate::error::Result;
use breakmywork_protocol::jobs;
use breakmywork_protocol::search::{Course, Tried};
use breakmywork_protocol::spec::{Settings, Spec};
use sqlx::PgPool;

pub use telling::{Side, telling};

/// How a registered search goes, or went: as it is stored once it has ended, until then from the runs that have. None of one
/// that was stopped or given up, that cannot be read any more, or that is not registered.
///
/// # Errors
/// If the database is away.
pub async fn course(
    pool: &PgPool,
    experiment: &Experiment,
    result: Option<&SearchResult>,
) -> Result<Option<Course>> {
    if let Some(result) = result {
        return Ok(result.course.0.get().cloned());
    }
    let searches = experiment.spec.get("search").is_some();
    if !searches || experiment.registered_at.is_none() || experiment.concluded_at.is_some() {
        return Ok(None);
    }
    let mut connection = pool.acquire().await?;
    match jobs::search_so_far(&mut connection, experiment.id).await {
        Ok(course) => Ok(Some(course)),
        Err(jobs::Error::Database(error)) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

/// A point that was drawn, with what was seen of it last.
#[derive(Debug)]
pub struct Seen<'a> {
    /// What its pairs say, all that it has.
    pub tried: &'a Tried,
    /// The stage that it came to, from 1 on.
    pub stage: usize,
    /// Whether it went on from there.
    pub went_on: bool,
}

/// The points of the stages that have ended, those that came furthest first.
pub fn seen(course: &Course) -> Vec<Seen<'_>> {
    let mut found: Vec<Seen> = Vec::new();
    for (stage, rung) in course.rungs.iter().enumerate().rev() {
        for (place, tried) in rung.tried.iter().enumerate() {
            if found.iter().any(|it| it.tried.settings == tried.settings) {
                continue;
            }
            found.push(Seen {
                tried,
                stage: stage + 1,
                went_on: place < rung.kept,
            });
        }
    }
    found
}

/// The value of a field at a point.
pub fn value(spec: &Spec, settings: &Settings, field: &str) -> Option<serde_json::Value> {
    let given = settings.get(field).cloned();
    given.or_else(|| spec.own_value(field))
}
