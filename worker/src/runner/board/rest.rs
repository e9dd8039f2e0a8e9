//! The job table over REST, for a worker that has nothing but the board's address and a token.

use super::{Error, Misfit, Result};
use breakmywork_protocol::db::Mismatch;
use breakmywork_protocol::id::RunId;
use breakmywork_protocol::jobs::outside::{
    Condition, Heard, Held, Known, LEASE_LOST, MOST_RUNS, NOT_REGISTERED, PATH, Registration,
    Release, Report, RunNumbers, Shelf, Taken, Unwanted, What,
};
use breakmywork_protocol::jobs::{Checkpoint, Lease, Offer, OtherContent, Trouble};
use breakmywork_training::train::VERSION;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use ureq::http::{Method, Request, StatusCode};
use ureq::{Agent, Body};
use uuid::Uuid;

/// Longest answer that is read, in bytes: a plan, or all checkpoints of a run.
const MOST_BYTES: u64 = 4 << 20;

/// A body and its media type.
type Sent = (&'static str, Vec<u8>);

const OCTETS: &str = "application/octet-stream";

/// The board at an address.
pub(in crate::runner) struct Rest {
    agent: Agent,
    /// Without a slash at its end.
    address: String,
    token: String,
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rest")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// What of a problem matters here (RFC 9457).
#[derive(Debug, Deserialize)]
struct Problem {
    r#type: String,
    detail: String,
}

impl Rest {
    /// The board at `address`, which has `patience` to answer.
    pub(in crate::runner) fn new(address: String, token: String, patience: Duration) -> Self {
        let settings = Agent::config_builder()
            .timeout_global(Some(patience))
            .tls_config(breakmywork_roots::tls())
            .http_status_as_error(false)
            // A board ends connections that idle for a quarter of a minute.
            .max_idle_age(Duration::from_secs(10))
            // A token is for the address that it was given for.
            .max_redirects(0)
            .user_agent(concat!("breakmywork-worker/", env!("CARGO_PKG_VERSION")));
        Self {
            agent: settings.build().into(),
            address,
            token,
        }
    }

    pub(super) async fn fits(&self) -> std::result::Result<(), Misfit> {
        let board: Release = self.read(Method::GET, "", None).await?;
        let here = Release::of_this_program();
        if board == here {
            return Ok(());
        }
        let version = board.migration;
        Err(match board.migration.cmp(&here.migration) {
            std::cmp::Ordering::Less => Misfit {
                reason: "The board is of an older release than this program. Start the worker of its release, or \
                         upgrade the board."
                    .into(),
                for_good: false,
            },
            std::cmp::Ordering::Equal => Mismatch::Changed { version }.into(),
            std::cmp::Ordering::Greater => Mismatch::Newer { version }.into(),
        })
    }

    pub(super) async fn register(
        &self,
        worker: Uuid,
        host: &str,
        device: &str,
        slots: u8,
    ) -> Result<()> {
        let registration = Registration {
            host: host.to_owned(),
            device: device.to_owned(),
            version: VERSION.to_owned(),
            slots,
        };
        self.send(Method::PUT, &format!("/{worker}"), &registration)
            .await
    }

    pub(super) async fn sign_off(&self, worker: Uuid) -> Result<()> {
        self.ask(Method::DELETE, &format!("/{worker}"), None)
            .await
            .map(drop)
    }

    pub(super) async fn report_trouble(
        &self,
        worker: Uuid,
        trouble: Option<&Trouble>,
    ) -> Result<()> {
        let condition = Condition {
            trouble: trouble.cloned(),
        };
        self.send(Method::PUT, &format!("/{worker}/condition"), &condition)
            .await
    }

    pub(super) async fn offer(&self, worker: Uuid, offers: &[Offer]) -> Result<Vec<OtherContent>> {
        let shelf = Shelf {
            data_sets: offers.iter().map(Into::into).collect(),
        };
        let path = format!("/{worker}/data-sets");
        let answer: Unwanted = self.read(Method::PUT, &path, Some(json(&shelf)?)).await?;
        Ok(answer.other_content)
    }

    pub(super) async fn ended(&self, worker: Uuid, runs: &[RunId]) -> Result<Vec<RunId>> {
        let asked = RunNumbers {
            runs: runs.iter().take(MOST_RUNS).copied().collect(),
        };
        let path = format!("/{worker}/ended");
        let answer: RunNumbers = self.read(Method::POST, &path, Some(json(&asked)?)).await?;
        Ok(answer.runs)
    }

    pub(super) async fn take(&self, worker: Uuid) -> Result<Option<Lease>> {
        let path = format!("/{worker}/take");
        let answer: Taken = self
            .read(Method::POST, &path, Some(json(&serde_json::json!({}))?))
            .await?;
        Ok(answer.lease.map(|lease| lease.of(worker)))
    }

    pub(super) async fn checkpoints(&self, lease: &Lease) -> Result<Known> {
        let path = format!("{}/checkpoints?epoch={}", of_run(lease), lease.epoch);
        let answer = self.read::<Known>(Method::GET, &path, None).await;
        answer.map_err(|error| of_lease(error, lease))
    }

    /// Sends a piece of a checkpoint's file, which begins at `offset`.
    pub(super) async fn send_piece(
        &self,
        lease: &Lease,
        file: &Checkpoint,
        offset: u64,
        piece: Vec<u8>,
    ) -> Result<Held> {
        let path = format!(
            "{}/checkpoints/{}/{}?offset={offset}&bytes={}&sha256={}",
            of_run(lease),
            lease.epoch,
            file.step,
            file.bytes,
            file.sha256
        );
        let sent = Some((OCTETS, piece));
        let answer = self.read(Method::PUT, &path, sent).await;
        answer.map_err(|error| of_lease(error, lease))
    }

    /// Gets the piece of a checkpoint's file that begins at `offset`.
    pub(super) async fn get_piece(
        &self,
        lease: &Lease,
        file: &Checkpoint,
        offset: u64,
    ) -> Result<Vec<u8>> {
        let path = format!(
            "{}/checkpoints/{}/{}?epoch={}&offset={offset}",
            of_run(lease),
            file.epoch,
            file.step,
            lease.epoch
        );
        let answer = self.ask(Method::GET, &path, None).await;
        answer.map_err(|error| of_lease(error, lease))
    }

    /// Reports without waiting for what it learns.
    pub(super) async fn tell(&self, lease: &Lease, what: What) -> Result<()> {
        self.report(lease, what).await.map(drop)
    }

    pub(super) async fn report(&self, lease: &Lease, what: What) -> Result<Heard> {
        let report = Report {
            epoch: lease.epoch,
            what,
        };
        let path = format!("{}/reports", of_run(lease));
        let answer = self.read(Method::POST, &path, Some(json(&report)?)).await;
        answer.map_err(|error| of_lease(error, lease))
    }

    async fn send(&self, method: Method, path: &str, body: &impl Serialize) -> Result<()> {
        self.ask(method, path, Some(json(body)?)).await.map(drop)
    }

    async fn read<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Sent>,
    ) -> Result<T> {
        let answer = self.ask(method, path, body).await?;
        serde_json::from_slice(&answer)
            .map_err(|error| Error::Away(format!("the board's answer cannot be read: {error}")))
    }

    /// The body of the board's answer. On a thread of its own: the runner's one thread has hearts to keep beating.
    async fn ask(&self, method: Method, path: &str, body: Option<Sent>) -> Result<Vec<u8>> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{PATH}{path}", self.address))
            .header("authorization", format!("Bearer {}", self.token));
        let agent = self.agent.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let mut answer = match body {
                Some((kind, body)) => agent.run(request.header("content-type", kind).body(body)?),
                None => agent.run(request.body(())?),
            }?;
            let status = answer.status();
            Ok::<_, ureq::Error>((status, whole(answer.body_mut())?))
        });
        let (status, body) = asked
            .await
            .map_err(|error| Error::Away(error.to_string()))?
            .map_err(|error| {
                let why = breakmywork_roots::explained(&error);
                Error::Away(format!("the board cannot be reached: {why}"))
            })?;
        match status.is_success() {
            true => Ok(body),
            false => Err(refusal(status, &body)),
        }
    }
}

