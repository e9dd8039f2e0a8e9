//! The record: where it ends, what was added last, and how to check it.

use super::{Cache, show};
use crate::{
    error::Result, extract::Visit, render::filters, render::record_words, state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::record::{self, Entry, Head};

/// Entries on the page.
const SHOWN: i64 = 100;

#[derive(Debug, Template)]
#[template(path = "record.html")]
struct Record {
    visit: Visit,
    end: Head,
    entries: Vec<Entry>,
    site: String,
}

/// The page.
pub async fn page(State(state): State<AppState>, visit: Visit) -> Result<Response> {
    let page = Record {
        visit,
        end: record::head(&state.pool).await?,
        entries: record::newest(&state.pool, SHOWN).await?,
        site: state.settings.public_url.clone(),
    };
    show(&page, Cache::Fresh)
}
