//! Full-text search: what was found, kind by kind, and what to do where nothing was.

use super::{Cache, see_other, show, with_status};
use crate::{
    db::{
        claims::{self, Claim},
        text_search::{MOST, Terms},
    },
    error::Result,
    extract::{Query, Visit},
    render::{badge, filters, marked, number, url},
    state::AppState,
    text_search::{self, Asked, Found, Hit, Kind, LONGEST, Text},
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::ClaimId;
use serde::Deserialize;

/// Things of each kind where all kinds are shown.
const FEW: i64 = 5;
/// Things on a page of one kind.
const SHOWN: i64 = 20;

/// What was asked; each view is a link.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct View {
    #[serde(default)]
    q: String,
    kind: Option<Kind>,
    /// Things before the page.
    #[serde(default)]
    from: i64,
}

#[derive(Debug, Template)]
#[template(path = "text_search.html")]
struct Results {
    visit: Visit,
    view: View,
    /// What keeps the words from being looked for.
    refusal: Option<String>,
    /// Whether nothing has all the words, and these have some.
    loosened: bool,
    sections: Vec<(Kind, Found)>,
    /// The claims among them, with where they stand.
    claims: Vec<Claim>,
}

impl Results {
    fn address(&self, kind: Option<&Kind>, from: i64) -> String {
        let mut address = format!("/search?q={}", url::component(&self.view.q));
        if let Some(kind) = kind {
            address.push_str("&kind=");
            address.push_str(kind.name());
        }
        if from > 0 {
            address.push_str(&format!("&from={from}"));
        }
        address
    }

    fn is_empty(&self) -> bool {
        self.sections.iter().all(|(_, found)| found.hits.is_empty())
    }

    fn asked_nothing(&self) -> bool {
        self.view.q.is_empty()
    }

    /// Where a claim that was found stands.
    fn standing(&self, hit: &Hit) -> Option<badge::Badge> {
        let claim = self.claims.iter().find(|claim| claim.id.0 == hit.id)?;
        Some(badge::claim(claim))
    }

    /// The page before.
    fn earlier(&self) -> Option<String> {
        let from = (self.view.from - SHOWN).max(0);
        (self.view.from > 0).then(|| self.address(self.view.kind.as_ref(), from))
    }

    /// The next page.
    fn later(&self) -> Option<String> {
        let (_, found) = self.sections.first().filter(|_| self.view.kind.is_some())?;
        let next = self.view.from + SHOWN;
        let more = found.hits.len() as i64 == SHOWN && next < found.all;
        more.then(|| self.address(self.view.kind.as_ref(), next))
    }

    /// Where all of a kind are shown, if there are more than here.
    fn more(&self, kind: &Kind, found: &Found) -> Option<String> {
        let more = self.view.kind.is_none() && found.all > found.hits.len() as i64;
        more.then(|| self.address(Some(kind), 0))
    }

    fn counted(found: &Found) -> String {
        match found.all {
            MOST.. => format!("{MOST} or more"),
            all => number::count(all),
        }
    }
}

/// Address of something that was found.
pub fn address(kind: &Kind, hit: &Hit) -> String {
    format!("/{}/{}", kind.name(), hit.key)
}

/// The search: for nothing, the form alone; for the name of one thing, that thing.
pub async fn search(
    State(state): State<AppState>,
    visit: Visit,
    Query(mut view): Query<View>,
) -> Result<Response> {
    view.from = view.from.clamp(0, MOST);
    let mut results = Results {
        visit,
        view,
        refusal: None,
        loosened: false,
        sections: Vec::new(),
        claims: Vec::new(),
    };
    let text = match Text::read(&results.view.q) {
        Ok(None) => {
            results.view.q.clear();
            return show(&results, Cache::Fresh);
        }
        Ok(Some(text)) => text,
        Err(refusal) => {
            results.view.q = results.view.q.chars().take(LONGEST).collect();
            results.refusal = Some(refusal);
            return with_status(StatusCode::BAD_REQUEST, &results, Cache::Fresh);
        }
    };
    text.as_str().clone_into(&mut results.view.q);
    if results.view.kind.is_none()
        && let Some(named) = text_search::named(&state.pool, &text).await?
    {
        return Ok(see_other(&named));
    }
    match text_search::asked(&state.pool, &text).await? {
        Asked::Nothing(why) => results.refusal = Some(why.to_owned()),
        Asked::Words(terms) => results.look(&state, &text, &terms).await?,
    }
    show(&results, Cache::Fresh)
}

impl Results {
    async fn look(&mut self, state: &AppState, text: &Text, terms: &Terms) -> Result<()> {
        self.sections = self.found(state, text, terms).await?;
        if self.is_empty()
            && self.view.from == 0
            && let Some(any) = terms.any_of_them()
        {
            self.sections = self.found(state, text, &any).await?;
            self.loosened = !self.is_empty();
        }
        let claims: Vec<ClaimId> = (self.sections.iter())
            .filter(|(kind, _)| *kind == Kind::Claims)
            .flat_map(|(_, found)| found.hits.iter().map(|hit| ClaimId(hit.id)))
            .collect();
        if !claims.is_empty() {
            self.claims = claims::of_ids(&state.pool, &claims).await?;
        }
        Ok(())
    }

    async fn found(
        &self,
        state: &AppState,
        text: &Text,
        terms: &Terms,
    ) -> Result<Vec<(Kind, Found)>> {
        let (kinds, limit) = match self.view.kind {
            Some(kind) => (vec![kind], SHOWN),
            None => (Kind::ALL.to_vec(), FEW),
        };
        let mut sections = Vec::new();
        for kind in kinds {
            let found =
                text_search::find(&state.pool, kind, terms, text, limit, self.view.from).await?;
            if !found.hits.is_empty() {
                sections.push((kind, found));
            }
        }
        Ok(sections)
    }
}
