//! Volunteers' workers: what they get, and what has to happen before a number of theirs counts.

use crate::common::*;
use crate::sweep::planned;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::id::{AccountId, ExperimentId, RunId, TokenId};
use breakmywork_protocol::jobs::{
    self, Bearer, Checkpoint, Ending, FailureKind, Lease, MetricPoint, Offer, Progress,
};
use breakmywork_protocol::result::RunResult;
use sqlx::PgPool;
use uuid::Uuid;

/// A worker of somebody who was admitted.
async fn volunteers(pool: &PgPool, volunteer: AccountId) -> Uuid {
    let bearer = token_of(pool, volunteer).await;
    let id = Uuid::new_v4();
    jobs::register_outside_worker(pool, id, bearer, "home", "cpu", "0", 1)
        .await
        .expect("registers");
    id
}

/// Somebody who was admitted, with a token for a worker.
async fn token_of(pool: &PgPool, volunteer: AccountId) -> Bearer {
    let token: i64 = sqlx::query_scalar(
        "with admitted as (insert into volunteer (account_id) values ($1) on conflict do nothing)
         insert into api_token (account_id, label, token_hash, scopes)
         values ($1, 'w', sha256(gen_random_uuid()::text::bytea), array['work']) returning id",
    )
    .bind(volunteer.0)
    .fetch_one(pool)
    .await
    .expect("a token");
    Bearer {
        token: TokenId(token),
        volunteer: Some(volunteer),
    }
}

/// A volunteer of that name with a worker.
pub(crate) async fn volunteer(pool: &PgPool, name: &str) -> Uuid {
    let account = account(pool, name).await;
    volunteers(pool, account).await
}

/// A result of a processor that says how it computes.
fn result(value: f64) -> RunResult {
    let mut result = RunResult::simulated(&[("test_mse", value)]);
    result.provenance.arithmetic = Some("AVX2".into());
    result
}

pub(crate) fn ends(value: f64) -> Ending {
    Ending::Succeeded(Box::new(result(value)))
}

fn diverges() -> Ending {
    Ending::Failed {
        kind: FailureKind::Diverged,
        error: "Its train_loss is not a finite number.".into(),
    }
}

/// What is drawn to be looked after, of a hundred.
pub(crate) async fn audits(pool: &PgPool, percent: i16) {
    sqlx::query("update queue_control set audit_percent = $1")
        .bind(percent)
        .execute(pool)
        .await
        .expect("sets");
}

async fn end(pool: &PgPool, lease: &Lease, ending: Ending) {
    finish(pool, lease, ending, TIMING).await.expect("ends");
}

/// State, whose word, and what it cost.
async fn seen(pool: &PgPool, run: RunId) -> (String, String, i16, i16) {
    sqlx::query_as("select state, trust, failures, losses from run where id = $1")
        .bind(run.0)
        .fetch_one(pool)
        .await
        .expect("the run")
}

async fn value(pool: &PgPool, run: RunId) -> f64 {
    sqlx::query_scalar("select (result -> 'metrics' ->> 'test_mse')::float8 from run where id = $1")
        .bind(run.0)
        .fetch_one(pool)
        .await
        .expect("a result")
}

async fn contradicted(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "select name from volunteer join account on id = account_id where contradicted_at is not null order by name",
    )
    .fetch_all(pool)
    .await
    .expect("names")
}

async fn count(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql)
        .fetch_one(pool)
        .await
        .expect("a count")
}

/// What an honest machine makes of a plan.
fn honest(lease: &Lease) -> f64 {
    let plan = lease.plan.as_ref().expect("a plan");
    let arm = if plan.arm == "fixed" { 0.01 } else { 0.1 };
    arm + f64::from(plan.seed % 8) * 1e-3
}

