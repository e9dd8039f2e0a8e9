//! Webhooks: the list with the form for another one, and a page each with its log.

use crate::{
    db::{
        news,
        webhooks::{
            self as table, Paused, Webhook, What,
            log::{self, Delivery, State as DeliveryState},
        },
    },
    error::{Error, Result},
    extract::{Form, Member, Path, Query, Visit},
    pages::{Cache, see_other, show, with_status},
    render::{filters, form::FormErrors, news_words},
    state::AppState,
    webhooks::manage::{self, Change},
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::{AccountId, DeliveryId, NewsId, WebhookId};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Deliveries on one page.
const SHOWN: i64 = 25;

/// A line of the list.
#[derive(Debug)]
struct Listed {
    webhook: Webhook,
    /// The last delivery that was tried or waits: what became of it, and of when it is.
    last: Option<(DeliveryState, DateTime<Utc>)>,
}

#[derive(Debug, Template)]
#[template(path = "webhooks.html")]
struct Webhooks {
    visit: Visit,
    /// Whether this board has any.
    available: bool,
    webhooks: Vec<Listed>,
    url: String,
    what: What,
    errors: FormErrors,
}

impl Webhooks {
    fn has_place(&self) -> bool {
        self.webhooks.len() < manage::MOST as usize
    }
}

async fn all(state: &AppState, visit: Visit, account: AccountId) -> Result<Webhooks> {
    let last = log::last(&state.pool, account).await?;
    let last: BTreeMap<WebhookId, _> = last
        .into_iter()
        .map(|(id, state, at)| (id, (state, at)))
        .collect();
    let webhooks = table::list(&state.pool, account).await?;
    Ok(Webhooks {
        available: state.settings.sends_webhooks(),
        webhooks: webhooks
            .into_iter()
            .map(|webhook| Listed {
                last: last.get(&webhook.id).copied(),
                webhook,
            })
            .collect(),
        url: String::new(),
        what: What::Verdicts,
        errors: FormErrors::new(),
        visit,
    })
}

/// One's own webhooks.
pub async fn list(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
) -> Result<Response> {
    show(&all(&state, visit, viewer.id).await?, Cache::Never)
}

/// A webhook that somebody wants.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    url: String,
    #[serde(default)]
    what: What,
}

/// Adds one and shows its secret, this once.
pub async fn add(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Form(wanted): Form<Wanted>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    let (url, what) = (&wanted.url, wanted.what);
    let added = manage::add(&mut tx, &state.settings, viewer.id, url, what).await;
    let added = match added {
        Ok(added) => added,
        Err(Error::Invalid(problems)) => {
            drop(tx);
            let mut page = all(&state, visit, viewer.id).await?;
            for problem in problems {
                page.errors.add("url", problem.detail);
            }
            page.url = wanted.url;
            page.what = wanted.what;
            return with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never);
        }
        Err(error) => return Err(error),
    };
    tx.commit().await?;
    tracing::info!(account = %viewer.id, webhook = %added.id, "webhook added");
    let mut page = one(&state, visit, viewer.id, added.id, LogFrom::default()).await?;
    page.fresh = Some(added.secret);
    show(&page, Cache::Never)
}

/// A line of the log.
#[derive(Debug)]
struct Line {
    delivery: Delivery,
    /// What it tells of and where that is; none of a ping, and of what is not to be seen any more.
    told: Option<(String, String)>,
}

#[derive(Debug, Template)]
#[template(path = "webhook.html")]
struct One {
    visit: Visit,
    available: bool,
    webhook: Webhook,
    /// The secret that was just made.
    fresh: Option<String>,
    lines: Vec<Line>,
    /// Where the next page of the log starts.
    older: Option<DeliveryId>,
    /// The address, or what was typed and refused.
    url: String,
    what: What,
    errors: FormErrors,
}

/// Where the log starts.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct LogFrom {
    before: Option<DeliveryId>,
}

