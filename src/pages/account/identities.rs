//! Other sites that sign somebody in: connected and disconnected on a page of the account.

use super::sessions::is_person;
use crate::{
    address::Origin,
    auth::{password::Asker, provider::Providers},
    db::identities::{self as table, Connected, Disconnecting, Step},
    error::{Error, Result},
    extract::{Form, Member, Path, Visit},
    pages::{Cache, see_other, show, sign_with, with_status},
    render::{filters, form::FormErrors},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::IdentityId;
use serde::Deserialize;

/// Where the page is.
pub const PATH: &str = "/account/identities";

#[derive(Debug, Template)]
#[template(path = "identities.html")]
struct Page {
    visit: Visit,
    has_password: bool,
    connected: Vec<Connected>,
    providers: Providers,
    /// Why something was not done.
    trouble: Option<String>,
    errors: FormErrors,
}

impl Page {
    async fn of(state: &AppState, visit: Visit) -> Result<Self> {
        let viewer = visit.viewer.as_ref().ok_or_else(|| Error::SignIn {
            next: PATH.to_owned(),
        })?;
        Ok(Self {
            has_password: viewer.has_password,
            connected: table::of(&state.pool, viewer.id).await?,
            providers: state.settings.sign_in_with.clone(),
            trouble: None,
            errors: FormErrors::new(),
            visit,
        })
    }
}

/// What one is connected with, and with what one can be.
pub async fn page(State(state): State<AppState>, visit: Visit, _: Member) -> Result<Response> {
    show(&Page::of(&state, visit).await?, Cache::Never)
}

/// The same with the reason why something was not done.
pub(in crate::pages) async fn otherwise(
    state: &AppState,
    visit: Visit,
    status: StatusCode,
    trouble: String,
) -> Result<Response> {
    let mut page = Page::of(state, visit).await?;
    page.trouble = Some(trouble);
    with_status(status, &page, Cache::Never)
}

/// With what to connect.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    provider: String,
    #[serde(default)]
    current: String,
}

/// Sends somebody to a provider, to be connected: after the present password, since whoever finds an open browser could make a
/// way in of their own.
pub async fn connect(
    State(state): State<AppState>,
    visit: Visit,
    origin: Origin,
    Member(viewer): Member,
    Form(wanted): Form<Wanted>,
) -> Result<Response> {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let Some(provider) = state.settings.sign_in_with.find(&wanted.provider) else {
        let words =
            "This board does not sign anybody in with that site. Choose one of those below.";
        return otherwise(&state, visit, status, words.to_owned()).await;
    };
    let asker = Asker {
        origin,
        known: true,
    };
    if let Err(detail) = is_person(&state, asker, &viewer, wanted.current).await? {
        let mut page = Page::of(&state, visit).await?;
        page.errors.add("current", detail);
        return with_status(status, &page, Cache::Never);
    }
    let step = Step {
        provider: wanted.provider,
        next: PATH.to_owned(),
        account: Some(viewer.id),
    };
    let sent = sign_with::send(&state, &visit, origin, provider, &step, "");
    match sent.await? {
        Ok(page) => Ok(page),
        Err((status, words)) => otherwise(&state, visit, status, words).await,
    }
}

/// Disconnects one, unless it is the last way in.
pub async fn disconnect(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(id): Path<IdentityId>,
) -> Result<Response> {
    let issuers = state.settings.sign_in_with.issuers();
    let mut tx = state.pool.begin().await?;
    match table::disconnect(&mut tx, viewer.id, id, &issuers).await? {
        Disconnecting::Done => {
            tx.commit().await?;
            tracing::info!(account = %viewer.id, identity = %id, "disconnected from another site");
            Ok(see_other(PATH))
        }
        Disconnecting::Missing => Err(Error::missing("connected site with number", id)),
        Disconnecting::Last => {
            drop(tx);
            let words = "Without this you could not sign in any more. Set a password on your account’s page first, or connect another site.";
            otherwise(&state, visit, StatusCode::CONFLICT, words.to_owned()).await
        }
    }
}
