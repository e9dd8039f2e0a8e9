//! What could be known of an experiment when another one was registered: what a sceptic asks of an amendment.

use crate::db::amendments;
use crate::db::experiments::Experiment;
use crate::error::Result;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgPool;

/// What there was to see of the earlier experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// None of its runs had begun.
    Nothing,
    /// Runs were under way: their curves could be watched.
    Curves,
    /// Runs had ended, but not all that were waited for.
    Runs,
    /// It had been concluded.
    Everything,
}

/// Moments of the earlier experiment beside the later one's registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Timing {
    /// What was known of the earlier experiment when the later one was registered; of a proposal, what is known now.
    pub known: Known,
    /// When the first run of the earlier one began.
    pub first_run_began: Option<DateTime<Utc>>,
    /// When its first run ended with a result or a failure.
    pub first_run_ended: Option<DateTime<Utc>>,
    /// When its verdict, or the numbers of an exploratory one, were posted.
    pub concluded: Option<DateTime<Utc>>,
    /// When the later one was registered; null while it is a proposal.
    pub registered: Option<DateTime<Utc>>,
}

pub(super) async fn of(pool: &PgPool, before: &Experiment, after: &Experiment) -> Result<Timing> {
    let (began, ended) = amendments::first_runs(pool, before.seen()?).await?;
    Ok(Timing {
        known: known([began, ended, before.concluded_at], after.registered_at),
        first_run_began: began,
        first_run_ended: ended,
        concluded: before.concluded_at,
        registered: after.registered_at,
    })
}

/// By the moments of first beginning, first end and conclusion. What happened in the same moment was known.
fn known(moments: [Option<DateTime<Utc>>; 3], registered: Option<DateTime<Utc>>) -> Known {
    let past = |moment: Option<DateTime<Utc>>| match (moment, registered) {
        (Some(moment), Some(registered)) => moment <= registered,
        (Some(_), None) => true,
        (None, _) => false,
    };
    match moments.map(past) {
        [_, _, true] => Known::Everything,
        [_, true, _] => Known::Runs,
        [true, ..] => Known::Curves,
        _ => Known::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_known_follows_from_the_moments() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0);
        let all = [at(10), at(20), at(30)];
        for (registered, expected) in [
            (at(9), Known::Nothing),
            (at(10), Known::Curves),
            (at(19), Known::Curves),
            (at(29), Known::Runs),
            (at(30), Known::Everything),
            (None, Known::Everything),
        ] {
            assert_eq!(known(all, registered), expected, "{registered:?}");
        }
        assert_eq!(known([None; 3], None), Known::Nothing);
        // Stopped before any run had begun.
        assert_eq!(known([None, None, at(5)], at(6)), Known::Everything);
    }
}
