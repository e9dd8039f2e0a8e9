//! Forecasts: give one, read what the reader may know, how good somebody's were, what surprised.

use super::body::Body;
use super::idempotency::{self, Stop};
use super::page::{Cursor, Page};
use crate::auth::token::{ApiAccount, Scope};
use crate::db::{accounts, forecasts as table};
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use crate::forecast::{self, Percent, Seen, Stage, Surprises};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::ExperimentId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;

/// What the reader may know of the forecasts of an experiment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Forecasts {
    /// open: takes forecasts; closed: there is something to see of its runs; ended; exploratory, which takes none;
    /// sealed, which takes none before it is opened; or hidden by a moderator.
    stage: Stage,
    /// The reader's own, in percent; null without one, and without a token.
    own: Option<i16>,
    /// When that was given.
    own_at: Option<DateTime<Utc>>,
    /// Whether the reader may know what others gave: after giving one, and once it has ended.
    revealed: bool,
    /// What the members but the author gave; null if nobody did, or until it is revealed.
    crowd: Option<Crowd>,
    /// What the author of the experiment gave, in percent; null if none, or until it is revealed.
    author: Option<i16>,
    /// Whether the claim survived: the verdict was supported, or falsified. Null before the end, and where it is neither:
    /// then no forecast counts.
    survived: Option<bool>,
    /// Whether a moderator disputes the experiment: no forecast counts until that is resolved.
    disputed: bool,
}

/// What the members but the author gave.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Crowd {
    /// How many.
    forecasts: i64,
    /// Mean of their probabilities, from 0 to 1.
    mean: f64,
    /// How many in each tenth: 0 to 10 percent, 11 to 20, and so on.
    histogram: [i64; 10],
}

impl From<Seen> for Forecasts {
    fn from(seen: Seen) -> Self {
        Self {
            stage: seen.stage,
            own: seen.own.map(|(percent, _)| percent.get()),
            own_at: seen.own.map(|(_, at)| at),
            revealed: seen.revealed,
            crowd: seen.crowd.map(|crowd| Crowd {
                forecasts: crowd.forecasts,
                mean: crowd.mean,
                histogram: crowd.histogram,
            }),
            author: seen.author.map(Percent::get),
            survived: seen.survived,
            disputed: seen.disputed,
        }
    }
}

async fn seen_in(
    db: &mut PgConnection,
    id: ExperimentId,
    reader: Option<&ApiAccount>,
) -> Result<Forecasts> {
    forecast::seen(db, id, reader.map(|reader| reader.id))
        .await?
        .map(Forecasts::from)
        .ok_or_else(|| Error::missing("experiment", id))
}

/// Show what the reader may know of an experiment's forecasts. Those of others are hidden until the reader has given one,
/// or the experiment has ended.
#[utoipa::path(get, path = "/api/v1/experiments/{id}/forecast", tag = "forecasts", security((), ("token" = [])),
    params(("id" = i64, Path, description = "Key")),
    responses((status = 200, body = Forecasts), (status = 404, description = "No such experiment")))]
pub(super) async fn show(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    reader: Option<ApiAccount>,
) -> Result<Json<Forecasts>> {
    let mut db = pool.acquire().await?;
    Ok(Json(seen_in(&mut db, id, reader.as_ref()).await?))
}

/// A forecast to give.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewForecast {
    /// Probability that the claim survives the experiment, in whole percent from 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    percent: i64,
}

/// Give a forecast. It is final, unless the plan is changed before it is registered; then it is dropped.
#[utoipa::path(post, path = "/api/v1/experiments/{id}/forecast", tag = "forecasts", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = NewForecast,
    responses((status = 201, body = Forecasts),
        (status = 409, description = "Another one was given before, there is something to see of the runs, or it takes none"),
        (status = 422, description = "Not a whole number from 0 to 100"), (status = 429, description = "Too many within an hour")))]
pub(super) async fn give(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<NewForecast>,
) -> Result<Response, Stop> {
    account.require(Scope::Propose)?;
    account.person("gives no forecasts")?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let percent =
        Percent::new(body.value.percent).map_err(|detail| Error::field("/percent", detail))?;
    forecast::give(&mut call.tx, id, account.id, percent, None).await?;
    let seen = seen_in(&mut call.tx, id, Some(&account)).await?;
    call.finish(StatusCode::CREATED, &seen).await
}

