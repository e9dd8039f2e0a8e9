//! An admin: pauses the queue and lets it go on, has lost runs done again, gives an experiment up, takes back a cancel, makes and
//! revokes a token, and disables an account.

use super::{Board, Scripts, on_a_board};
use crate::acts::{PASSWORD, SPEC, enter};
use crate::driver::see;
use crate::support::Result;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::jobs::{self, Ending, FailureKind, Lease, Timing};
use sqlx::PgPool;
use uuid::Uuid;

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_admin_keeps_the_board_running(pool: PgPool) -> Result {
    on_a_board(pool, Scripts::On, async |board: &Board| {
        board.account("rosa", Role::Admin).await?;
        pause(board).await?;
        recover(board).await?;
        cancel(board).await?;
        token(board).await?;
        disable(board).await
    })
    .await
}

/// A worker whose machine is too small for any run.
struct Small<'a> {
    pool: &'a PgPool,
    worker: Uuid,
}

impl Small<'_> {
    async fn take(&self) -> Result<Option<Lease>> {
        Ok(jobs::take(self.pool, self.worker, Timing::default()).await?)
    }

    async fn fail(&self, lease: &Lease) -> Result {
        let ending = Ending::Failed {
            kind: FailureKind::OutOfMemory,
            error: "8 GiB are not enough".into(),
        };
        Ok(jobs::finish(self.pool, lease, ending, Timing::default()).await?)
    }

    async fn fail_all(&self) -> Result {
        while let Some(lease) = self.take().await? {
            self.fail(&lease).await?;
        }
        Ok(())
    }
}

async fn pause(board: &Board) -> Result {
    board.sign_in("rosa").await?;
    board.press("Admin").await?;
    board
        .fill("pause-reason", "The power goes at noon.")
        .await?;
    board.press("Pause the queue").await?;
    board.see("Paused by rosa").await?;
    // Whoever registers is told.
    board.sign_up("ada").await?;
    board.propose("2", SPEC).await?;
    board.register().await?;
    board.see("The power goes at noon.").await?;
    let small = Small {
        pool: &board.pool,
        worker: Uuid::new_v4(),
    };
    jobs::register_worker(&board.pool, small.worker, "small-host", "cpu", "0", 1).await?;
    assert!(
        small.take().await?.is_none(),
        "nothing runs while it is paused"
    );
    board.sign_in("rosa").await?;
    board.goto("/admin/queue").await?;
    board.press("Resume the queue").await?;
    board.see("Pause the queue").await?;
    let lease = small.take().await?.ok_or("a run")?;
    board.goto("/admin/queue").await?;
    board.see("small-host").await?;
    board.press(&lease.run.to_string()).await?;
    board.see("under way").await?;
    small.fail(&lease).await?;
    // The page is told, and says why.
    see(&board.browser, "8 GiB are not enough").await?;
    small.fail_all().await
}

async fn recover(board: &Board) -> Result {
    board.goto("/admin/queue").await?;
    board
        .see("Too many of their runs are missing for a verdict")
        .await?;
    board.see("8 GiB are not enough").await?;
    board.fill("retry-reason-1", "There is more memory").await?;
    board.press("Retry all failed runs").await?;
    board.see("0 of 12 runs ended").await?;
    board.goto("/admin/queue").await?;
    board.see("No experiment waits for a decision.").await?;
    // They meet the same machine.
    let small = Small {
        pool: &board.pool,
        worker: Uuid::new_v4(),
    };
    jobs::register_worker(&board.pool, small.worker, "small-host", "cpu", "0", 1).await?;
    small.fail_all().await?;
    board.goto("/admin/queue").await?;
    board
        .fill("give-up-reason-1", "The machine stays small")
        .await?;
    board.press("Give it up").await?;
    // On the experiment's page it is final, and why.
    board.find("#verdict-word").await?;
    board.see("aborted").await?;
    board.see("The machine stays small").await?;
    board.goto("/admin/queue").await?;
    board.see("No experiment waits for a decision.").await
}

/// A run that was cancelled by mistake is queued again.
async fn cancel(board: &Board) -> Result {
    board
        .propose("2", &SPEC.replace("hidden = 3", "hidden = 4"))
        .await?;
    board.register().await?;
    board.goto("/admin/queue").await?;
    board.open("12 runs", "details[open] li > a").await?;
    let run = board.text("details[open] li > a").await?;
    let reason = "details[open] > form[action$='/cancel'] input";
    board.open("Cancel", reason).await?;
    board.send(reason, "Twice the same").await?;
    board.press("Cancel run").await?;
    board.see("11 runs").await?;
    board.goto(&format!("/runs/{run}")).await?;
    board.see("Cancelled: Twice the same").await?;
    board.press("Retry this run").await?;
    board.fill("retry-reason", "It was another one").await?;
    board.press("Retry run").await?;
    board.see("12 runs").await?;
    board.goto(&format!("/runs/{run}")).await?;
    board.see("Repeated as run").await
}

/// A token works until it is revoked.
async fn token(board: &Board) -> Result {
    board.press("rosa").await?;
    board.fill("label", "backup script").await?;
    board.press("Make token").await?;
    let token = board.text("#fresh-token").await?;
    let ask = || {
        let request = format!(
            "GET /api/v1/inbox HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        board.server.ask(&request)
    };
    let answer = ask()?;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    board.press("Revoke").await?;
    board.see("No tokens in use.").await?;
    let answer = ask()?;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    Ok(())
}

async fn disable(board: &Board) -> Result {
    board.goto("/admin/people").await?;
    board.press("ada").await?;
    board.press("Disable this account").await?;
    board.fill("disable-reason", "It floods the queue").await?;
    board.press("Disable ada").await?;
    board.see("This account was disabled").await?;
    board.leave().await?;
    board.goto("/sign-in").await?;
    enter(&board.browser, "ada", PASSWORD).await?;
    board.see("It floods the queue").await?;
    board.sign_in("rosa").await?;
    board.goto("/people/ada").await?;
    board.press("Enable ada").await?;
    board.sign_in("ada").await
}
