//! Signing in by another site: there, and back again. Coming back is the one thing here that a GET changes: the address holds
//! what was given to this very browser, for once.

pub mod newcomer;

use super::{
    Cache,
    account::identities,
    see_other, show,
    sign::{self, too_many, with_cookie},
    sign_code,
};
use crate::{
    address::Origin,
    auth::{
        client::Client,
        device::Device,
        provider::{Asked, Identity, Provider, Trouble},
        secret,
    },
    config::{Settings, SignUp},
    db::{
        identities::{self as table, Connecting, Newcomer, Step},
        second_factors,
    },
    error::{Error, Result},
    extract::{Form, Path, Query, Visit},
    render::url,
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use axum_extra::extract::{CookieJar, cookie::Cookie};
use breakmywork_protocol::id::AccountId;
use serde::Deserialize;

/// How long a browser may be on its way, in seconds.
const SECONDS: u32 = 600;

/// What a browser on its way carries.
#[derive(Debug, Clone, Default)]
struct Carried {
    /// Names it; random.
    secret: String,
    /// The code of an invitation, which it had before.
    invitation: String,
}

impl Carried {
    fn new(invitation: &str) -> Self {
        let letters = invitation.trim().chars();
        Self {
            secret: secret::random_hex(),
            invitation: letters
                .filter(char::is_ascii_alphanumeric)
                .take(sign::LONGEST_SHOWN)
                .collect(),
        }
    }

    fn name(settings: &Settings) -> &'static str {
        if settings.https() {
            "__Host-breakmywork-provider"
        } else {
            "breakmywork-provider"
        }
    }

    fn by(cookies: &CookieJar, settings: &Settings) -> Self {
        let value = cookies.get(Self::name(settings)).map(Cookie::value);
        let value = value.unwrap_or_default();
        let (secret, invitation) = value.split_once('.').unwrap_or((value, ""));
        Self {
            secret: secret.to_owned(),
            invitation: invitation.to_owned(),
        }
    }

    /// The `Set-Cookie` that makes a browser carry it. It is sent when another site leads back here, which is what `Lax` lets
    /// pass.
    fn cookie(&self, settings: &Settings) -> String {
        let value = format!("{}.{}", self.secret, self.invitation);
        set_cookie(&value, SECONDS, settings)
    }
}

fn set_cookie(value: &str, max_age: u32, settings: &Settings) -> String {
    let name = Carried::name(settings);
    let secure = if settings.https() { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}")
}

/// Sends a browser on: by a page, since the policy of forms lets none of them lead to another site.
#[derive(Debug, Template)]
#[template(path = "sign_with_going.html")]
struct Going {
    visit: Visit,
    provider: String,
    address: String,
}

/// Where to go on after signing in.
#[derive(Debug, Default, Deserialize)]
pub struct Begin {
    #[serde(default)]
    next: String,
    #[serde(default)]
    invitation: String,
}

fn find<'a>(state: &'a AppState, slug: &str) -> Result<&'a Provider> {
    let found = state.settings.sign_in_with.find(slug);
    found.ok_or_else(|| Error::missing("other site to sign in with called", slug))
}

fn back_to(state: &AppState, provider: &Provider) -> String {
    let path = format!("/sign-in/with/{}/back", provider.slug);
    state.settings.address(&path)
}

fn count(state: &AppState, origin: Origin) -> Result<()> {
    let counted = state.throttle.provider(origin);
    counted.map_err(|wait| too_many(wait, "sign-in by another site"))
}

/// Why it did not work, for the person; the rest is for the log.
fn words(provider: &Provider, trouble: &Trouble) -> (StatusCode, String) {
    tracing::warn!(
        provider = provider.slug,
        "sign-in by another site: {trouble}"
    );
    let name = &provider.name;
    match trouble {
        Trouble::Away(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!(
                "{name} does not answer at this moment. Try again in a minute, or sign in with name and password."
            ),
        ),
        Trouble::Refused(_) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            format!(
                "What {name} answered does not hold, so nothing was done. Try again, or sign in with name and password; the reason is in the log of this board."
            ),
        ),
    }
}

/// Sends somebody to a provider.
pub async fn begin(
    State(state): State<AppState>,
    visit: Visit,
    origin: Origin,
    Path(slug): Path<String>,
    Form(form): Form<Begin>,
) -> Result<Response> {
    let provider = find(&state, &slug)?;
    let step = Step {
        provider: slug,
        next: url::local(&form.next).to_owned(),
        account: None,
    };
    let sent = send(&state, &visit, origin, provider, &step, &form.invitation);
    match sent.await? {
        Ok(page) => Ok(page),
        Err((status, words)) => sign::otherwise(&state, visit, step.next, status, words),
    }
}

/// The page that sends a browser to a provider; or why that cannot be done now.
pub(super) async fn send(
    state: &AppState,
    visit: &Visit,
    origin: Origin,
    provider: &Provider,
    step: &Step,
    invitation: &str,
) -> Result<Result<Response, (StatusCode, String)>> {
    count(state, origin)?;
    let asked = Asked::new();
    let back = back_to(state, provider);
    let address = match state.providers.address(provider, &asked, &back).await {
        Ok(address) => address,
        Err(trouble) => return Ok(Err(words(provider, &trouble))),
    };
    let carried = Carried::new(invitation);
    table::begin(&state.pool, step, &asked, &carried.secret).await?;
    let page = Going {
        visit: visit.clone(),
        provider: provider.name.clone(),
        address,
    };
    let page = show(&page, Cache::Never)?;
    Ok(Ok(with_cookie(page, &carried.cookie(&state.settings))))
}

