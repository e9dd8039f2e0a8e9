//! What is read of a claim, of what takes forecasts and of what is sealed costs the same in a larger board, whatever the
//! database believes of how large its tables are.

use crate::support::*;
use breakmywork::{
    auth::account::Role,
    db::{
        claims,
        listed::{self, Filter, Sort},
    },
};
use breakmywork_protocol::{
    db::MIGRATOR,
    id::ClaimId,
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

/// So many withdrawn experiments on another claim, each with a trial and a run of it.
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
             select id, (select id from account where name = 'ada'), 'a', 1, 1, '{{}}', 1, 'cancelled', now() from fresh;"
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

/// Rows that each of the reads looks at.
async fn cost(one: &PgPool, claim: ClaimId) -> Vec<(&'static str, i64)> {
    let mut costs = Vec::new();
    let mut before = read_so_far(one).await;
    for what in ["claim", "open forecasts", "seals"] {
        match what {
            "claim" => {
                let claim = claims::find(one, claim).await.expect("reads");
                assert!(claim.expect("it is there").survived > 900);
            }
            "open forecasts" => {
                let filter = Filter {
                    takes_forecasts: true,
                    ..Filter::default()
                };
                let page = listed::page(one, &filter, Sort::Newest, None, 20).await;
                assert_eq!(page.expect("reads").ids.len(), 1);
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

/// `counted`: what the database believes is what it saw of a board with next to nothing on it; else it never looked.
async fn hold(pool: PgPool, counted: bool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    if counted {
        sql(&site.pool, "analyze").await;
    }
    // One that takes forecasts.
    ada.propose(&site, &[]).await;
    let claim = ClaimId(site.claim("C2").await);
    more(&site, 1_200).await;
    let usual = cost(&planning(&site.pool, "auto").await, claim).await;
    more(&site, 3_000).await;
    crowd(&site, 20_000).await;
    let mut worse = Vec::new();
    for belief in ["as before", "what is there"] {
        if belief == "what is there" {
            sql(&site.pool, "analyze").await;
        }
        for mode in ["force_generic_plan", "force_custom_plan"] {
            let one = planning(&site.pool, mode).await;
            let costs = cost(&one, claim).await;
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
    hold(pool, false).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn reads_cost_the_same_where_it_looked_when_there_was_nothing(pool: PgPool) {
    hold(pool, true).await;
}
