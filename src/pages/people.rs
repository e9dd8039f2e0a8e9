//! What somebody proposed and forecast, put on the board and said.

use super::{Cache, show};
use crate::{
    db::{
        accounts::{self, Account, Proposed},
        agents,
        forecasts::{self, Owned},
        people::{self, Added, Said, Stated},
    },
    error::{Error, Result},
    extract::{Path, Visit},
    forecast::Score,
    render::{badge, chart, filters, html::Html, marked, number},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::ExperimentId;

#[derive(Debug, Template)]
#[template(path = "person.html")]
struct Person {
    visit: Visit,
    account: Account,
    /// Of a person: the agents that act for them.
    agents: Vec<String>,
    experiments: Vec<Proposed>,
    /// The latest of each.
    works: Vec<Added>,
    claims: Vec<Stated>,
    comments: Vec<Said>,
    /// The latest, those of experiments that have not ended on one's own page alone.
    forecasts: Vec<Owned>,
    /// How good they were, once one is resolved.
    score: Option<Score>,
    /// Of how many people the experiments are.
    authors: i64,
    calibration: Option<Html>,
}

impl Person {
    /// Whether that person looks at it.
    fn is_own(&self) -> bool {
        self.visit.reader() == Some(self.account.id)
    }
}

/// Most experiments, and most forecasts, on the page.
const SHOWN: i64 = 100;

/// Most works, most claims and most comments.
const FEW: i64 = 20;

/// A person's page.
pub async fn person(
    State(state): State<AppState>,
    visit: Visit,
    Path(name): Path<String>,
) -> Result<Response> {
    let account = accounts::find(&state.pool, &name)
        .await?
        .ok_or_else(|| Error::missing("person called", &name))?;
    let agents = agents::names(&state.pool, account.id).await?;
    let experiments = accounts::proposals(&state.pool, account.id, SHOWN).await?;
    let viewer = visit.viewer.as_ref();
    let is_own = viewer.is_some_and(|viewer| viewer.id == account.id);
    let newest = ExperimentId(i64::MAX);
    let forecasts = forecasts::of_account(&state.pool, account.id, is_own, newest, SHOWN).await?;
    let (tallies, authors) = forecasts::resolved(&state.pool, account.id).await?;
    let score = Score::of(&tallies);
    show(
        &Person {
            works: people::works(&state.pool, account.id, FEW).await?,
            claims: people::claims(&state.pool, account.id, FEW).await?,
            comments: people::comments(&state.pool, account.id, FEW).await?,
            visit,
            account,
            agents,
            experiments,
            forecasts,
            authors,
            calibration: score
                .as_ref()
                .map(|score| chart::forecasts::calibration(&score.bins)),
            score,
        },
        Cache::Fresh,
    )
}
