//! One's own account: password, signed-in browsers, API tokens.

use super::{Cache, see_other, show, sign::with_cookie, with_status};
use crate::{
    auth::{
        password, session,
        token::{self, Scope, TokenRow},
    },
    db::accounts,
    error::{Error, Result},
    extract::{Form, Member, Path, Visit},
    render::{filters, form::FormErrors},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::TokenId;
use serde::Deserialize;

#[derive(Debug, Template)]
#[template(path = "account.html")]
struct Account {
    visit: Visit,
    name: String,
    role: &'static str,
    admin: bool,
    sessions: i64,
    tokens: Vec<TokenRow>,
    fresh: Option<String>,
    label: String,
    errors: FormErrors,
}

async fn page(state: &AppState, visit: Visit) -> Result<Account> {
    let viewer = visit.viewer.clone().ok_or_else(|| Error::SignIn {
        next: "/account".to_owned(),
    })?;
    Ok(Account {
        sessions: session::count(&state.pool, viewer.id).await?,
        tokens: token::list(&state.pool, viewer.id).await?,
        role: viewer.role.as_str(),
        admin: viewer.role.is_admin(),
        name: viewer.name,
        visit,
        fresh: None,
        label: String::new(),
        errors: FormErrors::new(),
    })
}

/// The account page.
pub async fn account(State(state): State<AppState>, visit: Visit, _: Member) -> Result<Response> {
    show(&page(&state, visit).await?, Cache::Never)
}

/// A new token.
#[derive(Debug, Deserialize)]
pub struct NewToken {
    #[serde(default)]
    label: String,
    #[serde(default)]
    read: Option<String>,
    #[serde(default)]
    write: Option<String>,
    #[serde(default)]
    admin: Option<String>,
}

/// Makes a token and shows it, this once.
pub async fn create_token(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Form(form): Form<NewToken>,
) -> Result<Response> {
    let label = form.label.trim();
    let mut errors = FormErrors::new();
    let length = label.chars().count();
    if length == 0 || length > 100 {
        let detail =
            format!("Say in 1 to 100 characters what the token is for; this has {length}.");
        errors.add("label", detail);
    }
    let asked = [
        form.read.is_some(),
        form.write.is_some(),
        form.admin.is_some(),
    ];
    let scopes: Vec<Scope> = Scope::ALL
        .into_iter()
        .zip(asked)
        .filter_map(|(scope, asked)| asked.then_some(scope))
        .collect();
    if scopes.is_empty() {
        errors.add(
            "scope-read",
            "Choose at least one thing that the token may do.",
        );
    }
    if scopes.contains(&Scope::Admin) && !viewer.role.is_admin() {
        errors.add(
            "scope-read",
            "Only admins can make a token that runs the queue.",
        );
    }
    if !errors.is_empty() {
        let mut page = page(&state, visit).await?;
        page.errors = errors;
        page.label = form.label;
        return with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never);
    }
    let fresh = token::create(&state.pool, viewer.id, label, &scopes).await?;
    tracing::info!(account = %viewer.id, "API token made");
    let mut page = page(&state, visit).await?;
    page.fresh = Some(fresh);
    show(&page, Cache::Never)
}

/// Revokes a token.
pub async fn revoke_token(
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

/// Ends all sessions, this one too.
pub async fn sign_out_everywhere(
    State(state): State<AppState>,
    Member(viewer): Member,
) -> Result<Response> {
    session::end_all(&state.pool, viewer.id).await?;
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
}

/// Changes the password and signs out every other browser.
pub async fn change_password(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Form(form): Form<NewPassword>,
) -> Result<Response> {
    let mut errors = FormErrors::new();
    errors.check("new", password::check(&form.new, &viewer.name));
    let hash = accounts::credentials(&state.pool, &viewer.name)
        .await?
        .map(|(_, hash)| hash);
    if !state.passwords.verify(form.current, hash).await? {
        errors.add("current", "This is not your present password.");
    }
    if !errors.is_empty() {
        let mut page = page(&state, visit).await?;
        page.errors = errors;
        return with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never);
    }
    let hash = state.passwords.hash(form.new).await?;
    accounts::set_password(&state.pool, viewer.id, &hash).await?;
    session::end_all(&state.pool, viewer.id).await?;
    tracing::info!(account = %viewer.id, "password changed");
    let token = session::start(&state.pool, viewer.id).await?;
    Ok(with_cookie(
        see_other("/account"),
        &session::cookie(&token, &state.settings),
    ))
}
