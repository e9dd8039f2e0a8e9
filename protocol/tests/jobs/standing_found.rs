//! Where a claim stands is found along one index: it is what all of its verdicts say, whatever happened to them, and costs the
//! same with fifty thousand of them.

use crate::common::*;
use crate::standing::claim;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::id::{AccountId, ClaimId};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};

/// What is said of it, in words: from every verdict that bears on it.
const DEFINED: &str = "select case
        when bool_or(e.challenge = 'confirmed' and not exists (
            select from experiment c where c.confirms = e.id and c.disputed_at is not null)) then 'falsified'
        when bool_or(e.challenge = 'open') then 'challenged'
        when bool_or(v.outcome = 'supported' or e.challenge = 'not_confirmed') then 'standing'
        else 'untested' end
    from experiment e join verdict v on v.experiment_id = e.id
    where e.claim_id = $1 and e.state = 'concluded' and not e.exploratory
        and cardinality(e.outside) = 0 and e.disputed_at is null";

async fn told(tx: &mut PgConnection, sql: &'static str, claim: ClaimId) -> String {
    let told = sqlx::query_scalar(sql).bind(claim.0).fetch_one(tx);
    told.await.expect("a standing")
}

async fn sql(tx: &mut PgConnection, text: String) -> u64 {
    let done = sqlx::raw_sql(AssertSqlSafe(text.clone())).execute(tx).await;
    done.expect(&text).rows_affected()
}

/// Concluded experiments on a claim, so many, with these columns besides, and a verdict for each.
async fn concluded(
    tx: &mut PgConnection,
    (claim, author): (ClaimId, AccountId),
    number: u32,
    outcome: &str,
    (columns, values): (&str, &str),
) {
    sql(
        tx,
        format!(
            "create temp table fresh as
               select nextval(pg_get_serial_sequence('experiment', 'id')) as id, nextval(pg_get_serial_sequence('thread', 'id')) as thread
               from generate_series(1, {number});
             insert into thread (id) overriding system value select thread from fresh;
             insert into experiment (id, claim_id, author_id, thread_id, title, prediction, spec_source, spec, state,
               registered_at, spec_canonical, spec_sha256, concluded_at{columns})
             overriding system value
             select id, {claim}, {author}, thread, 't', 'p', '', '{{}}', 'concluded', now(), '{{}}', repeat('a', 64), now(){values}
             from fresh;
             insert into verdict (experiment_id, outcome, severity, detail) select id, '{outcome}', 0.1, '{{}}' from fresh;
             drop table fresh;"
        ),
    )
    .await;
}

