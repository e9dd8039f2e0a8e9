//! A moderator: decides about what newcomers put on the board, hides a comment, locks a discussion and answers an appeal, each
//! with a reason that everybody reads.

use super::{Board, Scripts, on_a_board};
use crate::support::Result;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_moderator_gives_reasons_for_everything(pool: PgPool) -> Result {
    on_a_board(pool, Scripts::On, async |board: &Board| {
        board.account("mona", Role::Moderator).await?;
        advertise(board).await?;
        moderate(board).await?;
        appeal(board).await?;
        answer(board).await?;
        everybody_reads_it(board).await
    })
    .await
}

/// A newcomer, who brings more than arguments.
async fn advertise(board: &Board) -> Result {
    board.sign_up("ada").await?;
    board.goto("/works/new").await?;
    for (field, text) in [
        ("title", "Masks at half price"),
        ("authors", "A Shop"),
        ("year", "2024"),
        ("url", "https://shop.example/masks"),
        ("phenomenon", "They are cheap."),
    ] {
        board.fill(field, text).await?;
    }
    board.press("Put it on the board").await?;
    board.see("Waits for a moderator").await?;
    board.goto("/claims/2").await?;
    board.comment("Buy **my** masks").await?;
    board.see("Buy my masks").await
}

async fn moderate(board: &Board) -> Result {
    board.sign_in("mona").await?;
    board.goto("/moderation").await?;
    board.press("Works and claims of newcomers").await?;
    board.see("Masks at half price").await?;
    // A refusal needs a reason.
    board.press("Decline").await?;
    board.see("reason").await?;
    board.goto("/moderation/board").await?;
    board
        .send("form.decide input[name='reason']", "An advertisement")
        .await?;
    board.press("Decline").await?;
    board.see("declined by mona: An advertisement").await?;

    board.goto("/claims/2").await?;
    board.press("Moderate").await?;
    board
        .send("form[action$='/hide'] input", "No argument")
        .await?;
    board.press("Hide this comment").await?;
    board.see("Hidden by mona: No argument").await?;
    board.press("Lock this discussion").await?;
    board.fill("lock-reason", "It went nowhere").await?;
    board.press("Lock it").await?;
    board.see("It went nowhere").await?;
    assert!(board.lacks("form[action$='/comments']").await?);
    Ok(())
}

async fn appeal(board: &Board) -> Result {
    board.sign_in("ada").await?;
    board.goto("/works").await?;
    assert!(board.lacks("a[href='/works/masks-at-half-price']").await?);
    board.goto("/claims/2").await?;
    board.see("Hidden by mona: No argument").await?;
    assert!(
        board.lacks("form[action$='/comments']").await?,
        "it is locked"
    );
    board.press("Show what was hidden").await?;
    board.see("Buy my masks").await?;
    board
        .send("form[action$='/appeal'] input", "They fit every network")
        .await?;
    board.press("Appeal").await?;
    board.see("ada appeals: They fit every network").await
}

async fn answer(board: &Board) -> Result {
    board.sign_in("mona").await?;
    board.goto("/moderation").await?;
    board.see("Appeals that wait for an answer").await?;
    board.press("Comment ").await?;
    board.press("Show what was hidden").await?;
    board
        .send("form[action$='/unhide'] input", "It is a claim, after all")
        .await?;
    board.press("Show it to everybody again").await?;
    board.see("Buy my masks").await?;
    board.press("Open this discussion again").await?;
    board.fill("lock-reason", "There is more to say").await?;
    board.press("Open it").await?;
    board.see("Your comment").await
}

async fn everybody_reads_it(board: &Board) -> Result {
    board.leave().await?;
    board.goto("/claims/2").await?;
    board.see("Buy my masks").await?;
    board.goto("/moderation").await?;
    for reason in [
        "No argument",
        "It went nowhere",
        "They fit every network",
        "It is a claim, after all",
        "There is more to say",
    ] {
        board.see(reason).await?;
    }
    board.press("Works and claims of newcomers").await?;
    board.see("An advertisement").await?;
    assert!(board.lacks("form.decide").await?);
    Ok(())
}
