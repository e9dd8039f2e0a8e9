//! Accounts as admins see them, and what they do about one that harms the board.

use crate::{
    db::accounts::{self, Account},
    error::Result,
    extract::{Admin, Form, Path, Query, Visit},
    pages::{Cache, see_other, show},
    reason,
    render::filters,
    state::AppState,
    suspension,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::AccountId;
use serde::Deserialize;

/// Accounts on one page.
const SHOWN: i64 = 100;

#[derive(Debug, Template)]
#[template(path = "admin_people.html")]
struct People {
    visit: Visit,
    accounts: Vec<Account>,
    older: Option<AccountId>,
}

/// Where the list starts.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Start {
    before: Option<AccountId>,
}

/// The list.
pub async fn list(
    State(state): State<AppState>,
    visit: Visit,
    _: Admin,
    Query(start): Query<Start>,
) -> Result<Response> {
    let mut accounts = accounts::newest(&state.pool, start.before, SHOWN + 1).await?;
    let more = accounts.len() as i64 > SHOWN;
    accounts.truncate(SHOWN as usize);
    let page = People {
        visit,
        older: accounts.last().filter(|_| more).map(|last| last.id),
        accounts,
    };
    show(&page, Cache::Never)
}

/// Why.
#[derive(Debug, Deserialize)]
pub struct Why {
    #[serde(default)]
    reason: String,
}

/// Disables an account: its sessions and tokens end at once.
pub async fn disable(
    State(state): State<AppState>,
    Admin(viewer): Admin,
    Path(name): Path<String>,
    Form(why): Form<Why>,
) -> Result<Response> {
    let reason = reason::checked(&why.reason)?;
    let mut tx = state.pool.begin().await?;
    suspension::disable(&mut tx, &name, viewer.id, &reason).await?;
    tx.commit().await?;
    Ok(see_other(&format!("/people/{name}")))
}

/// Lets the person sign in again.
pub async fn enable(
    State(state): State<AppState>,
    Admin(viewer): Admin,
    Path(name): Path<String>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    suspension::enable(&mut tx, &name, viewer.id).await?;
    tx.commit().await?;
    Ok(see_other(&format!("/people/{name}")))
}
