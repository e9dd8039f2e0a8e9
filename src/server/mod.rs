//! Serves the site on a socket until it is told to stop.

mod connections;
mod descriptors;
mod transfer;

use crate::address::Origin;
use crate::chores::{self, Chores};
use crate::state::AppState;
use crate::{app, live, mail, webhooks};
use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, header};
use connections::{Connections, Place};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Open requests get this long to finish. Live streams end at once, by themselves.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// A request's head must be there this long after the connection was opened, or the answer before it was sent.
/// So idle connections end, too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Largest head of a request, and what is read ahead of a connection: there may be thousands of them.
const HEAD_BYTES: usize = 32 * 1024;

/// Pause after a connection could not be accepted: what is missing is not back at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `state.shutdown` is cancelled, then stops accepting and lets open requests finish, but not for ever.
///
/// # Errors
/// If the socket fails.
pub async fn serve(listener: TcpListener, state: AppState, chores: Chores) -> io::Result<()> {
    // Dropped at the end, which ends what has not ended by itself.
    let mut background = JoinSet::new();
    background.spawn(live::listen(
        state.pool.clone(),
        state.changes.clone(),
        state.shutdown.clone(),
    ));
    background.spawn(chores::run(state.clone(), chores));
    background.spawn(mail::run(state.clone()));
    background.spawn(webhooks::run(state.clone()));

    let connections = Connections::new(descriptors::raise(), state.settings.trusted_proxies == 0);
    let shutdown = state.shutdown.clone();
    let site = app(state);
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = open.join_next(), if !open.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            // Without a place the connection is closed by being dropped.
            Ok((stream, peer)) => {
                if let Some(place) = connections.admit(Origin::of(peer.ip())) {
                    open.spawn(serve_one(
                        stream,
                        peer,
                        place,
                        site.clone(),
                        shutdown.clone(),
                    ));
                }
            }
            Err(error) => {
                tracing::warn!("could not accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let drained = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_TIMEOUT, drained).await.is_err() {
        tracing::warn!(
            "requests were still open after {} s and were dropped",
            DRAIN_TIMEOUT.as_secs()
        );
    }
    Ok(())
}

/// Serves one connection until it ends, its place is given to another, or the server stops.
async fn serve_one(
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
    site: Router,
    shutdown: CancellationToken,
) {
    // Small answers leave at once; without it nothing but speed is lost.
    let _ = stream.set_nodelay(true);
    let given_away = place.given_away();
    let site = TowerToHyperService::new(site);
    let service = service_fn(move |request: Request<Incoming>| {
        let busy = place.busy();
        let (mut request, received) = transfer::incoming(request);
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = site.call(request);
        async move {
            let mut response = answer.await?;
            if !received.whole() {
                // What is left of the body would be read as the next request, so hyper closes; say so.
                response
                    .headers_mut()
                    .insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, std::convert::Infallible>(response.map(|body| transfer::outgoing(body, busy)))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // A client that breaks off or sends no HTTP is its own affair.
        _ = connection.as_mut() => return,
        () = given_away.cancelled() => return,
        () = shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
