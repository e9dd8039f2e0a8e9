//! What a visitor gets again is what would be drawn, whatever is written is seen at once, and nobody gets another's page;
//! where a board says so and people write all the time, visitors see it a little later.

use crate::{
    board::{WORK, add},
    following::comment,
    support::{Browser, Site, alone, rows_read},
};
use axum::{
    http::{StatusCode, header},
    response::IntoResponse,
};
use breakmywork::{
    auth::{account::Role, token::Scope},
    config::Settings,
    state::AppState,
    unchanged::{Asked, Unchanged},
};
use breakmywork_protocol::{db::MIGRATOR, id::AccountId};
use futures_util::future::join_all;
use sqlx::{Connection, PgPool};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// Where a comment on the claim of C2 is read.
async fn shown_at(site: &Site) -> [String; 6] {
    let claim = site.claim("C2").await;
    let thread: i64 = sqlx::query_scalar("select thread_id from claim where id = $1")
        .bind(claim)
        .fetch_one(&site.pool)
        .await
        .expect("a thread");
    [
        format!("/claims/{claim}"),
        format!("/claims/{claim}?sort=newest"),
        format!("/claims/{claim}/feed.atom"),
        format!("/api/v1/threads/{thread}/comments"),
        "/search?q=zanzibar".to_owned(),
        "/api/v1/search?q=zanzibar".to_owned(),
    ]
}