/// With what somebody comes back.
#[derive(Debug, Deserialize)]
pub struct Back {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
}

/// Somebody comes back from a provider.
pub async fn back(
    State(state): State<AppState>,
    visit: Visit,
    origin: Origin,
    client: Client,
    cookies: CookieJar,
    Path(slug): Path<String>,
    Query(back): Query<Back>,
) -> Result<Response> {
    let provider = find(&state, &slug)?;
    count(&state, origin)?;
    let carried = Carried::by(&cookies, &state.settings);
    let name = &provider.name;
    let taken = table::take(&state.pool, &slug, &back.state, &carried.secret).await?;
    let Some((step, asked)) = taken else {
        let words = format!(
            "This browser was not sent to {name}, was so more than ten minutes ago, or came back already. Begin anew."
        );
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return sign::otherwise(&state, visit, "/".to_owned(), status, words);
    };
    let said = match (back.code, back.error) {
        (Some(code), None) => {
            let to = back_to(&state, provider);
            let said = state.providers.identity(provider, asked, code, &to).await;
            said.map_err(|trouble| words(provider, &trouble))
        }
        (_, error) => {
            let error: String = error.unwrap_or_default().chars().take(100).collect();
            tracing::info!(provider = slug, error, "came back without a code");
            let words = format!(
                "{name} did not say who you are, so nothing was done. Begin anew, or sign in with name and password."
            );
            Err((StatusCode::FORBIDDEN, words))
        }
    };
    let response = match (said, step.account) {
        (Ok(identity), None) => {
            return enter(
                &state, visit, &client, &cookies, provider, step, identity, &carried,
            )
            .await;
        }
        (Ok(identity), Some(account)) => {
            connected(&state, visit, account, provider, &identity).await?
        }
        (Err((status, words)), None) => sign::otherwise(&state, visit, step.next, status, words)?,
        (Err((status, words)), Some(_)) => {
            identities::otherwise(&state, visit, status, words).await?
        }
    };
    Ok(with_cookie(response, &set_cookie("", 0, &state.settings)))
}

/// Signs somebody in whose account is connected; asks the others for a name.
#[expect(clippy::too_many_arguments, reason = "what a request has")]
async fn enter(
    state: &AppState,
    visit: Visit,
    client: &Client,
    cookies: &CookieJar,
    provider: &Provider,
    step: Step,
    identity: Identity,
    carried: &Carried,
) -> Result<Response> {
    let settings = &state.settings;
    let gone = set_cookie("", 0, settings);
    let owner = table::owner(&state.pool, &provider.issuer, &identity.subject).await?;
    if let Some(owner) = owner {
        if let Some(reason) = owner.disabled {
            return Err(sign::disabled(owner.account, &reason));
        }
        let response = if second_factors::is_on(&state.pool, owner.account).await? {
            let form = second_factors::begin_step(&state.pool, owner.account).await?;
            sign_code::ask(visit, form, step.next, None)?
        } else {
            let device = Device::of(cookies, settings, &owner.name, &owner.password_hash);
            let known = Device::cookie(device, settings, &owner.name, &owner.password_hash);
            let next = &step.next;
            sign::signed_in(state, &visit, client, owner.account, &known, next, None).await?
        };
        return Ok(with_cookie(response, &gone));
    }
    if settings.sign_up == SignUp::Closed {
        let words = format!(
            "Nobody here signs in with that account of {0}, and sign-up is closed. Ask an admin for an account; with one, connect {0} on its page.",
            provider.name
        );
        let page = sign::otherwise(state, visit, step.next, StatusCode::FORBIDDEN, words)?;
        return Ok(with_cookie(page, &gone));
    }
    let newcomer = Newcomer {
        provider: step.provider,
        issuer: provider.issuer.clone(),
        identity,
        next: step.next,
    };
    let carried = Carried::new(&carried.invitation);
    table::ask_name(&state.pool, &newcomer, &carried.secret).await?;
    Ok(with_cookie(
        see_other("/sign-up/with"),
        &carried.cookie(settings),
    ))
}

/// Connects the account of whoever set out, if that is who came back.
async fn connected(
    state: &AppState,
    visit: Visit,
    account: AccountId,
    provider: &Provider,
    identity: &Identity,
) -> Result<Response> {
    if visit.reader() != Some(account) {
        let words =
            "You were signed out meanwhile, so nothing was connected. Sign in, and begin anew.";
        let status = StatusCode::FORBIDDEN;
        return sign::otherwise(
            state,
            visit,
            identities::PATH.to_owned(),
            status,
            words.to_owned(),
        );
    }
    let mut tx = state.pool.begin().await?;
    let done = table::connect(&mut tx, account, &provider.issuer, identity).await?;
    let words = match done {
        Connecting::Done => {
            tx.commit().await?;
            tracing::info!(%account, provider = provider.slug, "connected with another site");
            return Ok(see_other(identities::PATH));
        }
        Connecting::Others => format!(
            "Another account here signs in with that account of {}. Disconnect it there first.",
            provider.name
        ),
        Connecting::TooMany => format!(
            "You are connected with {} accounts of other sites. Disconnect one that you do not use.",
            table::MOST
        ),
    };
    drop(tx);
    identities::otherwise(state, visit, StatusCode::CONFLICT, words).await
}
