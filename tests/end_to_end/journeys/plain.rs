//! Reading and posting where no script runs.

use super::{Board, Scripts, on_a_board};
use crate::support::Result;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;
use thirtyfour::prelude::*;

#[sqlx::test(migrator = "MIGRATOR")]
async fn everything_is_read_and_posted_without_scripts(pool: PgPool) -> Result {
    on_a_board(pool, Scripts::Off, async |board: &Board| {
        // By its own account: with scripts the button to switch the theme is shown.
        board.goto("/").await?;
        let toggle = board.find("[data-theme-toggle]").await?;
        assert!(!toggle.is_displayed().await?, "scripts are off");
        board.sign_up("ada").await?;
        talk(board).await?;
        follow(board).await?;
        propose(board).await?;
        look_around(board).await
    })
    .await
}

/// Preview, post, answer, edit.
async fn talk(board: &Board) -> Result {
    board.goto("/claims/2").await?;
    board.fill("body", "I doubt **that**: $x^2$").await?;
    board.press("Preview").await?;
    // Formulas are set by the server.
    board.find("section.post math").await?;
    board.press("Post comment").await?;
    board.see("I doubt that").await?;
    board.press("Reply to comment").await?;
    board.fill("body", "Here is why.").await?;
    board.press("Post").await?;
    board.see("replies to ada").await?;
    board.press("Edit comment").await?;
    board.fill("body", "I doubt that very much.").await?;
    board.press("Save").await?;
    board.see("I doubt that very much.").await?;
    board.press("edited").await?;
    board.see("I doubt **that**: $x^2$").await
}

async fn follow(board: &Board) -> Result {
    board.goto("/works/recurrent-dropout").await?;
    board.press("Follow this work").await?;
    board.see("You follow it").await?;
    board.goto("/inbox/following").await?;
    let list = board.text("ol.inbox").await?;
    assert!(list.contains("Theoretically Grounded"), "{list}");
    // Whoever comments follows, too.
    assert_eq!(
        board
            .browser
            .find_all(By::Css("ol.inbox > li"))
            .await?
            .len(),
        2
    );
    Ok(())
}

/// From a template, by its fields, with a mistake on the way; the second with another network.
async fn propose(board: &Board) -> Result {
    for hidden in ["4", "5"] {
        board
            .goto("/experiments/new?template=fixed-or-fresh")
            .await?;
        board.fill("model-hidden", "0").await?;
        board.press("Propose it").await?;
        board.see("must be").await?;
        board.fill("model-hidden", hidden).await?;
        board.press("Propose it").await?;
        board.see("Nothing runs yet").await?;
        board.press("Register and queue").await?;
        board.see("Runs, live").await?;
        assert!(!board.lacks("ol.steps [aria-current='step']").await?);
    }
    board.press("Queue").await?;
    board.see("ada").await
}

/// Search and compare.
async fn look_around(board: &Board) -> Result {
    let sought = format!("doubt{}", Key::Enter.value());
    board.send("form.find input[name='q']", &sought).await?;
    board.see("doubt that very much").await?;
    board.press("Experiments").await?;
    for tick in board.browser.find_all(By::Css(".tick input")).await? {
        tick.click().await?;
    }
    board.press("Compare what is ticked").await?;
    board.arrive("/compare?experiments=2,1").await?;
    let differs = board.text("table.compared").await?;
    assert!(differs.contains("model.hidden"), "{differs}");
    Ok(())
}
