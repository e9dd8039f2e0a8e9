//! What is sent, made when it is: of what everybody may see then.

use super::send::Request;
use super::sign::Secret;
use crate::db::news::{self, News};
use crate::db::webhooks::log::named;
use crate::db::webhooks::queue::{self, Due, ToSend};
use crate::db::webhooks::{self, What};
use crate::render::news_words;
use crate::sealing::Unopened;
use crate::state::AppState;
use breakmywork_protocol::id::{ClaimId, CommentId, ExperimentId, NewsId};
use breakmywork_protocol::news::Kind;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// What is to be done with a delivery.
pub(super) enum Composed {
    /// To send it.
    Request(Signed),
    /// Nothing, and why.
    Unwanted(&'static str),
    /// To keep it until it can be signed, and why it cannot.
    Unsigned(Unopened),
}

/// A request that is signed.
pub(super) struct Signed {
    pub(super) sent: Request,
    pub(super) is_ping: bool,
}

/// What a request is of.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Word {
    /// What happened, as the inbox of REST has it.
    News(Kind),
    /// A test.
    Ping(&'static str),
}

/// The body. Fields are added; what is there stays.
#[derive(Debug, Serialize)]
struct Body<'a> {
    /// The same as in the header `Webhook-Id`.
    id: &'a str,
    /// What happened, as in the inbox; or ping.
    kind: Word,
    /// When it happened.
    at: DateTime<Utc>,
    /// Where the board is.
    board: String,
    /// What happened as a line of text.
    text: String,
    /// Where it is to be seen.
    url: String,
    #[serde(flatten)]
    told: Option<Told<'a>>,
}

/// What happened.
#[derive(Debug, Serialize)]
struct Told<'a> {
    /// Its number, as in the inbox.
    news: NewsId,
    claim: Claim<'a>,
    experiment: Option<Experiment<'a>>,
    comment: Option<CommentId>,
    actor: Option<&'a str>,
    /// Of a result: the verdict in one word; null of an exploratory experiment.
    outcome: Option<&'a str>,
    /// What the claim's standing became.
    standing: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Claim<'a> {
    id: ClaimId,
    label: &'a str,
    sentence: &'a str,
    url: String,
}

#[derive(Debug, Serialize)]
struct Experiment<'a> {
    id: ExperimentId,
    title: Option<&'a str>,
    url: String,
}

/// Makes it.
pub(super) async fn request(state: &AppState, due: &Due) -> sqlx::Result<Composed> {
    let Some(to_send) = queue::to_send(&state.pool, due.id).await? else {
        return Ok(Composed::Unwanted("the account is disabled"));
    };
    let message = named(to_send.message);
    let body = match to_send.news {
        None => ping(state, &message),
        Some(_) if to_send.paused.is_some() => {
            return Ok(Composed::Unwanted("the webhook was paused"));
        }
        Some(news) => match told(state, &to_send, news).await? {
            Ok(news) => of_news(state, &message, &news),
            Err(why) => return Ok(Composed::Unwanted(why)),
        },
    };
    Ok(match signed(state, due, to_send, message, body) {
        Ok(request) => Composed::Request(request),
        Err(why) => Composed::Unsigned(why),
    })
}

/// What is to be told, or why nothing is.
async fn told(
    state: &AppState,
    to_send: &ToSend,
    id: NewsId,
) -> sqlx::Result<Result<News, &'static str>> {
    let news = news::rows(&state.pool, &[id]).await?.pop();
    let Some(news) = news else {
        return Ok(Err("it is not to be seen any more"));
    };
    if to_send.what == What::Verdicts && !news.kind.is_verdict() {
        return Ok(Err("only verdicts are wanted"));
    }
    match webhooks::may_be_told(&state.pool, id).await? {
        true => Ok(Ok(news)),
        false => Ok(Err("it is not to be seen any more")),
    }
}

fn signed(
    state: &AppState,
    due: &Due,
    to_send: ToSend,
    message: String,
    body: String,
) -> Result<Signed, Unopened> {
    let timestamp = Utc::now().timestamp();
    let keys = &state.settings.secret_keys;
    let secrets = [Some(&to_send.secret), to_send.secret_before.as_ref()];
    let signatures = (secrets.into_iter().flatten())
        .map(|stored| {
            let secret: Secret = keys.open(due.account, stored)?;
            Ok(secret.sign(&message, timestamp, body.as_bytes()))
        })
        .collect::<Result<Vec<String>, Unopened>>()?;
    Ok(Signed {
        is_ping: to_send.news.is_none(),
        sent: Request {
            url: to_send.url,
            message,
            timestamp,
            signatures: signatures.join(" "),
            body,
        },
    })
}

fn ping(state: &AppState, message: &str) -> String {
    json(&Body {
        id: message,
        kind: Word::Ping("ping"),
        at: Utc::now(),
        board: state.settings.address("/"),
        text: "A test of this webhook".to_owned(),
        url: state.settings.address("/account/webhooks"),
        told: None,
    })
}

fn of_news(state: &AppState, message: &str, news: &News) -> String {
    let address = |path: String| state.settings.address(&path);
    json(&Body {
        id: message,
        kind: Word::News(news.kind),
        at: news.created_at,
        board: state.settings.address("/"),
        text: news_words::sentence(news),
        url: address(news_words::address(news)),
        told: Some(Told {
            news: news.id,
            claim: Claim {
                id: news.claim,
                label: &news.claim_label,
                sentence: &news.claim_sentence,
                url: address(format!("/claims/{}", news.claim)),
            },
            experiment: news.experiment.map(|id| Experiment {
                id,
                title: news.title.as_deref(),
                url: address(format!("/experiments/{id}")),
            }),
            comment: news.comment,
            actor: news.actor.as_deref(),
            outcome: news.outcome.as_deref(),
            standing: news.standing.as_deref(),
        }),
    })
}

/// A body holds texts, numbers and times alone, of which each is JSON.
fn json(body: &Body<'_>) -> String {
    serde_json::to_string(body).unwrap_or_else(|_| "{}".to_owned())
}
