//! One's own account: password, signed-in browsers, API tokens.

use super::{
    Cache, see_other, show,
    sign::{too_many, with_cookie},
    with_status,
};
use crate::{
    address::Origin,
    auth::{
        device::Device,
        password::{self, Asker},
        session::{self, Viewer},
        token::{self, Scope, TokenRow},
    },
    db::{
        acceptance::{self, Waiting},
        accounts,
        mail::{self, Mailbox, Wish},
    },
    error::{Error, Result},
    extract::{Form, Member, Path, Query, Visit},
    mail::wishes,
    render::{filters, form::FormErrors},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::{
    id::{ExperimentId, TokenId},
    visible,
};
use serde::Deserialize;

#[derive(Debug, Template)]
#[template(path = "account.html")]
struct Account {
    visit: Visit,
    name: String,
    role: &'static str,
    admin: bool,
    sessions: i64,
    /// Proposals on this person's claims without an answer.
    waiting: Vec<Waiting>,
    tokens: Vec<TokenRow>,
    /// Where the next page of tokens starts.
    older: Option<TokenId>,
    revoked: Vec<TokenRow>,
    fresh: Option<String>,
    label: String,
    sends_mail: bool,
    mailbox: Option<Mailbox>,
    /// Which mails are wanted, or were when that was refused.
    wish: Wish,
    /// The address, or what was typed and refused.
    address: String,
    errors: FormErrors,
}

/// Tokens on one page, and revoked ones below.
const SHOWN: i64 = 100;
const REVOKED_SHOWN: i64 = 20;
/// Proposals that wait for an answer; REST has the rest.
const WAITING_SHOWN: i64 = 50;

/// Where the list of tokens starts.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Tokens {
    before: Option<TokenId>,
}

async fn page(state: &AppState, visit: Visit, from: Tokens) -> Result<Account> {
    let viewer = visit.viewer.clone().ok_or_else(|| Error::SignIn {
        next: "/account".to_owned(),
    })?;
    let mut tokens = token::in_use(&state.pool, viewer.id, from.before, SHOWN + 1).await?;
    let more = tokens.len() as i64 > SHOWN;
    tokens.truncate(SHOWN as usize);
    let mailbox = mail::mailbox(&state.pool, viewer.id).await?;
    Ok(Account {
        sends_mail: state.settings.sends_mail(),
        wish: mailbox
            .as_ref()
            .map_or(Wish::Verdicts, |mailbox| mailbox.wish),
        address: mailbox
            .as_ref()
            .map_or_else(String::new, |mailbox| mailbox.address.clone()),
        mailbox,
        sessions: session::count(&state.pool, viewer.id).await?,
        waiting: acceptance::waiting(
            &state.pool,
            viewer.id,
            None,
            ExperimentId(i64::MAX),
            WAITING_SHOWN,
        )
        .await?,
        older: tokens.last().filter(|_| more).map(|last| last.id),
        tokens,
        revoked: token::revoked(&state.pool, viewer.id, REVOKED_SHOWN).await?,
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
pub async fn account(
    State(state): State<AppState>,
    visit: Visit,
    _: Member,
    Query(from): Query<Tokens>,
) -> Result<Response> {
    show(&page(&state, visit, from).await?, Cache::Never)
}

/// Where mail goes, and which.
#[derive(Debug, Deserialize)]
pub struct WishedMail {
    #[serde(default)]
    address: String,
    wish: Wish,
}

/// Stores where mail goes; a new address is asked to confirm.
pub async fn wish_mail(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Form(wished): Form<WishedMail>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    let stored = wishes::store(
        &mut tx,
        &state.settings,
        viewer.id,
        &wished.address,
        wished.wish,
    )
    .await;
    let refused = match stored {
        Ok(()) => {
            tx.commit().await?;
            return Ok(see_other("/account#mail"));
        }
        Err(Error::Invalid(fields)) => fields,
        Err(error) => return Err(error),
    };
    drop(tx);
    let mut page = page(&state, visit, Tokens::default()).await?;
    for field in refused {
        page.errors.add("address", field.detail);
    }
    page.address = wished.address;
    page.wish = wished.wish;
    with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
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
    let mut errors = FormErrors::new();
    let label = match visible::line(&form.label) {
        Ok(label) if (1..=token::LABEL_CHARS).contains(&label.chars().count()) => label,
        Ok(_) => {
            errors.add(
                "label",
                format!(
                    "Say in 1 to {} characters what the token is for.",
                    token::LABEL_CHARS
                ),
            );
            String::new()
        }
        Err(detail) => {
            errors.add("label", format!("The label {detail}"));
            String::new()
        }
    };
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
        let mut page = page(&state, visit, Tokens::default()).await?;
        page.errors = errors;
        page.label = form.label;
        return with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never);
    }
    let mut tx = state.pool.begin().await?;
    accounts::lock(&mut tx, viewer.id).await?;
    if token::count(&mut *tx, viewer.id).await? >= token::MOST {
        return Err(Error::Conflict(format!(
            "You have {} tokens in use. Revoke one that no script needs, then make this one.",
            token::MOST
        )));
    }
    let fresh = token::create(&mut *tx, viewer.id, &label, &scopes).await?;
    tx.commit().await?;
    tracing::info!(account = %viewer.id, "API token made");
    let mut page = page(&state, visit, Tokens::default()).await?;
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

/// Changes the password; ends every other browser's session and every API token.
pub async fn change_password(
    State(state): State<AppState>,
    visit: Visit,
    origin: Origin,
    Member(viewer): Member,
    Form(form): Form<NewPassword>,
) -> Result<Response> {
    let mut errors = FormErrors::new();
    errors.check("new", password::check(&form.new, &viewer.name));
    let asker = Asker {
        origin,
        known: true,
    };
    if !is_present_password(&state, asker, &viewer, form.current).await? {
        errors.add("current", "This is not your present password.");
    }
    if !errors.is_empty() {
        let mut page = page(&state, visit, Tokens::default()).await?;
        page.errors = errors;
        return with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never);
    }
    let hash = state.passwords.hash(asker, form.new).await?;
    let mut tx = state.pool.begin().await?;
    accounts::set_password(&mut tx, viewer.id, &hash).await?;
    let token = session::start(&mut *tx, viewer.id).await?;
    tx.commit().await?;
    tracing::info!(account = %viewer.id, "password changed");
    let known = Device::cookie(None, &state.settings, &viewer.name, &hash);
    let response = with_cookie(
        see_other("/account"),
        &session::cookie(&token, &state.settings),
    );
    Ok(with_cookie(response, &known))
}

/// Counted like a sign-in: whoever finds a browser signed in must not be able to guess here.
async fn is_present_password(
    state: &AppState,
    asker: Asker,
    viewer: &Viewer,
    given: String,
) -> Result<bool> {
    let attempt = state
        .throttle
        .change(viewer.id)
        .map_err(|wait| too_many(wait, "the present password"))?;
    if given.len() > password::LONGEST_BYTES {
        return Ok(false);
    }
    let hash = accounts::credentials(&state.pool, &viewer.name)
        .await?
        .map(|found| found.password_hash);
    match state.passwords.verify(asker, given, hash).await {
        Ok(true) => {
            attempt.right();
            Ok(true)
        }
        Ok(false) => Ok(false),
        Err(error) => {
            attempt.unused();
            Err(error.into())
        }
    }
}
