//! Amendments: what changed, and whether results could be seen by then.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

/// Amends `path` by the form, with some fields changed; returns the amendment's path.
async fn amend(browser: &Browser, path: &str, changes: &[(&str, &str)]) -> String {
    let id = path.rsplit('/').next().expect("a number");
    let page = browser.get(&format!("/experiments/new?amends={id}")).await;
    let page = page.text();
    let mut form = fields(page.split("data-editor").nth(1).expect("the editor"));
    for (name, value) in changes.iter().chain(&[("action", "save")]) {
        form.retain(|(field, _)| field != name);
        form.push(((*name).to_owned(), (*value).to_owned()));
    }
    let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    location(&browser.post("/experiments/new", &form).await)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_amendment_shows_what_changed_and_what_was_known(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let first = ada.registered(&site).await;
    let reason = ("amend_reason", "The margin was <a slip>.");
    let second = amend(
        &ada,
        &first,
        &[
            reason,
            ("criterion-margin", "0.2"),
            ("prediction", "Fixed masks are much better than fresh ones."),
        ],
    )
    .await;
    let stranger = site.browser();
    let diff = |path: &str| format!("{path}/diff");
    let page = stranger.get(&diff(&second)).await.text();
    for words in [
        "What the amendment changed",
        "The margin was &#60;a slip&#62;.",
        "Not registered yet. No run of experiment 1 has begun: nothing of its results can be known.",
        "<code>criterion.margin</code> changed",
        "<ins>0.2</ins>",
        "<h3>Prediction</h3>",
        "<ins>Fixed masks are much better",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("task.length"), "only what differs: {page}");
    let old = stranger.get(&first).await.text();
    assert!(
        old.contains("amended by <a href=\"/experiments/2\">"),
        "{old}"
    );
    let new = stranger.get(&second).await.text();
    assert!(
        new.contains("<a href=\"/experiments/2/diff\">what changed</a>"),
        "{new}"
    );
    assert!(
        old.contains("because: <span dir=\"auto\">The margin was"),
        "{old}"
    );

    // What has been known is said, once and for all by the moment of registration.
    site.train_all().await;
    let page = stranger.get(&diff(&second)).await.text();
    assert!(
        page.contains("Not registered yet. Experiment 1 is concluded"),
        "{page}"
    );
    let register = format!("{second}/register");
    ada.post(&register, &[]).await.assert_status_see_other();
    // The same words as an amendment of it are no form that was sent twice.
    let again = [("amend_reason", "Once more."), ("rationale", "Luck?")];
    let third = amend(&ada, &second, &again).await;
    let register = format!("{third}/register");
    ada.post(&register, &[]).await.assert_status_see_other();
    site.train_all().await;
    let page = stranger.get(&diff(&second)).await.text();
    assert!(
        page.contains("Registered after experiment 1 was concluded: its results could be seen."),
        "{page}"
    );
    let page = stranger.get(&diff(&third)).await.text();
    for words in [
        "Registered before any run of experiment 2 had begun",
        "Every field is the same",
        "Experiment 2 amends <a href=\"/experiments/1\">",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }

    // Any two of one claim, and none that have nothing to do with each other.
    let page = stranger.get("/experiments/3/diff?with=1").await.text();
    assert!(page.contains("What differs"), "{page}");
    for (path, status) in [
        ("/experiments/1/diff", StatusCode::NOT_FOUND),
        ("/experiments/3/diff?with=99", StatusCode::NOT_FOUND),
        ("/experiments/99/diff", StatusCode::NOT_FOUND),
        ("/experiments/3/diff?with=x", StatusCode::BAD_REQUEST),
    ] {
        stranger.get(path).await.assert_status(status);
    }
}

/// A line of amendments, and a crowd of them, cost a page no more than ten.
#[sqlx::test(migrator = "MIGRATOR")]
async fn long_lines_and_many_amendments_are_cut(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let first = ada.registered(&site).await;
    let copy = |amends: &'static str, author: &'static str| {
        let text = format!(
            "with fresh as (insert into thread default values returning id)
             insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec, amends, amend_reason)
             select claim_id, coalesce((select id from account where name = '{author}'), author_id), fresh.id, title, prediction,
               spec_source, spec, ({amends}), 'again' from experiment, fresh where experiment.id = 1"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(text))
    };
    for _ in 0..15 {
        copy("select max(id) from experiment", "")
            .execute(&site.pool)
            .await
            .expect("a line");
    }
    site.account("mallory", Role::Member).await;
    for _ in 0..30 {
        copy("1", "mallory")
            .execute(&site.pool)
            .await
            .expect("a crowd");
    }
    let page = site.browser().get("/experiments/16/diff").await.text();
    assert_eq!(page.matches("what that one changed").count(), 10, "{page}");
    let page = site.browser().get(&first).await.text();
    assert_eq!(page.matches("amended by <a").count(), 10, "{page}");
    // The author's own is not pushed out.
    assert!(page.contains("href=\"/experiments/2/diff\""), "{page}");
}

/// Whoever amends somebody else's experiment says why on their own page, under their name.
#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_stranger_says_of_an_experiment_stands_on_the_strangers_page(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let carol = site.signed_in("carol", Role::Member).await;
    let first = ada.registered(&site).await;
    let reason = ("amend_reason", "Its author cheated; this one is honest.");
    let second = amend(&carol, &first, &[reason, ("criterion-margin", "0.2")]).await;
    carol
        .post(&format!("{second}/register"), &[])
        .await
        .assert_status_see_other();
    let reader = site.browser();
    let by = "by <a href=\"/people/carol\">carol</a>";
    let page = reader.get(&first).await.text();
    assert!(
        page.contains(&format!(
            "amended by <a href=\"{second}\">experiment 2</a> {by} (<a"
        )),
        "{page}"
    );
    assert!(!page.contains("cheated"), "{page}");
    let told = reader.get(&format!("/api/v1{first}")).await.text();
    assert!(!told.contains("cheated"), "{told}");
    for path in [second.clone(), format!("{second}/diff")] {
        let page = reader.get(&path).await.text();
        assert!(page.contains("Its author cheated"), "{page}");
        assert!(page.contains(by), "{page}");
    }
}
