//! Writing entries: what each kind says, read from the tables in the transaction that makes it so.

use super::digest::canonical;
use super::{Act, Kind, Subject, digest, exact_time, seal, text_digest};
use crate::id::{AccountId, ClaimId, ExperimentId, WorkId};
use crate::verdict;
use serde_json::{Map, Value, json};
use sqlx::PgConnection;

/// Leaves an entry for the end of the transaction.
async fn append(
    tx: &mut PgConnection,
    kind: Kind,
    subject: Subject,
    body: &Value,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into record_draft (kind, subject, subject_id, body) values ($1, $2, $3, $4)",
        kind.name(),
        subject.name(),
        subject.id(),
        canonical(body)
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A claim came onto the board.
///
/// # Errors
/// If the database is away, or knows no such claim.
pub async fn claim(tx: &mut PgConnection, claim: ClaimId) -> sqlx::Result<()> {
    let body = claim_body(&mut *tx, claim).await?;
    append(tx, Kind::Claim, Subject::Claim(claim), &body).await
}

/// A work came onto the board by `by`, nobody in particular on the command line.
///
/// # Errors
/// If the database is away, or knows no such work.
pub async fn work(tx: &mut PgConnection, work: WorkId, by: Option<AccountId>) -> sqlx::Result<()> {
    let fields = sqlx::query_scalar!(
        r#"select work_fields(work) as "fields!" from work where id = $1"#,
        work as WorkId
    )
    .fetch_one(&mut *tx)
    .await?;
    let particulars = json!({ "fields": fields });
    act(tx, Subject::Work(work), Act::Added, by, particulars).await
}

/// An experiment was registered; of a sealed one the record gets a commitment alone.
///
/// # Errors
/// If the database is away, or knows no such registered experiment.
pub async fn registration(tx: &mut PgConnection, experiment: ExperimentId) -> sqlx::Result<()> {
    let body = registration_body(&mut *tx, experiment).await?;
    let sealed = seal::commit(&mut *tx, experiment, &body).await?;
    let subject = Subject::Experiment(experiment);
    append(tx, Kind::Registration, subject, &sealed.unwrap_or(body)).await
}

/// A sealed experiment was opened: what it had committed to is told. Gives its commitment.
///
/// # Errors
/// If the database is away, or knows no such opened experiment.
pub async fn opening(tx: &mut PgConnection, experiment: ExperimentId) -> sqlx::Result<String> {
    let (body, commitment) = seal::opening_body(&mut *tx, experiment).await?;
    let subject = Subject::Experiment(experiment);
    append(tx, Kind::Opening, subject, &body).await?;
    Ok(commitment)
}

/// An experiment was concluded: its verdict, if it has one, its result post and all its runs are as they stay.
///
/// # Errors
/// If the database is away, or knows no such concluded experiment.
pub async fn conclusion(tx: &mut PgConnection, experiment: ExperimentId) -> sqlx::Result<()> {
    let mut body = conclusion_body(&mut *tx, experiment).await?;
    body["rule"] = json!(verdict::RULE);
    let subject = Subject::Experiment(experiment);
    append(tx, Kind::Conclusion, subject, &body).await
}

/// `by` did something; nobody in particular on the command line. `particulars` is an object: the reason, say.
///
/// # Errors
/// If the database is away.
pub async fn act(
    tx: &mut PgConnection,
    subject: Subject,
    act: Act,
    by: Option<AccountId>,
    particulars: Value,
) -> sqlx::Result<()> {
    let mut body = match particulars {
        Value::Object(particulars) => particulars,
        _ => Map::new(),
    };
    let name = sqlx::query_scalar!(
        "select name from account where id = $1",
        by as Option<AccountId>
    )
    .fetch_optional(&mut *tx)
    .await?;
    body.insert("act".into(), json!(act));
    body.insert("by".into(), person(by, name));
    append(tx, Kind::Act, subject, &Value::Object(body)).await
}

/// The same as one of the entries above, for what was there before there was a record.
pub(super) async fn backfilled(
    tx: &mut PgConnection,
    kind: Kind,
    subject: Subject,
    mut body: Value,
) -> sqlx::Result<()> {
    body["backfilled"] = json!(true);
    append(tx, kind, subject, &body).await
}

pub(super) fn person(id: Option<AccountId>, name: Option<String>) -> Value {
    id.map_or(Value::Null, |id| json!({ "id": id, "name": name }))
}

/// What the record keeps of a claim: as it came onto the board, whatever edits made of it since, which have entries of their
/// own.
pub(super) async fn claim_body(tx: &mut PgConnection, claim: ClaimId) -> sqlx::Result<Value> {
    let row = sqlx::query!(
        r#"select c.label, told ->> 'sentence' as "sentence!", told ->> 'scope' as "scope!", told ->> 'evidence' as "evidence!",
                  told ->> 'said_at' as "said_at!", told -> 'covers' as "covers!", c.revises as "revises: ClaimId", c.revision_reason,
                  (select jsonb_agg(jsonb_build_array(r.experiment_id, r.sorting, r.reasons) order by r.experiment_id)
                   from resorted_experiment r where r.claim_id = c.id) as resorted,
                  c.author_id as "author_id: AccountId", account.name as "author?", work.slug
           from claim c join work on work.id = c.work_id left join account on account.id = c.author_id
             cross join lateral (select coalesce((
               select before from board_edit where claim_id = c.id and public order by id limit 1), claim_fields(c)) as told) t
           where c.id = $1"#,
        claim as ClaimId
    )
    .fetch_one(tx)
    .await?;
    Ok(json!({
        "work": row.slug,
        "label": row.label,
        "sentence": row.sentence,
        "said_at": row.said_at,
        "covers": row.covers,
        "revises": row.revises,
        "revision_reason": row.revision_reason,
        "resorted_sha256": row.resorted.as_ref().map(digest),
        "author": person(row.author_id, row.author),
        "text_sha256": digest(&json!({ "scope": row.scope, "evidence": row.evidence })),
    }))
}

/// What the record keeps of a registration.
pub(super) async fn registration_body(
    tx: &mut PgConnection,
    experiment: ExperimentId,
) -> sqlx::Result<Value> {
    let row = sqlx::query!(
        r#"select e.claim_id as "claim_id: ClaimId", e.author_id as "author_id: AccountId", account.name as author,
                  e.spec_sha256 as "spec_sha256!", e.registered_at as "registered_at!", e.exploratory, e.prediction,
                  e.amends as "amends: ExperimentId", e.amend_reason, e.seed_salt, e.outside,
                  e.confirms as "confirms: ExperimentId", e.confirmation,
                  e.rival_id as "rival: ClaimId", e.shares_runs_of as "shares_runs_of: ExperimentId",
                  case when e.acceptance is not null then jsonb_build_object('status', e.acceptance, 'answer', (
                    select jsonb_build_object('proposal_sha256', s.proposal_sha256, 'words', s.words,
                      'at', to_char(s.answered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                      'by', jsonb_build_object('id', s.account_id, 'name', (select name from account where id = s.account_id)))
                    from answer_to(e.id, e.claim_id) s
                    where e.acceptance in ('accepted', 'declined'))) end as acceptance,
                  (select s.experiment_id from search_result s
                   where s.proposed = e.id and s.question = question_sha256(e.spec)) as "found_by: ExperimentId",
                  (e.spec #>> '{criterion,alpha}')::float8 as alpha,
                  case when e.spec -> 'tuning' is not null
                    then (select count(*) from run where experiment_id = e.id and trial is not null and retry_of is null)
                    when e.spec #>> '{criterion,stopping}' is null
                    then (select count(*) from run where experiment_id = e.id and trial is null and retry_of is null)
                    else jsonb_array_length(e.spec -> 'arms') end as "runs!",
                  (select jsonb_object_agg(needed.data_set, d.sha256)
                   from (select distinct data_set from run where experiment_id = e.id and data_set is not null) needed
                   left join data_set d on d.name = needed.data_set) as data_sets
           from experiment e join account on account.id = e.author_id
           where e.id = $1 and e.registered_at is not null"#,
        experiment as ExperimentId
    )
    .fetch_one(tx)
    .await?;
    Ok(json!({
        "claim": row.claim_id,
        "author": person(Some(row.author_id), Some(row.author)),
        "spec_sha256": row.spec_sha256,
        "registered_at": exact_time(row.registered_at),
        "exploratory": row.exploratory,
        "alpha": row.alpha,
        "prediction_sha256": text_digest(&row.prediction),
        "amends": row.amends,
        "amend_reason": row.amend_reason,
        "seed_salt": row.seed_salt,
        "outside": row.outside,
        "confirms": row.confirms,
        "confirmation": row.confirmation,
        "acceptance": row.acceptance,
        "rival": row.rival,
        "shares_runs_of": row.shares_runs_of,
        "found_by": row.found_by,
        "runs": row.runs,
        "data_sets": row.data_sets.unwrap_or_else(|| json!({})),
    }))
}

/// What the record keeps of a conclusion.
pub(super) async fn conclusion_body(
    tx: &mut PgConnection,
    experiment: ExperimentId,
) -> sqlx::Result<Value> {
    let row = sqlx::query!(
        r#"select e.exploratory, e.concluded_at as "concluded_at!", e.stopped_at is not null as "stopped!",
                  v.outcome as "outcome?", v.detail as "detail?", post.body as "post?",
                  s.course as "course?", s.proposed as "proposed?: ExperimentId"
           from experiment e left join verdict v on v.experiment_id = e.id
             left join search_result s on s.experiment_id = e.id
             left join comment post on post.experiment_id = e.id and post.kind = 'result'
           where e.id = $1 and e.concluded_at is not null"#,
        experiment as ExperimentId
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(json!({
        "concluded_at": exact_time(row.concluded_at),
        "exploratory": row.exploratory,
        "stopped": row.stopped,
        "outcome": row.outcome,
        "verdict_sha256": row.detail.as_ref().map(digest),
        "post_sha256": row.post.as_deref().map(text_digest),
        "course_sha256": row.course.as_ref().map(digest),
        "proposed": row.proposed,
        "runs": runs(tx, experiment).await?,
    }))
}

/// The hash of each run, by its number: what it was to train, how it ended, and its whole result.
pub(super) async fn runs(
    tx: &mut PgConnection,
    experiment: ExperimentId,
) -> sqlx::Result<Map<String, Value>> {
    let rows = sqlx::query!(
        "select id, trial, arm, seed, plan, state, failure, error, result, retry_of, trust from run
         where experiment_id = $1 order by id",
        experiment as ExperimentId
    )
    .fetch_all(tx)
    .await?;
    let runs = rows.into_iter().map(|row| {
        let mut run = json!({
            "arm": row.arm,
            "seed": row.seed,
            "plan": row.plan,
            "state": row.state,
            "failure": row.failure,
            "error": row.error,
            "result": row.result,
            "retry_of": row.retry_of,
        });
        // Told of those that have one: so the hashes of runs from before there were trials stay what they were.
        if let Some(trial) = row.trial {
            run["trial"] = json!(trial);
        }
        if row.trust != "board" {
            run["trust"] = json!(row.trust);
        }
        (row.id.to_string(), Value::String(digest(&run)))
    });
    Ok(runs.collect())
}