/// A forecast of an experiment that has ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Given {
    /// Who gave it.
    member: String,
    /// In percent.
    percent: i16,
    /// Whether it is that of the experiment's author, which does not count.
    is_author: bool,
    /// When it was given.
    created_at: DateTime<Utc>,
}

/// List who forecast what: nobody, for anybody, until the experiment has ended.
#[utoipa::path(get, path = "/api/v1/experiments/{id}/forecasts", tag = "forecasts",
    params(("id" = i64, Path, description = "Key"), Cursor),
    responses((status = 200, body = Page<Given>), (status = 404, description = "No such experiment")))]
pub(super) async fn list(
    State(pool): State<PgPool>,
    Path(id): Path<ExperimentId>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Given>> {
    let (limit, after) = (cursor.limit()?, cursor.position()?.unwrap_or(0));
    if table::about(&pool, id, None).await?.is_none() {
        return Err(Error::missing("experiment", id));
    }
    let rows = table::given(&pool, id, after, limit + 1).await?;
    let show = |given: table::Given| Given {
        member: given.name,
        percent: given.percent,
        is_author: given.is_author,
        created_at: given.created_at,
    };
    Ok(Page::cut(rows, limit, |row| row.account.0, show))
}

/// How good somebody's forecasts were.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Score {
    /// Resolved forecasts that count: of experiments of others, neither void nor disputed.
    forecasts: i64,
    /// How many people proposed those experiments.
    authors: i64,
    /// Mean of (p − o)², o being 1 where the claim survived and else 0; always 50 percent scores 0.25. Null without any.
    brier: Option<f64>,
    /// The forecasts by tenth of their probability; tenths without any are left out.
    calibration: Vec<Calibration>,
}

/// Forecasts of about the same probability.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Calibration {
    /// Smallest percentage that falls in.
    from: usize,
    /// Largest.
    to: usize,
    /// How many.
    forecasts: i64,
    /// Mean of their probabilities, from 0 to 1.
    mean: f64,
    /// Share of the claims that survived.
    survived: f64,
}

/// Show how good somebody's forecasts were.
#[utoipa::path(get, path = "/api/v1/people/{name}/forecast-score", tag = "forecasts",
    params(("name" = String, Path, description = "Public name")),
    responses((status = 200, body = Score), (status = 404, description = "Nobody has that name")))]
pub(super) async fn score(
    State(pool): State<PgPool>,
    Path(name): Path<String>,
) -> Result<Json<Score>> {
    let person = accounts::find(&pool, &name)
        .await?
        .ok_or_else(|| Error::missing("person called", &name))?;
    let (tallies, authors) = table::resolved(&pool, person.id).await?;
    let score = forecast::Score::of(&tallies);
    let bins = score.iter().flat_map(|score| &score.bins);
    Ok(Json(Score {
        forecasts: score.as_ref().map_or(0, |score| score.forecasts),
        authors,
        brier: score.as_ref().map(|score| score.brier),
        calibration: bins
            .map(|bin| Calibration {
                from: bin.from(),
                to: bin.to(),
                forecasts: bin.forecasts,
                mean: bin.mean,
                survived: bin.survived,
            })
            .collect(),
    }))
}

/// An experiment that came out as its forecasters did not expect.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Surprise {
    /// Key.
    experiment: ExperimentId,
    /// Short name.
    title: String,
    /// supported or falsified.
    outcome: String,
    /// How many members with a record, but its author, gave a forecast.
    forecasts: i64,
    /// Mean of their probabilities, from 0 to 1.
    mean: f64,
}

/// List the verdicts that members expected least, as the first page does; up to a minute old.
#[utoipa::path(get, path = "/api/v1/forecasts/surprises", tag = "forecasts",
    params(Cursor), responses((status = 200, body = Page<Surprise>)))]
pub(super) async fn surprises(
    State(surprises): State<Surprises>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Surprise>> {
    let all = surprises.all();
    let show = |surprise: &table::Surprise| Surprise {
        experiment: surprise.id,
        title: surprise.title.clone(),
        outcome: surprise.outcome.clone(),
        forecasts: surprise.forecasts,
        mean: surprise.mean,
    };
    Page::within(all.iter().collect(), &cursor, |surprise| surprise.id, show)
}
