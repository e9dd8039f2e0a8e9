//! The second step of signing in: a code of an app, or one on paper.

use super::{
    Cache,
    kept::Kept,
    sign::{self, too_many},
    with_status,
};
use crate::{
    auth::{client::Client, device::Device, second_factor},
    db::second_factors as table,
    error::{Error, Result},
    extract::{Form, Visit},
    render::{form::FormErrors, url},
    sealing::Stored,
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use axum_extra::extract::CookieJar;
use breakmywork_protocol::id::AccountId;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Template)]
#[template(path = "sign_in_code.html")]
struct Code {
    visit: Visit,
    errors: FormErrors,
    /// Who gave the right password.
    step: String,
    next: String,
    /// What was typed when the session had ended.
    kept: Option<Kept>,
}

/// Asks for the code.
///
/// # Errors
/// If the page cannot be made, which it always can.
pub(super) fn ask(
    visit: Visit,
    step: String,
    next: String,
    kept: Option<Kept>,
) -> Result<Response> {
    let page = Code {
        visit,
        errors: FormErrors::new(),
        step,
        next,
        kept,
    };
    // Not 200: nobody is signed in yet.
    with_status(StatusCode::UNAUTHORIZED, &page, Cache::Never)
}

/// The form.
#[derive(Debug, Deserialize)]
pub struct Given {
    #[serde(default)]
    step: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
    /// A form that is carried along.
    #[serde(flatten)]
    others: BTreeMap<String, String>,
}

/// Signs in with the code.
pub async fn check(
    State(state): State<AppState>,
    visit: Visit,
    client: Client,
    cookies: CookieJar,
    Form(form): Form<Given>,
) -> Result<Response> {
    let next = url::local(&form.next).to_owned();
    let kept = Kept::carried(form.others);
    let Some(asked) = table::asked(&state.pool, &form.step).await? else {
        return sign::anew(&state, visit, next, kept);
    };
    if !is_right(&state, asked.account, &asked.secret, &form.code).await? {
        tracing::warn!(account = %asked.account, "wrong code");
        let mut errors = FormErrors::new();
        errors.add("code", WRONG);
        let page = Code {
            visit,
            errors,
            step: form.step,
            next,
            kept,
        };
        return with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never);
    }
    if !table::end_step(&state.pool, &form.step).await? {
        return Err(Error::Conflict(
            "This form was sent already. If you are not signed in, begin anew at /sign-in."
                .to_owned(),
        ));
    }
    let hash = &asked.password_hash;
    let device = Device::of(&cookies, &state.settings, &asked.name, hash);
    let known = Device::cookie(device, &state.settings, &asked.name, hash);
    sign::signed_in(&state, &visit, &client, asked.account, &known, &next, kept).await
}

/// What is said of a code that is not taken.
pub(super) const WRONG: &str = "This code is wrong, or was used already. The app shows another one every half minute; the clock of its phone must be right. A code on paper works once.";

/// The secret of somebody's second factor.
///
/// # Errors
/// If it cannot be opened, which is the operator's to mend.
pub(super) fn open(
    state: &AppState,
    account: AccountId,
    stored: &Stored,
) -> Result<second_factor::Secret> {
    let opened = state.settings.secret_keys.open(account, stored);
    opened.map_err(Error::internal)
}

/// Whether a code is one of the app, or one on paper, that was not used; then it is used now. Wrong ones are counted, whoever
/// gives them, since only who knows the password can.
///
/// # Errors
/// Too many wrong ones.
pub(super) async fn is_right(
    state: &AppState,
    account: AccountId,
    secret: &Stored,
    code: &str,
) -> Result<bool> {
    let secret = &open(state, account, secret)?;
    state
        .throttle
        .code(account)
        .map_err(|wait| too_many(wait, "a code"))?;
    let code = second_factor::plain(code);
    let right = match second_factor::step_of(secret, &code) {
        Some(step) => table::take_step(&state.pool, account, step).await?,
        None => table::take_recovery_code(&state.pool, account, &code).await?,
    };
    if right {
        state.throttle.right_code(account);
    }
    Ok(right)
}