async fn says(browser: &Browser, address: &str, words: &str) -> bool {
    let answer = browser.get(address).await;
    answer.assert_status_ok();
    // The text box of a search says what was asked for.
    answer.text().contains(words)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_did_not_change_is_not_read_again(pool: PgPool) {
    let site = Site::new(pool).await;
    let one = alone(&site.pool).await;
    let state = AppState::new(one.clone(), Settings::default(), CancellationToken::new());
    let site = Site {
        state,
        pool: site.pool,
    };
    let visitor = site.browser();
    let claim = format!("/claims/{}", site.claim("C2").await);
    for address in [
        claim.clone(),
        "/".to_owned(),
        "/works".to_owned(),
        format!("/api/v1{claim}"),
        format!("{claim}/badge.svg"),
    ] {
        drawn_once(&visitor, &one, &address, "claim").await;
    }
    // Of experiments a script learns what everybody does, so it gets what they got.
    let bob = site.signed_in("bob", Role::Member).await;
    bob.registered(&site).await;
    let ada = site.account("ada", Role::Member).await;
    let token = site.token(ada, &[Scope::Read]).await;
    let list = "/api/v1/experiments";
    drawn_once(&site.browser().bearing(&token), &one, list, "experiment").await;
    let limited = site.browser().bearing(&token).get(list).await;
    assert_eq!(limited.text(), visitor.get(list).await.text());
    let left = limited.header("ratelimit");
    assert!(left.to_str().expect("plain").starts_with("\"account\""));
    // What it may not read it does not get, however many got it.
    let unread = site.token(ada, &[Scope::Discuss]).await;
    let refused = site.browser().bearing(&unread).get(list).await;
    refused.assert_status_forbidden();
    let wrong = site.browser().bearing("bmw_wrong").get(list).await;
    wrong.assert_status_unauthorized();
}

/// Asks until nothing is read of that table, which at first there is.
async fn drawn_once(browser: &Browser, pool: &PgPool, address: &str, table: &str) {
    // Other tests write to their databases beside this one, so now and then something is new.
    let mut read = Vec::new();
    for _ in 0..200 {
        let before = rows_read(pool, table).await;
        browser.get(address).await.assert_status_ok();
        read.push(rows_read(pool, table).await - before);
        if read.len() > 1 && read.last() == Some(&0) {
            break;
        }
    }
    assert!(read[0] > 0, "{address}: it is drawn first");
    assert_eq!(read.last(), Some(&0), "{address}: {read:?}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn whoever_asks_while_it_is_drawn_gets_the_same(pool: PgPool) {
    // Whoever learns nothing from the database draws alone, so there is a connection before anybody asks.
    let mut first = pool.acquire().await.expect("a connection");
    first.ping().await.expect("an answer");
    drop(first);
    let answers = Unchanged::default();
    let drawn = AtomicUsize::new(0);
    let ask = async |status: StatusCode| {
        let asked = Asked {
            address: status.to_string(),
            gzip: false,
        };
        let draw = async {
            drawn.fetch_add(1, Ordering::Relaxed);
            // Long enough for the last of them to have asked, on a busy machine too.
            tokio::time::sleep(Duration::from_secs(1)).await;
            (status, "a page").into_response()
        };
        answers.answer(&pool, None, asked, true, draw).await
    };
    let all = join_all((0..50).map(|_| ask(StatusCode::OK))).await;
    assert_eq!(drawn.load(Ordering::Relaxed), 1, "they asked before that");
    assert!(
        all.iter()
            .all(|answer| answer.headers().contains_key(header::ETAG))
    );
    join_all((0..3).map(|_| ask(StatusCode::NOT_FOUND))).await;
    assert_eq!(drawn.load(Ordering::Relaxed), 4, "no refusal is kept");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_change_is_seen_at_once_and_what_is_hidden_is_gone_at_once(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let moderator = site.signed_in("mia", Role::Moderator).await;
    let claim = format!("/claims/{}", site.claim("C2").await);
    let visitor = site.browser();
    let addresses = shown_at(&site).await;
    let everywhere = async |words: &str, there: bool| {
        for address in &addresses {
            for _ in 0..2 {
                assert_eq!(says(&visitor, address, words).await, there, "{address}");
            }
        }
    };
    for round in 0..3 {
        let words = format!("Round{round}");
        everywhere(&words, false).await;
        comment(&ada, &site, &claim, &format!("{words} of zanzibar.")).await;
        everywhere(&words, true).await;
        let post: i64 = sqlx::query_scalar("select max(id) from comment")
            .fetch_one(&site.pool)
            .await
            .expect("a comment");
        moderator
            .post(&format!("/comments/{post}/hide"), &[("reason", "rude")])
            .await
            .assert_status_see_other();
        everywhere(&words, false).await;
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn where_people_write_all_the_time_visitors_are_late_and_nobody_else_is(pool: PgPool) {
    let mut site = Site::new(pool).await;
    site.state.unchanged = Unchanged::late(Duration::from_secs(600));
    let ada = site.signed_in("ada", Role::Member).await;
    let bob = site.account("bob", Role::Member).await;
    let token = site.token(bob, &[Scope::Read]).await;
    let script = site.browser().bearing(&token);
    let visitor = site.browser();
    let (page, rest) = ("/works", "/api/v1/works");
    // Drawn for the first time, and again, and then it is known to change all the time.
    for (title, late) in [
        ("One", false),
        ("Two", false),
        ("Three", true),
        ("Four", true),
    ] {
        sqlx::query("update work set title = $1 where slug = 'recurrent-dropout'")
            .bind(title)
            .execute(&site.pool)
            .await
            .expect("updates");
        for address in [page, rest] {
            assert_eq!(says(&visitor, address, title).await, !late, "{address}");
        }
        assert!(says(&ada, page, title).await, "{title}: a member's page");
        assert!(says(&script, rest, title).await, "{title}: a script");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_not_committed_is_not_seen_and_then_is(pool: PgPool) {
    let site = Site::new(pool).await;
    let visitor = site.browser();
    let work = "/works/recurrent-dropout";
    for (title, committed) in [("Undone", false), ("Done", true)] {
        let mut tx = site.pool.begin().await.expect("begins");
        assert!(!says(&visitor, work, title).await);
        sqlx::query("update work set title = $1 where slug = 'recurrent-dropout'")
            .bind(title)
            .execute(&mut *tx)
            .await
            .expect("updates");
        // Drawn while the other is under way, and held.
        for _ in 0..2 {
            assert!(!says(&visitor, work, title).await);
        }
        if committed {
            tx.commit().await.expect("commits");
        } else {
            tx.rollback().await.expect("rolls back");
        }
        for _ in 0..2 {
            assert_eq!(says(&visitor, work, title).await, committed);
        }
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nobody_gets_the_page_of_another(pool: PgPool) {
    let site = Site::new(pool).await;
    let visitor = site.browser();
    let ada = site.signed_in("ada", Role::Member).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let claim = format!("/claims/{}", site.claim("C2").await);
    for address in ["/", "/works", &claim, "/queue", "/search?q=mask"] {
        for _ in 0..2 {
            assert!(says(&ada, address, "data-person=\"ada\"").await);
            assert!(says(&visitor, address, "href=\"/sign-in\"").await);
            assert!(!says(&visitor, address, "data-person").await);
            assert!(says(&eve, address, "data-person=\"eve\"").await);
        }
    }
    let signed_in = ada.get(&claim).await;
    assert!(signed_in.maybe_header("etag").is_none());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_token_shows_is_not_shown_without_it(pool: PgPool) {
    let site = Site::new(pool).await;
    let new = site.signed_in("newcomer", Role::Member).await;
    let moderator = site.signed_in("mia", Role::Moderator).await;
    let id: i64 = sqlx::query_scalar("select id from account where name = 'newcomer'")
        .fetch_one(&site.pool)
        .await
        .expect("an account");
    let token = site.token(AccountId(id), &[Scope::Read]).await;
    let script = site.browser().bearing(&token);
    let visitor = site.browser();
    let page = add(&new, "/works/new", &WORK).await;
    let rest = format!("/api/v1{page}");
    for _ in 0..2 {
        new.get(&page).await.assert_status_ok();
        script.get(&rest).await.assert_status_ok();
        for address in [&page, &rest] {
            visitor.get(address).await.assert_status_not_found();
        }
    }
    let decision = [("decision", "approve")];
    let slug = page.rsplit('/').next().expect("a slug");
    let decide = format!("/moderation/works/{slug}");
    let decided = moderator.post(&decide, &decision).await;
    decided.assert_status_see_other();
    for address in [&page, &rest] {
        visitor.get(address).await.assert_status_ok();
    }
    let wrong = site.browser().bearing("bmw_wrong");
    wrong.get(&rest).await.assert_status_unauthorized();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn whoever_has_it_gets_it_again_only_once_it_changed_and_as_they_can_read_it(pool: PgPool) {
    let site = Site::new(pool).await;
    let visitor = site.browser();
    let page = "/works";
    let version = |answer: &axum_test::TestResponse| {
        let version = answer.header("etag");
        version.to_str().expect("plain").to_owned()
    };
    let plain = visitor.get(page).await;
    let packed = visitor.get_packed(page).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.as_bytes().len() < plain.as_bytes().len() / 2);
    let again = visitor.get(page).await;
    assert!(again.maybe_header("content-encoding").is_none());
    assert_eq!(again.text(), plain.text());

    let known = visitor.get_knowing(page, &version(&plain)).await;
    known.assert_status(StatusCode::NOT_MODIFIED);
    assert!(known.as_bytes().is_empty());
    assert_eq!(version(&known), version(&plain));
    assert_eq!(known.header("cache-control"), plain.header("cache-control"));
    assert!(known.maybe_header("content-security-policy").is_some());
    sqlx::query("update work set title = 'Another' where slug = 'recurrent-dropout'")
        .execute(&site.pool)
        .await
        .expect("updates");
    let changed = visitor.get_knowing(page, &version(&plain)).await;
    changed.assert_status_ok();
    assert!(changed.text().contains("Another"));
}
