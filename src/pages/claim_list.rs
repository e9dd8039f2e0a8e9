//! All claims with where they stand, the newest first; those of one standing alone; or those that survived tests, the severest
//! first.

use super::{Cache, show};
use crate::{
    db::claims::{self, Claim, Standing},
    error::Result,
    extract::{Query, Visit},
    render::{badge, filters, number},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::ClaimId;
use serde::Deserialize;

/// Claims on one page.
const SHOWN: usize = 50;

/// Claims that are looked through for one page: where one stands follows from its experiments, so no index has it.
const LOOKED_THROUGH: i64 = 200;

/// Where the list by severity begins.
const BY_SEVERITY: &str = "/claims?order=severity";

/// A standing to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Nobody has tried it.
    Untested,
    /// It survived what was tried.
    Standing,
    /// A prediction of it was falsified.
    Challenged,
    /// That was confirmed.
    Falsified,
}

impl Wanted {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Untested, "untested"),
        (Self::Standing, "standing"),
        (Self::Challenged, "challenged"),
        (Self::Falsified, "falsified"),
    ];

    fn is(self, claim: &Claim) -> bool {
        matches!(
            (self, claim.standing()),
            (Self::Untested, Standing::Untested)
                | (Self::Standing, Standing::Standing(_))
                | (Self::Challenged, Standing::Challenged)
                | (Self::Falsified, Standing::Falsified)
        )
    }
}

/// An order to choose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The newest first.
    #[default]
    Newest,
    /// What survived the severest tests first; nothing that survived none.
    Severity,
}

/// A view of the list; each is a link.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct View {
    #[serde(default)]
    order: Order,
    standing: Option<Wanted>,
    before: Option<ClaimId>,
    after: Option<ClaimId>,
}

#[derive(Debug, Template)]
#[template(path = "claims.html")]
struct Claims {
    visit: Visit,
    view: View,
    claims: Vec<Claim>,
    /// Where the page before ends.
    newer: Option<ClaimId>,
    /// Where the next page begins.
    older: Option<ClaimId>,
}

impl Claims {
    fn address(&self, standing: Option<&str>) -> String {
        match standing {
            None => "/claims".to_owned(),
            Some(name) => format!("/claims?standing={name}"),
        }
    }

    fn by_severity(&self) -> bool {
        self.view.order == Order::Severity
    }

    /// The same standing at another place.
    fn at(&self, way: &str, claim: &ClaimId) -> String {
        if self.by_severity() {
            return format!("{BY_SEVERITY}&after={claim}");
        }
        let chosen = Wanted::ALL
            .iter()
            .find(|(wanted, _)| self.view.standing == Some(*wanted));
        let address = self.address(chosen.map(|(_, name)| *name));
        let join = if address.contains('?') { '&' } else { '?' };
        format!("{address}{join}{way}={claim}")
    }

    fn looked_through(&self) -> String {
        number::count(LOOKED_THROUGH)
    }
}

/// The list.
pub async fn list(
    State(state): State<AppState>,
    visit: Visit,
    Query(view): Query<View>,
) -> Result<Response> {
    if view.order == Order::Severity {
        return severest(&state, visit, view).await;
    }
    let newest = ClaimId(i64::MAX);
    let limit = match view.standing {
        None => SHOWN as i64 + 1,
        Some(_) => LOOKED_THROUGH,
    };
    let down = view.after.is_none();
    let found = match view.after {
        Some(after) => claims::after(&state.pool, after, None, limit).await?,
        None => claims::before(&state.pool, view.before.unwrap_or(newest), limit).await?,
    };
    // Where the walk stopped, unless it went through to the end.
    let full = found.len() as i64 == limit;
    let end = found.last().map(|claim| claim.id).filter(|_| full);
    let wanted = |claim: &Claim| view.standing.is_none_or(|wanted| wanted.is(claim));
    let mut claims: Vec<Claim> = found.into_iter().filter(wanted).collect();
    let more = claims.len() > SHOWN;
    claims.truncate(SHOWN);
    let onward = match more {
        true => claims.last().map(|claim| claim.id),
        false => end.filter(|_| view.standing.is_some()),
    };
    let back = match (claims.first(), view.before.or(view.after)) {
        (Some(first), Some(_)) => Some(first.id),
        (None, asked) => asked,
        (Some(_), None) => None,
    };
    if !down {
        claims.reverse();
    }
    let (newer, older) = if down { (back, onward) } else { (onward, back) };
    let page = Claims {
        visit,
        view,
        claims,
        newer,
        older,
    };
    show(&page, Cache::Fresh)
}

/// Those that survived tests. The list is read onwards, and from its beginning.
async fn severest(state: &AppState, visit: Visit, view: View) -> Result<Response> {
    let mut claims = claims::by_severity(&state.pool, view.after, SHOWN as i64 + 1).await?;
    let more = claims.len() > SHOWN;
    claims.truncate(SHOWN);
    let older = claims.last().map(|claim| claim.id).filter(|_| more);
    let page = Claims {
        visit,
        view,
        claims,
        newer: None,
        older,
    };
    show(&page, Cache::Fresh)
}
