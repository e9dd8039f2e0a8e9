//! Sign up, sign in, sign out.

use super::{
    Cache,
    kept::{self, Kept},
    see_other, show, with_status,
};
use crate::{
    auth::{account, account::Role, password, session},
    db::accounts,
    error::{Error, Result},
    extract::{Form, Member, Visit},
    render::{form::FormErrors, url},
    state::AppState,
};
use askama::Template;
use axum::{
    extract::{Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use breakmywork_protocol::id::AccountId;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The same words for an unknown name and a wrong password.
const WRONG: &str = "Name and password do not belong together. Check both.";

/// What both forms hold.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Credentials {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
    /// A form that is carried along.
    #[serde(flatten)]
    others: BTreeMap<String, String>,
}

/// Where to go on after signing in.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    visit: Visit,
    errors: FormErrors,
    name: String,
    next: String,
    /// What was typed when the session had ended.
    kept: Option<Kept>,
}

#[derive(Debug, Template)]
#[template(path = "sign_up.html")]
struct SignUp {
    visit: Visit,
    errors: FormErrors,
    name: String,
    next: String,
    open: bool,
}

/// The form for signing in.
pub async fn sign_in_form(visit: Visit, Query(query): Query<Next>) -> Result<Response> {
    let next = url::local(&query.next).to_owned();
    if visit.viewer.is_some() {
        return Ok(see_other(&next));
    }
    let errors = FormErrors::new();
    let name = String::new();
    show(
        &SignIn {
            visit,
            errors,
            name,
            next,
            kept: None,
        },
        Cache::Never,
    )
}

/// The form for signing in, in answer to a form that was sent after the session had ended: it carries that one along.
///
/// # Errors
/// If the page cannot be made, which it always can.
pub fn interrupted(visit: Visit, next: String, kept: Kept) -> Result<Response> {
    let page = SignIn {
        visit,
        errors: FormErrors::new(),
        name: String::new(),
        next,
        kept: Some(kept),
    };
    with_status(StatusCode::UNAUTHORIZED, &page, Cache::Never)
}

/// Signs in.
pub async fn sign_in(
    State(state): State<AppState>,
    visit: Visit,
    Form(form): Form<Credentials>,
) -> Result<Response> {
    let name = form.name.trim().to_lowercase();
    let next = url::local(&form.next).to_owned();
    if let Some(retry_after) = state.throttle.wait(&name) {
        let minutes = retry_after.div_ceil(60);
        return Err(Error::TooMany {
            detail: format!("Too many wrong passwords for this name. Try again in {minutes} min."),
            retry_after,
        });
    }
    let credentials = accounts::credentials(&state.pool, &name).await?;
    let (id, hash) = credentials.unzip();
    // Longer ones are refused at sign-up, so hashing them here would only cost time.
    let right =
        form.password.len() <= 4 * 128 && state.passwords.verify(form.password, hash).await?;
    match id.filter(|_| right) {
        Some(id) => {
            state.throttle.right(&name);
            tracing::info!(account = %id, "signed in");
            match Kept::carried(form.others) {
                Some(kept) => resume(&state, &visit, id, kept).await,
                None => start(&state, &visit, id, &next).await,
            }
        }
        None => {
            state.throttle.wrong(&name);
            tracing::warn!("sign-in refused");
            let mut errors = FormErrors::new();
            errors.add("name", WRONG);
            let page = SignIn {
                visit,
                errors,
                name,
                next,
                kept: Kept::carried(form.others),
            };
            with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
        }
    }
}

/// The form for signing up.
pub async fn sign_up_form(
    State(state): State<AppState>,
    visit: Visit,
    Query(query): Query<Next>,
) -> Result<Response> {
    let next = url::local(&query.next).to_owned();
    if visit.viewer.is_some() {
        return Ok(see_other(&next));
    }
    let page = SignUp {
        visit,
        errors: FormErrors::new(),
        name: String::new(),
        next,
        open: state.settings.open_sign_up,
    };
    show(&page, Cache::Never)
}

/// Signs up and in.
pub async fn sign_up(
    State(state): State<AppState>,
    visit: Visit,
    Form(form): Form<Credentials>,
) -> Result<Response> {
    if !state.settings.open_sign_up {
        return Err(Error::Forbidden(
            "Sign-up is closed here. Ask an admin for an account.".to_owned(),
        ));
    }
    let name = form.name.trim().to_owned();
    let next = url::local(&form.next).to_owned();
    let mut errors = FormErrors::new();
    errors.check("name", account::check_name(&name));
    errors.check("password", password::check(&form.password, &name));
    if errors.is_empty() {
        let hash = state.passwords.hash(form.password).await?;
        match accounts::create(&state.pool, &name, &hash, Role::Member).await? {
            Some(id) => {
                tracing::info!(account = %id, "signed up");
                return start(&state, &visit, id, &next).await;
            }
            None => errors.add("name", "This name is taken. Choose another one."),
        }
    }
    let page = SignUp {
        visit,
        errors,
        name,
        next,
        open: true,
    };
    with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
}

/// A new session for every sign-in; the one before ends.
async fn start(state: &AppState, visit: &Visit, id: AccountId, next: &str) -> Result<Response> {
    let token = begin(state, visit, id).await?;
    Ok(with_cookie(
        see_other(next),
        &session::cookie(&token, &state.settings),
    ))
}

/// The same, and on with the form that was carried along.
async fn resume(state: &AppState, visit: &Visit, id: AccountId, kept: Kept) -> Result<Response> {
    let token = begin(state, visit, id).await?;
    let viewer = session::find(&state.pool, &token)
        .await?
        .ok_or_else(|| Error::internal("a session that has just begun is over"))?;
    let page = match kept::go_on(state, viewer, kept).await {
        Ok(page) => page,
        Err(error) => error.into_response(),
    };
    Ok(with_cookie(page, &session::cookie(&token, &state.settings)))
}

async fn begin(state: &AppState, visit: &Visit, id: AccountId) -> Result<String> {
    if let Some(viewer) = &visit.viewer {
        session::end(&state.pool, &viewer.session).await?;
    }
    Ok(session::start(&state.pool, id).await?)
}

/// Signs out this browser.
pub async fn sign_out(State(state): State<AppState>, member: Option<Member>) -> Result<Response> {
    if let Some(Member(viewer)) = member {
        session::end(&state.pool, &viewer.session).await?;
    }
    Ok(with_cookie(
        see_other("/"),
        &session::removal(&state.settings),
    ))
}

pub(super) fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}
