//! Signed-in browsers on the account page, and the password that ends them.

use super::page;
use crate::{
    address::Origin,
    auth::{
        client::Client,
        device::Device,
        password::{self, Asker},
        session::{self, Viewer},
    },
    db::accounts::{self, Tokens},
    error::{Error, Result},
    extract::{Form, Member, Path, Visit},
    pages::{
        Cache, see_other,
        sign::{too_many, with_cookie},
        with_status,
    },
    render::form::FormErrors,
    state::AppState,
};
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::SessionId;
use serde::Deserialize;

/// Ends one session; its browser is signed out with its next request.
pub async fn end(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path(id): Path<SessionId>,
) -> Result<Response> {
    if !session::end_one(&state.pool, viewer.id, id).await? {
        return Err(Error::missing("signed-in browser with number", id));
    }
    tracing::info!(account = %viewer.id, session = %id, "session ended");
    Ok(see_other("/account#sessions"))
}

/// What becomes of the API tokens.
#[derive(Debug, Deserialize)]
pub struct Everywhere {
    #[serde(default)]
    keep_tokens: Option<String>,
}

/// They are revoked unless their owner ticked that they stay.
fn tokens(keep: Option<&String>) -> Tokens {
    match keep {
        Some(_) => Tokens::Kept,
        None => Tokens::Revoked,
    }
}

/// Ends all sessions, this one too.
pub async fn sign_out_everywhere(
    State(state): State<AppState>,
    Member(viewer): Member,
    Form(form): Form<Everywhere>,
) -> Result<Response> {
    let tokens = tokens(form.keep_tokens.as_ref());
    let mut tx = state.pool.begin().await?;
    accounts::sign_out_everywhere(&mut tx, viewer.id, tokens).await?;
    tx.commit().await?;
    tracing::info!(account = %viewer.id, "signed out everywhere");
    Ok(with_cookie(
        see_other("/sign-in"),
        &session::removal(&state.settings),
    ))
}

/// A change of password.
#[derive(Debug, Deserialize)]
pub struct NewPassword {
    #[serde(default)]
    current: String,
    #[serde(default)]
    new: String,
    #[serde(default)]
    keep_tokens: Option<String>,
}

/// Changes the password; ends every other browser's session, and the API tokens unless they are to stay. This browser gets
/// a session of another number.
pub async fn change_password(
    State(state): State<AppState>,
    visit: Visit,
    origin: Origin,
    client: Client,
    Member(viewer): Member,
    Form(form): Form<NewPassword>,
) -> Result<Response> {
    let mut errors = FormErrors::new();
    errors.check("new", password::check(&form.new, &viewer.name));
    let asker = Asker {
        origin,
        known: true,
    };
    if let Err(detail) = is_person(&state, asker, &viewer, form.current).await? {
        let field = if viewer.has_password {
            "current"
        } else {
            "new"
        };
        errors.add(field, detail);
    }
    if !errors.is_empty() {
        let mut page = page(&state, visit, super::Before::default()).await?;
        page.errors = errors;
        return with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never);
    }
    // A first one takes nothing from anybody.
    let tokens = match viewer.has_password {
        true => tokens(form.keep_tokens.as_ref()),
        false => Tokens::Kept,
    };
    let hash = state.passwords.hash(asker, form.new).await?;
    let mut tx = state.pool.begin().await?;
    accounts::set_password(&mut tx, viewer.id, &hash, tokens).await?;
    let token = session::start(&mut *tx, viewer.id, &client).await?;
    tx.commit().await?;
    tracing::info!(account = %viewer.id, "password changed");
    let known = Device::cookie(None, &state.settings, &viewer.name, &hash);
    let response = with_cookie(
        see_other("/account"),
        &session::cookie(&token, &state.settings),
    );
    Ok(with_cookie(response, &known))
}

const NOT_THE_PASSWORD: &str = "This is not your present password.";

const LONG_AGO: &str = "You have no password, and it is more than ten minutes since you signed in. Sign out, sign in again, and come back here.";

/// Whether it is the person and not somebody who found a browser signed in: by the present password; without one, by having
/// signed in just now. Else what to say. Counted like a sign-in: nobody must be able to guess here.
pub(super) async fn is_person(
    state: &AppState,
    asker: Asker,
    viewer: &Viewer,
    given: String,
) -> Result<Result<(), &'static str>> {
    if !viewer.has_password {
        let fresh = session::is_fresh(&state.pool, &viewer.session).await?;
        return Ok(if fresh { Ok(()) } else { Err(LONG_AGO) });
    }
    let attempt = state
        .throttle
        .change(viewer.id)
        .map_err(|wait| too_many(wait, "the present password"))?;
    if given.len() > password::LONGEST_BYTES {
        return Ok(Err(NOT_THE_PASSWORD));
    }
    let hash = accounts::credentials(&state.pool, &viewer.name)
        .await?
        .map(|found| found.password_hash);
    match state.passwords.verify(asker, given, hash).await {
        Ok(true) => {
            attempt.right();
            Ok(Ok(()))
        }
        Ok(false) => Ok(Err(NOT_THE_PASSWORD)),
        Err(error) => {
            attempt.unused();
            Err(error.into())
        }
    }
}