async fn one(
    state: &AppState,
    visit: Visit,
    account: AccountId,
    id: WebhookId,
    from: LogFrom,
) -> Result<One> {
    let webhook = manage::own(&state.pool, account, id).await?;
    let before = from.before.unwrap_or(DeliveryId(i64::MAX));
    let mut found = log::page(&state.pool, id, before, SHOWN + 1).await?;
    let more = found.len() as i64 > SHOWN;
    found.truncate(SHOWN as usize);
    let told: Vec<NewsId> = found.iter().filter_map(|delivery| delivery.news).collect();
    let mut told: BTreeMap<NewsId, (String, String)> = news::rows(&state.pool, &told)
        .await?
        .iter()
        .map(|news| {
            (
                news.id,
                (news_words::sentence(news), news_words::address(news)),
            )
        })
        .collect();
    Ok(One {
        available: state.settings.sends_webhooks(),
        fresh: None,
        older: found.last().filter(|_| more).map(|last| last.id),
        lines: found
            .into_iter()
            .map(|delivery| Line {
                told: delivery.news.and_then(|news| told.remove(&news)),
                delivery,
            })
            .collect(),
        url: webhook.url.clone(),
        what: webhook.what,
        errors: FormErrors::new(),
        webhook,
        visit,
    })
}

/// One of them, with its log.
pub async fn webhook(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(id): Path<WebhookId>,
    Query(from): Query<LogFrom>,
) -> Result<Response> {
    show(
        &one(&state, visit, viewer.id, id, from).await?,
        Cache::Never,
    )
}

/// What becomes of one: a form that has some of it.
#[derive(Debug, Deserialize)]
pub struct Changed {
    url: Option<String>,
    what: Option<What>,
    /// `pause` or `resume`.
    #[serde(default)]
    action: String,
}

/// Changes one.
pub async fn change(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(id): Path<WebhookId>,
    Form(changed): Form<Changed>,
) -> Result<Response> {
    let change = Change {
        url: changed.url.clone(),
        what: changed.what,
        paused: match changed.action.as_str() {
            "pause" => Some(true),
            "resume" => Some(false),
            _ => None,
        },
    };
    let mut tx = state.pool.begin().await?;
    let done = manage::change(&mut tx, &state.settings, viewer.id, id, &change).await;
    let problems = match done {
        Ok(_) => {
            tx.commit().await?;
            tracing::info!(account = %viewer.id, webhook = %id, "webhook changed");
            return Ok(see_other(&path(id)));
        }
        Err(Error::Invalid(problems)) => problems,
        Err(error) => return Err(error),
    };
    drop(tx);
    let mut page = one(&state, visit, viewer.id, id, LogFrom::default()).await?;
    for problem in problems {
        page.errors.add("url", problem.detail);
    }
    page.url = changed.url.unwrap_or_default();
    page.what = changed.what.unwrap_or(page.what);
    with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
}

fn path(id: WebhookId) -> String {
    format!("/account/webhooks/{id}")
}

/// Gives it another secret and shows that, this once.
pub async fn rotate(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(id): Path<WebhookId>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    let (secret, _) = manage::rotate(&mut tx, &state.settings, viewer.id, id).await?;
    tx.commit().await?;
    tracing::info!(account = %viewer.id, webhook = %id, "webhook's secret changed");
    let mut page = one(&state, visit, viewer.id, id, LogFrom::default()).await?;
    page.fresh = Some(secret);
    show(&page, Cache::Never)
}

/// Sends a test.
pub async fn test(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path(id): Path<WebhookId>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    manage::ping(&mut tx, &state.settings, viewer.id, id).await?;
    tx.commit().await?;
    Ok(see_other(&format!("{}#log", path(id))))
}

/// Sends something once more.
pub async fn again(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path((id, delivery)): Path<(WebhookId, DeliveryId)>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    manage::again(&mut tx, &state.settings, viewer.id, id, delivery).await?;
    tx.commit().await?;
    Ok(see_other(&format!("{}#log", path(id))))
}

/// Removes one.
pub async fn remove(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path(id): Path<WebhookId>,
) -> Result<Response> {
    if !table::remove(&state.pool, viewer.id, id).await? {
        return Err(manage::missing(id));
    }
    tracing::info!(account = %viewer.id, webhook = %id, "webhook removed");
    Ok(see_other("/account/webhooks"))
}
