//! Whatever people and workers do, everything agrees.

use crate::acts::Crowd;
use crate::board::{Board, sequential};
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::record;
use sqlx::{Connection, PgConnection, PgPool};

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_thousand_random_acts_leave_a_record_that_agrees_with_everything(pool: PgPool) {
    let board = Board::new(pool).await;
    let crowd = Crowd::new(&board, 20_261_127).await;
    let mut crowd = crowd.with_stages().await;
    let mut noted = Vec::new();
    let all = [
        "added",
        "appeal_declined",
        "appealed",
        "author_named",
        "cancelled",
        "claim",
        "conclusion",
        "deposited",
        "disabled",
        "dispute_resolved",
        "disputed",
        "enabled",
        "given_up",
        "hidden",
        "opening",
        "paused",
        "registration",
        "resumed",
        "retried",
        "rival_agreed",
        "rival_ended",
        "role_set",
        "shown",
        "stopped",
        "test_accepted",
        "test_declined",
        "thread_locked",
        "thread_unlocked",
        "tuned",
        "withdrawn",
    ];
    // A thousand, and as many more as some rare kind takes to come.
    let (mut kinds, mut outcomes) = (Vec::new(), Vec::new());
    while crowd.done < 1_000 || (crowd.done < 5_000 && (kinds != all || outcomes.len() < 3)) {
        crowd.act().await;
        if crowd.done.is_multiple_of(100) {
            noted.push(board.head().await);
            (kinds, outcomes) = made(&board).await;
        }
    }
    let summary = board.green(&noted).await;
    // The acts were of every kind, and the check looked at what they made.
    assert_eq!(kinds, all);
    assert!(outcomes.len() >= 3, "{outcomes:?}");
    assert!(summary.recomputed >= 20, "{summary:?}");
    assert!(
        summary.conclusions > summary.recomputed,
        "some are exploratory: {summary:?}"
    );
}

/// The kinds of acts on record, and the outcomes of verdicts.
async fn made(board: &Board) -> (Vec<String>, Vec<String>) {
    let kinds = sqlx::query_scalar!(
        r#"select distinct coalesce(body::jsonb ->> 'act', kind) as "kind!" from record_entry order by 1"#
    )
    .fetch_all(&board.pool)
    .await
    .expect("kinds");
    let outcomes = sqlx::query_scalar!("select distinct outcome from verdict")
        .fetch_all(&board.pool)
        .await
        .expect("outcomes");
    (kinds, outcomes)
}

