//! Who says something that could be false: puts a work and a claim on the board, accepts a test of it, sees the verdict, and
//! says less.

use super::{Board, Scripts, on_a_board};
use crate::acts::{SPEC, verdict};
use crate::support::Result;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::{ConnectOptions, PgPool};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const TITLE: &str = "A forgetful framework";
const SENTENCE: &str = "Fixed masks of this framework beat fresh ones.";
const NARROWER: &str = "Fixed masks of this framework beat fresh ones in small networks.";

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_author_accepts_a_test_of_a_claim_and_narrows_it(pool: PgPool) -> Result {
    on_a_board(pool, Scripts::On, async |board: &Board| {
        board.account("mona", Role::Moderator).await?;
        let claim = claim(board).await?;
        approve(board, &claim).await?;
        let experiment = attack(board, &claim).await?;
        accept(board, &claim).await?;
        run(board, &experiment).await?;
        narrow(board, &claim).await
    })
    .await
}

/// A newcomer's work and claim, which wait; gives the claim's page.
async fn claim(board: &Board) -> Result<String> {
    board.sign_up("ada").await?;
    board.press("Works").await?;
    board.press("Put a work on the board").await?;
    board.see("Your account is new").await?;
    for (field, text) in [
        ("title", TITLE),
        ("authors", "Ada Lovelace"),
        ("year", "2024"),
        ("arxiv", "2401.00001"),
        ("phenomenon", "Its networks **forget**."),
    ] {
        board.fill(field, text).await?;
    }
    board.press("Put it on the board").await?;
    board.see("Waits for a moderator").await?;
    board.press("State a claim about it").await?;
    let arm = |time: &str| {
        format!("dropout.state.time = \"{time}\"\ndropout.state.rate = {{ least = 0.05 }}")
    };
    for (field, text) in [
        ("sentence", SENTENCE),
        ("said_at", "Section 2"),
        ("treatment", &arm("fixed")),
        ("control", &arm("per_step")),
        ("margin_relative", "0.1"),
    ] {
        board.fill(field, text).await?;
    }
    board.click("input[name='tasks'][value='adding']").await?;
    board.press("Put the claim on the board").await?;
    board.see("Waits for a moderator").await?;
    board.here().await
}

async fn approve(board: &Board, claim: &str) -> Result {
    board.sign_in("mona").await?;
    board.goto("/moderation/board").await?;
    for what in [
        "/moderation/works/a-forgetful-framework",
        &format!("/moderation{claim}"),
    ] {
        let button = format!("form[action='{what}'] button[value='approve']");
        board.click(&button).await?;
        board.see("approved by mona").await?;
    }
    board.see("Nothing waits.").await
}

/// Somebody else proposes a test of it; gives the proposal's page.
async fn attack(board: &Board, claim: &str) -> Result<String> {
    board.sign_up("bela").await?;
    board.goto(claim).await?;
    board.see(SENTENCE).await?;
    let number = claim.trim_start_matches("/claims/");
    board.propose(number, SPEC).await?;
    board.see("has not accepted it as a test").await?;
    board.here().await
}

async fn accept(board: &Board, claim: &str) -> Result {
    board.sign_in("ada").await?;
    board.goto(claim).await?;
    board.see("Waits for your answer").await?;
    board.press("Masks").await?;
    let number = claim.trim_start_matches("/claims/");
    board
        .fill(&format!("answer-words-{number}"), "A fair one.")
        .await?;
    board.press("I accept this as a test of my claim").await?;
    board.see("Accepted as a test").await?;
    board.see("A fair one.").await
}

/// Its proposer registers it; a worker trains what it asks for.
async fn run(board: &Board, experiment: &str) -> Result {
    board.sign_in("bela").await?;
    board.goto(experiment).await?;
    board.register().await?;
    let folder = tempfile::tempdir()?;
    let _worker = Worker::start(&board.pool, folder.path())?;
    verdict(&board.browser).await?;
    board.see("Test accepted").await
}

async fn narrow(board: &Board, claim: &str) -> Result {
    board.sign_in("ada").await?;
    board.goto(claim).await?;
    board.see("1 experiment").await?;
    board.press("Narrow this claim").await?;
    board.fill("sentence", NARROWER).await?;
    board
        .fill("reason", "Larger ones were never looked at.")
        .await?;
    board.fill("hidden_most", "64").await?;
    board.press("Show what becomes of its experiments").await?;
    board.see("What becomes of the 1 experiment").await?;
    board.press("Put the narrower claim on the board").await?;
    board.reads("h1", NARROWER).await?;
    board.see("Larger ones were never looked at.").await?;
    // Each names the other.
    board.press(claim_label(board).await?.as_str()).await?;
    board.see("Narrowed by").await?;
    board.see(NARROWER).await
}

/// What the claim that the shown one narrows is called there.
async fn claim_label(board: &Board) -> Result<String> {
    board.text("#lineage a").await
}

/// A worker that trains the runs of one experiment; ended with the journey.
struct Worker(Child);

impl Worker {
    fn start(pool: &PgPool, folder: &Path) -> Result<Self> {
        let program =
            Path::new(env!("CARGO_BIN_EXE_breakmywork")).with_file_name("breakmywork-worker");
        let url = pool.connect_options().to_url_lossy().to_string();
        let child = Command::new(program)
            .args(["--slots", "2", "--max-runs", "12"])
            .env("DATABASE_URL", url)
            .env("BREAKMYWORK_CHECKPOINT_DIR", folder)
            .env("BREAKMYWORK_DATA_SETS", folder)
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It has ended by itself unless something went wrong.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
