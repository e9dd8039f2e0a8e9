//! What is asked of a board, and told to it.

use super::address::{self, Named};
use super::source::Source;
use crate::cli::{self, ReproduceArgs, TOKEN};
use breakmywork_protocol::id::{ExperimentId, ReproductionId, RunId};
use breakmywork_protocol::reproduction::{FILE, Handout, Report, Word};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use ureq::http::{Request, StatusCode};
use ureq::{Agent, Body};

/// Longest answer that is read, in bytes: two thousand runs with their numbers.
pub(super) const MOST_BYTES: u64 = 16 << 20;
/// Time that a board has for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What of a problem matters here (RFC 9457).
#[derive(Debug, Deserialize)]
struct Problem {
    detail: String,
    #[serde(default)]
    errors: Vec<Field>,
}

#[derive(Debug, Deserialize)]
struct Field {
    pointer: String,
    detail: String,
}

fn agent(redirects: u32) -> Agent {
    let settings = Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .tls_config(breakmywork_roots::tls())
        .http_status_as_error(false)
        .max_redirects(redirects)
        .user_agent(concat!("breakmywork-worker/", env!("CARGO_PKG_VERSION")));
    settings.build().into()
}

/// What a board hands out of what an address names, of which run alone, and the board's address.
pub(super) fn fetch(text: &str) -> Result<(Handout, Option<RunId>, String), String> {
    #[derive(Deserialize)]
    struct OfRun {
        experiment: ExperimentId,
    }
    let (board, named) = address::read(text)?;
    let agent = agent(5);
    let (experiment, run) = match named {
        Named::Experiment(id) => (id, None),
        Named::Run(id) => {
            let run: OfRun = get(&agent, &format!("{board}/api/v1/runs/{id}"))?;
            (run.experiment, Some(id))
        }
    };
    let handout = get(&agent, &format!("{board}/experiments/{experiment}/{FILE}"))?;
    Ok((handout, run, board))
}

fn get<T: DeserializeOwned>(agent: &Agent, url: &str) -> Result<T, String> {
    let request = Request::get(url)
        .header("accept", "application/json")
        .body(())
        .map_err(|error| format!("{url} is no address: {error}"))?;
    let body = answered(url, agent.run(request))?;
    serde_json::from_slice(&body).map_err(|error| {
        format!("{url} did not answer as a board of this release does: {error}. Is it one, and as new as this program?")
    })
}

/// The body of a good answer; what is wrong otherwise.
fn answered(
    url: &str,
    answer: Result<ureq::http::Response<Body>, ureq::Error>,
) -> Result<Vec<u8>, String> {
    let away = |error: ureq::Error| {
        let why = breakmywork_roots::explained(&error);
        format!("{url} cannot be reached: {why}")
    };
    let mut answer = answer.map_err(away)?;
    let status = answer.status();
    let body = answer.body_mut().with_config().limit(MOST_BYTES);
    let body = body.read_to_vec().map_err(away)?;
    match status.is_success() {
        true => Ok(body),
        false => Err(refusal(url, status, &body)),
    }
}

fn refusal(url: &str, status: StatusCode, body: &[u8]) -> String {
    let Ok(problem) = serde_json::from_slice::<Problem>(body) else {
        return format!("{url} answered {status}.");
    };
    let fields = problem.errors.iter();
    let fields = fields.map(|field| format!("\n  {}: {}", field.pointer, field.detail));
    format!(
        "{url} refused: {}{}",
        problem.detail,
        fields.collect::<String>()
    )
}

/// Who reports to which board.
pub(super) struct Poster {
    token: String,
    /// Of a file, whose word for where it comes from no token is given to.
    server: Option<String>,
}

/// A report that a board took.
#[derive(Debug, Clone)]
pub(super) struct Posted {
    pub(super) number: ReproductionId,
    /// What the board finds itself.
    pub(super) word: Word,
    /// Where it stands.
    pub(super) page: String,
}

impl Poster {
    /// # Errors
    /// If there is no token, or nobody says to which board it goes.
    pub(super) fn new(args: &ReproduceArgs) -> Result<Self, String> {
        let token = args.token.read()?.ok_or_else(|| {
            format!(
                "--report needs a token with the scope `propose`: make one at /account on the board, and name a file with \
                 --token-file, or set {TOKEN}"
            )
        })?;
        let of_file = !address::is_address(&args.source);
        if of_file && args.server.is_none() {
            return Err(
                "a file does not say to whom a token may be given: name the board with --server https://HOST, or give \
                 the address of the experiment instead of the file"
                    .into(),
            );
        }
        let server = args.server.as_deref().map(cli::server).transpose()?;
        Ok(Self {
            token,
            server: server.filter(|_| of_file),
        })
    }

    /// Reports, to the board that the person named.
    ///
    /// # Errors
    /// What the board refuses.
    pub(super) fn post(&self, source: &Source, report: &Report) -> Result<Posted, String> {
        #[derive(Deserialize)]
        struct Made {
            id: ReproductionId,
            word: Word,
        }
        let board = self.server.as_ref().or(source.board.as_ref());
        let board = board.ok_or("nobody says to which board")?;
        let experiment = source.handout.experiment;
        let url = format!("{board}/api/v1/experiments/{experiment}/reproductions");
        let body = serde_json::to_vec(report).map_err(|error| error.to_string())?;
        let request = Request::post(&url)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(body)
            .map_err(|error| format!("{url} is no address: {error}"))?;
        // A token is for the address that it was given for.
        let answer = answered(&url, agent(0).run(request))?;
        let made: Made = serde_json::from_slice(&answer)
            .map_err(|error| format!("{url} answered what cannot be read: {error}"))?;
        Ok(Posted {
            number: made.id,
            word: made.word,
            page: format!("{board}/experiments/{experiment}#reproduced"),
        })
    }
}
