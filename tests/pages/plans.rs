//! What is read of a claim, of the severest ones, of works, of what would break a claim, of what takes forecasts and of what is
//! sealed, of a tuned experiment and of a search costs the same in a larger board, whatever the database believes of how large
//! its tables are.

use crate::{search, support::*, tuning::TUNED};
use breakmywork::{
    auth::account::Role,
    db::{
        claims, experiments, front,
        listed::{self, Filter, Sort},
        tuning,
        visible::Visible,
        works,
    },
};
use breakmywork_protocol::{
    db::MIGRATOR,
    id::{ClaimId, ExperimentId, WorkId},
    jobs::{self, Timing},
};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions};

/// What is read of these is counted.
const TABLES: [&str; 9] = [
    "experiment",
    "verdict",
    "claim",
    "claim_tally",
    "run",
    "run_metric",
    "trial",
    "search_result",
    "seal",
];

async fn sql(pool: &PgPool, text: &str) {
    sqlx::raw_sql(AssertSqlSafe(text.to_owned()))
        .execute(pool)
        .await
        .expect(text);
}

/// Concluded experiments on C2 past the program, each with a verdict, a trial and a run of it; five of them are sealed until
/// long after this, and their runs wait.
async fn more(site: &Site, number: u32) {
    sql(
        &site.pool,
        &format!(
            "create temp table fresh on commit drop as
               select nextval(pg_get_serial_sequence('experiment', 'id')) as id, nextval(pg_get_serial_sequence('thread', 'id')) as thread,
                 g <= 5 as closed from generate_series(1, {number}) g;
             insert into thread (id) overriding system value select thread from fresh;
             insert into experiment (id, claim_id, author_id, thread_id, title, prediction, spec_source, spec, state,
               registered_at, spec_canonical, spec_sha256, concluded_at, seal_days, opens_at)
             overriding system value
             select id, (select id from claim where label = 'C2'), (select id from account where name = 'ada'), thread, 't', 'p', '',
               '{{}}', case when closed then 'registered' else 'concluded' end, now(), '{{}}', repeat('a', 64),
               case when not closed then now() end, case when closed then 30 end, case when closed then now() + interval '30 days' end
             from fresh;
             insert into verdict (experiment_id, outcome, severity, detail) select id, 'supported', 0.1, '{{}}' from fresh where not closed;
             insert into trial (experiment_id, number, arm, settings) select id, 1, 'a', '{{}}' from fresh;
             insert into run (experiment_id, owner_id, arm, seed, trial, plan, steps, state, finished_at)
             select id, (select id from account where name = 'ada'), 'a', 1, 1, '{{}}', 1, case when closed then 'queued' else 'cancelled' end, case when not closed then now() end from fresh;"
        ),
    )
    .await;
}

/// So many withdrawn experiments on another claim, each with a trial and a run of it, and a tenth as many claims that fared
/// this way and that, of a work that is not on the first page of works: of one that is, each claim is looked at.
async fn crowd(site: &Site, number: u32) {
    sql(
        &site.pool,
        &format!(
            "create temp table fresh on commit drop as
               select nextval(pg_get_serial_sequence('experiment', 'id')) as id, nextval(pg_get_serial_sequence('thread', 'id')) as thread
               from generate_series(1, {number});
             insert into thread (id) overriding system value select thread from fresh;
             insert into experiment (id, claim_id, author_id, thread_id, title, prediction, spec_source, spec, state, withdrawn_at)
             overriding system value
             select id, (select id from claim where label = 'C3'), (select id from account where name = 'ada'), thread, 't', 'p', '',
               '{{}}', 'withdrawn', now() from fresh;
             insert into trial (experiment_id, number, arm, settings) select id, 1, 'a', '{{}}' from fresh;
             insert into run (experiment_id, owner_id, arm, seed, trial, plan, steps, state, finished_at)
             select id, (select id from account where name = 'ada'), 'a', 1, 1, '{{}}', 1, 'cancelled', now() from fresh;
             create temp table claims on commit drop as
               select nextval(pg_get_serial_sequence('claim', 'id')) as id, nextval(pg_get_serial_sequence('thread', 'id')) as thread, g
               from generate_series(1, {number} / 10) g;
             insert into thread (id) overriding system value select thread from claims;
             insert into claim (id, work_id, label, sentence, thread_id) overriding system value
             select id, (select max(id) from work), 'C' || 1000 + g, 's', thread from claims;
             insert into claim_tally (claim_id, survived, doubt, challenged_by)
             select id, g % 2, -(g % 2) * g, case when g % 3 = 0 then 1 end from claims;"
        ),
    )
    .await;
}

/// A pool of one connection that plans that way.
async fn planning(pool: &PgPool, mode: &'static str) -> PgPool {
    let one = PgPoolOptions::new()
        .max_connections(1)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                let set = format!("set plan_cache_mode = {mode}");
                let set = sqlx::raw_sql(AssertSqlSafe(set)).execute(connection).await;
                set.map(drop)
            })
        });
    one.connect_with((*pool.connect_options()).clone())
        .await
        .expect("connects")
}

async fn read_so_far(one: &PgPool) -> i64 {
    let mut rows = 0;
    for table in TABLES {
        rows += rows_read(one, table).await;
    }
    rows
}

/// What is read.
struct Read {
    claim: ClaimId,
    /// All that was proposed on this one was withdrawn.
    withdrawn: ClaimId,
    tuned: Visible,
    search: ExperimentId,
}

