//! Locked discussions, appeals, and the log that everybody reads.

use crate::support::{Site, location};
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

async fn thread(site: &Site, of: &'static str) -> i64 {
    sqlx::query_scalar(of)
        .fetch_one(&site.pool)
        .await
        .expect("a thread")
}

const OF_CLAIM: &str = "select thread_id from claim where label = 'C2'";

#[sqlx::test(migrator = "MIGRATOR")]
async fn to_a_locked_discussion_only_the_machine_posts(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let moderator = site.signed_in("mod-one", Role::Moderator).await;
    let path = ada.registered(&site).await;
    let thread = thread(&site, "select thread_id from experiment where id = 1").await;
    let comments = format!("/threads/{thread}/comments");
    let form = [("body", "before"), ("action", "post")];
    let to = location(&ada.post(&comments, &form).await);
    let (_, id) = to.split_once("#comment-").expect("an anchor");
    let lock = format!("/threads/{thread}/lock");
    ada.post(&lock, &[("reason", "mine")])
        .await
        .assert_status_forbidden();
    let without = moderator.post(&lock, &[("reason", " ")]).await;
    without.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        location(&moderator.post(&lock, &[("reason", "enough said")]).await),
        format!("{path}#thread")
    );
    moderator
        .post(&lock, &[("reason", "twice")])
        .await
        .assert_status(StatusCode::CONFLICT);
    let page = ada.get(&path).await.text();
    assert!(page.contains("<strong>Locked</strong> by mod-one") && page.contains("enough said"));
    assert!(!page.contains(&format!("action=\"{comments}\"")), "no form");
    // What was typed is not lost: a comment, an answer, an edit.
    for (address, words) in [
        (comments.clone(), "one more word"),
        (format!("/comments/{id}/replies"), "an answer"),
        (format!("/comments/{id}/edit"), "another text"),
    ] {
        let form = [("body", words), ("version", "1"), ("action", "post")];
        let refused = ada.post(&address, &form).await;
        refused.assert_status(StatusCode::CONFLICT);
        let refused = refused.text();
        assert!(
            refused.contains(words)
                && refused.contains("mod-one locked this discussion: enough said."),
            "{refused}"
        );
    }
    let by_hand = sqlx::query(
        "insert into comment (thread_id, author_id, body) select $1, min(id), 'x' from account",
    )
    .bind(thread)
    .execute(&site.pool)
    .await;
    assert!(by_hand.is_err_and(|error| error.to_string().contains("locked")));
    // Deleting is everybody's right; the machine posts as ever.
    location(&ada.post(&format!("/comments/{id}/delete"), &[]).await);
    site.train_all().await;
    assert!(
        ada.get(&path)
            .await
            .text()
            .contains("<strong>Result</strong>")
    );
    let open = format!("/threads/{thread}/unlock");
    location(&moderator.post(&open, &[("reason", "news")]).await);
    moderator
        .post(&open, &[("reason", "twice")])
        .await
        .assert_status(StatusCode::CONFLICT);
    location(&ada.post(&comments, &form).await);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_was_hidden_appeals_once_and_is_answered(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let moderator = site.signed_in("mod-one", Role::Moderator).await;
    let comments = format!("/threads/{}/comments", thread(&site, OF_CLAIM).await);
    let form = [("body", "zanzibar *is* meant"), ("action", "post")];
    let to = location(&ada.post(&comments, &form).await);
    let (page, id) = to.split_once("#comment-").expect("an anchor");
    let [hide, unhide, appeal, decline] =
        ["hide", "unhide", "appeal", "appeal/decline"].map(|act| format!("/comments/{id}/{act}"));
    ada.post(&appeal, &[("words", "why?")])
        .await
        .assert_status(StatusCode::CONFLICT);
    location(&moderator.post(&hide, &[("reason", "off topic")]).await);
    // Its author reads what was hidden and may appeal; nobody else.
    let own = ada.get(page).await.text();
    assert!(
        own.contains("zanzibar <em>is</em> meant") && own.contains(&format!("action=\"{appeal}\""))
    );
    let other = eve.get(page).await.text();
    assert!(!other.contains("zanzibar") && !other.contains(&appeal));
    eve.post(&appeal, &[("words", "let her")])
        .await
        .assert_status_forbidden();
    ada.post(&appeal, &[("words", "")])
        .await
        .assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    location(
        &ada.post(&appeal, &[("words", "It is the point of C2")])
            .await,
    );
    ada.post(&appeal, &[("words", "again")])
        .await
        .assert_status(StatusCode::CONFLICT);
    let log = site.browser().get("/moderation").await.text();
    assert!(log.contains("Appeals that wait") && log.contains("It is the point of C2"));
    ada.post(&decline, &[("reason", "me?")])
        .await
        .assert_status_forbidden();
    location(&moderator.post(&decline, &[("reason", "it is not")]).await);
    moderator
        .post(&decline, &[("reason", "twice")])
        .await
        .assert_status(StatusCode::CONFLICT);
    let told = site.browser().get(page).await.text();
    assert!(
        told.contains("ada appeals: It is the point of C2")
            && told.contains("It stays hidden: it is not")
    );
    assert!(!told.contains("zanzibar"));
    location(&moderator.post(&unhide, &[("reason", "I was wrong")]).await);
    assert!(eve.get(page).await.text().contains("zanzibar"));
    // Hidden again, it may be appealed against again.
    location(
        &moderator
            .post(&hide, &[("reason", "off topic after all")])
            .await,
    );
    location(&ada.post(&appeal, &[("words", "no")]).await);
    let log = site.browser().get("/moderation").await;
    assert!(log.text().len() < 100_000);
    let log = log.text();
    for line in [
        "hidden by mod-one: off topic<",
        "appealed by ada: It is the point of C2<",
        "appeal declined by mod-one: it is not<",
        "shown by mod-one: I was wrong<",
    ] {
        assert!(log.contains(line), "{line} is not in {log}");
    }
    // A part at a time.
    let older = site.browser().get("/moderation?before=1").await.text();
    assert!(older.contains("Nothing was moderated before that"));
}
