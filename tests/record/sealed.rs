//! Sealed registrations on record: a commitment first, what it committed to at the end, and whatever is changed in between.

use crate::board::{Board, draft};
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::id::ExperimentId;
use breakmywork_protocol::jobs;
use breakmywork_protocol::record::verify::What;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgPool;

/// A sealed experiment that was opened, and one that is closed.
async fn board(pool: PgPool) -> Board {
    let board = Board::new(pool).await;
    let ada = board.account("ada").await;
    let mut draft = draft(0.02, 10);
    draft.seal_days = Some(30);
    board.registered_as(ada, &draft).await;
    board.run_all().await;
    board.registered_as(ada, &draft).await;
    board.green(&[]).await;
    board
}

async fn entries(board: &Board, experiment: i64) -> Vec<(String, Value)> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "select kind, body from record_entry where subject = 'experiment' and subject_id = $1 order by seq",
    )
    .bind(experiment)
    .fetch_all(&board.pool)
    .await
    .expect("asks");
    let read = |body: String| serde_json::from_str(&body).expect("JSON");
    rows.into_iter()
        .map(|(kind, body)| (kind, read(body)))
        .collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_record_commits_first_and_tells_when_it_is_opened(pool: PgPool) {
    let board = board(pool).await;
    let told = entries(&board, 1).await;
    let kinds: Vec<&str> = told.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["registration", "opening", "conclusion"]);
    let [(_, registration), (_, opening), _] = told.as_slice() else {
        panic!("{told:?}");
    };
    // What is there before is the same for every plan, but for the commitment.
    let mut names: Vec<&String> = registration
        .as_object()
        .expect("an object")
        .keys()
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "author",
            "claim",
            "commitment",
            "opens_at",
            "registered_at",
            "sealed"
        ]
    );
    // Anybody checks it with a library for canonical JSON.
    let committed = json!({ "nonce": opening["nonce"], "registration": opening["registration"] });
    let bytes = serde_json_canonicalizer::to_string(&committed).expect("plain data");
    assert_eq!(
        registration["commitment"],
        hex::encode(Sha256::digest(bytes))
    );
    assert_eq!(opening["registration"]["alpha"], 0.05);
    let sha256: String = sqlx::query_scalar("select spec_sha256 from experiment where id = 1")
        .fetch_one(&board.pool)
        .await
        .expect("asks");
    assert_eq!(opening["registration"]["spec_sha256"], sha256);
    // Of the closed one nothing else is on record.
    let told = entries(&board, 2).await;
    assert_eq!(told.len(), 1);
    assert!(!told[0].1.to_string().contains("spec_sha256"), "{told:?}");
}

