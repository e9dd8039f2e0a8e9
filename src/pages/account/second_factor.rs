//! The second factor on the account page: set up, confirmed, turned off.

use super::sessions::is_person;
use crate::{
    address::Origin,
    auth::{
        client::Client,
        password::Asker,
        second_factor,
        session::{self, Viewer},
    },
    db::second_factors::{self as table, Factor},
    error::{Error, Result},
    extract::{Form, Member, Visit},
    pages::{Cache, see_other, show, sign::with_cookie, sign_code, with_status},
    render::{filters, form::FormErrors, html::Html},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::{Postgres, Transaction};

#[derive(Debug, Template)]
#[template(path = "second_factor.html")]
struct Page {
    visit: Visit,
    has_password: bool,
    at: At,
    /// Codes on paper that were just made.
    fresh: Vec<String>,
    errors: FormErrors,
}

/// How far it is.
#[derive(Debug)]
enum At {
    Off,
    /// The app is to be shown this, and a code of it to be given.
    Begun {
        picture: Html,
        secret: String,
    },
    On {
        since: DateTime<Utc>,
        codes_left: i64,
    },
}

impl Page {
    fn of(state: &AppState, visit: Visit, viewer: &Viewer, factor: Option<Factor>) -> Result<Self> {
        let at = match factor {
            None => At::Off,
            Some(factor) => match factor.confirmed_at {
                Some(since) => At::On {
                    since,
                    codes_left: factor.codes_left,
                },
                None => {
                    let secret = sign_code::open(state, viewer.id, &factor.secret)?;
                    At::Begun {
                        picture: second_factor::picture(&viewer.name, &secret),
                        secret: second_factor::typed(&secret),
                    }
                }
            },
        };
        Ok(Self {
            visit,
            has_password: viewer.has_password,
            at,
            fresh: Vec::new(),
            errors: FormErrors::new(),
        })
    }
}

/// Whether one has a second factor, and what can be done about it.
pub async fn page(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
) -> Result<Response> {
    let factor = table::find(&state.pool, viewer.id).await?;
    show(&Page::of(&state, visit, &viewer, factor)?, Cache::Never)
}

async fn refused(
    state: &AppState,
    visit: Visit,
    viewer: &Viewer,
    field: &str,
    detail: &str,
) -> Result<Response> {
    let factor = table::find(&state.pool, viewer.id).await?;
    let mut page = Page::of(state, visit, viewer, factor)?;
    page.errors.add(field, detail);
    with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
}

/// What says that it is the person.
#[derive(Debug, Deserialize)]
pub struct Proof {
    #[serde(default)]
    current: String,
    #[serde(default)]
    code: String,
}

const IS_ON: &str = "Your second factor is on already. Reload the page.";
const IS_OFF: &str = "Your second factor is off, or was begun anew since. Reload the page.";

/// Begins one: after the present password, since whoever finds an open browser could lock its owner out.
pub async fn begin(
    State(state): State<AppState>,
    visit: Visit,
    origin: Origin,
    Member(viewer): Member,
    Form(proof): Form<Proof>,
) -> Result<Response> {
    let asker = Asker {
        origin,
        known: true,
    };
    if let Err(detail) = is_person(&state, asker, &viewer, proof.current).await? {
        return refused(&state, visit, &viewer, "current", detail).await;
    }
    let secret = second_factor::Secret::new();
    let sealed = state.settings.secret_keys.seal(viewer.id, &secret);
    if !table::begin(&state.pool, viewer.id, &sealed).await? {
        return Err(Error::Conflict(IS_ON.to_owned()));
    }
    Ok(see_other("/account/second-factor"))
}

/// Turns it on with the first right code; shows codes on paper, this once. Every other browser is signed out, and this one gets
/// a session of another number.
pub async fn confirm(
    State(state): State<AppState>,
    visit: Visit,
    client: Client,
    Member(viewer): Member,
    Form(proof): Form<Proof>,
) -> Result<Response> {
    let factor = table::find(&state.pool, viewer.id).await?;
    let factor = factor.ok_or_else(|| Error::Conflict(IS_OFF.to_owned()))?;
    if factor.confirmed_at.is_some() {
        return Err(Error::Conflict(IS_ON.to_owned()));
    }
    if !sign_code::is_right(&state, viewer.id, &factor.secret, &proof.code).await? {
        return refused(&state, visit, &viewer, "code", sign_code::WRONG).await;
    }
    let mut tx = state.pool.begin().await?;
    if !table::confirm(&mut *tx, viewer.id).await? {
        return Err(Error::Conflict(IS_ON.to_owned()));
    }
    let codes = new_codes(&mut tx, &viewer).await?;
    session::end_all(&mut *tx, viewer.id).await?;
    let token = session::start(&mut *tx, viewer.id, &client).await?;
    tx.commit().await?;
    tracing::info!(account = %viewer.id, "second factor on");
    let factor = table::find(&state.pool, viewer.id).await?;
    let mut page = Page::of(&state, visit, &viewer, factor)?;
    page.fresh = codes;
    let response = show(&page, Cache::Never)?;
    Ok(with_cookie(
        response,
        &session::cookie(&token, &state.settings),
    ))
}

async fn new_codes(tx: &mut sqlx::PgConnection, viewer: &Viewer) -> Result<Vec<String>> {
    let codes = second_factor::new_recovery_codes();
    let plain: Vec<String> = codes
        .iter()
        .map(|code| second_factor::plain(code))
        .collect();
    table::set_recovery_codes(tx, viewer.id, &plain).await?;
    Ok(codes)
}

/// Begins a change of what protects the account, which takes the present password and a code: the page to answer with where one
/// of them is wrong.
async fn proven(
    state: &AppState,
    visit: &Visit,
    origin: Origin,
    viewer: &Viewer,
    proof: Proof,
) -> Result<Result<Transaction<'static, Postgres>, Response>> {
    let factor = table::find(&state.pool, viewer.id).await?;
    let factor = factor.filter(|factor| factor.confirmed_at.is_some());
    let factor = factor.ok_or_else(|| Error::Conflict(IS_OFF.to_owned()))?;
    let asker = Asker {
        origin,
        known: true,
    };
    // The password first: a code on paper is not used up beside a wrong one.
    if let Err(detail) = is_person(state, asker, viewer, proof.current).await? {
        let page = refused(state, visit.clone(), viewer, "current", detail);
        return page.await.map(Err);
    }
    if !sign_code::is_right(state, viewer.id, &factor.secret, &proof.code).await? {
        let page = refused(state, visit.clone(), viewer, "code", sign_code::WRONG);
        return page.await.map(Err);
    }
    Ok(Ok(state.pool.begin().await?))
}

