//! Whether a specification could be registered, without proposing anything.

use super::body::Body;
use super::idempotency::{self, Stop};
use crate::auth::token::{ApiAccount, Scope};
use crate::error::FieldProblem;
use crate::pace::Pace;
use crate::proposal::{self, Proposal, Source};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::spec::Cost;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgPool;
use utoipa::ToSchema;

/// A specification to look at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SpecificationToCheck {
    /// An object, or the same as TOML text.
    spec: Value,
    /// Whether it is to look, not to decide: what keeps it from deciding anything does not matter then.
    #[serde(default)]
    exploratory: bool,
}

/// What a registration would say.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CheckedSpecification {
    /// Whether it could be registered as it is.
    registrable: bool,
    /// Everything that keeps it from that, each with a JSON pointer.
    problems: Vec<FieldProblem>,
    /// What all of its runs cost; null of one that does not read.
    cost: Option<Cost>,
}

/// Check a specification: does it read, and can it decide what it asks? Nothing is proposed.
#[utoipa::path(post, path = "/api/v1/specifications/check", tag = "experiments", security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = SpecificationToCheck,
    responses((status = 200, body = CheckedSpecification)))]
pub(super) async fn check(
    State(pool): State<PgPool>,
    State(pace): State<Pace>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<SpecificationToCheck>,
) -> Result<Response, Stop> {
    account.require(Scope::Propose)?;
    let asked = body.value;
    // Before the transaction begins, which would hold a connection meanwhile.
    let draft = proposal::checked(Proposal {
        title: None,
        prediction: None,
        rationale: String::new(),
        seal_days: None,
        spec: match asked.spec {
            Value::String(toml) => Source::Toml(toml),
            other => Source::Json(other),
        },
    })
    .await?;
    let call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let (problems, cost) = match draft {
        Err(problems) => (problems, None),
        Ok(draft) => {
            let board = pace.board();
            let found = proposal::check_registrable(&draft.spec, &board, asked.exploratory);
            (
                found.err().unwrap_or_default(),
                Some(board.cost(&draft.spec)),
            )
        }
    };
    let checked = CheckedSpecification {
        registrable: problems.is_empty(),
        problems,
        cost,
    };
    call.finish(StatusCode::OK, &checked).await
}
