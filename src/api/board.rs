//! Works and claims that members put on the board, their edits, and what waits for a moderator.

use super::body::Body;
use super::claims::Claim;
use super::idempotency::{self, Stop};
use super::moderation::moderating;
use super::page::{Cursor, Page};
use super::works::Work;
use crate::auth::token::{ApiAccount, Scope as May};
use crate::board::{self, Decision, Item, NewClaim, NewWork, Reader, Writer};
use crate::db::{self, board as table};
use crate::error::{Error, Result};
use crate::extract::{Path, Query};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use breakmywork_protocol::id::{AccountId, ClaimId, WorkId};
use breakmywork_protocol::scope::Scope;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;

impl From<&ApiAccount> for Writer {
    fn from(account: &ApiAccount) -> Self {
        Self {
            id: account.id,
            role: account.acting(),
        }
    }
}

/// A work as it is to be stored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkFields {
    /// paper, post or implementation; paper where it is left out.
    #[serde(default)]
    kind: String,
    /// As published; at most 300 characters.
    title: String,
    /// In the order of the title page; at most 50.
    authors: Vec<String>,
    /// Of first publication.
    year: i64,
    /// Where to read it; follows from `arxiv` or `doi` where it is left out.
    #[serde(default)]
    link: String,
    /// Its DOI, such as 10.1109/5.771073.
    #[serde(default)]
    doi: String,
    /// Its number on arXiv, such as 1512.05287.
    #[serde(default)]
    arxiv: String,
    /// One line, as one would cite it; made of the other fields where it is left out.
    #[serde(default)]
    citation: String,
    /// What was observed and the work explains (Markdown); at most 5,000 characters.
    phenomenon: String,
}

impl From<WorkFields> for NewWork {
    fn from(fields: WorkFields) -> Self {
        Self {
            kind: fields.kind,
            title: fields.title,
            authors: fields.authors,
            year: fields.year.to_string(),
            url: fields.link,
            doi: fields.doi,
            arxiv: fields.arxiv,
            citation: fields.citation,
            phenomenon: fields.phenomenon,
        }
    }
}

/// A claim as it is to be stored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimFields {
    /// The claim, in one sentence of at most 500 characters.
    sentence: String,
    /// Where in the work it is said, such as “Section 4.2, Table 1”; at most 300 characters. A new claim needs it.
    #[serde(default)]
    said_at: String,
    /// Where it is said to hold (Markdown), at most 5,000 characters. What counts is `covers`.
    #[serde(default)]
    scope: String,
    /// What others found before (Markdown), at most 5,000 characters.
    #[serde(default)]
    evidence: String,
    /// Over what it speaks, which arms it compares, and how small an effect counts. Without arms nothing moves it.
    #[serde(default)]
    covers: Scope,
}

impl From<ClaimFields> for NewClaim {
    fn from(fields: ClaimFields) -> Self {
        Self {
            sentence: fields.sentence,
            said_at: fields.said_at,
            scope: fields.scope,
            evidence: fields.evidence,
            covers: fields.covers,
        }
    }
}

/// A claim about a work.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimToAdd {
    /// The work's part of the address.
    work: String,
    /// The claim.
    claim: ClaimFields,
}

/// Other words for a work.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkEdit {
    /// The work's `version` that was read.
    version: i64,
    /// All of its fields, as they are to become.
    work: WorkFields,
}

/// Other words for a claim.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimEdit {
    /// The claim's `version` that was read.
    version: i64,
    /// All of its fields, as they are to become.
    claim: ClaimFields,
}

/// An edit of a work or a claim.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Edit {
    /// Key; the newest is the `version` of what was edited.
    id: i64,
    /// Who edited.
    by: String,
    /// When.
    at: DateTime<Utc>,
    /// The fields as they were.
    before: Value,
    /// The fields as they became.
    after: Value,
}

impl From<table::Edited> for Edit {
    fn from(edit: table::Edited) -> Self {
        Self {
            id: edit.id,
            by: edit.by,
            at: edit.at,
            before: edit.before,
            after: edit.after,
        }
    }
}

async fn work_in(tx: &mut PgConnection, slug: &str, reader: Reader) -> Result<db::works::Work> {
    db::works::seen(tx, slug, reader)
        .await?
        .ok_or_else(|| Error::missing("work called", slug))
}

async fn claim_in(tx: &mut PgConnection, id: ClaimId, reader: Reader) -> Result<db::claims::Claim> {
    db::claims::seen(tx, id, reader)
        .await?
        .ok_or_else(|| Error::missing("claim", id))
}

/// Put a work on the board. A newcomer's waits for a moderator: `moderation` says so.
#[utoipa::path(post, path = "/api/v1/works", tag = "works", security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = WorkFields,
    responses((status = 201, body = Work), (status = 422, description = "Everything that is wrong, or on the board already"),
        (status = 429, description = "Too many within a day, or too many that wait")))]
pub(super) async fn add_work(
    State(pool): State<PgPool>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<WorkFields>,
) -> Result<Response, Stop> {
    account.require(May::Propose)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let work = board::check_work(&body.value.into()).map_err(Error::Invalid)?;
    let slug = board::add_work(&mut call.tx, Writer::from(&account), &work).await?;
    let made = work_in(&mut call.tx, &slug, Reader::from(&account)).await?;
    call.finish(StatusCode::CREATED, &Work::from(made)).await
}

