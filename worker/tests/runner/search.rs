//! The ready search, on tiny networks: a real worker takes it through its stages to what it found.

use crate::board::{self, register_on};
use crate::{Worker, text, until};
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

/// What the ready search's claim covers, as far as it matters here.
const COVERS: &str = r#"{ "length": { "least": 50 }, "margin": { "relative": 0.1 }, "arms": {
    "treatment": { "dropout.state.rate": { "least": 0.05, "most": 0.7 }, "dropout.state.time": "fixed" },
    "control": { "dropout.state.rate": { "least": 0.05, "most": 0.7 }, "dropout.state.time": "per_step" } } }"#;

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_ready_search_is_taken_to_its_end(pool: PgPool) {
    let mut tiny = include_str!("../../../examples/specs/where-it-fails.toml").to_owned();
    for (whole, small) in [
        ("seeds = 4 ", "seeds = 2 "),
        ("budget = 120 ", "budget = 28 "),
        ("hidden = 16", "hidden = 4"),
        ("values = [8, 16, 32]", "values = [2, 4, 6]"),
        ("steps = 500", "steps = 20"),
        ("every = 100", "every = 20"),
        ("sequences = 500", "sequences = 200"),
        ("batch = 32", "batch = 4"),
    ] {
        assert!(tiny.contains(whole), "{whole}");
        tiny = tiny.replace(whole, small);
    }
    register_on(&pool, &tiny, COVERS).await;
    let url = board::url(&pool).await;
    let store = tempfile::tempdir().expect("a folder");
    let mut worker = Worker::start(&url, store.path(), &["--idle-exit", "1", "--slots", "2"]);
    assert_eq!(worker.wait().code(), Some(0));
    until(
        &pool,
        "select count(*) from experiment where state = 'concluded'",
        1,
    )
    .await;
    until(
        &pool,
        "select count(*) from search_result where (course ->> 'over')::boolean",
        1,
    )
    .await;
    until(
        &pool,
        "select count(*) from comment where kind = 'result'",
        1,
    )
    .await;
    let runs = text(
        &pool,
        "select count(*)::text from run where state = 'succeeded' and trial is not null",
    )
    .await;
    let runs: u32 = runs.parse().expect("a number");
    // Four points with one pair; with a second those that say something, which of so few steps may be none.
    assert!((8..=28).contains(&runs), "{runs}");
    assert_eq!(text(&pool, "select count(*)::text from verdict").await, "0");
}