/// Rows that each of the reads looks at.
async fn cost(one: &PgPool, read: &Read) -> Vec<(&'static str, i64)> {
    let mut costs = Vec::new();
    let mut before = read_so_far(one).await;
    for what in [
        "claim",
        "standing",
        "severest",
        "by severity",
        "tuning",
        "search",
        "open forecasts",
        "works",
        "what would break",
        "sweep",
    ] {
        match what {
            "claim" => {
                let claim = claims::find(one, read.claim).await.expect("reads");
                assert!(claim.expect("it is there").survived > 900);
            }
            "standing" => {
                let standing: String = sqlx::query_scalar("select claim_standing($1)")
                    .bind(read.claim.0)
                    .fetch_one(one)
                    .await
                    .expect("reads");
                assert_eq!(standing, "standing");
            }
            "severest" => {
                let claims = claims::severest(one, 5).await.expect("reads");
                assert_eq!(claims[0].id, read.claim);
            }
            "by severity" => {
                let claims = claims::by_severity(one, None, 5).await.expect("reads");
                let behind = claims.last().map(|claim| claim.id);
                claims::by_severity(one, behind, 5).await.expect("reads");
            }
            "tuning" => {
                let rows = tuning::rows(one, read.tuned, "valid_mse").await;
                assert_eq!(rows.expect("reads").len(), 12);
            }
            "search" => {
                let mut connection = one.acquire().await.expect("connects");
                let course = jobs::search_so_far(&mut connection, read.search).await;
                assert!(!course.expect("reads").rungs.is_empty());
            }
            "open forecasts" => {
                let filter = Filter {
                    takes_forecasts: true,
                    ..Filter::default()
                };
                let page = listed::page(one, &filter, Sort::Newest, None, 20).await;
                assert_eq!(page.expect("reads").ids.len(), 1);
            }
            "works" => {
                let works = works::list(one, WorkId(0), 20).await.expect("reads");
                let of_claim = works.iter().find(|work| work.experiments > 0);
                assert!(of_claim.expect("one").tested > 0);
            }
            "what would break" => {
                let found = front::frozen(one, &[read.claim, read.withdrawn]).await;
                let found = found.expect("reads");
                assert_eq!(found.len(), 1);
                assert_eq!(found[0].claim, read.claim);
            }
            _ => {
                jobs::reap(one, Timing::default()).await.expect("sweeps");
            }
        }
        let after = read_so_far(one).await;
        costs.push((what, after - before));
        before = after;
    }
    costs
}

/// When the database looked how large its tables are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looked {
    Never,
    /// With nothing on the board.
    AtNothing,
    /// With one or two rows of everything.
    AtFew,
    /// At the runs alone, when all of them waited: it looks at each table by itself, when it likes.
    AtRuns,
}

async fn hold(pool: PgPool, looked: Looked) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    // It looks when this test says so.
    sql(
        &site.pool,
        "do $$ declare one regclass; begin
           for one in select oid from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace loop
             execute format('alter table %s set (autovacuum_enabled = off)', one);
           end loop;
         end $$",
    )
    .await;
    if looked == Looked::AtNothing {
        sql(&site.pool, "analyze").await;
    }
    let mut registered = Vec::new();
    // The proposal that is searched from takes no forecast, nor does what is tuned once its first runs have ended.
    for path in [
        location(&ada.propose(&site, &[("toml", TUNED)]).await),
        search::proposed(&site, &ada, search::search()).await,
    ] {
        ada.post(&format!("{path}/register"), &[])
            .await
            .assert_status_see_other();
        let number = path.rsplit('/').next().and_then(|id| id.parse().ok());
        registered.push(ExperimentId(number.expect("a number")));
    }
    search::end_some(&site, 60).await;
    if looked == Looked::AtRuns {
        sql(&site.pool, "analyze run").await;
    }
    let worker = a_worker(&site.pool).await;
    let taken = jobs::take(&site.pool, worker, Timing::default()).await;
    assert!(taken.expect("asks").is_some(), "one runs all the while");
    let tuned = experiments::find(&site.pool, registered[0], None).await;
    let read = Read {
        claim: ClaimId(site.claim("C2").await),
        withdrawn: ClaimId(site.claim("C3").await),
        tuned: tuned
            .expect("reads")
            .expect("it is there")
            .seen()
            .expect("open"),
        search: registered[1],
    };
    // One that takes forecasts.
    ada.propose(&site, &[]).await;
    if looked == Looked::AtFew {
        more(&site, 1).await;
        sql(&site.pool, "analyze").await;
    }
    more(&site, 1_200).await;
    let usual = cost(&planning(&site.pool, "auto").await, &read).await;
    more(&site, 3_000).await;
    crowd(&site, 20_000).await;
    let mut worse = Vec::new();
    for belief in ["as before", "what is there"] {
        if belief == "what is there" {
            sql(&site.pool, "analyze").await;
        }
        for mode in ["force_generic_plan", "force_custom_plan"] {
            let one = planning(&site.pool, mode).await;
            let costs = cost(&one, &read).await;
            for ((what, rows), (_, usual)) in costs.iter().zip(&usual) {
                if *rows > usual + usual / 4 + 20 {
                    worse.push(format!(
                        "{what} read {rows} rows, and {usual} of a smaller board; it believes {belief}, {mode}"
                    ));
                }
            }
        }
    }
    assert_eq!(worse, Vec::<String>::new());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn reads_cost_the_same_where_the_database_never_looked(pool: PgPool) {
    hold(pool, Looked::Never).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn reads_cost_the_same_where_it_looked_when_there_was_nothing(pool: PgPool) {
    hold(pool, Looked::AtNothing).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn reads_cost_the_same_where_it_looked_when_there_was_one_of_each(pool: PgPool) {
    hold(pool, Looked::AtFew).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn reads_cost_the_same_where_it_looked_at_the_runs_alone(pool: PgPool) {
    hold(pool, Looked::AtRuns).await;
}
