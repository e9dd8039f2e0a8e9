//! What a person sees when something could not be done, and what to do next.

use super::{Cache, kept::Kept, with_status};
use crate::{error::Reply, extract::Visit};
use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use breakmywork_protocol::id::ExperimentId;

/// The page for every refusal.
#[derive(Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    visit: Visit,
    status: StatusCode,
    reply: Reply,
    request_id: Option<String>,
    /// The form that was refused, as it was typed.
    kept: Option<Kept>,
}

impl ErrorPage {
    pub(crate) fn new(
        status: StatusCode,
        reply: Reply,
        request_id: Option<String>,
        visit: Visit,
        kept: Option<Kept>,
    ) -> Self {
        Self {
            visit,
            status,
            reply,
            request_id,
            kept,
        }
    }

    /// Where a new experiment names this one, for whoever came to edit one that stays as it is.
    fn amend(&self) -> Option<String> {
        let id = self.visit.path().strip_prefix("/experiments/")?;
        let id: ExperimentId = id.strip_suffix("/edit")?.parse().ok()?;
        (self.status == StatusCode::CONFLICT).then(|| format!("/experiments/new?amends={id}"))
    }
}

impl IntoResponse for ErrorPage {
    fn into_response(self) -> Response {
        with_status(self.status, &self, Cache::Never)
            // The template needs nothing but memory; if even that fails, words will do.
            .unwrap_or_else(|_| (self.status, self.reply.detail).into_response())
    }
}
