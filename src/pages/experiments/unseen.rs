//! An experiment as those see it who may not read it. Of a sealed one: that it exists, on which claim, by whom, and what it is
//! committed to; of a proposal that a moderator hid, why.

use super::show::ENTRIES;
use crate::{
    db::{
        experiments::Experiment,
        stalled::{self, Stalled},
    },
    error::Result,
    extract::Visit,
    pages::{
        Cache,
        follow::Follow,
        show,
        thread::{self, Thread},
    },
    render::{badge, filters, record_words},
    state::AppState,
};
use askama::Template;
use axum::response::Response;
use breakmywork_protocol::record::{self, Entry, Subject};

#[derive(Debug, Template)]
#[template(path = "experiment_unseen.html")]
struct UnseenPage {
    visit: Visit,
    experiment: Experiment,
    /// Why it waits for an admin, if it does: that is not told before it is opened, either.
    stalled: Option<Stalled>,
    thread: Thread,
    follow: Follow,
    record: Vec<Entry>,
}

/// The page.
pub(super) async fn page(
    state: &AppState,
    visit: Visit,
    experiment: Experiment,
    from: thread::From,
) -> Result<Response> {
    let pool = &state.pool;
    let subject = Subject::Experiment(experiment.id);
    let page = UnseenPage {
        stalled: stalled::of(pool, experiment.id).await?,
        thread: thread::load(pool, experiment.thread, from, visit.reader()).await?,
        follow: Follow::of_experiment(pool, visit.reader(), &experiment).await?,
        record: record::about(pool, subject, ENTRIES).await?,
        visit,
        experiment,
    };
    show(&page, Cache::Fresh)
}