/// Something that can happen to a claim.
async fn something(tx: &mut PgConnection, of: (ClaimId, AccountId), random: &mut SmallRng) {
    let (claim, author) = of;
    let one = |condition: &str| {
        format!(
            "(select id from experiment where claim_id = {claim} and {condition} order by random() limit 1)"
        )
    };
    let open = one("challenge = 'open'");
    let outcomes = [
        "supported",
        "falsified",
        "inconclusive",
        "inadmissible",
        "aborted",
    ];
    let outcome = outcomes.choose(random).expect("some");
    let more = match (random.random_range(0..12), *outcome) {
        (0, _) => (", exploratory", ", true"),
        (1 | 2, _) => (", outside", ", array['It is longer.']"),
        (_, "falsified") => (", challenge", ", 'open'"),
        _ => ("", ""),
    };
    match random.random_range(0..10) {
        0..3 => concluded(tx, of, 1, outcome, more).await,
        3 | 4 => {
            let disputed = one("disputed_at is null");
            sql(tx, format!("update experiment set disputed_at = now(), disputed_by = {author}, dispute_reason = 'r' where id = {disputed}")).await;
        }
        5 | 6 => {
            let disputed = one("disputed_at is not null");
            sql(tx, format!("update experiment set disputed_at = null, disputed_by = null, dispute_reason = null where id = {disputed}")).await;
        }
        7 | 8 => {
            // A confirmation ends, one way or the other.
            let (end, outcome) = *[("confirmed", "falsified"), ("not_confirmed", "supported")]
                .choose(random)
                .expect("two");
            let place = format!(
                ", {open}, (select coalesce(max(confirmation), 0) + 1 from experiment where claim_id = {claim}), 0.9, 1"
            );
            let some =
                format!("select from experiment where claim_id = {claim} and challenge = 'open'");
            if sql(tx, some).await == 0 {
                return;
            }
            let columns = ", confirms, confirmation, planned_power, planned_seconds";
            concluded(tx, of, 1, outcome, (columns, &place)).await;
            sql(tx, format!("update experiment set challenge = '{end}' where id = (select confirms from experiment where claim_id = {claim} order by id desc limit 1)")).await;
        }
        _ => {
            let changed = one("challenge is null");
            sql(tx, format!("update verdict set outcome = '{outcome}' where experiment_id = {changed} and outcome <> 'falsified' and '{outcome}' <> 'falsified'")).await;
        }
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn it_is_what_all_verdicts_say_whatever_happened_to_them(pool: PgPool) {
    let author = ada(&pool).await;
    let mut random = SmallRng::seed_from_u64(15);
    let mut seen = std::collections::BTreeSet::new();
    for history in 0..12 {
        let claim = match history {
            0 => claim(&pool).await,
            _ => another(&pool).await,
        };
        for _ in 0..25 {
            let mut tx = pool.begin().await.expect("a transaction");
            something(&mut tx, (claim, author), &mut random).await;
            // Within the transaction that does it, where people are told, and after it.
            let defined = told(&mut tx, DEFINED, claim).await;
            assert_eq!(
                told(&mut tx, "select claim_standing($1)", claim).await,
                defined
            );
            tx.commit().await.expect("commits");
            let mut connection = pool.acquire().await.expect("connects");
            assert_eq!(
                told(&mut connection, "select claim_standing($1)", claim).await,
                defined
            );
            seen.insert(defined);
        }
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
}

async fn another(pool: &PgPool) -> ClaimId {
    sqlx::query_scalar!(
        r#"with t as (insert into thread default values returning id)
           insert into claim (work_id, label, sentence, thread_id)
           select min(work.id), 'C' || (select count(*) + 1 from claim), 's', min(t.id) from work, t returning id as "id: ClaimId""#
    )
    .fetch_one(pool)
    .await
    .expect("a claim")
}

/// Of fifty thousand verdicts that say nothing, of many that lie outside and of as many that support it, a handful is read.
#[sqlx::test(migrator = "MIGRATOR")]
async fn it_reads_a_handful_of_rows_of_fifty_thousand_verdicts(pool: PgPool) {
    let author = ada(&pool).await;
    let claims = [
        claim(&pool).await,
        another(&pool).await,
        another(&pool).await,
    ];
    let mut tx = pool.begin().await.expect("a transaction");
    // As quick as it can be: how each is counted is held elsewhere.
    sql(
        &mut tx,
        "alter table verdict disable trigger verdict_is_counted".to_owned(),
    )
    .await;
    for (claim, number, outcome, more) in [
        (claims[0], 50_000, "inconclusive", ("", "")),
        (
            claims[1],
            2_000,
            "supported",
            (", outside", ", array['It is longer.']"),
        ),
        (claims[2], 2_000, "supported", ("", "")),
    ] {
        concluded(&mut tx, (claim, author), number, outcome, more).await;
    }
    tx.commit().await.expect("commits");
    for believed in ["never looked", "looked"] {
        if believed == "looked" {
            sqlx::query("analyze").execute(&pool).await.expect("looks");
        }
        for (claim, standing) in claims.into_iter().zip(["untested", "untested", "standing"]) {
            let mut connection = pool.acquire().await.expect("connects");
            // What is read is counted within a transaction of its own.
            let read = "select (seq_tup_read + idx_tup_fetch)::bigint from pg_stat_xact_user_tables where relname = 'experiment'";
            sql(&mut connection, "begin".to_owned()).await;
            assert_eq!(
                told(&mut connection, "select claim_standing($1)", claim).await,
                standing
            );
            let rows: i64 = sqlx::query_scalar(read)
                .fetch_one(&mut *connection)
                .await
                .expect("counts");
            sql(&mut connection, "rollback".to_owned()).await;
            assert!(rows <= 5, "{believed}: {rows} rows for {standing}");
        }
    }
}
