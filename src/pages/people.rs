//! What somebody proposed.

use super::{Cache, show};
use crate::{
    db::accounts::{self, Account, Proposed},
    error::{Error, Result},
    extract::{Path, Visit},
    render::{badge, filters, number},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};

#[derive(Debug, Template)]
#[template(path = "person.html")]
struct Person {
    visit: Visit,
    account: Account,
    experiments: Vec<Proposed>,
}

/// Most experiments on the page.
const SHOWN: i64 = 100;

/// A person's page.
pub async fn person(
    State(state): State<AppState>,
    visit: Visit,
    Path(name): Path<String>,
) -> Result<Response> {
    let account = accounts::find(&state.pool, &name)
        .await?
        .ok_or_else(|| Error::missing("person called", &name))?;
    let experiments = accounts::proposals(&state.pool, account.id, SHOWN).await?;
    show(
        &Person {
            visit,
            account,
            experiments,
        },
        Cache::Fresh,
    )
}
