//! Answers, edits, deleted comments, and the ways to show a discussion.

use crate::support::{Browser, Site, fields, location};
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

async fn thread(site: &Site) -> i64 {
    sqlx::query_scalar!("select thread_id from claim where label = 'C2'")
        .fetch_one(&site.pool)
        .await
        .expect("seeded")
}

async fn post(browser: &Browser, address: &str, body: &str) -> i64 {
    let form = [("body", body), ("action", "post")];
    let to = location(&browser.post(address, &form).await);
    let (_, id) = to.split_once("#comment-").expect("an anchor");
    id.parse().expect("a number")
}

/// The numbers and depths of the posts on a page, in their order.
fn shown(page: &str) -> Vec<(i64, u8)> {
    let posts = page.split("<li class=\"post depth-").skip(1);
    posts
        .map(|post| {
            let id = post.split("id=\"comment-").nth(1).expect("an id");
            let id = id.split('"').next().expect("an end").parse();
            (id.expect("a number"), post.as_bytes()[0] - b'0')
        })
        .collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn answers_stand_below_what_they_answer_in_two_levels(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let comments = format!("/threads/{}/comments", thread(&site).await);
    let first = post(&ada, &comments, "What of *zoneout*?").await;
    let second = post(&ada, &comments, "Another matter").await;
    let answer = post(&eve, &format!("/comments/{first}/replies"), "Tried it").await;
    let third = post(&ada, &format!("/comments/{first}/replies"), "Me too").await;
    let deeper = post(&ada, &format!("/comments/{answer}/replies"), "And?").await;
    let flat = post(
        &eve,
        &format!("/comments/{deeper}/replies"),
        "No difference",
    )
    .await;
    let claim = format!("/claims/{}", site.claim("C2").await);
    let page = ada.get(&claim).await.text();
    let order = [
        (first, 0),
        (answer, 1),
        (deeper, 2),
        (flat, 2),
        (third, 1),
        (second, 0),
    ];
    assert_eq!(shown(&page), order);
    assert!(page.contains("replies to ada</a>") && page.contains("replies to eve</a>"));
    // The newest first, all in one line.
    let newest = ada.get(&format!("{claim}?sort=newest")).await.text();
    let ids: Vec<i64> = shown(&newest).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [flat, deeper, third, answer, second, first]);
    // From any post on, and up to it.
    let after = ada.get(&format!("{claim}?after={answer}")).await.text();
    assert_eq!(shown(&after), order[2..]);
    assert!(after.contains(&format!("href=\"?before={deeper}#thread\"")));
    let before = ada.get(&format!("{claim}?before={flat}")).await.text();
    assert_eq!(shown(&before), order[..3]);
    let older = ada
        .get(&format!("{claim}?sort=newest&after={answer}"))
        .await
        .text();
    assert_eq!(shown(&older), [(second, 0), (first, 0)]);
    assert!(
        older.contains(&format!("?before={second}&#38;sort=newest")),
        "{older}"
    );
    // Nobody answers across threads.
    let body = format!(
        "insert into comment (thread_id, author_id, body, reply_to) select thread_id, (select min(id) from account), 'x', {first} from claim where label = 'C3'"
    );
    let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(body))
        .execute(&site.pool)
        .await;
    assert!(refused.is_err_and(|error| error.to_string().contains("another thread")));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_answer_is_written_without_scripts_and_loses_nothing(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let comments = format!("/threads/{}/comments", thread(&site).await);
    let first = post(&ada, &comments, "One line\n\nand **another**").await;
    let form = ada
        .get(&format!("/comments/{first}/reply?quote=1"))
        .await
        .text();
    let typed = fields(form.split_once("data-draft").expect("a form").1);
    let body = &typed
        .iter()
        .find(|(name, _)| name == "body")
        .expect("a text")
        .1;
    assert_eq!(
        body,
        &format!("@ada [wrote](/comments/{first}):\n\n> One line\n> \n> and **another**\n\n")
    );
    assert!(
        form.contains("and <strong>another</strong>"),
        "what is answered is shown"
    );
    let replies = format!("/comments/{first}/replies");
    let preview = ada
        .post(&replies, &[("body", "So *it* is"), ("action", "preview")])
        .await
        .text();
    assert!(preview.contains("So <em>it</em> is") && preview.contains(">\nSo *it* is</textarea>"));
    assert!(preview.contains(&format!("action=\"{replies}\"")));
    let refused = ada
        .post(
            &replies,
            &[("body", &"x".repeat(20_001)), ("action", "post")],
        )
        .await;
    refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains(&"x".repeat(20_001)));
    // Sent twice, it is one answer; the same words elsewhere are another comment.
    let answer = post(&ada, &replies, "So it is").await;
    assert_eq!(post(&ada, &replies, "So it is").await, answer);
    assert_ne!(post(&ada, &comments, "So it is").await, answer);
    // Nobody is signed in any more: what was typed is kept.
    let answer = site
        .browser()
        .post(&replies, &[("body", "kept"), ("action", "post")])
        .await;
    answer.assert_status(StatusCode::UNAUTHORIZED);
    assert!(answer.text().contains("name=\"kept.body\" value=\"kept\""));
    site.browser()
        .get(&format!("/comments/{first}/reply"))
        .await
        .assert_status_see_other();
    ada.get("/comments/999/reply")
        .await
        .assert_status_not_found();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_comment_is_edited_by_its_author_with_a_history_for_all(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let comments = format!("/threads/{}/comments", thread(&site).await);
    let id = post(&ada, &comments, "Fixed masks are worse").await;
    let edit = format!("/comments/{id}/edit");
    let form = ada.get(&edit).await.text();
    assert!(
        form.contains("name=\"version\" value=\"1\"") && form.contains("Fixed masks are worse")
    );
    let with = |body: &'static str, version: &'static str| {
        [("body", body), ("version", version), ("action", "post")]
    };
    location(
        &ada.post(&edit, &with("Fixed masks are **better**", "1"))
            .await,
    );
    // Sent twice, it is one edit.
    location(
        &ada.post(&edit, &with("Fixed masks are **better**", "1"))
            .await,
    );
    let claim = format!("/claims/{}", site.claim("C2").await);
    let page = site.browser().get(&claim).await.text();
    assert!(
        page.contains("<strong>better</strong>")
            && page.contains(&format!("/comments/{id}/history\">edited"))
    );
    let history = site
        .browser()
        .get(&format!("/comments/{id}/history"))
        .await
        .text();
    assert!(
        history.contains("<del>worse</del><ins>**better**</ins>"),
        "{history}"
    );
    assert!(history.contains("Version 2") && !history.contains("Version 3"));
    let first = site
        .browser()
        .get(&format!("/comments/{id}/history?version=1"))
        .await
        .text();
    assert!(first.contains("Fixed masks are worse") && !first.contains("<del>"));
    // In another window an older version was open: what differs is shown, and what was typed is there.
    let stale = ada.post(&edit, &with("Fixed masks are equal", "1")).await;
    stale.assert_status(StatusCode::CONFLICT);
    let stale = stale.text();
    assert!(
        stale.contains("<del>**better**</del><ins>equal</ins>"),
        "{stale}"
    );
    assert!(
        stale.contains("name=\"version\" value=\"2\"")
            && stale.contains(">\nFixed masks are equal</textarea>")
    );
    location(&ada.post(&edit, &with("Fixed masks are equal", "2")).await);
    // Nobody else.
    eve.get(&edit).await.assert_status_forbidden();
    eve.post(&edit, &with("I am ada", "3"))
        .await
        .assert_status_forbidden();
    // What a moderator hid stays as it is, and so does its history.
    let moderator = site.signed_in("mod-one", Role::Moderator).await;
    moderator
        .post(&format!("/comments/{id}/hide"), &[("reason", "rude")])
        .await;
    ada.post(&edit, &with("polite", "3"))
        .await
        .assert_status(StatusCode::CONFLICT);
    site.browser()
        .get(&format!("/comments/{id}/history"))
        .await
        .assert_status_not_found();
    let preview = site.browser().get("/comments/999/history").await;
    preview.assert_status_not_found();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_deleted_comment_leaves_its_place_and_its_answers(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let comments = format!("/threads/{}/comments", thread(&site).await);
    let id = post(&ada, &comments, "I said zanzibar").await;
    let edit = [
        ("body", "I said nothing"),
        ("version", "1"),
        ("action", "post"),
    ];
    location(&ada.post(&format!("/comments/{id}/edit"), &edit).await);
    let answer = post(&eve, &format!("/comments/{id}/replies"), "You did").await;
    let delete = format!("/comments/{id}/delete");
    eve.post(&delete, &[]).await.assert_status_forbidden();
    location(&ada.post(&delete, &[]).await);
    location(&ada.post(&delete, &[]).await);
    let claim = format!("/claims/{}", site.claim("C2").await);
    let page = ada.get(&claim).await.text();
    assert_eq!(shown(&page), [(id, 0), (answer, 1)]);
    assert!(page.contains("Deleted by its author.") && page.contains("You did"));
    let everywhere = [
        claim.clone(),
        format!("/comments/{id}/history"),
        format!("/comments/{id}/reply?quote=1"),
        format!("/api/v1/comments/{id}"),
        format!("/api/v1/comments/{id}/versions"),
        format!("{claim}/feed.atom"),
        "/search?q=zanzibar&kind=comments".to_owned(),
        format!("{}?sort=newest", &claim),
    ];
    for address in everywhere {
        let text = ada.get(&address).await.text();
        assert!(
            !text.contains("I said zanzibar") && !text.contains("said nothing"),
            "{address}"
        );
    }
    let kept = sqlx::query_scalar!(r#"select count(*) as "count!" from comment_version"#);
    assert_eq!(kept.fetch_one(&site.pool).await.expect("counts"), 0);
    // The renderer has nothing to do for it, for ever.
    assert!(
        !breakmywork::discussion::render_some(&site.pool)
            .await
            .expect("renders")
    );
    ada.get(&format!("/comments/{id}/edit"))
        .await
        .assert_status(StatusCode::CONFLICT);
    let moderator = site.signed_in("mod-one", Role::Moderator).await;
    let hide = moderator
        .post(&format!("/comments/{id}/hide"), &[("reason", "gone")])
        .await;
    hide.assert_status(StatusCode::CONFLICT);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn people_and_results_are_shown_apart(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    let thread = sqlx::query_scalar!("select thread_id from experiment where id = 1");
    let thread = thread.fetch_one(&site.pool).await.expect("a thread");
    let said = post(&ada, &format!("/threads/{thread}/comments"), "Let us see").await;
    site.train_all().await;
    let page = ada.get(&path).await.text();
    let result = shown(&page).last().expect("a result").0;
    assert_eq!(shown(&page), [(said, 0), (result, 0)]);
    let people = ada.get(&format!("{path}?show=people")).await.text();
    assert_eq!(shown(&people), [(said, 0)]);
    let results = ada
        .get(&format!("{path}?show=results&sort=newest"))
        .await
        .text();
    assert_eq!(shown(&results), [(result, 0)]);
    let claim = format!("/claims/{}", site.claim("C3").await);
    let nothing = ada.get(&format!("{claim}?show=results")).await.text();
    assert!(nothing.contains("Nothing of that kind."));
    ada.get(&format!("{claim}?sort=best"))
        .await
        .assert_status_bad_request();
    // A result is answered like any other post, and quoted.
    let quote = ada
        .get(&format!("/comments/{result}/reply?quote=1"))
        .await
        .text();
    assert!(quote.contains(&format!("[The result](/comments/{result}) of #1:")));
    ada.get(&format!("/comments/{result}/edit"))
        .await
        .assert_status_forbidden();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_readers_think_is_counted_once_a_person(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let bob = site.signed_in("bob", Role::Member).await;
    let comments = format!("/threads/{}/comments", thread(&site).await);
    let id = post(&ada, &comments, "Fixed masks are better").await;
    let react = format!("/comments/{id}/reactions");
    for _ in 0..2 {
        location(&eve.post(&react, &[("kind", "agree")]).await);
    }
    location(&bob.post(&react, &[("kind", "agree")]).await);
    location(&bob.post(&react, &[("kind", "thanks")]).await);
    let claim = format!("/claims/{}", site.claim("C2").await);
    let page = site.browser().get(&claim).await.text();
    assert!(
        page.contains("<span>Agree 2</span> <span>Thanks 1</span>"),
        "{page}"
    );
    assert!(!page.contains("Doubt"));
    // Who said so sees that, and takes it back.
    let own = eve.get(&claim).await.text();
    assert!(
        own.contains("value=\"not-agree\" aria-pressed=\"true\">Agree 2</button>"),
        "{own}"
    );
    assert!(own.contains("value=\"doubt\" aria-pressed=\"false\">Doubt</button>"));
    for _ in 0..2 {
        location(&eve.post(&react, &[("kind", "not-agree")]).await);
    }
    let page = site.browser().get(&claim).await.text();
    assert!(page.contains("<span>Agree 1</span>"));
    // Not to oneself, not another word, not to a result or to what is gone.
    ada.post(&react, &[("kind", "agree")])
        .await
        .assert_status(StatusCode::CONFLICT);
    eve.post(&react, &[("kind", "love")])
        .await
        .assert_status_bad_request();
    location(&ada.post(&format!("/comments/{id}/delete"), &[]).await);
    eve.post(&react, &[("kind", "agree")])
        .await
        .assert_status(StatusCode::CONFLICT);
    let path = ada.registered(&site).await;
    site.train_all().await;
    let page = eve.get(&path).await.text();
    let result = shown(&page).last().expect("a result").0;
    let vote = eve
        .post(
            &format!("/comments/{result}/reactions"),
            &[("kind", "agree")],
        )
        .await;
    vote.assert_status(StatusCode::CONFLICT);
    assert!(!page.contains(&format!("/comments/{result}/reactions")));
}
