//! Webhooks: what comes into an inbox is sent to an address that its owner gave, signed. What is to be sent waits in the table
//! `webhook_delivery`, and a task of the web server sends it. Nothing else waits for that: not a verdict, not a request.

pub mod address;
mod compose;
pub mod limits;
pub mod manage;
pub mod names;
mod send;
pub mod sign;

pub use send::Sender;

use crate::db::webhooks::log::Try;
use crate::db::webhooks::queue::{self, Due};
use crate::state::AppState;
use breakmywork_protocol::id::AccountId;
use chrono::Utc;
use compose::Composed;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use names::System;
use send::{Answer, Outcome};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Pause between two looks at what is to be sent.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Requests that are under way at once, of those to one host and of one account: so nobody's slow receiver holds up the
/// others'.
const AT_ONCE: usize = 8;
const OF_ONE: usize = 2;
/// Seconds after each try until the next one; after the last one a delivery has failed.
const AFTER: [f64; 6] = [10.0, 60.0, 600.0, 3_600.0, 21_600.0, 86_400.0];
/// Deliveries that may fail in a row before nothing more is sent.
pub const MOST_FAILURES: i32 = 20;
/// Seconds until what could not be signed is looked at again.
const UNSIGNED_FOR: u32 = 600;

/// What became of requests and deliveries of this process, for `/metrics`.
#[derive(Debug, Default)]
pub struct Told {
    /// Requests that receivers took.
    pub taken: AtomicU64,
    /// Requests that they did not.
    pub refused: AtomicU64,
    /// Deliveries that were given up.
    pub failed: AtomicU64,
}

/// Sends what is to be sent until shutdown; does nothing on a board without webhooks.
pub async fn run(state: AppState) {
    let Some(sender) = Sender::new(&state.settings, Arc::new(System)) else {
        return;
    };
    loop {
        if let Err(error) = send_due(&state, &sender).await {
            tracing::warn!("could not look for what is to be sent to webhooks: {error}");
        }
        tokio::select! {
            () = state.shutdown.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Sends all that is due, several at once, also what becomes due meanwhile.
///
/// # Errors
/// If the database is away.
pub async fn send_due(state: &AppState, sender: &Sender) -> sqlx::Result<()> {
    let mut under_way = FuturesUnordered::new();
    let mut hosts: Vec<String> = Vec::new();
    let mut accounts: Vec<AccountId> = Vec::new();
    loop {
        while under_way.len() < AT_ONCE && !state.shutdown.is_cancelled() {
            let (full_hosts, full_accounts) = (full(&hosts), full(&accounts));
            let Some(due) = queue::take(&state.pool, &full_hosts, &full_accounts).await? else {
                break;
            };
            hosts.push(due.host.clone());
            accounts.push(due.account);
            under_way.push(async move {
                let done = deliver(state, sender, &due).await;
                (due, done)
            });
        }
        if under_way.is_empty() {
            return Ok(());
        }
        tokio::select! {
            Some((due, done)) = under_way.next() => {
                give_back(&mut hosts, &due.host);
                give_back(&mut accounts, &due.account);
                done?;
            }
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Those that are under way as often as they may.
fn full<K: Clone + Eq + Hash>(all: &[K]) -> Vec<K> {
    let often = |key: &&K| all.iter().filter(|other| other == key).count() >= OF_ONE;
    all.iter().filter(often).cloned().collect()
}

fn give_back<K: Eq>(all: &mut Vec<K>, key: &K) {
    if let Some(place) = all.iter().position(|other| other == key) {
        all.swap_remove(place);
    }
}

/// Sends one, and notes what came of it.
async fn deliver(state: &AppState, sender: &Sender, due: &Due) -> sqlx::Result<()> {
    let pool = &state.pool;
    let request = match compose::request(state, due).await? {
        Composed::Request(request) => request,
        Composed::Unwanted(why) => return queue::drop(pool, due, why).await,
        Composed::Unsigned(why) => {
            tracing::error!(webhook = %due.webhook, delivery = %due.id, "a webhook's request cannot be signed: {why}");
            return queue::put_off(pool, due, UNSIGNED_FOR).await;
        }
    };
    if let Err(wait) = sender.limits.host(&due.host) {
        return queue::put_off(pool, due, wait).await;
    }
    let is_ping = request.is_ping;
    let Outcome { answer, ms } = sender.send(request.sent).await;
    let (status, error) = match answer {
        Answer::Later(wait) => return queue::put_off(pool, due, wait).await,
        Answer::Status(status) => (Some(status), refusal(status)),
        Answer::None(why) => (None, Some(why)),
    };
    let one = Try {
        at: Utc::now(),
        ms,
        status,
        error,
    };
    let Some(error) = &one.error else {
        state.told.taken.fetch_add(1, Relaxed);
        return queue::sent(pool, due, &one).await;
    };
    state.told.refused.fetch_add(1, Relaxed);
    tracing::info!(webhook = %due.webhook, delivery = %due.id, attempt = due.attempts, "a webhook did not take it: {error}");
    if one.status == Some(410) {
        return queue::gone(pool, due, &one).await;
    }
    let pause = usize::try_from(due.attempts - 1)
        .ok()
        .and_then(|place| AFTER.get(place));
    if let Some(pause) = pause.filter(|_| !is_ping) {
        return queue::again(pool, due, &one, pause * jitter()).await;
    }
    state.told.failed.fetch_add(1, Relaxed);
    if queue::failed(pool, due, &one, MOST_FAILURES).await? {
        tracing::info!(webhook = %due.webhook, "a webhook is paused: {MOST_FAILURES} deliveries in a row failed");
    }
    Ok(())
}

/// Why an answer does not count.
fn refusal(status: u16) -> Option<String> {
    let words = match status {
        200..=299 => return None,
        300..=399 => {
            "redirections are not followed; give the address that it points to, if that is yours"
        }
        410 => "the receiver says that it is gone for good",
        _ => "only an answer of 2xx says that it was taken",
    };
    Some(words.to_owned())
}

/// From 0.9 to 1.1: what failed at the same moment is not tried again at the same one.
fn jitter() -> f64 {
    let mut byte = [0];
    crate::auth::secret::fill(&mut byte);
    0.9 + f64::from(byte[0]) / 255.0 * 0.2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_2xx_counts() {
        for taken in [200, 202, 204, 299] {
            assert_eq!(refusal(taken), None);
        }
        for not in [100, 199, 300, 301, 307, 400, 404, 410, 429, 500, 503, 999] {
            assert!(refusal(not).is_some(), "{not}");
        }
    }

    #[test]
    fn who_has_a_share_waits_and_the_others_do_not() {
        let mut hosts = vec!["a", "b", "a", "c"];
        assert_eq!(full(&hosts), ["a", "a"]);
        give_back(&mut hosts, &"a");
        assert!(full(&hosts).is_empty());
        assert_eq!(hosts.len(), 3);
    }

    #[test]
    fn a_pause_is_about_what_it_is() {
        let all: Vec<f64> = (0..1_000).map(|_| jitter()).collect();
        assert!(all.iter().all(|one| (0.9..=1.1).contains(one)));
        assert!(all.iter().any(|one| *one < 0.95) && all.iter().any(|one| *one > 1.05));
    }
}
