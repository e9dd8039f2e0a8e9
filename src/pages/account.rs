//! One's own account: API tokens, signed-in browsers, mail, webhooks, password.

pub mod agents;
pub mod identities;
pub mod second_factor;
pub mod sessions;
pub mod tokens;
pub mod webhooks;

use super::{Cache, see_other, show, with_status};
use crate::{
    auth::{
        session::{self, SessionRow},
        token::{self, Holder, Scope},
    },
    db::{
        acceptance::{self, Waiting},
        agents as db_agents, identities as db_identities,
        mail::{self, Mailbox, Wish},
        volunteers,
        webhooks::{self as hooks, Webhook},
    },
    error::{Error, Result},
    extract::{Form, Member, Query, Visit},
    mail::wishes,
    render::{filters, form::FormErrors},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::{AccountId, ExperimentId, TokenId};
use serde::Deserialize;

#[derive(Debug, Template)]
#[template(path = "account.html")]
struct Account {
    visit: Visit,
    name: String,
    role: &'static str,
    sessions: Vec<SessionRow>,
    /// Proposals on this person's claims without an answer.
    waiting: Vec<Waiting>,
    tokens: tokens::Tokens,
    /// How many agents act for this person.
    agents: usize,
    has_password: bool,
    /// With how many other sites this person signs in; none where there are none to sign in with.
    identities: Option<usize>,
    /// Where else what comes into the inbox is sent.
    webhooks: Vec<Webhook>,
    sends_mail: bool,
    mailbox: Option<Mailbox>,
    /// Which mails are wanted, or were when that was refused.
    wish: Wish,
    /// The address, or what was typed and refused.
    address: String,
    errors: FormErrors,
}

impl Account {
    /// Whether something is not sent that its owner may wait for.
    fn has_paused(&self) -> bool {
        let mut paused = self.webhooks.iter().map(|webhook| webhook.paused);
        paused.any(|why| why.is_some())
    }
}

/// Proposals that wait for an answer; REST has the rest.
const WAITING_SHOWN: i64 = 50;

/// Where the list of tokens starts.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Before {
    before: Option<TokenId>,
}

async fn page(state: &AppState, visit: Visit, from: Before) -> Result<Account> {
    let viewer = visit.viewer.clone().ok_or_else(|| Error::SignIn {
        next: "/account".to_owned(),
    })?;
    let scopes = Scope::of(Holder {
        role: viewer.role,
        is_volunteer: volunteers::is_one(&state.pool, viewer.id).await?,
    });
    let scopes = scopes.iter().map(|scope| (*scope, scope.words())).collect();
    let mailbox = mail::mailbox(&state.pool, viewer.id).await?;
    Ok(Account {
        webhooks: hooks::list(&state.pool, viewer.id).await?,
        sends_mail: state.settings.sends_mail(),
        wish: mailbox
            .as_ref()
            .map_or(Wish::Verdicts, |mailbox| mailbox.wish),
        address: mailbox
            .as_ref()
            .map_or_else(String::new, |mailbox| mailbox.address.clone()),
        mailbox,
        sessions: session::list(&state.pool, viewer.id, Some(&viewer.session)).await?,
        waiting: acceptance::waiting(
            &state.pool,
            viewer.id,
            None,
            ExperimentId(i64::MAX),
            WAITING_SHOWN,
        )
        .await?,
        tokens: tokens::Tokens::of(&state.pool, viewer.id, "/account", scopes, from).await?,
        agents: db_agents::of(&state.pool, viewer.id).await?.len(),
        identities: identities(state, viewer.id).await?,
        has_password: viewer.has_password,
        role: viewer.role.as_str(),
        name: viewer.name,
        visit,
        errors: FormErrors::new(),
    })
}

/// With how many other sites somebody signs in, where that is possible or was.
async fn identities(state: &AppState, account: AccountId) -> Result<Option<usize>> {
    let connected = db_identities::of(&state.pool, account).await?.len();
    let offered = !state.settings.sign_in_with.is_empty();
    Ok((offered || connected > 0).then_some(connected))
}

/// The account page.
pub async fn account(
    State(state): State<AppState>,
    visit: Visit,
    _: Member,
    Query(from): Query<Before>,
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
    let mut page = page(&state, visit, Before::default()).await?;
    for field in refused {
        page.errors.add("address", field.detail);
    }
    page.address = wished.address;
    page.wish = wished.wish;
    with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
}
