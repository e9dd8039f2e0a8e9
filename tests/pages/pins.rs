//! Numbers of runs that comments pin: looked up for everybody to see, kept as they were, marked where a later run has another.

use crate::following::comment;
use crate::support::{Browser, Site, fields, location};
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::{
    db::MIGRATOR,
    jobs::{self, Timing},
};
use sqlx::PgPool;
use uuid::Uuid;

/// The ready template on seeds that its author names, which only looks.
async fn exploratory(browser: &Browser, site: &Site, more: &[(&str, &str)]) -> String {
    // The same words an hour later are no form that was sent twice.
    sqlx::query("update experiment set created_at = created_at - interval '1 hour'")
        .execute(&site.pool)
        .await
        .expect("ages");
    let claim = site.claim("C2").await;
    let page = browser
        .get(&format!("/experiments/new?claim={claim}"))
        .await;
    let page = page.text();
    let form = fields(page.split("data-editor").nth(1).expect("the editor"));
    let toml = form.into_iter().find(|(name, _)| name == "toml");
    let toml = toml.expect("a text").1;
    let toml = toml.replacen("seeds = 8", "seeds = [1, 2, 3, 4, 5, 6, 7, 8]", 1);
    let mut changes = vec![("toml", toml.as_str())];
    changes.extend(more);
    let path = location(&browser.propose(site, &changes).await);
    let look = [("exploratory", "yes")];
    let register = browser.post(&format!("{path}/register"), &look).await;
    assert_eq!(location(&register), path);
    path
}

/// Every queued run comes to this test error, by way of three steps.
async fn train(site: &Site, error: f64) {
    let worker = Uuid::new_v4();
    jobs::register_worker(&site.pool, worker, "host", "cpu", "0", 1)
        .await
        .expect("registers");
    let timing = Timing::default();
    while let Some(lease) = jobs::take(&site.pool, worker, timing).await.expect("takes") {
        let plan = lease.plan.clone().expect("a plan");
        sqlx::query("insert into run_metric (run_id, name, step, value) select $1, 'train_loss', s, $2 / s from unnest(array[100, 200, 400]) s")
            .bind(lease.run.0)
            .bind(error)
            .execute(&site.pool)
            .await
            .expect("measures");
        let end = site.success(&plan, error);
        jobs::finish(&site.pool, &lease, end, timing)
            .await
            .expect("finishes");
    }
}

