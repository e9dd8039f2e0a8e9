//! What is typed stays in the browser until it is stored: no draft takes another's place, and none comes back once it was sent.

use super::{Board, Scripts, on_a_board};
use crate::driver;
use crate::support::Result;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;
use std::time::{Duration, Instant};

#[sqlx::test(migrator = "MIGRATOR")]
async fn drafts_stay_apart_and_end_with_what_was_sent(pool: PgPool) -> Result {
    on_a_board(pool, Scripts::On, async |board: &Board| {
        board.sign_up("ada").await?;
        for (claim, words) in [(1, "The first."), (2, "The second.")] {
            board.goto(&new(claim)).await?;
            board.fill("prediction", words).await?;
        }
        for (claim, words) in [(1, "The first."), (2, "The second.")] {
            board.goto(&new(claim)).await?;
            board.press("Bring it back").await?;
            holds(board, "#prediction", words).await?;
        }
        beside_an_offer(board).await?;
        went_back(board).await
    })
    .await
}

fn new(claim: u8) -> String {
    format!("/experiments/new?claim={claim}")
}

/// Who types while a draft is on offer loses neither.
async fn beside_an_offer(board: &Board) -> Result {
    board.goto(&new(1)).await?;
    board.see("is kept here").await?;
    board.fill("prediction", "A third.").await?;
    // By way of another page: the same address once more would be this very form, gone on with.
    board.goto("/").await?;
    board.goto(&new(1)).await?;
    board.see("An earlier one of").await?;
    board.press("Bring it back").await?;
    holds(board, "#prediction", "A third.").await?;
    board.goto("/").await?;
    board.goto(&new(1)).await?;
    board.see("An earlier one of").await
}

/// Back at the form of a comment that was posted, the box is empty.
async fn went_back(board: &Board) -> Result {
    board.goto("/claims/1").await?;
    board.comment("It is posted.").await?;
    board.browser.back().await?;
    holds(board, "#body", "").await?;
    assert!(!board.shows("[data-draft-status]").await?);
    board.browser.refresh().await?;
    holds(board, "#body", "").await
}

/// Waits until a field holds just that.
async fn holds(board: &Board, css: &str, text: &str) -> Result {
    let started = Instant::now();
    loop {
        let value = board.find(css).await?.prop("value").await?;
        if value.as_deref() == Some(text) {
            return Ok(());
        }
        if started.elapsed() > driver::PATIENCE {
            return Err(format!("{css} holds {value:?}, not {text:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
