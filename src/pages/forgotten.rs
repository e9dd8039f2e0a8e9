//! A forgotten password: a link is mailed, and whoever has it sets a new one.

use super::{Cache, see_other, show, sign::too_many, with_status};
use crate::{
    address::Origin,
    auth::{
        account,
        password::{self, Asker},
    },
    db::{
        accounts::{self, Tokens},
        resets,
    },
    error::{Error, Result},
    extract::{Form, Path, Visit},
    render::form::FormErrors,
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use std::time::Duration;

/// How long the answer takes, whether or not there is such an account: longer than the database does.
const ANSWER: Duration = Duration::from_millis(300);

#[derive(Debug, Template)]
#[template(path = "forgotten.html")]
struct Forgotten {
    visit: Visit,
    sends_mail: bool,
    /// Whether a link was asked for.
    asked: bool,
    minutes: i32,
}

/// The form that asks for a link.
pub async fn form(State(state): State<AppState>, visit: Visit) -> Result<Response> {
    let page = Forgotten {
        visit,
        sends_mail: state.settings.sends_mail(),
        asked: false,
        minutes: resets::MINUTES,
    };
    show(&page, Cache::Never)
}

/// Whose password was forgotten.
#[derive(Debug, Deserialize)]
pub struct Name {
    #[serde(default)]
    name: String,
}

/// Mails a link if the account can be sent one; the answer is the same, and as soon, if it cannot.
pub async fn ask(
    State(state): State<AppState>,
    visit: Visit,
    origin: Origin,
    Form(form): Form<Name>,
) -> Result<Response> {
    let sends_mail = state.settings.sends_mail();
    if sends_mail {
        state
            .throttle
            .reset(origin)
            .map_err(|wait| too_many(wait, "a new password"))?;
        let name = form.name.trim().to_lowercase();
        let asked = async {
            match account::check_name(&name) {
                Ok(()) => resets::ask(&state.pool, &name).await,
                Err(_) => Ok(()),
            }
        };
        tokio::join!(asked, tokio::time::sleep(ANSWER)).0?;
    }
    let page = Forgotten {
        visit,
        sends_mail,
        asked: sends_mail,
        minutes: resets::MINUTES,
    };
    show(&page, Cache::Never)
}

#[derive(Debug, Template)]
#[template(path = "new_password.html")]
struct New {
    visit: Visit,
    name: String,
    /// Whether there are other sites to sign in with.
    has_others: bool,
    errors: FormErrors,
}

fn gone() -> Error {
    Error::NotFound(
        "This link is good no more: it was used, it is too old, or there is a later one. Ask for another one at /sign-in/forgotten."
            .to_owned(),
    )
}

/// The form for the new password, for whoever has the link.
pub async fn new_form(
    State(state): State<AppState>,
    visit: Visit,
    Path(secret): Path<String>,
) -> Result<Response> {
    let (_, name) = resets::whose(&state.pool, &secret)
        .await?
        .ok_or_else(gone)?;
    let errors = FormErrors::new();
    show(
        &New {
            visit,
            name,
            has_others: !state.settings.sign_in_with.is_empty(),
            errors,
        },
        Cache::Never,
    )
}

/// The new password.
#[derive(Debug, Deserialize)]
pub struct NewPassword {
    #[serde(default)]
    new: String,
    #[serde(default)]
    keep_tokens: Option<String>,
}

/// Sets the new password; ends every session, and the API tokens unless they are to stay. One signs in with it then.
pub async fn set(
    State(state): State<AppState>,
    visit: Visit,
    origin: Origin,
    Path(secret): Path<String>,
    Form(form): Form<NewPassword>,
) -> Result<Response> {
    let (account, name) = resets::whose(&state.pool, &secret)
        .await?
        .ok_or_else(gone)?;
    let mut errors = FormErrors::new();
    errors.check("new", password::check(&form.new, &name));
    if !errors.is_empty() {
        let page = New {
            visit,
            name,
            has_others: !state.settings.sign_in_with.is_empty(),
            errors,
        };
        return with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never);
    }
    let asker = Asker {
        origin,
        known: false,
    };
    let hash = state.passwords.hash(asker, form.new).await?;
    let tokens = match form.keep_tokens {
        Some(_) => Tokens::Kept,
        None => Tokens::Revoked,
    };
    let mut tx = state.pool.begin().await?;
    if !resets::spend(&mut *tx, &secret).await? {
        return Err(gone());
    }
    accounts::set_password(&mut tx, account, &hash, tokens).await?;
    tx.commit().await?;
    tracing::info!(%account, "forgotten password set anew");
    Ok(see_other("/sign-in"))
}
