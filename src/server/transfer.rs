//! Bodies on their way in and out: whether all of a request was read, and when all of an answer was sent.

use super::connections::Busy;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

/// Tells whether all of a request's body was read.
pub(super) struct Received(Arc<AtomicBool>);

impl Received {
    pub(super) fn whole(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The request as the site takes it.
pub(super) fn incoming(request: Request<Incoming>) -> (Request<Body>, Received) {
    let whole = Arc::new(AtomicBool::new(request.body().is_end_stream()));
    let received = Received(Arc::clone(&whole));
    let request = request.map(|body| Body::new(Reading { body, whole }));
    (request, received)
}

/// The answer as it is sent; the connection is busy until its end.
pub(super) fn outgoing(body: Body, busy: Busy) -> Sending {
    Sending { body, _busy: busy }
}

struct Reading {
    body: Incoming,
    whole: Arc<AtomicBool>,
}

impl HttpBody for Reading {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.whole.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

pub(super) struct Sending {
    body: Body,
    _busy: Busy,
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