/// Makes other codes on paper, in the place of those from before, and shows them, this once.
pub async fn renew(
    State(state): State<AppState>,
    visit: Visit,
    origin: Origin,
    Member(viewer): Member,
    Form(proof): Form<Proof>,
) -> Result<Response> {
    let mut tx = match proven(&state, &visit, origin, &viewer, proof).await? {
        Ok(tx) => tx,
        Err(refused) => return Ok(refused),
    };
    let codes = new_codes(&mut tx, &viewer).await?;
    tx.commit().await?;
    tracing::info!(account = %viewer.id, "other recovery codes");
    let factor = table::find(&state.pool, viewer.id).await?;
    let mut page = Page::of(&state, visit, &viewer, factor)?;
    page.fresh = codes;
    show(&page, Cache::Never)
}

/// Turns it off.
pub async fn turn_off(
    State(state): State<AppState>,
    visit: Visit,
    origin: Origin,
    Member(viewer): Member,
    Form(proof): Form<Proof>,
) -> Result<Response> {
    let mut tx = match proven(&state, &visit, origin, &viewer, proof).await? {
        Ok(tx) => tx,
        Err(refused) => return Ok(refused),
    };
    table::remove(&mut tx, viewer.id).await?;
    tx.commit().await?;
    tracing::info!(account = %viewer.id, "second factor off");
    Ok(see_other("/account/second-factor"))
}
