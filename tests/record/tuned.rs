//! What arms tried and chose is on record, and what is done to it is found.

use crate::board::{Board, tuned};
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::record::verify::What;
use sqlx::PgPool;

/// A concluded experiment whose arms chose first.
async fn board(pool: PgPool) -> Board {
    let board = Board::new(pool).await;
    let ada = board.account("ada").await;
    board.registered_as(ada, &tuned()).await;
    board.run_all().await;
    board
}

/// What is found after `sql`.
async fn after(pool: PgPool, sql: &str) -> Vec<What> {
    let board = board(pool).await;
    board.green(&[]).await;
    board.as_owner(sql).await;
    let (_, findings) = board.verify(&[]).await;
    findings.into_iter().map(|finding| finding.what).collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_the_arms_chose_is_on_record_before_they_are_compared(pool: PgPool) {
    let board = Board::new(pool).await;
    let ada = board.account("ada").await;
    board.registered_as(ada, &tuned()).await;
    for _ in 0..8 {
        assert!(board.run_one(0.0, None).await);
    }
    let told =
        sqlx::query_scalar!("select body from record_entry where body::jsonb ->> 'act' = 'tuned'");
    let told = told.fetch_one(&board.pool).await.expect("one entry");
    assert!(told.contains(r#""chosen":{"fixed":1,"fresh":3}"#), "{told}");
    board.green(&[]).await;
    board.run_all().await;
    let summary = board.green(&[]).await;
    assert_eq!((summary.conclusions, summary.recomputed), (1, 1));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn another_choice_is_found(pool: PgPool) {
    let sql = "update trial set chosen = false where number = 1; update trial set chosen = true where number = 2";
    let found = after(pool, sql).await;
    assert!(
        found.contains(&What::NotReproduced) && found.contains(&What::NotRecorded),
        "{found:?}"
    );
}

/// The loser's validation is made better, so that it should have been chosen.
#[sqlx::test(migrator = "MIGRATOR")]
async fn an_edited_validation_is_found(pool: PgPool) {
    let sql =
        "update run set result = jsonb_set(result, '{metrics,valid_mse}', '0.001') where trial = 2";
    let found = after(pool, sql).await;
    assert!(
        found.contains(&What::NotReproduced) && found.contains(&What::RunChanged),
        "{found:?}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn edited_settings_of_a_trial_are_found(pool: PgPool) {
    let sql = "update trial set settings = '{\"training.learning_rate\": 0.1}' where number = 4";
    let found = after(pool, sql).await;
    assert!(found.contains(&What::RowChanged), "{found:?}");
}

/// An arm that was compared with other settings than it chose.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_comparison_with_other_settings_is_found(pool: PgPool) {
    let sql = "update run set plan = jsonb_set(plan, '{training,learning_rate}', '0.01') where trial is null and arm = 'fixed'";
    let found = after(pool, sql).await;
    assert!(
        found.contains(&What::NotReproduced) && found.contains(&What::RunChanged),
        "{found:?}"
    );
}

/// A tuning run that is passed off as one that was compared.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_tuning_run_among_the_pairs_is_found(pool: PgPool) {
    let sql = "delete from run_event where run_id in (select id from run where trial is null and arm = 'fixed');
               update run set trial = null where trial = 1";
    let found = after(pool, sql).await;
    assert!(
        found.contains(&What::NotReproduced) && found.contains(&What::RunChanged),
        "{found:?}"
    );
}
