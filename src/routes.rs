//! Routes that can be listed: a router alone does not say which it has.

use crate::state::AppState;
use axum::{Router, routing::MethodRouter};

/// A router, and the path of each of its routes.
#[derive(Debug)]
pub(crate) struct Routes {
    /// What answers.
    pub(crate) router: Router<AppState>,
    /// As they were added, with their parameters in braces.
    pub(crate) paths: Vec<&'static str>,
}

impl Routes {
    /// None.
    pub(crate) fn new() -> Self {
        Self {
            router: Router::new(),
            paths: Vec::new(),
        }
    }

    /// One more.
    pub(crate) fn route(mut self, path: &'static str, methods: MethodRouter<AppState>) -> Self {
        self.router = self.router.route(path, methods);
        self.paths.push(path);
        self
    }
}