fn state(state: &str, trust: &str) -> (String, String, i16, i16) {
    (state.into(), trust.into(), 0, 0)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn two_volunteers_who_agree_confirm_every_run_of_an_experiment(pool: PgPool) {
    audits(&pool, 0).await;
    let ada = account(&pool, "ada").await;
    let experiment = registered(&pool, ada, &spec(6)).await;
    let (first, second) = (volunteer(&pool, "bob").await, volunteer(&pool, "cyd").await);
    let mut runs = 0;
    while let Some(lease) = take(&pool, first).await {
        let point = MetricPoint {
            name: "valid_mse".into(),
            step: 5,
            value: 0.3,
        };
        jobs::report_metrics(&pool, &lease, Progress::at(5), &[point])
            .await
            .expect("reports");
        // The answer may get lost.
        end(&pool, &lease, ends(honest(&lease))).await;
        end(&pool, &lease, ends(honest(&lease))).await;
        assert_eq!(seen(&pool, lease.run).await, state("queued", "board"));
        runs += 1;
    }
    assert_eq!(runs, 12, "each once, and none twice");
    let numbers = "select (select count(*) from run_metric) + count(result) from run";
    assert_eq!(
        count(&pool, numbers).await,
        0,
        "nobody reads what a second host is to find"
    );
    assert_eq!(experiment_state(&pool, experiment).await, "running");
    while let Some(lease) = take(&pool, second).await {
        assert_eq!(lease.epoch, 2);
        end(&pool, &lease, ends(honest(&lease))).await;
        end(&pool, &lease, ends(honest(&lease))).await;
        assert_eq!(
            seen(&pool, lease.run).await,
            state("succeeded", "confirmed")
        );
        runs += 1;
    }
    assert_eq!(runs, 24);
    assert_eq!(experiment_state(&pool, experiment).await, "concluded");
    assert_eq!(verdict(&pool, experiment).await.outcome.name(), "supported");
    assert_eq!(posts(&pool, experiment).await, 1);
    let used = "select count(*) from queue_use";
    assert_eq!(
        count(&pool, used).await,
        0,
        "what volunteers give costs nobody a place in the queue"
    );
    let counted = "select count(*) from volunteered where counted";
    assert_eq!(count(&pool, counted).await, 24);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn where_volunteers_differ_the_board_decides_and_who_is_contradicted_stops(pool: PgPool) {
    audits(&pool, 0).await;
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let (honest, liar) = (volunteer(&pool, "bob").await, volunteer(&pool, "eve").await);
    let third = volunteer(&pool, "cyd").await;
    let lease = take(&pool, honest).await.expect("a run");
    end(&pool, &lease, ends(0.1)).await;
    let again = take(&pool, liar).await.expect("the same run");
    assert_eq!(again.run, lease.run);
    // One bit.
    end(&pool, &again, ends(f64::from_bits(0.1_f64.to_bits() + 1))).await;
    assert_eq!(seen(&pool, lease.run).await, state("queued", "board"));
    let other = take(&pool, third).await.expect("another run");
    assert_ne!(other.run, lease.run, "that one is for the board alone");
    assert_eq!(contradicted(&pool).await, Vec::<String>::new());

    let own = worker(&pool).await;
    let decides = take(&pool, own).await.expect("that run");
    assert_eq!(decides.run, lease.run);
    end(&pool, &decides, ends(0.1)).await;
    assert_eq!(seen(&pool, lease.run).await, state("succeeded", "board"));
    assert_eq!(contradicted(&pool).await, ["eve"]);
    let told =
        "select count(*) from record_entry where body::jsonb ->> 'act' = 'volunteer_contradicted'";
    assert_eq!(count(&pool, told).await, 1);
    assert!(take(&pool, liar).await.is_none());
    assert!(take(&pool, honest).await.is_some());
    // An admin believes her again.
    sqlx::query("update volunteer set contradicted_at = null, contradicted_run = null")
        .execute(&pool)
        .await
        .expect("admits");
    assert!(take(&pool, liar).await.is_some());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_boards_own_number_counts_where_it_is_the_second(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let bob = volunteer(&pool, "bob").await;
    let lease = take(&pool, bob).await.expect("a run");
    end(&pool, &lease, diverges()).await;
    assert_eq!(seen(&pool, lease.run).await, state("queued", "board"));
    let own = worker(&pool).await;
    let second = take(&pool, own).await.expect("the same run");
    assert_eq!(second.run, lease.run);
    end(&pool, &second, diverges()).await;
    assert_eq!(run_state(&pool, lease.run).await, "failed");
    let word = "select count(*) from volunteered where word = 'identical' and not counted";
    assert_eq!(count(&pool, word).await, 1);

    // For half an hour the board's own leave a run to a second volunteer, while one is there.
    let cyd = volunteer(&pool, "cyd").await;
    let lease = take(&pool, bob).await.expect("another run");
    end(&pool, &lease, ends(0.1)).await;
    let next = take(&pool, own).await.expect("a later run");
    assert!(next.run > lease.run);
    let second = take(&pool, cyd).await.expect("it is left to this one");
    assert_eq!(second.run, lease.run);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nobody_is_a_second_host_to_themselves_or_trains_what_is_theirs(pool: PgPool) {
    audits(&pool, 0).await;
    let ada = account(&pool, "ada").await;
    let bob = account(&pool, "bob").await;
    let agent: i64 = sqlx::query_scalar(
        "insert into account (name, password_hash, sponsor_id) values ('bobs-agent', 'none', $1) returning id",
    )
    .bind(bob.0)
    .fetch_one(&pool)
    .await
    .expect("an agent");
    let adas = registered(&pool, ada, &spec(1)).await;
    let of_ada = volunteers(&pool, ada).await;
    let of_bob = volunteers(&pool, bob).await;
    assert!(take(&pool, of_ada).await.is_none(), "her own experiment");
    let refused = sqlx::query("insert into volunteer (account_id) values ($1)")
        .bind(agent)
        .execute(&pool)
        .await;
    assert!(refused.is_err(), "an agent is no volunteer");

    // By another process of the same person the run is not to be had again.
    for _ in 0..2 {
        let lease = take(&pool, of_bob).await.expect("a run of hers");
        assert_eq!(lease.experiment, adas);
        end(&pool, &lease, ends(0.1)).await;
    }
    let again = volunteers(&pool, bob).await;
    assert!(take(&pool, again).await.is_none());
    cancel_all(&pool, adas).await;

    // What an agent of bob's proposes, and what tests a claim of bob's or of the agent's, is bob's; a rival's author has a stake
    // as well, and so has whoever gave a forecast.
    let agents = registered(&pool, AccountId(agent), &spec(1)).await;
    assert!(take(&pool, again).await.is_none());
    let lease = take(&pool, of_ada).await.expect("for anybody else");
    assert_eq!(lease.experiment, agents);
    end(&pool, &lease, Ending::Preempted).await;
    cancel_all(&pool, agents).await;
    for stake in [
        "update claim set author_id = $2 where id = (select claim_id from experiment where id = $1)",
        "insert into forecast (experiment_id, account_id, percent) values ($1, $2, 50)",
    ] {
        let cyd = account(&pool, &format!("cyd{}", stake.len())).await;
        let experiment = registered(&pool, cyd, &spec(1)).await;
        let done = sqlx::query(stake).bind(experiment.0).bind(bob.0);
        done.execute(&pool).await.expect("has a stake");
        assert!(take(&pool, again).await.is_none(), "{stake}");
        assert!(take(&pool, of_ada).await.is_some(), "{stake}");
        cancel_all(&pool, experiment).await;
    }
}

async fn cancel_all(pool: &PgPool, experiment: ExperimentId) {
    sqlx::query("delete from run_lease")
        .execute(pool)
        .await
        .expect("ends");
    sqlx::query(
        "update run_attempt set ended_at = now(), outcome = 'preempted' where ended_at is null",
    )
    .execute(pool)
    .await
    .expect("ends");
    sqlx::query("update run set state = 'cancelled', finished_at = now() where experiment_id = $1 and state in ('queued', 'running')")
        .bind(experiment.0)
        .execute(pool)
        .await
        .expect("cancels");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_sealed_or_a_trial_or_waits_for_the_board_is_not_given(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let experiment = registered(&pool, ada, &spec(6)).await;
    let bob = volunteer(&pool, "bob").await;
    for (closes, opens) in [
        (
            "alter table experiment disable trigger user; update experiment set seal_days = 30, opens_at = now()",
            "update experiment set seal_days = null, opens_at = null",
        ),
        (
            "alter table run disable trigger user; insert into trial (experiment_id, number, arm, settings) \
             select id, 1, 'fixed', '{}' from experiment; update run set trial = 1 where arm = 'fixed'; update run set board_only = true where arm = 'fresh'",
            "update run set trial = null, board_only = false",
        ),
        (
            "update queue_control set paused_at = now(), pause_reason = 'r'",
            "update queue_control set paused_at = null, pause_reason = null",
        ),
        (
            "update account set disabled_at = now(), disabled_reason = 'r' where name = 'bob'",
            "update account set disabled_at = null, disabled_reason = null where name = 'bob'",
        ),
        (
            "update volunteer set ended_at = now()",
            "update volunteer set ended_at = null",
        ),
    ] {
        sqlx::raw_sql(closes).execute(&pool).await.expect("closes");
        assert!(take(&pool, bob).await.is_none(), "{closes}");
        sqlx::raw_sql(opens).execute(&pool).await.expect("opens");
        let lease = take(&pool, bob).await.expect("a run");
        end(&pool, &lease, Ending::Preempted).await;
    }
    // Four at once, by however many workers.
    let account = sqlx::query_scalar("select account_id from volunteer")
        .fetch_one(&pool)
        .await;
    let another = volunteers(&pool, AccountId(account.expect("one"))).await;
    for place in 0..5 {
        let worker = if place % 2 == 0 { bob } else { another };
        assert_eq!(take(&pool, worker).await.is_some(), place < 4, "{place}");
    }
    assert_eq!(experiment_state(&pool, experiment).await, "running");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_drawn_run_is_looked_after_and_liars_lose_what_they_confirmed(pool: PgPool) {
    audits(&pool, 0).await;
    let ada = account(&pool, "ada").await;
    let experiment = registered(&pool, ada, &spec(6)).await;
    let (eve, mal) = (volunteer(&pool, "eve").await, volunteer(&pool, "mal").await);
    // They agree beforehand that the claim falls.
    let both = async || {
        let mut run = None;
        for worker in [eve, mal] {
            let lease = take(&pool, worker).await.expect("a run");
            assert_eq!(*run.get_or_insert(lease.run), lease.run);
            end(&pool, &lease, ends(0.5)).await;
        }
        run.expect("a run")
    };
    let mut confirmed = Vec::new();
    for _ in 0..11 {
        let run = both().await;
        assert_eq!(seen(&pool, run).await, state("succeeded", "confirmed"));
        confirmed.push(run);
    }
    audits(&pool, 100).await;
    let drawn = both().await;
    assert_eq!(seen(&pool, drawn).await, state("queued", "board"));
    assert_eq!(contradicted(&pool).await, Vec::<String>::new());

    let own = worker(&pool).await;
    let lease = take(&pool, own).await.expect("the one that was drawn");
    assert_eq!(lease.run, drawn);
    end(&pool, &lease, ends(honest(&lease))).await;
    assert_eq!(contradicted(&pool).await, ["eve", "mal"]);
    assert_eq!(seen(&pool, drawn).await, state("succeeded", "board"));
    // It was the last one: but the experiment is not judged by what they say.
    assert_eq!(experiment_state(&pool, experiment).await, "running");
    assert_eq!(posts(&pool, experiment).await, 0);
    let mut done_again = 0;
    for volunteer in [eve, mal] {
        assert!(take(&pool, volunteer).await.is_none());
    }
    while let Some(lease) = take(&pool, own).await {
        end(&pool, &lease, ends(honest(&lease))).await;
        done_again += 1;
    }
    assert_eq!(done_again, 11);
    for run in confirmed {
        assert_eq!(value(&pool, run).await, 0.5, "final states stay");
    }
    assert_eq!(verdict(&pool, experiment).await.outcome.name(), "supported");
    // Each lie was held against what the board came to.
    let lies = "select count(*) from volunteered where word = 'different'";
    assert_eq!(count(&pool, lies).await, 24);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_seed_whose_runs_were_made_otherwise_is_done_again_by_the_board(pool: PgPool) {
    audits(&pool, 0).await;
    let ada = account(&pool, "ada").await;
    let experiment = registered(&pool, ada, &spec(6)).await;
    let (bob, cyd) = (volunteer(&pool, "bob").await, volunteer(&pool, "cyd").await);
    for worker in [bob, cyd] {
        let lease = take(&pool, worker).await.expect("the first run");
        let mut built = result(honest(&lease));
        built.provenance.code_version = "another commit".into();
        end(&pool, &lease, Ending::Succeeded(Box::new(built))).await;
    }
    let own = worker(&pool).await;
    let mut ended = 0;
    while let Some(lease) = take(&pool, own).await {
        end(&pool, &lease, ends(honest(&lease))).await;
        ended += 1;
    }
    assert_eq!(ended, 12, "eleven, and the first once more");
    assert_eq!(contradicted(&pool).await, Vec::<String>::new());
    assert_eq!(verdict(&pool, experiment).await.outcome.name(), "supported");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_computes_otherwise_says_nothing_of_the_other_and_three_are_enough(pool: PgPool) {
    audits(&pool, 0).await;
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(6)).await;
    let mut run = None;
    for (name, arithmetic) in [("bob", "AVX2"), ("cyd", "NEON"), ("dan", "scalar")] {
        let worker = volunteer(&pool, name).await;
        let lease = take(&pool, worker).await.expect("a run");
        assert_eq!(*run.get_or_insert(lease.run), lease.run);
        let mut other = result(0.1);
        other.provenance.arithmetic = Some(arithmetic.into());
        end(&pool, &lease, Ending::Succeeded(Box::new(other))).await;
        assert_eq!(seen(&pool, lease.run).await, state("queued", "board"));
    }
    let fourth = volunteer(&pool, "eli").await;
    let lease = take(&pool, fourth).await.expect("another run");
    assert_ne!(Some(lease.run), run);
    // Where sums are made in another order, the board's own asks for the tolerance alone.
    let own = worker(&pool).await;
    let lease = take(&pool, own).await.expect("that run");
    assert_eq!(Some(lease.run), run);
    let mut near = result(0.1004);
    near.provenance.arithmetic = Some("AVX-512".into());
    end(&pool, &lease, Ending::Succeeded(Box::new(near))).await;
    assert_eq!(contradicted(&pool).await, Vec::<String>::new());
    let words = "select count(*) from volunteered where word = 'within_tolerance'";
    assert_eq!(count(&pool, words).await, 3);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_volunteers_cannot_train_costs_the_run_nothing_and_goes_to_the_board(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(1)).await;
    let failed = || Ending::Failed {
        kind: FailureKind::OutOfMemory,
        error: "small".into(),
    };
    let mut run = None;
    for name in ["bob", "cyd", "dan"] {
        let worker = volunteer(&pool, name).await;
        // A volunteer's worker cancels nothing, and hands back as often as it likes.
        for ending in [Ending::Cancelled, Ending::Preempted] {
            let lease = take(&pool, worker).await.expect("the run");
            assert_eq!(*run.get_or_insert(lease.run), lease.run);
            end(&pool, &lease, ending).await;
            assert_eq!(seen(&pool, lease.run).await, state("queued", "board"));
        }
        let lease = take(&pool, worker).await.expect("the run");
        match name {
            "bob" => end(&pool, &lease, failed()).await,
            "cyd" => end(&pool, &lease, Ending::Lost { error: "e".into() }).await,
            _ => {
                expire(&pool, lease.run).await;
                assert_eq!(jobs::reap(&pool, TIMING).await.expect("reaps").lost, 1);
            }
        }
        assert_eq!(seen(&pool, lease.run).await, state("queued", "board"));
        let other = take(&pool, worker).await.expect("the other run");
        assert_ne!(other.run, lease.run, "not that one again");
        end(&pool, &other, Ending::Preempted).await;
    }
    let fourth = volunteer(&pool, "eli").await;
    let lease = take(&pool, fourth).await.expect("the other run");
    assert_ne!(Some(lease.run), run, "three are enough");
    let own = worker(&pool).await;
    assert_eq!(take(&pool, own).await.map(|lease| lease.run), run);
    // Somebody asks for the end of what a volunteer has.
    let mut connection = pool.acquire().await.expect("a connection");
    jobs::cancel(&mut connection, lease.run, ada, "a slip")
        .await
        .expect("asks");
    end(&pool, &lease, ends(0.1)).await;
    assert_eq!(run_state(&pool, lease.run).await, "cancelled");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_volunteers_worker_writes_nothing_beside_its_result(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    registered(&pool, ada, &spec(1)).await;
    let own = worker(&pool).await;
    let lease = take(&pool, own).await.expect("a run");
    let checkpoint = |epoch, key: &str| Checkpoint {
        epoch,
        step: 5,
        object_key: key.into(),
        bytes: 10,
        sha256: "0".repeat(64),
    };
    jobs::checkpoint(&pool, &lease, &checkpoint(1, "k"))
        .await
        .expect("registers");
    end(&pool, &lease, Ending::Preempted).await;

    let bob = volunteer(&pool, "bob").await;
    let theirs = take(&pool, bob).await.expect("the run");
    assert_eq!(theirs.run, lease.run);
    let known = jobs::checkpoints(&pool, &theirs).await.expect("asks");
    assert!(known.is_empty(), "it begins anew");
    let progress = Progress {
        step: 7,
        steps: Some(9),
        alive: true,
    };
    jobs::beat(&pool, &theirs, progress, TIMING)
        .await
        .expect("beats");
    jobs::checkpoint(&pool, &theirs, &checkpoint(2, "theirs"))
        .await
        .expect("is heard");
    jobs::checkpoint_unusable(&pool, &theirs, "k")
        .await
        .expect("is heard");
    jobs::resumed(&pool, &theirs, 5).await.expect("is heard");
    let offer = Offer {
        data_set: "ptb@1".parse().expect("a name"),
        sha256: "a".repeat(64),
    };
    jobs::offer(&pool, bob, &[offer]).await.expect("is heard");
    end(&pool, &theirs, Ending::Preempted).await;
    for (sql, expected) in [
        (
            "select count(*) from run_checkpoint where unusable_at is null",
            1,
        ),
        (
            "select count(*) from run_attempt where resumed_from is not null",
            0,
        ),
        ("select count(*) from data_set", 0),
        ("select count(*) from run where steps = 9", 0),
        ("select count(*) from live_worker", 1),
    ] {
        assert_eq!(count(&pool, sql).await, expected, "{sql}");
    }
    let again = take(&pool, own).await.expect("the run");
    let known = jobs::checkpoints(&pool, &again).await.expect("asks");
    assert_eq!(known.len(), 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_volunteer_is_found_a_run_under_every_plan(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let bob = volunteer(&pool, "bob").await;
    for settings in [
        &[] as &[&str],
        &["enable_hashjoin = off", "enable_mergejoin = off"],
        &["enable_nestloop = off", "enable_mergejoin = off"],
        &["enable_indexscan = off", "enable_bitmapscan = off"],
        &["enable_seqscan = off"],
    ] {
        let experiment = registered(&pool, ada, &spec(6)).await;
        for mode in ["force_generic_plan", "force_custom_plan"] {
            let mode = format!("plan_cache_mode = {mode}");
            let one = planned(&pool, &[settings, &[mode.as_str()]].concat()).await;
            let lease = take(&one, bob).await.expect("a run");
            let first = "select min(id) from run where state <> 'cancelled'";
            assert_eq!(count(&pool, first).await, lease.run.0, "{settings:?}");
            end(&one, &lease, Ending::Preempted).await;
            one.close().await;
        }
        cancel_all(&pool, experiment).await;
    }
}

/// As when an older copy of the database is restored while it registers: it would not try again what it was refused.
#[sqlx::test(migrator = "MIGRATOR")]
async fn who_is_deleted_while_it_registers_is_not_told_that_it_is_another(pool: PgPool) {
    let ada = account(&pool, "ada").await;
    let bearer = token_of(&pool, ada).await;
    let database = pool.clone();
    let deleting = tokio::spawn(async move {
        loop {
            let deleted = sqlx::query("delete from worker").execute(&database).await;
            deleted.expect("deletes");
        }
    });
    for _ in 0..300 {
        let registers =
            jobs::register_outside_worker(&pool, Uuid::new_v4(), bearer, "home", "cpu", "0", 1);
        registers.await.expect("registers");
    }
    deleting.abort();
}
