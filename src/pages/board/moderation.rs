//! What waits for a moderator, what moderators decided, and for members what became of their own.

use crate::{
    board::{self, Decision, Item, NEWCOMER_DAYS, Writer},
    db::{
        board::{Decided, WaitingClaim, WaitingWork, claims_off_board, decided, works_off_board},
        works,
    },
    error::{Error, Result},
    extract::{Form, Moderator, Path, Visit},
    pages::{Cache, see_other, show},
    render::filters,
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::{AccountId, ClaimId};
use serde::Deserialize;
use sqlx::PgPool;

/// Works, and claims, that wait, on the page.
const WAITING: i64 = 25;
/// Decisions on the page.
const DECIDED: i64 = 50;

/// Works and claims that are off the board.
#[derive(Debug, Default)]
struct Off {
    works: Vec<WaitingWork>,
    claims: Vec<WaitingClaim>,
}

impl Off {
    async fn load(pool: &PgPool, moderation: &str, by: Option<AccountId>) -> Result<Self> {
        Ok(Self {
            works: works_off_board(pool, moderation, by, 0, WAITING).await?,
            claims: claims_off_board(pool, moderation, by, 0, WAITING).await?,
        })
    }

    fn is_empty(&self) -> bool {
        self.works.is_empty() && self.claims.is_empty()
    }
}

#[derive(Debug, Template)]
#[template(path = "moderation_board.html")]
struct ModerationPage {
    visit: Visit,
    /// All that waits, for moderators.
    queue: Off,
    /// What of the reader's own waits.
    own: Off,
    /// What of the reader's own was declined.
    declined: Off,
    decided: Vec<Decided>,
}

impl ModerationPage {
    fn days(&self) -> i32 {
        NEWCOMER_DAYS
    }
}

/// The page.
pub async fn page(State(state): State<AppState>, visit: Visit) -> Result<Response> {
    let pool = &state.pool;
    let queue = match visit.is_moderator() {
        true => Off::load(pool, "waiting", None).await?,
        false => Off::default(),
    };
    let (own, declined) = match visit.reader() {
        Some(reader) if !visit.is_moderator() => (
            Off::load(pool, "waiting", Some(reader)).await?,
            Off::load(pool, "declined", Some(reader)).await?,
        ),
        _ => Default::default(),
    };
    let page = ModerationPage {
        queue,
        own,
        declined,
        decided: decided(pool, DECIDED).await?,
        visit,
    };
    show(&page, Cache::Fresh)
}

/// A decision.
#[derive(Debug, Deserialize)]
pub struct Decide {
    decision: Decision,
    #[serde(default)]
    reason: String,
}

async fn decide(state: &AppState, viewer: Writer, item: Item, form: &Decide) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    board::decide(&mut tx, item, viewer, form.decision, &form.reason).await?;
    tx.commit().await?;
    tracing::info!(moderator = %viewer.id, ?item, decision = ?form.decision, "moderated");
    Ok(see_other("/moderation/board"))
}

/// Decides about a work.
pub async fn decide_work(
    State(state): State<AppState>,
    Moderator(viewer): Moderator,
    Path(slug): Path<String>,
    Form(form): Form<Decide>,
) -> Result<Response> {
    let who = Writer::from(&viewer);
    let work = works::seen(&state.pool, &slug, who.reader())
        .await?
        .ok_or_else(|| Error::missing("work called", &slug))?;
    decide(&state, who, Item::Work(work.id), &form).await
}

/// Decides about a claim.
pub async fn decide_claim(
    State(state): State<AppState>,
    Moderator(viewer): Moderator,
    Path(id): Path<ClaimId>,
    Form(form): Form<Decide>,
) -> Result<Response> {
    decide(&state, Writer::from(&viewer), Item::Claim(id), &form).await
}
