//! Works and claims of members: what moderators decide and what is edited is on record, and stays as it was recorded.

use crate::board::Board;
use breakmywork::auth::account::Role;
use breakmywork::board::{self, Decision, Item, NewClaim, NewWork, Writer};
use breakmywork::db::{claims, works};
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::record::verify::{Finding, What};
use sqlx::PgPool;

fn claim(sentence: &str) -> board::CheckedClaim {
    let stated = NewClaim {
        sentence: sentence.into(),
        said_at: "Section 1".into(),
        ..NewClaim::default()
    };
    board::check_claim(stated, true).expect("a claim")
}

fn work(title: &str) -> board::CheckedWork {
    board::check_work(&NewWork {
        title: title.into(),
        authors: vec!["Ada".into()],
        year: "2020".into(),
        arxiv: "2001.00001".into(),
        phenomenon: "It is so.".into(),
        ..NewWork::default()
    })
    .expect("a work")
}

/// A board with a newcomer's work and claims: approved and then edited, declined, and waiting.
async fn moderated(pool: PgPool) -> Board {
    let board = Board::new(pool).await;
    let new = Writer {
        id: board.account("newcomer").await,
        role: Role::Member,
    };
    let mo = Writer {
        id: board.account("moderator").await,
        role: Role::Moderator,
    };
    let mut tx = board.pool.begin().await.expect("a transaction");
    let slug = board::add_work(&mut tx, new, &work("A work"))
        .await
        .expect("adds");
    let mut made = Vec::new();
    for sentence in ["It holds.", "It is nonsense.", "It waits."] {
        let id = board::add_claim(&mut tx, new, &slug, &claim(sentence)).await;
        made.push(id.expect("states"));
    }
    let waiting = claims::seen(&mut *tx, made[0], new.reader())
        .await
        .expect("reads")
        .expect("a claim");
    board::edit_claim(&mut tx, new, &waiting, 0, &claim("It holds here."))
        .await
        .expect("edits");
    let stored = works::seen(&mut *tx, &slug, new.reader())
        .await
        .expect("reads")
        .expect("a work");
    for (item, decision) in [
        (Item::Work(stored.id), Decision::Approve),
        (Item::Claim(made[0]), Decision::Approve),
        (Item::Claim(made[1]), Decision::Decline),
    ] {
        board::decide(&mut tx, item, mo, decision, "Looked at.")
            .await
            .expect("decides");
    }
    tx.commit().await.expect("commits");
    let mut tx = board.pool.begin().await.expect("a transaction");
    for sentence in ["It holds there.", "It holds there, often."] {
        let shown = claims::find(&mut *tx, made[0])
            .await
            .expect("reads")
            .expect("a claim");
        board::edit_claim(&mut tx, new, &shown, shown.version, &claim(sentence))
            .await
            .expect("edits");
    }
    let shown = works::find(&mut *tx, &slug)
        .await
        .expect("reads")
        .expect("a work");
    board::edit_work(&mut tx, mo, &shown, 0, &work("The work"))
        .await
        .expect("edits");
    tx.commit().await.expect("commits");
    board
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn decisions_and_edits_agree_with_what_is_recorded(pool: PgPool) {
    let board = moderated(pool).await;
    board.green(&[]).await;
    let recorded = sqlx::query_scalar!(
        r#"select r.body::jsonb ->> 'sentence' as "sentence!" from record_entry r
           where r.kind = 'claim' order by seq desc limit 1"#
    )
    .fetch_one(&board.pool)
    .await;
    // As it came onto the board: what was edited before is not on record, what was edited since has entries of its own.
    assert_eq!(recorded.expect("an entry"), "It holds here.");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_changed_past_the_program_is_found(pool: PgPool) {
    let board = moderated(pool).await;
    for (sql, place) in [
        (
            "update claim set evidence = 'They all agree.' where sentence = 'It holds there, often.'",
            "claim",
        ),
        (
            "update work set title = 'Their work' where title = 'The work'",
            "work",
        ),
        (
            "update claim set moderation = 'shown' where sentence = 'It waits.'",
            "claim",
        ),
        (
            "update claim set moderation = 'shown' where sentence = 'It is nonsense.'",
            "claim",
        ),
        (
            "update claim set moderation = 'declined', moderation_reason = 'x' where sentence = 'It holds there, often.'",
            "claim",
        ),
        (
            "update board_edit set after = after || '{\"sentence\": \"x\"}' where id = 2",
            "claim",
        ),
        (
            "update board_edit set account_id = (select id from account where name = 'moderator') where id = 3",
            "claim",
        ),
        ("delete from board_edit where id = 4", "work"),
    ] {
        let told = |found: Vec<Finding>| -> Vec<(What, String)> {
            found.iter().map(|it| (it.what, it.to_string())).collect()
        };
        let before = told(board.verify(&[]).await.1);
        board.as_owner(sql).await;
        let found = told(board.verify(&[]).await.1);
        let fresh = |it: &&(What, String)| {
            matches!(it.0, What::NotRecorded | What::RowChanged)
                && it.1.contains(place)
                && !before.contains(it)
        };
        assert!(found.iter().any(|it| fresh(&it)), "{sql}: {found:?}");
    }
}