/// A sequential plan is judged again from the runs that it came to need, and what is done to one of them is seen.
#[sqlx::test(migrator = "MIGRATOR")]
async fn where_a_sequential_plan_stopped_is_computed_again(pool: PgPool) {
    let board = Board::new(pool).await;
    let ada = board.account("ada").await;
    board.registered_as(ada, &sequential(16)).await;
    board.run_all().await;
    let runs = sqlx::query_scalar!(r#"select count(*) as "count!" from run"#)
        .fetch_one(&board.pool)
        .await
        .expect("runs");
    assert_eq!(runs, 14, "seven pairs of sixteen");
    assert_eq!(board.green(&[]).await.recomputed, 1);
    board
        .as_owner(
            "update run set result = jsonb_set(result, '{metrics,test_mse}', '0.5') where arm = 'fixed' and id = 1",
        )
        .await;
    let (_, found) = board.verify(&[]).await;
    assert!(
        found
            .iter()
            .any(|found| found.detail.contains("computed again from its runs")),
        "{found:?}"
    );
}

/// Entries of many transactions at once get their places one after the other, each with its own.
#[sqlx::test(migrator = "MIGRATOR")]
async fn who_acts_at_once_waits_for_nobody_but_the_head(pool: PgPool) {
    let board = Board::new(pool.clone()).await;
    let ada = board.account("ada").await;
    let before = board.head().await.seq;
    let acts = (0..8).map(|_| {
        let pool = pool.clone();
        tokio::spawn(async move {
            for _ in 0..20 {
                let mut tx = pool.begin().await.expect("a transaction");
                breakmywork_protocol::jobs::pause(&mut tx, ada, "why")
                    .await
                    .expect("pauses");
                breakmywork_protocol::jobs::resume(&mut tx, ada)
                    .await
                    .expect("resumes");
                tx.commit().await.expect("commits");
            }
        })
    });
    for act in acts.collect::<Vec<_>>() {
        act.await.expect("done");
    }
    assert_eq!(board.head().await.seq, before + 8 * 20 * 2);
    board.green(&[]).await;
}

/// What a transaction did that came to nothing is not on record.
#[sqlx::test(migrator = "MIGRATOR")]
async fn what_was_rolled_back_leaves_no_entry_and_what_was_not_has_the_place_of_its_end(
    pool: PgPool,
) {
    let board = Board::new(pool.clone()).await;
    let ada = board.account("ada").await;
    let before = board.head().await;
    let mut first = pool.begin().await.expect("a transaction");
    breakmywork_protocol::jobs::pause(&mut first, ada, "first")
        .await
        .expect("pauses");
    // The other one begins later and ends earlier; nobody holds the head meanwhile.
    let mut second = pool.begin().await.expect("a transaction");
    sqlx::query("set local lock_timeout = '1s'")
        .execute(&mut *second)
        .await
        .expect("sets");
    record::act(
        &mut second,
        record::Subject::Queue,
        record::Act::Resumed,
        Some(ada),
        serde_json::json!({}),
    )
    .await
    .expect("notes");
    second.commit().await.expect("commits at once");
    let mut third = pool.begin().await.expect("a transaction");
    record::act(
        &mut third,
        record::Subject::Queue,
        record::Act::Resumed,
        Some(ada),
        serde_json::json!({}),
    )
    .await
    .expect("notes");
    third.rollback().await.expect("rolls back");
    first.commit().await.expect("commits");
    let entries = record::entries(&pool, before.seq, 10)
        .await
        .expect("entries");
    let acts: Vec<bool> = entries
        .iter()
        .map(|entry| entry.body.contains("first"))
        .collect();
    assert_eq!(acts, [false, true]);
    let drafts = sqlx::query_scalar!("select count(*) from record_draft")
        .fetch_one(&pool)
        .await;
    assert_eq!(drafts.expect("a count"), Some(0));
    board.green(&[before]).await;
}

/// A board that is older than its record gets one, once: later that would cover up what was cut off.
#[sqlx::test(migrator = "MIGRATOR")]
async fn what_was_there_before_the_record_is_put_on_it_once(pool: PgPool) {
    let board = Board::new(pool.clone()).await;
    let mut crowd = Crowd::new(&board, 7).await;
    while crowd.done < 200 {
        crowd.act().await;
    }
    // As the migration finds a board of an earlier release, which knew no seals, no disputes, no hidden
    // proposals, no locked discussions, no deposits, and nobody who accepted a test.
    board
        .as_owner("delete from seal; delete from notice; delete from news; delete from comment where kind = 'opening'; update experiment set opens_at = null, opened_at = null, seal_days = null")
        .await;
    board
        .as_owner("update claim set named_author_id = null; delete from co_signature; delete from claim_rival; update experiment set acceptance = null, doi = null, hidden_at = null, hidden_by = null, hidden_reason = null, appeal = null, appealed_at = null, appeal_answer = null")
        .await;
    board
        .as_owner("update thread set locked_at = null, locked_by = null, lock_reason = null")
        .await;
    board
        .as_owner("update experiment set disputed_at = null, disputed_by = null, dispute_reason = null, dispute_answer = null; select count_verdict(experiment_id) from verdict")
        .await;
    board
        .as_owner("truncate record_entry; update record_head set seq = 0, hash = repeat('0', 64), backfilled_at = null")
        .await;
    let made = record::backfill(&pool).await.expect("fills");
    let summary = board.green(&[]).await;
    assert_eq!(made, summary.entries);
    assert!(
        summary.conclusions > 3 && summary.of_earlier_rules > 3,
        "{summary:?}"
    );
    assert_eq!(
        summary.recomputed, 0,
        "nobody knows by which rule they were given"
    );
    let marked = sqlx::query_scalar!(
        r#"select bool_and((body::jsonb ->> 'backfilled')::bool) as "all!" from record_entry"#
    )
    .fetch_one(&pool)
    .await;
    assert!(marked.expect("a word"));

    let noted = board.head().await;
    board.as_owner("delete from record_entry where seq = (select seq from record_head); update record_head set (seq, hash) = (select seq, hash from record_entry order by seq desc limit 1)").await;
    assert_eq!(record::backfill(&pool).await.expect("nothing to do"), 0);
    let (_, found) = board.verify(&[noted]).await;
    assert!(!found.is_empty(), "what was cut off stays missing");
}

/// Without an owner's tricks the database itself refuses.
#[sqlx::test(migrator = "MIGRATOR")]
async fn the_database_refuses_to_change_what_is_on_record(pool: PgPool) {
    let board = Board::new(pool.clone()).await;
    let before = board.head().await;
    let mut connection: PgConnection = pool.acquire().await.expect("a connection").detach();
    for sql in [
        "update record_entry set body = '{}' where seq = 1",
        "delete from record_entry where seq = 2",
        "truncate record_entry",
        "update record_head set seq = seq - 1",
        "update record_head set hash = repeat('a', 64)",
        "update record_head set backfilled_at = null",
        "delete from record_head",
        "truncate record_head",
        "insert into record_head (single) values (false)",
        "insert into record_draft (kind, subject, subject_id, body) select kind, subject, subject_id, '{}' from record_entry where kind = 'claim' limit 1",
        "insert into record_draft (kind, subject, body) values ('act', 'queue', '[]')",
        "insert into record_draft (kind, subject, body) values ('act', 'run', '{}')",
    ] {
        let refused = sqlx::query(sql).execute(&mut connection).await;
        let refused = refused.expect_err(sql);
        assert!(refused.as_database_error().is_some(), "{sql}: {refused}");
    }
    assert_eq!(board.head().await, before);
    connection.close().await.expect("closes");
    board.green(&[before]).await;
}

/// Which points a search drew, which of them it kept and what it found are computed again, and what is done to any of it is
/// seen.
#[sqlx::test(migrator = "MIGRATOR")]
async fn the_course_of_a_search_is_computed_again(pool: PgPool) {
    let board = Board::new(pool).await;
    let ada = board.account("ada").await;
    let experiment = board.searched(ada).await;
    board.run_all().await;
    let stored: i64 =
        sqlx::query_scalar("select count(*) from search_result where proposed is not null")
            .fetch_one(&board.pool)
            .await
            .expect("asks");
    assert_eq!(stored, 1, "{experiment} found something");
    assert_eq!(board.green(&[]).await.recomputed, 1);
    for (sql, undo, words) in [
        (
            "update run set result = jsonb_set(result, '{metrics,test_mse}', '0.001') where id = 1",
            "update run set result = jsonb_set(result, '{metrics,test_mse}', '0.108') where id = 1",
            "run 1 was",
        ),
        (
            "update trial set settings = settings || '{\"training.batch\": 8}' where number = 1",
            "update trial set settings = settings - 'training.batch' where number = 1",
            "the course of the search",
        ),
        (
            "update search_result set course = jsonb_set(course, '{rungs,0,kept}', '1')",
            "select 1",
            "course_sha256 was",
        ),
        (
            "update search_result set proposed = null, question = null",
            "select 1",
            "proposed was",
        ),
        ("delete from search_result", "select 1", "course_sha256 was"),
    ] {
        board.as_owner(sql).await;
        let (_, found) = board.verify(&[]).await;
        assert!(
            found.iter().any(|found| found.detail.contains(words)),
            "{sql}: {found:?}"
        );
        board.as_owner(undo).await;
    }
}