/// Edit a work (who put it on the board, or a moderator): its earlier words are kept, and on record.
#[utoipa::path(post, path = "/api/v1/works/{slug}/edits", tag = "works", security(("token" = [])),
    params(("slug" = String, Path, description = "Part of its address"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = WorkEdit,
    responses((status = 200, body = Work), (status = 403, description = "Not yours, and no moderator"),
        (status = 404, description = "No such work"), (status = 409, description = "Edited since that version"),
        (status = 422, description = "Everything that is wrong")))]
pub(super) async fn edit_work(
    State(pool): State<PgPool>,
    Path(slug): Path<String>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<WorkEdit>,
) -> Result<Response, Stop> {
    account.require(May::Propose)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let who = Writer::from(&account);
    let work = work_in(&mut call.tx, &slug, who.reader()).await?;
    let edit = body.value;
    board::may_edit_work(&work, who)?;
    let to = board::check_work(&edit.work.into()).map_err(|found| under("/work", found))?;
    board::edit_work(&mut call.tx, who, &work, edit.version, &to).await?;
    let edited = work_in(&mut call.tx, &slug, who.reader()).await?;
    call.finish(StatusCode::OK, &Work::from(edited)).await
}

/// List the edits of a work, newest first.
#[utoipa::path(get, path = "/api/v1/works/{slug}/edits", tag = "works",
    params(("slug" = String, Path, description = "Part of its address"), Cursor),
    responses((status = 200, body = Page<Edit>), (status = 404, description = "No such work")))]
pub(super) async fn work_edits(
    State(pool): State<PgPool>,
    Path(slug): Path<String>,
    account: Option<ApiAccount>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Edit>> {
    let work = db::works::seen(&pool, &slug, account.as_ref().into())
        .await?
        .ok_or_else(|| Error::missing("work called", &slug))?;
    edits(&pool, Item::Work(work.id), &cursor).await
}

async fn edits(pool: &PgPool, of: Item, cursor: &Cursor) -> Result<Page<Edit>> {
    let limit = cursor.limit()?;
    let before = cursor.position()?.unwrap_or(i64::MAX);
    let rows = table::edits(pool, of, before, limit + 1).await?;
    Ok(Page::cut(rows, limit, |row| row.id, Edit::from))
}

/// The problems of an object within the body.
fn under(prefix: &str, mut problems: Vec<crate::error::FieldProblem>) -> Error {
    for problem in &mut problems {
        problem.pointer.insert_str(0, prefix);
    }
    Error::Invalid(problems)
}

/// State a claim about a work. A newcomer's waits for a moderator: `moderation` says so.
#[utoipa::path(post, path = "/api/v1/claims", tag = "works", security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = ClaimToAdd,
    responses((status = 201, body = Claim), (status = 404, description = "No such work"),
        (status = 422, description = "Everything that is wrong, or a claim of that work already"),
        (status = 429, description = "Too many within a day, or too many that wait")))]
pub(super) async fn add_claim(
    State(pool): State<PgPool>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<ClaimToAdd>,
) -> Result<Response, Stop> {
    account.require(May::Propose)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let new = body.value;
    let claim =
        board::check_claim(new.claim.into(), true).map_err(|found| under("/claim", found))?;
    let id = board::add_claim(&mut call.tx, Writer::from(&account), &new.work, &claim).await?;
    let made = claim_in(&mut call.tx, id, Reader::from(&account)).await?;
    call.finish(StatusCode::CREATED, &Claim::from(made)).await
}

/// Edit a claim (its author, or a moderator): its earlier words are kept, and on record. Once an experiment is registered on
/// it, `sentence`, `scope` and `covers` stay as they are.
#[utoipa::path(post, path = "/api/v1/claims/{id}/edits", tag = "works", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = ClaimEdit,
    responses((status = 200, body = Claim), (status = 403, description = "Not yours, and no moderator"),
        (status = 404, description = "No such claim"),
        (status = 409, description = "Edited since that version, or another claim than what experiments are registered on"),
        (status = 422, description = "Everything that is wrong")))]
pub(super) async fn edit_claim(
    State(pool): State<PgPool>,
    Path(id): Path<ClaimId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<ClaimEdit>,
) -> Result<Response, Stop> {
    account.require(May::Propose)?;
    let mut call = idempotency::begin(&pool, &account, &headers, &body.fingerprint).await?;
    let who = Writer::from(&account);
    let claim = claim_in(&mut call.tx, id, who.reader()).await?;
    board::may_edit_claim(&claim, who)?;
    let edit = body.value;
    let to =
        board::check_claim(edit.claim.into(), false).map_err(|found| under("/claim", found))?;
    board::edit_claim(&mut call.tx, who, &claim, edit.version, &to).await?;
    let edited = claim_in(&mut call.tx, id, who.reader()).await?;
    call.finish(StatusCode::OK, &Claim::from(edited)).await
}

