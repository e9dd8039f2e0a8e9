//! REST, asked from within on behalf of whoever called a tool.

use super::tools::Call;
use crate::api::Counted;
use crate::error::{Error, Result};
use crate::state::AppState;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::FromRef;
use axum::http::{Method, Request, StatusCode, header, request::Parts};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use sqlx::PgPool;

/// The operations of REST with all that stands before them.
#[derive(Debug, Clone)]
pub struct Rest {
    pub(super) state: AppState,
    router: Router,
}

impl FromRef<Rest> for PgPool {
    fn from_ref(rest: &Rest) -> Self {
        rest.state.pool.clone()
    }
}

impl Rest {
    /// `router` has everything under `/api/v1`, and explains refusals.
    pub fn new(state: AppState, router: Router) -> Self {
        Self { state, router }
    }

    /// Asks as `caller` came, with the same token and from the same address.
    ///
    /// # Errors
    /// If the arguments make no address; or an answer cannot be read, which is a fault of ours.
    pub(super) async fn ask(&self, caller: &Parts, call: Call) -> Result<(StatusCode, Value)> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(&call.path);
        for name in [
            header::AUTHORIZATION.as_str(),
            "x-forwarded-for",
            "x-request-id",
        ] {
            for value in caller.headers.get_all(name) {
                request = request.header(name, value);
            }
        }
        if call.method != Method::GET {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(key) = &call.key {
            request = request.header("idempotency-key", key);
        }
        let body = call
            .body
            .map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let mut request = request.body(body).map_err(|_| {
            Error::BadRequest(
                "The arguments make no request: one of them is too long for an address.".into(),
            )
        })?;
        // Who calls a tool was counted, and sent a good token, or none.
        request.extensions_mut().insert(Counted);
        let from = caller
            .extensions
            .get::<axum::extract::ConnectInfo<std::net::SocketAddr>>();
        if let Some(from) = from {
            request.extensions_mut().insert(*from);
        }
        let router = TowerToHyperService::new(self.router.clone());
        let answer = router.call(request).await.map_err(Error::internal)?;
        let status = answer.status();
        let bytes = to_bytes(answer.into_body(), usize::MAX)
            .await
            .map_err(Error::internal)?;
        let value = match bytes.is_empty() {
            true => Value::Object(serde_json::Map::new()),
            false => serde_json::from_slice(&bytes).map_err(Error::internal)?,
        };
        Ok((status, value))
    }
}
