//! API tokens on the account page, and on those of agents.

use super::{Before, page};
use crate::{
    auth::token::{self, Holder, Made, NewToken, Scope, TokenRow},
    db::{accounts, volunteers},
    error::{Error, FieldProblem, Result},
    extract::{Form, Member, Path, Visit},
    pages::{Cache, see_other, show, with_status},
    render::form::FormErrors,
    state::AppState,
};
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::{AccountId, TokenId};
use serde::Deserialize;
use sqlx::PgPool;
use std::collections::BTreeMap;

/// Tokens on one page, and those that are over below.
const SHOWN: i64 = 100;
const OVER_SHOWN: i64 = 20;

/// Somebody's tokens, and the form for another one.
#[derive(Debug)]
pub(super) struct Tokens {
    /// Where the form is sent; a token is revoked below it.
    pub(super) at: String,
    /// The page that they are on.
    pub(super) page: String,
    pub(super) in_use: Vec<TokenRow>,
    /// Where the next page of them starts.
    pub(super) older: Option<TokenId>,
    /// Those that were revoked or have ended.
    pub(super) over: Vec<TokenRow>,
    /// The one that was just made.
    pub(super) fresh: Option<Made>,
    /// What may be chosen for another one, in words.
    pub(super) scopes: Vec<(Scope, &'static str)>,
    /// What is, or was when that was refused.
    pub(super) wanted: Chosen,
}

/// What stands in the form.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) label: String,
    pub(super) scopes: Vec<Scope>,
    pub(super) days: i32,
}

impl Tokens {
    /// Those of an account, from there on.
    pub(super) async fn of(
        pool: &PgPool,
        owner: AccountId,
        page: &str,
        scopes: Vec<(Scope, &'static str)>,
        from: Before,
    ) -> Result<Self> {
        let mut in_use = token::in_use(pool, owner, from.before, SHOWN + 1).await?;
        let more = in_use.len() as i64 > SHOWN;
        in_use.truncate(SHOWN as usize);
        Ok(Self {
            at: format!("{page}/tokens"),
            page: page.to_owned(),
            older: in_use.last().filter(|_| more).map(|last| last.id),
            in_use,
            over: token::over(pool, owner, OVER_SHOWN).await?,
            fresh: None,
            scopes,
            wanted: Chosen {
                label: String::new(),
                scopes: Scope::USUAL.to_vec(),
                days: token::DAYS,
            },
        })
    }

    /// Shows what was wanted again, with what is wrong.
    pub(super) fn refuse(
        &mut self,
        wanted: Wanted,
        problems: Vec<FieldProblem>,
        errors: &mut FormErrors,
    ) {
        for problem in problems {
            errors.add(field(&problem.pointer), problem.detail);
        }
        self.wanted = Chosen {
            scopes: wanted.scopes(),
            days: wanted.days(),
            label: wanted.label,
        };
    }
}

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
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    pub(super) fn scopes(&self) -> Vec<Scope> {
        let mut scopes = Scope::ALL.to_vec();
        scopes.retain(|scope| self.ticked.contains_key(scope.as_str()));
        scopes
    }

    /// Those chosen, the usual if none are, or none that are allowed if they do not read.
    pub(super) fn days(&self) -> i32 {
        match self.days.trim() {
            "" => token::DAYS,
            days => days.parse().unwrap_or(0),
        }
    }
}

/// Makes a token of that account.
///
/// # Errors
/// If there are too many.
pub(super) async fn make(pool: &PgPool, owner: AccountId, new: &NewToken) -> Result<Made> {
    let mut tx = pool.begin().await?;
    accounts::lock(&mut tx, owner).await?;
    if token::count(&mut *tx, owner).await? >= token::MOST {
        return Err(Error::Conflict(token::too_many()));
    }
    let fresh = token::create(&mut *tx, owner, new).await?;
    tx.commit().await?;
    tracing::info!(account = %owner, token = %fresh.id, "API token made");
    Ok(fresh)
}

/// Makes a token and shows it, this once.
pub async fn create(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Form(wanted): Form<Wanted>,
) -> Result<Response> {
    let holder = Holder {
        role: viewer.role,
        is_volunteer: volunteers::is_one(&state.pool, viewer.id).await?,
    };
    let new = NewToken::checked(&wanted.label, &wanted.scopes(), wanted.days(), holder);
    let new = match new {
        Ok(new) => new,
        Err(problems) => {
            let mut page = page(&state, visit, Before::default()).await?;
            page.tokens.refuse(wanted, problems, &mut page.errors);
            return with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never);
        }
    };
    let fresh = make(&state.pool, viewer.id, &new).await?;
    let mut page = page(&state, visit, Before::default()).await?;
    page.tokens.fresh = Some(fresh);
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
    revoke_of(&state.pool, viewer.id, id).await?;
    Ok(see_other("/account#tokens"))
}

/// Revokes a token of that account.
///
/// # Errors
/// If it has no such token in use.
pub(super) async fn revoke_of(pool: &PgPool, owner: AccountId, id: TokenId) -> Result<()> {
    if !token::revoke(pool, owner, id).await? {
        return Err(Error::missing("token in use with number", id));
    }
    tracing::info!(account = %owner, token = %id, "API token revoked");
    Ok(())
}