/// List the edits of a claim, newest first.
#[utoipa::path(get, path = "/api/v1/claims/{id}/edits", tag = "works",
    params(("id" = i64, Path, description = "Key"), Cursor),
    responses((status = 200, body = Page<Edit>), (status = 404, description = "No such claim")))]
pub(super) async fn claim_edits(
    State(pool): State<PgPool>,
    Path(id): Path<ClaimId>,
    account: Option<ApiAccount>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Edit>> {
    if db::claims::seen(&pool, id, account.as_ref().into())
        .await?
        .is_none()
    {
        return Err(Error::missing("claim", id));
    }
    edits(&pool, Item::Claim(id), &cursor).await
}

/// Whose works and claims that wait an account sees: everybody's, if it is a moderator's.
fn whose(account: &ApiAccount) -> Option<AccountId> {
    (!account.role.is_moderator()).then_some(account.id)
}

/// List works that wait for a moderator, the longest first: all of them for a moderator's token, one's own for
/// others, none without a token.
#[utoipa::path(get, path = "/api/v1/moderation/works", tag = "works", params(Cursor),
    responses((status = 200, body = Page<Work>)))]
pub(super) async fn waiting_works(
    State(pool): State<PgPool>,
    account: Option<ApiAccount>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Work>> {
    let limit = cursor.limit()?;
    let after = WorkId(cursor.position()?.unwrap_or(0));
    let Some(account) = account else {
        return Ok(Page::whole(Vec::new()));
    };
    let rows = db::works::waiting(&pool, whose(&account), after, limit + 1).await?;
    Ok(Page::cut(rows, limit, |row| row.id.0, Work::from))
}

/// List claims that wait for a moderator, the longest first: all of them for a moderator's token, one's own for
/// others, none without a token.
#[utoipa::path(get, path = "/api/v1/moderation/claims", tag = "works", params(Cursor),
    responses((status = 200, body = Page<Claim>)))]
pub(super) async fn waiting_claims(
    State(pool): State<PgPool>,
    account: Option<ApiAccount>,
    Query(cursor): Query<Cursor>,
) -> Result<Page<Claim>> {
    let limit = cursor.limit()?;
    let after = ClaimId(cursor.position()?.unwrap_or(0));
    let Some(account) = account else {
        return Ok(Page::whole(Vec::new()));
    };
    let rows = db::claims::waiting(&pool, whose(&account), after, limit + 1).await?;
    Ok(Page::cut(rows, limit, |row| row.id.0, Claim::from))
}

/// A moderator's decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewDecision {
    /// approve or decline.
    decision: Decision,
    /// Why, in one line of 1 to 300 characters, for everybody to read; needed to decline.
    #[serde(default)]
    reason: String,
}

/// Approve or decline a newcomer's work (moderator). It is on record with the reason; what is approved stays on the board.
#[utoipa::path(post, path = "/api/v1/works/{slug}/moderation", tag = "works", security(("token" = [])),
    params(("slug" = String, Path, description = "Part of its address"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = NewDecision,
    responses((status = 200, body = Work), (status = 403, description = "Not a moderator"),
        (status = 404, description = "No such work"), (status = 409, description = "Decided already, or on the board as another work"),
        (status = 422, description = "No reason to decline")))]
pub(super) async fn decide_work(
    State(pool): State<PgPool>,
    Path(slug): Path<String>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<NewDecision>,
) -> Result<Response, Stop> {
    let mut call = moderating(&pool, &account, &headers, &body.fingerprint).await?;
    let who = Writer::from(&account);
    let work = work_in(&mut call.tx, &slug, who.reader()).await?;
    let NewDecision { decision, reason } = body.value;
    board::decide(&mut call.tx, Item::Work(work.id), who, decision, &reason).await?;
    let decided = work_in(&mut call.tx, &slug, who.reader()).await?;
    call.finish(StatusCode::OK, &Work::from(decided)).await
}

/// Approve or decline a newcomer's claim (moderator). It is on record with the reason; what is approved stays on the board.
#[utoipa::path(post, path = "/api/v1/claims/{id}/moderation", tag = "works", security(("token" = [])),
    params(("id" = i64, Path, description = "Key"), ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe")),
    request_body = NewDecision,
    responses((status = 200, body = Claim), (status = 403, description = "Not a moderator"),
        (status = 404, description = "No such claim"), (status = 409, description = "Decided already, or its work is not on the board"),
        (status = 422, description = "No reason to decline")))]
pub(super) async fn decide_claim(
    State(pool): State<PgPool>,
    Path(id): Path<ClaimId>,
    account: ApiAccount,
    headers: HeaderMap,
    body: Body<NewDecision>,
) -> Result<Response, Stop> {
    let mut call = moderating(&pool, &account, &headers, &body.fingerprint).await?;
    let who = Writer::from(&account);
    claim_in(&mut call.tx, id, who.reader()).await?;
    let NewDecision { decision, reason } = body.value;
    board::decide(&mut call.tx, Item::Claim(id), who, decision, &reason).await?;
    let decided = claim_in(&mut call.tx, id, who.reader()).await?;
    call.finish(StatusCode::OK, &Claim::from(decided)).await
}
