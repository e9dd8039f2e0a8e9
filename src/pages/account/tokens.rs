//! API tokens on the account page.

use super::{Tokens, page};
use crate::{
    auth::token::{self, NewToken, Scope},
    db::accounts,
    error::{Error, Result},
    extract::{Form, Member, Path, Visit},
    pages::{Cache, see_other, show, with_status},
    state::AppState,
};
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::TokenId;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A token that somebody wants.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    label: String,
    #[serde(default)]
    days: String,
    /// A box for each scope, ticked or not there.
    #[serde(flatten)]
    ticked: BTreeMap<String, String>,
}

impl Wanted {
    fn scopes(&self) -> Vec<Scope> {
        let mut scopes = Scope::ALL.to_vec();
        scopes.retain(|scope| self.ticked.contains_key(scope.as_str()));
        scopes
    }

    /// Those chosen, the usual if none are, or none that are allowed if they do not read.
    fn days(&self) -> i32 {
        match self.days.trim() {
            "" => token::DAYS,
            days => days.parse().unwrap_or(0),
        }
    }
}

/// Makes a token and shows it, this once.
pub async fn create(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Form(wanted): Form<Wanted>,
) -> Result<Response> {
    let (scopes, days) = (wanted.scopes(), wanted.days());
    let new = match NewToken::checked(&wanted.label, &scopes, days, viewer.role) {
        Ok(new) => new,
        Err(problems) => {
            let mut page = page(&state, visit, Tokens::default()).await?;
            for problem in problems {
                page.errors.add(field(&problem.pointer), problem.detail);
            }
            page.label = wanted.label;
            page.chosen = scopes;
            page.days = days;
            return with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never);
        }
    };
    let mut tx = state.pool.begin().await?;
    accounts::lock(&mut tx, viewer.id).await?;
    if token::count(&mut *tx, viewer.id).await? >= token::MOST {
        return Err(Error::Conflict(token::too_many()));
    }
    let fresh = token::create(&mut *tx, viewer.id, &new).await?;
    tx.commit().await?;
    tracing::info!(account = %viewer.id, token = %fresh.id, "API token made");
    let mut page = page(&state, visit, Tokens::default()).await?;
    page.fresh = Some(fresh);
    show(&page, Cache::Never)
}

/// The field of the form for a field of a token.
fn field(pointer: &str) -> &'static str {
    match pointer {
        "/label" => "label",
        "/days" => "days",
        _ => "scope-read",
    }
}

/// Revokes a token.
pub async fn revoke(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path(id): Path<TokenId>,
) -> Result<Response> {
    if !token::revoke(&state.pool, viewer.id, id).await? {
        return Err(Error::missing("token in use with number", id));
    }
    tracing::info!(account = %viewer.id, token = %id, "API token revoked");
    Ok(see_other("/account#tokens"))
}
