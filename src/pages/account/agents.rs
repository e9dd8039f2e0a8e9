//! Agents: the list with the form for another one, and a page each with its tokens.

use super::{
    Before,
    tokens::{Tokens, Wanted, make as make_token, revoke_of},
};
use crate::{
    agents::{self, MOST},
    auth::token::{self, NewToken, Scope},
    db::agents::{self as table, Agent},
    error::{Error, Result},
    extract::{Form, Member, Path, Query, Visit},
    pages::{Cache, see_other, show, with_status},
    render::{filters, form::FormErrors},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::{AccountId, TokenId};
use serde::Deserialize;

#[derive(Debug, Template)]
#[template(path = "agents.html")]
struct Agents {
    visit: Visit,
    agents: Vec<Agent>,
    /// What stands in the form.
    name: String,
    errors: FormErrors,
}

impl Agents {
    fn has_place(&self) -> bool {
        (self.agents.len() as i64) < MOST
    }
}

#[derive(Debug, Template)]
#[template(path = "agent.html")]
struct One {
    visit: Visit,
    agent: Agent,
    tokens: Tokens,
    errors: FormErrors,
}

async fn all(state: &AppState, visit: Visit, sponsor: AccountId) -> Result<Agents> {
    Ok(Agents {
        visit,
        agents: table::of(&state.pool, sponsor).await?,
        name: String::new(),
        errors: FormErrors::new(),
    })
}

/// One's own agents.
pub async fn list(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
) -> Result<Response> {
    show(&all(&state, visit, viewer.id).await?, Cache::Never)
}

/// An agent that somebody wants.
#[derive(Debug, Deserialize)]
pub struct New {
    #[serde(default)]
    name: String,
}

/// Makes one, and leads to where it gets a token.
pub async fn make(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Form(new): Form<New>,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    match agents::make(&mut tx, viewer.id, &new.name).await {
        Ok(agent) => {
            tx.commit().await?;
            tracing::info!(account = %viewer.id, agent = %agent.id, "agent made");
            Ok(see_other(&format!("/account/agents/{}", agent.name)))
        }
        Err(Error::Invalid(problems)) => {
            drop(tx);
            let mut page = all(&state, visit, viewer.id).await?;
            for problem in problems {
                page.errors.add("name", problem.detail);
            }
            page.name = new.name;
            with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
        }
        Err(error) => Err(error),
    }
}

async fn page(state: &AppState, visit: Visit, agent: Agent, from: Before) -> Result<One> {
    let here = format!("/account/agents/{}", agent.name);
    let offered = Scope::USUAL
        .map(|scope| (scope, scope.agents_words()))
        .to_vec();
    Ok(One {
        visit,
        tokens: Tokens::of(&state.pool, agent.id, &here, offered, from).await?,
        agent,
        errors: FormErrors::new(),
    })
}

/// One of one's own agents.
pub async fn one(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(name): Path<String>,
    Query(from): Query<Before>,
) -> Result<Response> {
    let agent = agents::find(&state.pool, viewer.id, &name).await?;
    show(&page(&state, visit, agent, from).await?, Cache::Never)
}

/// Makes a token of an agent and shows it, this once.
pub async fn create_token(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(name): Path<String>,
    Form(wanted): Form<Wanted>,
) -> Result<Response> {
    let agent = agents::find(&state.pool, viewer.id, &name).await?;
    let (scopes, days) = (wanted.scopes(), wanted.days());
    let new = NewToken::checked(wanted.label(), &scopes, days, viewer.role);
    let new = match new.and_then(NewToken::for_agent) {
        Ok(new) => new,
        Err(problems) => {
            let mut page = page(&state, visit, agent, Before::default()).await?;
            page.tokens.refuse(wanted, problems, &mut page.errors);
            return with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never);
        }
    };
    let fresh = make_token(&state.pool, agent.id, &new).await?;
    let mut page = page(&state, visit, agent, Before::default()).await?;
    page.tokens.fresh = Some(fresh);
    show(&page, Cache::Never)
}

/// Revokes a token of an agent.
pub async fn revoke_token(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path((name, id)): Path<(String, TokenId)>,
) -> Result<Response> {
    let agent = agents::find(&state.pool, viewer.id, &name).await?;
    revoke_of(&state.pool, agent.id, id).await?;
    Ok(see_other(&format!("/account/agents/{name}#tokens")))
}
