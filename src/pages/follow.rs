//! The button that follows an experiment, a claim or a work, on each of their pages.

use super::see_other;
use crate::{
    db::{
        experiments::Experiment,
        follows::{self, Level, Subject},
        works,
    },
    error::{Error, Result},
    extract::{Form, Member, Path},
    following::{self, Wish},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::{AccountId, ClaimId, ExperimentId};
use serde::Deserialize;
use sqlx::PgPool;

/// How whoever looks follows the thing of this page, and the buttons that change it.
#[derive(Debug, Template)]
#[template(path = "follow.html")]
pub struct Follow {
    /// Where the buttons post to.
    action: String,
    /// What is followed, in a word.
    what: &'static str,
    /// Address of the feed, of what has one.
    feed: Option<String>,
    /// Whether it is shown in the list of what one follows.
    in_list: bool,
    is_signed_in: bool,
    level: Option<Level>,
}

impl askama::filters::HtmlSafe for Follow {}

impl Follow {
    /// The buttons for `reader`, on the page at `address`.
    pub(super) async fn of(
        pool: &PgPool,
        reader: Option<AccountId>,
        subject: Subject,
        address: &str,
    ) -> Result<Self> {
        let level = match reader {
            Some(reader) => follows::level(pool, reader, subject).await?,
            None => None,
        };
        let what = match subject {
            Subject::Experiment(_) => "experiment",
            Subject::Claim(_) => "claim",
            Subject::Work(_) => "work",
        };
        Ok(Self {
            action: format!("{address}/follow"),
            what,
            feed: (!matches!(subject, Subject::Work(_))).then(|| format!("{address}/feed.atom")),
            in_list: false,
            is_signed_in: reader.is_some(),
            level,
        })
    }

    /// The buttons for `reader` on the page of a claim.
    pub(super) async fn of_claim(
        pool: &PgPool,
        reader: Option<AccountId>,
        id: ClaimId,
    ) -> Result<Self> {
        let address = format!("/claims/{id}");
        Self::of(pool, reader, Subject::Claim(id), &address).await
    }

    /// The buttons for `reader` on the page of an experiment; none on that of a hidden proposal, of which nobody is told.
    pub(super) async fn of_experiment(
        pool: &PgPool,
        reader: Option<AccountId>,
        experiment: &Experiment,
    ) -> Result<Self> {
        let id = experiment.id;
        let follow = Self::of(pool, reader, Subject::Experiment(id), &experiment.address()).await?;
        Ok(match experiment.hidden_at {
            None => follow,
            Some(_) => Self {
                feed: None,
                is_signed_in: false,
                ..follow
            },
        })
    }

    /// The buttons in the list of what somebody follows.
    pub(super) fn listed(followed: &follows::Followed) -> Self {
        Self {
            action: format!("{}/follow", followed.address()),
            what: "thing",
            feed: None,
            in_list: true,
            is_signed_in: true,
            level: Some(followed.level),
        }
    }

    /// Each way to follow, how it is called here, and whether it is chosen.
    fn ways(&self) -> [(&'static str, &'static str, bool); 3] {
        [
            (Level::All, "Everything"),
            (Level::Verdicts, "Verdicts only"),
            (Level::Muted, "Muted"),
        ]
        .map(|(level, words)| (level.as_str(), words, self.level == Some(level)))
    }
}

/// What somebody wants, and from which page.
#[derive(Debug, Deserialize)]
pub struct Wished {
    level: Wish,
    #[serde(default)]
    from: String,
}

async fn store(
    state: &AppState,
    account: AccountId,
    subject: Subject,
    wished: Wished,
    address: &str,
) -> Result<Response> {
    let mut tx = state.pool.begin().await?;
    following::follow(&mut tx, account, subject, wished.level).await?;
    tx.commit().await?;
    Ok(see_other(match wished.from.as_str() {
        "list" => "/inbox/following",
        _ => address,
    }))
}

/// Follows an experiment, or no longer.
pub async fn experiment(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path(id): Path<ExperimentId>,
    Form(wished): Form<Wished>,
) -> Result<Response> {
    let address = format!("/experiments/{id}");
    store(&state, viewer.id, Subject::Experiment(id), wished, &address).await
}

/// Follows a claim, or no longer.
pub async fn claim(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path(id): Path<ClaimId>,
    Form(wished): Form<Wished>,
) -> Result<Response> {
    let address = format!("/claims/{id}");
    store(&state, viewer.id, Subject::Claim(id), wished, &address).await
}

/// Follows a work, or no longer.
pub async fn work(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path(slug): Path<String>,
    Form(wished): Form<Wished>,
) -> Result<Response> {
    let work = works::find(&state.pool, &slug)
        .await?
        .ok_or_else(|| Error::missing("work called", &slug))?;
    let address = format!("/works/{}", work.slug);
    store(&state, viewer.id, Subject::Work(work.id), wished, &address).await
}
