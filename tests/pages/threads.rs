//! Long threads: pages bounded in posts and bytes, with a way to every post.

use crate::support::{Site, location};
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

async fn thread_of(site: &Site, label: &str) -> i64 {
    sqlx::query_scalar!("select thread_id from claim where label = $1", label)
        .fetch_one(&site.pool)
        .await
        .expect("seeded")
}

async fn fill(site: &Site, thread: i64, posts: i32, body: &str) {
    sqlx::query!(
        "insert into comment (thread_id, author_id, body, created_at)
         select $1, (select min(id) from account), replace($3, '#', g::text), now() - interval '1 hour'
         from generate_series(1, $2::integer) g",
        thread,
        posts,
        body,
    )
    .execute(&site.pool)
    .await
    .expect("inserts");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_comment_is_on_the_page_that_its_author_is_sent_to(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let thread = thread_of(&site, "C2").await;
    fill(&site, thread, 205, "filler #").await;
    let form = [("body", "the two hundred and sixth"), ("action", "post")];
    let to = location(
        &ada.post(&format!("/threads/{thread}/comments"), &form)
            .await,
    );
    let (page, anchor) = to.split_once('#').expect("an anchor");
    let text = ada.get(page).await.text();
    assert!(text.contains("the two hundred and sixth"), "{to}");
    assert!(text.contains(&format!("id=\"{anchor}\"")));
    // With what was said before it, and a way to what was said before that.
    assert!(text.contains("filler 205") && text.contains("filler 200"));
    assert!(text.contains("Earlier comments") && !text.contains("Later comments"));
    // Backwards through all of it, and forwards again.
    let mut address = page.to_owned();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..10 {
        let text = ada.get(&address).await.text();
        for post in text.split("id=\"comment-").skip(1) {
            seen.insert(post.split('"').next().unwrap_or_default().to_owned());
        }
        let Some(before) = text.split("href=\"?before=").nth(1) else {
            break;
        };
        let before = before.split('#').next().unwrap_or_default();
        address = format!(
            "{}?before={before}",
            page.split('?').next().unwrap_or_default()
        );
    }
    assert_eq!(seen.len(), 206);
    let text = ada
        .get(&format!(
            "/claims/{}?after=99999999",
            site.claim("C2").await
        ))
        .await
        .text();
    assert!(text.contains("Earlier comments") && !text.contains("Nobody has said anything"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_permalink_shows_the_comment_in_its_thread(pool: PgPool) {
    let site = Site::new(pool).await;
    let moderator = site.signed_in("mod-one", Role::Moderator).await;
    let thread = thread_of(&site, "C2").await;
    fill(&site, thread, 2, "remark #").await;
    let id = sqlx::query_scalar!(r#"select max(id) as "id!" from comment"#)
        .fetch_one(&site.pool)
        .await
        .expect("a comment");
    let to = location(&moderator.get(&format!("/comments/{id}")).await);
    let claim = site.claim("C2").await;
    assert_eq!(to, format!("/claims/{claim}#comment-{id}"));
    let text = moderator.get(&format!("/claims/{claim}")).await.text();
    assert!(text.contains("remark 1") && text.contains("remark 2"));
    // After hiding one, the others are still there.
    let to = location(
        &moderator
            .post(&format!("/comments/{id}/hide"), &[("reason", "no")])
            .await,
    );
    assert_eq!(to, format!("/claims/{claim}#comment-{id}"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn hostile_comments_cannot_make_a_page_large(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let thread = thread_of(&site, "C2").await;
    let table = format!("|a|b|\n|-|-|\n{}", "|x|y|\n".repeat(3_300));
    let answer = ada
        .post(
            &format!("/threads/{thread}/comments"),
            &[("body", table.as_str()), ("action", "post")],
        )
        .await;
    answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text().contains("100 kB are shown") && answer.text().contains("|x|y|"));
    // Written before that was checked, or by other hands.
    fill(&site, thread, 30, &table).await;
    let claim = format!("/claims/{}", site.claim("C2").await);
    let page = ada.get(&claim).await.text();
    assert!(page.len() < 400_000, "{} bytes", page.len());
    assert!(page.contains("Later comments"));
    let api = ada
        .get(&format!("/api/v1/threads/{thread}/comments?limit=200"))
        .await;
    assert!(
        api.as_bytes().len() < 4_000_000,
        "{} bytes",
        api.as_bytes().len()
    );
    assert!(api.text().contains("\"next\":\""));
    // What was rendered is kept.
    let rendered = sqlx::query_scalar!(r#"select count(html) as "count!" from comment"#)
        .fetch_one(&site.pool)
        .await
        .expect("counts");
    assert!(rendered > 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn comments_of_an_older_renderer_are_rendered_anew(pool: PgPool) {
    let site = Site::new(pool).await;
    site.signed_in("ada", Role::Member).await;
    let thread = thread_of(&site, "C2").await;
    fill(&site, thread, 3, "**bold** #").await;
    sqlx::query!("update comment set html = '<p>of an older version</p>', html_version = 0")
        .execute(&site.pool)
        .await
        .expect("updates");
    let page = site
        .browser()
        .get(&format!("/claims/{}", site.claim("C2").await))
        .await
        .text();
    assert!(page.contains("<strong>bold</strong> 1") && !page.contains("an older version"));
    fill(&site, thread, 50, "*later* #").await;
    while breakmywork::discussion::render_some(&site.pool)
        .await
        .expect("renders")
    {}
    let left = sqlx::query_scalar!(
        r#"select count(*) as "count!" from comment where html_version is distinct from 2"#
    )
    .fetch_one(&site.pool)
    .await
    .expect("counts");
    assert_eq!(left, 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn right_to_left_text_is_set_so(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let form = [("body", "שלום, seed 42 נכשל."), ("action", "preview")];
    let page = ada.post("/threads/1/comments", &form).await.text();
    assert!(
        page.contains("<div class=\"body markdown\" dir=\"auto\"><p>שלום"),
        "{page}"
    );
}