async fn thread_of(site: &Site, path: &str) -> i64 {
    let id: i64 = path
        .rsplit('/')
        .next()
        .and_then(|id| id.parse().ok())
        .expect("a number");
    sqlx::query_scalar("select thread_id from experiment where id = $1")
        .bind(id)
        .fetch_one(&site.pool)
        .await
        .expect("a thread")
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_number_is_quoted_with_its_evidence_and_marked_when_a_rerun_has_another(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let path = exploratory(&ada, &site, &[]).await;
    train(&site, 0.0125).await;
    let comments = format!("/threads/{}/comments", thread_of(&site, &path).await);
    // A link beside each number opens the form with the pin in it.
    let link = format!("{comments}?run=1&amp;metric=test_mse");
    let page = eve.get("/runs/1").await.text();
    assert!(page.contains(&format!("href=\"{link}\"")), "{page}");
    assert!(
        page.contains(&format!("action=\"{comments}\"")),
        "a form for curves"
    );
    let form = eve.get(&link.replace("&amp;", "&")).await;
    form.assert_status_ok();
    assert!(
        form.text().contains("\n[[run 1 test_mse]] </textarea>"),
        "{}",
        form.text()
    );
    // Of several runs at once, from their list.
    let list = eve.get(&format!("{path}/runs")).await.text();
    assert!(
        list.contains(&format!("formaction=\"{comments}\"")),
        "{list}"
    );
    let form = eve
        .get(&format!("{comments}?runs=1&runs=2&metric=test_mse"))
        .await;
    assert!(
        form.text()
            .contains("- [[run 1 test_mse]]\n- [[run 2 test_mse]]")
    );
    for (missing, status) in [
        (
            "?run=1&metric=test_mse&step=401",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        ("?run=1&metric=no%20name", StatusCode::BAD_REQUEST),
    ] {
        eve.get(&format!("{comments}{missing}"))
            .await
            .assert_status(status);
    }
    // Whoever is not signed in comes back to it.
    let to = location(&site.browser().get(&link.replace("&amp;", "&")).await);
    assert!(
        to.starts_with("/sign-in?next=") && to.contains("metric"),
        "{to}"
    );
    let words = "It is [[run 1 test_mse]], from [[run 1 train_loss @ 400]] on; `[[run 1 test_mse]]` is code.";
    let preview = eve
        .post(&comments, &[("body", words), ("action", "preview")])
        .await;
    assert!(
        preview.text().contains(">0.0125</a>, from"),
        "{}",
        preview.text()
    );
    comment(&eve, &site, &path, words).await;
    let page = ada.get(&path).await.text();
    let pins = page.split("class=\"pins\"").nth(1).expect("pins");
    let pins = pins.split("</ul>").next().expect("an end");
    for part in [
        "It is <a href=\"/runs/1\" title=\"test error of run 1\"",
        "from <a href=\"/runs/1\" title=\"training loss (masks on) of run 1, step 400\"",
        "<code>[[run 1 test_mse]]</code>",
        "<strong>0.0125</strong> <a href=\"/runs/1\">test error of run 1, ",
        "seed 1</a>",
        "seed 1, step 400</a>",
        "of <a href=\"/experiments/1\">experiment 1</a>",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert_eq!(pins.matches("<li><strong>").count(), 2, "{pins}");
    assert!(!pins.contains("Another number since"));
    // The same specification and seeds again: the same number is no news, another one is.
    exploratory(&ada, &site, &[]).await;
    train(&site, 0.0125).await;
    assert!(!ada.get(&path).await.text().contains("Another number since"));
    exploratory(&ada, &site, &[]).await;
    train(&site, 0.5).await;
    let run: i64 = sqlx::query_scalar(
        "select r.id from run r join run first on first.id = 1 where r.experiment_id = 3 and r.arm = first.arm and r.seed = first.seed",
    )
    .fetch_one(&site.pool)
    .await
    .expect("a run");
    let page = ada.get(&path).await.text();
    let other = format!("Another number since: 0.500 in <a href=\"/runs/{run}\">run {run}</a>.");
    assert!(page.contains(&other), "{other} in {page}");
    // The text stays as it was written.
    assert!(page.contains(">0.0125</a>, from"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_amendment_with_another_number_marks_it_too(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = exploratory(&ada, &site, &[]).await;
    train(&site, 0.0125).await;
    comment(&ada, &site, &path, "[[run 1 test_mse]]").await;
    let amended = [
        ("amends", "1"),
        ("amend_reason", "A slip."),
        ("prediction", "Otherwise."),
    ];
    exploratory(&ada, &site, &amended).await;
    // It is the same specification; with another one it is no rerun but of the amendment.
    let sql = "alter table experiment disable trigger user; update experiment set spec_sha256 = repeat('7', 64) where id = 2;
        alter table experiment enable trigger user;";
    sqlx::raw_sql(sql)
        .execute(&site.pool)
        .await
        .expect("changes");
    train(&site, 0.25).await;
    let page = ada.get(&path).await.text();
    assert!(page.contains("Another number since: 0.250 in"), "{page}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_not_everybody_may_see_cannot_be_pinned(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = exploratory(&ada, &site, &[]).await;
    train(&site, 0.0125).await;
    let sealed = ada
        .propose(&site, &[("seal_days", "30"), ("prediction", "Sealed.")])
        .await;
    let sealed = location(&sealed);
    location(&ada.post(&format!("{sealed}/register"), &[]).await);
    let secret: i64 = sqlx::query_scalar("select min(id) from run where experiment_id = 2")
        .fetch_one(&site.pool)
        .await
        .expect("a run");
    sqlx::query(
        "insert into run_metric (run_id, name, step, value) values ($1, 'train_loss', 1, 0.75)",
    )
    .bind(secret)
    .execute(&site.pool)
    .await
    .expect("measures");
    let comments = format!("/threads/{}/comments", thread_of(&site, &path).await);
    // Its author may see it, but those who read the comment may not.
    for (pin, run) in [
        (format!("[[run {secret} train_loss @ 1]]"), secret),
        ("[[run 999999 train_loss @ 1]]".to_owned(), 999_999),
        ("[[run 1 train_loss @ 399]]".to_owned(), 1),
        ("[[run 1 no_metric]]".to_owned(), 1),
    ] {
        let words = format!("kept words {pin}");
        let refused = ada
            .post(&comments, &[("body", words.as_str()), ("action", "post")])
            .await;
        refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        let refused = refused.text();
        assert!(refused.contains(&words), "{refused}");
        assert!(
            refused.contains(&format!("run {run} has no number called")),
            "{refused}"
        );
        assert!(!refused.contains("0.75"), "{refused}");
    }
    assert!(
        !ada.get(&format!("/runs/{secret}"))
            .await
            .text()
            .contains("Quote this number")
    );
    // So many, and no more.
    let many: Vec<String> = (1..=11)
        .map(|run| format!("[[run {run} test_mse]]"))
        .collect();
    let refused = ada
        .post(
            &comments,
            &[("body", many.join(" ").as_str()), ("action", "post")],
        )
        .await;
    refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("pins at most 10 numbers"));
    comment(&ada, &site, &path, &many[..10].join(" ")).await;
    assert_eq!(
        ada.get(&path)
            .await
            .text()
            .matches("<li><strong>0.0125")
            .count(),
        10
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_pinned_stays_as_it_was_and_goes_with_its_comment(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = exploratory(&ada, &site, &[]).await;
    train(&site, 0.0125).await;
    let comments = format!("/threads/{}/comments", thread_of(&site, &path).await);
    let form = [
        ("body", "[[run 1 test_mse]] and [[run 2 test_mse]]"),
        ("action", "post"),
    ];
    let to = location(&ada.post(&comments, &form).await);
    let (_, id) = to.split_once("#comment-").expect("an anchor");
    // Past the program the run comes to something else; the comment is edited, and rendered anew.
    for sql in [
        "alter table run disable trigger user",
        "update run set result = jsonb_set(result, '{metrics,test_mse}', '0.9') where id = 1",
    ] {
        sqlx::raw_sql(sql).execute(&site.pool).await.expect(sql);
    }
    sqlx::query("update comment set html = null, html_version = null")
        .execute(&site.pool)
        .await
        .expect("forgets");
    let page = ada.get(&path).await.text();
    assert!(page.contains(">0.0125</a> and"), "{page}");
    let edit = [
        ("body", "Only [[run 1 test_mse]]"),
        ("version", "1"),
        ("action", "post"),
    ];
    location(&ada.post(&format!("/comments/{id}/edit"), &edit).await);
    let page = ada.get(&path).await.text();
    assert_eq!(page.matches("<li><strong>0.0125").count(), 1, "{page}");
    location(&ada.post(&format!("/comments/{id}/delete"), &[]).await);
    let left: i64 = sqlx::query_scalar("select count(*) from comment_pin")
        .fetch_one(&site.pool)
        .await
        .expect("counts");
    assert_eq!(left, 0);
    assert!(!ada.get(&path).await.text().contains("class=\"pins\""));
}