macro_rules! tampering {
    ($($(#[$doc:meta])* $name:ident, $sql:expr, $what:ident, $place:expr;)*) => {$(
        $(#[$doc])*
        #[sqlx::test(migrator = "MIGRATOR")]
        async fn $name(pool: PgPool) {
            let board = board(pool).await;
            board.as_owner($sql).await;
            let (_, found) = board.verify(&[]).await;
            assert!(
                found.iter().any(|it| it.what == What::$what && it.place.contains($place)),
                "{found:?}"
            );
        }
    )*};
}

tampering! {
    a_plan_that_was_changed_while_it_was_sealed_is_found,
        "update experiment set spec = jsonb_set(spec, '{criterion,margin}', '0.5') where id = 2",
        RowChanged, "registration of experiment 2";
    another_prediction_under_the_seal_is_found,
        "update experiment set prediction = 'The opposite.' where id = 2",
        RowChanged, "registration of experiment 2";
    another_registration_under_the_seal_is_found,
        "update seal set registration = replace(registration, '0.05', '0.01') where experiment_id = 2",
        RowChanged, "registration of experiment 2";
    /// With the commitment as well, so that the row agrees with itself.
    a_seal_that_was_replaced_whole_is_found,
        "update seal set nonce = gen_random_uuid()::text where experiment_id = 2;
         update seal set commitment = encode(sha256(convert_to('{\"nonce\":\"' || nonce || '\",\"registration\":' || registration || '}', 'UTF8')), 'hex') where experiment_id = 2",
        RowChanged, "registration of experiment 2";
    a_seal_that_is_gone_is_found,
        "delete from seal where experiment_id = 2",
        RowMissing, "registration of experiment 2";
    a_later_date_is_found,
        "update experiment set opens_at = opens_at + interval '1 hour', registered_at = registered_at + interval '1 hour' where id = 2",
        RowChanged, "registration of experiment 2";
    what_was_opened_in_silence_is_found,
        "update experiment set opened_at = now() where id = 2",
        NotRecorded, "experiment 2";
    another_time_of_opening_is_found,
        "update experiment set opened_at = opened_at - interval '1 hour' where id = 1",
        RowChanged, "opening of experiment 1";
    what_was_closed_again_is_found,
        "delete from notice; delete from news; delete from comment where experiment_id = 1; delete from verdict where experiment_id = 1; update experiment set state = 'running', concluded_at = null, opened_at = null where id = 1",
        RowMissing, "opening of experiment 1";
    what_stays_closed_past_its_date_is_found,
        "update experiment set registered_at = registered_at - interval '40 days', opens_at = opens_at - interval '40 days' where id = 2",
        NotRecorded, "experiment 2";
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_database_itself_keeps_nothing_closed_and_closes_nothing_again(pool: PgPool) {
    let board = board(pool).await;
    for refused in [
        // What was public is not sealed, what was opened not closed, no date moved.
        "update experiment set seal_days = 90 where id = 2",
        "update experiment set opened_at = null where id = 1",
        "update experiment set opened_at = now() where id = 1",
        "update experiment set opens_at = opens_at + interval '1 day' where id = 2",
        "update experiment set seal_days = null where id = 2",
        // What has ended is open.
        "update experiment set state = 'concluded', concluded_at = now() where id = 2",
        "update seal set nonce = gen_random_uuid()::text",
        "delete from seal",
    ] {
        sqlx::query(sqlx::AssertSqlSafe(refused))
            .execute(&board.pool)
            .await
            .expect_err(refused);
    }
    let closed: Vec<bool> = sqlx::query_scalar("select closed from experiment order by id")
        .fetch_all(&board.pool)
        .await
        .expect("asks");
    assert_eq!(closed, [false, true]);
}

/// Whatever ends it: nobody keeps what came out of it in a drawer.
#[sqlx::test(migrator = "MIGRATOR")]
async fn whatever_ends_it_opens_it(pool: PgPool) {
    let board = Board::new(pool).await;
    let ada = board.account("ada").await;
    let mut draft = draft(0.02, 10);
    draft.seal_days = Some(90);
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(board.registered_as(ada, &draft).await);
    }
    let closed = async |experiment: ExperimentId| -> bool {
        sqlx::query_scalar("select closed from experiment where id = $1")
            .bind(experiment.0)
            .fetch_one(&board.pool)
            .await
            .expect("asks")
    };
    // Stopped by its author, after the first looks at it.
    board.run_one(0.0, None).await;
    let mut tx = board.pool.begin().await.expect("a transaction");
    jobs::stop(&mut tx, all[0], ada, "it looks bad")
        .await
        .expect("stops");
    tx.commit().await.expect("commits");
    assert!(!closed(all[0]).await);
    // Given up by an admin, since all of its runs failed.
    for _ in 0..12 {
        board
            .run_one(0.0, Some(jobs::FailureKind::OutOfMemory))
            .await;
    }
    let stalled: Vec<i64> = sqlx::query_scalar("select id from experiment where state = 'stalled'")
        .fetch_all(&board.pool)
        .await
        .expect("asks");
    assert_eq!(stalled, [all[1].0], "twelve runs of the second failed");
    assert!(closed(all[1]).await, "it can be tried again");
    let mut tx = board.pool.begin().await.expect("a transaction");
    jobs::give_up(&mut tx, all[1], ada, "no hope")
        .await
        .expect("gives up");
    tx.commit().await.expect("commits");
    assert!(!closed(all[1]).await);
    // By its date, while its runs wait.
    board
        .as_owner("update experiment set registered_at = registered_at - interval '90 days', opens_at = opens_at - interval '90 days' where id = 3")
        .await;
    jobs::reap(&board.pool, crate::board::TIMING)
        .await
        .expect("sweeps");
    assert!(!closed(all[2]).await);
    let state: String = sqlx::query_scalar("select state from experiment where id = 3")
        .fetch_one(&board.pool)
        .await
        .expect("asks");
    assert_eq!(state, "registered");
    // By its verdict.
    board.run_all().await;
    assert!(!closed(all[3]).await);
    let openings: i64 =
        sqlx::query_scalar("select count(*) from record_entry where kind = 'opening'")
            .fetch_one(&board.pool)
            .await
            .expect("asks");
    let posts: i64 = sqlx::query_scalar("select count(*) from comment where kind = 'opening'")
        .fetch_one(&board.pool)
        .await
        .expect("asks");
    assert_eq!((openings, posts), (4, 4), "each once");
}
