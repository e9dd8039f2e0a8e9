//! Full-text search.

use super::page::{Cursor, GoesOn};
use crate::db::text_search::{BEGIN, END};
use crate::error::{Error, Result};
use crate::extract::Query;
use crate::pages::text_search::address;
use crate::render::marked;
use crate::text_search::{self, Asked, Hit, Kind, Text};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use breakmywork_protocol::id::{ClaimId, ExperimentId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

/// Things of each kind where no kind is asked for.
const FEW: i64 = 5;

/// What to look for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Words: `"side by side"`, `one or another`, `one -without another`; at most 16 and 200 characters.
    q: String,
    /// Only things of this kind; else the best five of each.
    kind: Option<Kind>,
}

/// Something that was found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Match {
    /// What it is.
    kind: Kind,
    /// Its page.
    url: String,
    /// What it is called; of a comment, what it is about.
    title: String,
    /// Where the words stand in it, as HTML: everything escaped, the words in `<mark>`. Of a person, their role.
    snippet: String,
    /// Who wrote it.
    author: Option<String>,
    /// State of an experiment.
    state: Option<String>,
    /// Verdict of an experiment.
    outcome: Option<String>,
    /// The claim that it is or is about.
    claim: Option<ClaimId>,
    /// The experiment that a comment is about.
    experiment: Option<ExperimentId>,
    /// When it came onto the board.
    created_at: DateTime<Utc>,
    /// How well it fits; comparable among things of one kind.
    rank: f32,
}

/// What was found, kind by kind, the best of each first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Matches {
    /// The items.
    items: Vec<Match>,
    /// Send it as `cursor` for the next page; null on the last, and where no kind is asked for.
    next: Option<String>,
    /// The page of the one thing that the text names: `C3` a claim, `#12` an experiment, `@name` a person.
    named: Option<String>,
    /// Whether nothing has all of the words, and these have some of them.
    loosened: bool,
}

/// Search works, claims, experiments, comments and people. What is sealed or hidden is not found.
#[utoipa::path(get, path = "/api/v1/search", tag = "works", params(Wanted, Cursor),
    responses((status = 200, body = Matches), (status = 400, description = "Nothing that can be looked for, and why")))]
pub(super) async fn find(
    State(pool): State<PgPool>,
    Query(wanted): Query<Wanted>,
    Query(cursor): Query<Cursor>,
) -> Result<Response> {
    let limit = cursor.limit()?;
    let skip: i64 = cursor.position()?.unwrap_or(0);
    let text = Text::read(&wanted.q)
        .map_err(Error::BadRequest)?
        .ok_or_else(|| Error::BadRequest("`q` is empty: say what to look for.".into()))?;
    let named = text_search::named(&pool, &text).await?;
    let terms = match text_search::asked(&pool, &text).await? {
        Asked::Words(terms) => terms,
        Asked::Nothing(why) => return Err(Error::BadRequest(why.into())),
    };
    let (kinds, limit, skip) = match wanted.kind {
        Some(kind) => (
            vec![kind],
            limit,
            skip.clamp(0, crate::db::text_search::MOST),
        ),
        None => (Kind::ALL.to_vec(), FEW, 0),
    };
    let mut found = Matches {
        items: Vec::new(),
        next: None,
        named,
        loosened: false,
    };
    for terms in std::iter::once(terms.clone()).chain(terms.any_of_them()) {
        for &kind in &kinds {
            let some = text_search::find(&pool, kind, &terms, &text, limit, skip).await?;
            let end = skip + some.hits.len() as i64;
            if wanted.kind.is_some() && !some.hits.is_empty() && end < some.all {
                found.next = Some(end.to_string());
            }
            found
                .items
                .extend(some.hits.into_iter().map(|hit| shown(kind, hit)));
        }
        if !found.items.is_empty() || skip > 0 {
            break;
        }
        found.loosened = true;
    }
    found.loosened &= !found.items.is_empty();
    let next = found.next.clone().map(GoesOn);
    let mut response = Json(found).into_response();
    if let Some(next) = next {
        response.extensions_mut().insert(next);
    }
    Ok(response)
}

fn shown(kind: Kind, hit: Hit) -> Match {
    Match {
        kind,
        url: address(&kind, &hit),
        title: hit.title.replace([BEGIN, END], ""),
        snippet: marked::html(&hit.snippet).to_string(),
        author: hit.author,
        state: hit.state.filter(|_| kind == Kind::Experiments),
        outcome: hit.outcome,
        claim: hit.claim,
        experiment: hit.experiment,
        created_at: hit.at,
        rank: hit.rank,
    }
}
