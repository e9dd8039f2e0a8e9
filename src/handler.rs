//! Handlers of one type, whatever they extract.
//!
//! axum wraps a handler into half a dozen services, each of a type of its own, and for each of them the compiler proves
//! anew that the handler's future may be sent to another thread. For some three hundred handlers that was a third of
//! what the compiler did before it wrote machine code. Here each is proved once.

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;
use axum::routing::{self, MethodRouter};
use std::pin::Pin;
use std::sync::Arc;

/// What every async function that is a handler gives axum.
type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A handler that does not say what it extracts.
pub(crate) struct Erased<S>(Arc<dyn Fn(Request, S) -> Answering + Send + Sync>);

impl<S> Clone for Erased<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: 'static> Handler<(), S> for Erased<S> {
    type Future = Answering;

    fn call(self, request: Request, state: S) -> Answering {
        (self.0)(request, state)
    }
}

/// The same handler without the types of its extractors.
pub(crate) fn erased<H, T, S>(handler: H) -> Erased<S>
where
    H: Handler<T, S, Future = Answering>,
{
    Erased(Arc::new(move |request, state| {
        handler.clone().call(request, state)
    }))
}

/// Answers GET, and HEAD by what GET would.
pub(crate) fn get<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: Handler<T, S, Future = Answering>,
    S: Clone + Send + Sync + 'static,
{
    routing::get(erased(handler))
}

/// Answers POST.
pub(crate) fn post<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: Handler<T, S, Future = Answering>,
    S: Clone + Send + Sync + 'static,
{
    routing::post(erased(handler))
}

/// A page with a form: the first handler shows it, the second takes what is posted.
pub(crate) fn form<H, T, I, U, S>(shows: H, takes: I) -> MethodRouter<S>
where
    H: Handler<T, S, Future = Answering>,
    I: Handler<U, S, Future = Answering>,
    S: Clone + Send + Sync + 'static,
{
    get(shows).post(erased(takes))
}
