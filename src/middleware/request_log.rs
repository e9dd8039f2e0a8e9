//! One line for each answered request, under an id that the answer carries too.

use axum::{extract::MatchedPath, http::Request, http::Response, middleware::Next};
use std::time::Duration;
use tower_http::{
    classify::{ServerErrorsAsFailures, SharedClassifier},
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
    trace::{MakeSpan, OnResponse, TraceLayer},
};
use tracing::Span;

/// Drops an id that the client chose: it would stand in the log, as long as the client likes, for another request's.
pub async fn forget_id(
    mut request: axum::extract::Request,
    next: Next,
) -> axum::response::Response {
    request.headers_mut().remove("x-request-id");
    next.run(request).await
}

/// Gives each request an id.
pub fn set_id() -> SetRequestIdLayer<MakeRequestUuid> {
    SetRequestIdLayer::x_request_id(MakeRequestUuid)
}

/// Sends the id along with the answer.
pub fn propagate_id() -> PropagateRequestIdLayer {
    PropagateRequestIdLayer::x_request_id()
}

/// Logs each answer once, with its route, status and time.
pub fn log()
-> TraceLayer<SharedClassifier<ServerErrorsAsFailures>, RequestSpan, (), LogAnswer, (), (), ()> {
    TraceLayer::new_for_http()
        .make_span_with(RequestSpan)
        .on_request(())
        .on_response(LogAnswer)
        .on_body_chunk(())
        .on_eos(())
        .on_failure(())
}

/// The span that everything logged during a request belongs to.
#[derive(Debug, Clone, Copy)]
pub struct RequestSpan;

impl<B> MakeSpan<B> for RequestSpan {
    fn make_span(&mut self, request: &Request<B>) -> Span {
        let id = request
            .extensions()
            .get::<RequestId>()
            .and_then(|id| id.header_value().to_str().ok())
            .unwrap_or_default();
        // The matched path, not the address: logs are grouped by it and never hold what people typed.
        let route = request
            .extensions()
            .get::<MatchedPath>()
            .map_or("none", MatchedPath::as_str);
        tracing::info_span!("request", id, method = %request.method(), route)
    }
}

/// Logs the answer.
#[derive(Debug, Clone, Copy)]
pub struct LogAnswer;

impl<B> OnResponse<B> for LogAnswer {
    fn on_response(self, response: &Response<B>, latency: Duration, span: &Span) {
        let _entered = span.enter();
        let status = response.status().as_u16();
        let milliseconds = latency.as_secs_f64() * 1000.0;
        tracing::info!(status, milliseconds, "answered {status}");
    }
}
