//! A stranger: reads what is claimed, whether it stands and what would break it, and has registered an experiment four clicks
//! after the first page.

use super::{Board, Scripts, on_a_board};
use crate::acts::{PASSWORD, signed_in};
use crate::support::Result;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;
use thirtyfour::prelude::*;

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_visitor_reads_and_is_four_clicks_from_a_registered_experiment(pool: PgPool) -> Result {
    on_a_board(pool, Scripts::On, async |board: &Board| {
        read(board).await?;
        try_it(board).await
    })
    .await
}

async fn read(board: &Board) -> Result {
    board.goto("/").await?;
    let first = "section[aria-labelledby='claims'] .sentence a";
    let sentence = board.text(first).await?;
    board.click(first).await?;
    board.reads("h1", &sentence).await?;
    assert!(board.find(".large-badge").await?.is_displayed().await?);
    board.see("What would falsify it").await?;
    // By its first words, from the head of any page.
    let words: Vec<&str> = sentence.split(' ').take(5).collect();
    let sought = format!("{}{}", words.join(" "), Key::Enter.value());
    board.send("form.find input[name='q']", &sought).await?;
    board.see(&sentence).await?;
    board.arrive("/search?q=").await?;
    board.press(&sentence).await?;
    board.see("What would falsify it").await?;
    // What only members can do is not offered as if a visitor could.
    assert!(board.lacks("form[action$='/comments']").await?);
    board.press("Sign in").await
}

/// Try it, sign up, propose, register.
async fn try_it(board: &Board) -> Result {
    board.goto("/").await?;
    board.press("A verdict in one minute: try it").await?;
    board.arrive("/sign-up?next=").await?;
    board.fill("name", "stella").await?;
    board.fill("password", PASSWORD).await?;
    board.click("main form .primary").await?;
    signed_in(&board.browser, "stella").await?;
    board
        .arrive("/experiments/new?template=fixed-or-fresh")
        .await?;
    let title = board.find("#title").await?;
    assert_ne!(
        title.prop("value").await?.as_deref(),
        Some(""),
        "it is filled in"
    );
    board.press("Propose it").await?;
    board.see("Nothing runs yet").await?;
    board.register().await?;
    board
        .reads("ol.steps [aria-current='step']", "registered")
        .await?;
    board.press("Queue").await?;
    board.see("stella").await
}
