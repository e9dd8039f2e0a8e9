//! Accounts as admins see them, and what they do about one that harms the board.

use crate::{
    db::{
        accounts::{self, Account},
        volunteers::{self as table, Volunteer},
    },
    error::Result,
    extract::{Admin, Form, Path, Query, Visit},
    pages::{Cache, see_other, show},
    reason,
    render::{filters, number},
    state::AppState,
    suspension, volunteers,
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
    /// Those that are admitted, on the first page alone.
    volunteers: Vec<Volunteer>,
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
    let volunteers = match start.before {
        None => table::admitted(&state.pool, SHOWN).await?,
        Some(_) => Vec::new(),
    };
    let page = People {
        visit,
        volunteers,
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

/// Lets somebody train runs as a volunteer.
pub async fn admit(
    State(state): State<AppState>,
    Admin(viewer): Admin,
    Path(name): Path<String>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    volunteers::admit(&mut tx, &name, Some(viewer.id)).await?;
    tx.commit().await?;
    Ok(see_other(&format!("/people/{name}")))
}

/// Takes that back.
pub async fn dismiss(
    State(state): State<AppState>,
    Admin(viewer): Admin,
    Path(name): Path<String>,
    Form(why): Form<Why>,
) -> Result<Response> {
    let reason = reason::checked(&why.reason)?;
    let mut tx = state.pool.begin().await?;
    volunteers::dismiss(&mut tx, &name, Some(viewer.id), &reason).await?;
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