fn whole(body: &mut Body) -> std::result::Result<Vec<u8>, ureq::Error> {
    body.with_config().limit(MOST_BYTES).read_to_vec()
}

fn json(value: &impl Serialize) -> Result<Sent> {
    let text = serde_json::to_vec(value).map_err(|error| Error::Refused(error.to_string()))?;
    Ok(("application/json", text))
}

fn of_run(lease: &Lease) -> String {
    format!("/{}/runs/{}", lease.worker, lease.run)
}

/// Lost is the lease, too, of a worker that the board does not know any more.
fn of_lease(error: Error, lease: &Lease) -> Error {
    match error {
        Error::LeaseLost { .. } | Error::Unregistered => Error::lost(lease),
        other => other,
    }
}

/// What an answer that is none means. Too many, too slow and broken servers are waited for; what is not allowed is not
/// tried again.
fn refusal(status: StatusCode, body: &[u8]) -> Error {
    let problem = serde_json::from_slice::<Problem>(body).ok();
    let kind = problem
        .as_ref()
        .and_then(|problem| problem.r#type.split("#problem-").nth(1));
    match kind {
        Some(LEASE_LOST) => {
            return Error::LeaseLost {
                run: RunId(0),
                epoch: 0,
            };
        }
        Some(NOT_REGISTERED) => return Error::Unregistered,
        _ => {}
    }
    let detail = problem.map_or_else(|| format!("it answered {status}"), |problem| problem.detail);
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Error::Away(detail),
        status if status.is_client_error() => Error::Refused(detail),
        _ => Error::Away(detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_and_what_is_to_be_tried_again() {
        let problem = |kind: &str| {
            format!("{{\"type\":\"https://b/docs/api#problem-{kind}\",\"detail\":\"d\"}}")
        };
        let of = |status, kind: &str| refusal(status, problem(kind).as_bytes());
        assert!(matches!(
            of(StatusCode::CONFLICT, LEASE_LOST),
            Error::LeaseLost { .. }
        ));
        assert!(matches!(
            of(StatusCode::CONFLICT, NOT_REGISTERED),
            Error::Unregistered
        ));
        for (status, kind) in [
            (StatusCode::CONFLICT, "replaced"),
            (StatusCode::UNAUTHORIZED, "unauthorized"),
            (StatusCode::FORBIDDEN, "forbidden"),
        ] {
            assert!(
                matches!(of(status, kind), Error::Refused(detail) if detail == "d"),
                "{kind}"
            );
        }
        let proxy = refusal(StatusCode::BAD_GATEWAY, b"<html>");
        assert!(matches!(proxy, Error::Away(_)));
        assert!(matches!(
            of(StatusCode::TOO_MANY_REQUESTS, "too-many"),
            Error::Away(_)
        ));
    }
}
