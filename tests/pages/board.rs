//! Works and claims that members put on the board: who sees them when, who edits what, and what is kept of it.

use crate::support::{Browser, Site, fields, location};
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

pub(crate) const WORK: [(&str, &str); 6] = [
    ("kind", "implementation"),
    ("title", "A forgetful framework"),
    ("authors", "Ada Lovelace\r\nCharles Babbage"),
    ("year", "2024"),
    ("arxiv", "https://arxiv.org/abs/2401.00001v2"),
    ("phenomenon", "Its networks **forget**."),
];

const CLAIM: [(&str, &str); 9] = [
    ("sentence", "Fixed masks of this framework beat fresh ones."),
    ("said_at", "Section 2, Table 1"),
    ("scope", "Everywhere."),
    ("tasks", "adding"),
    ("rate_least", "0.1"),
    (
        "treatment",
        "dropout.state.time = \"fixed\"\r\ndropout.state.rate = { least = 0.05 }",
    ),
    (
        "control",
        "dropout.state.time = \"per_step\"\r\ndropout.state.rate = { least = 0.05 }",
    ),
    ("margin_relative", "0.1"),
    ("predicts", "better"),
];

/// The form with some fields changed; a value of "-" leaves a field out.
fn with<'a>(
    form: &[(&'a str, &'a str)],
    changes: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut form = form.to_vec();
    for (name, value) in changes {
        form.retain(|(field, _)| field != name);
        if *value != "-" {
            form.push((name, value));
        }
    }
    form
}

pub(crate) async fn add(browser: &Browser, path: &str, form: &[(&str, &str)]) -> String {
    location(&browser.post(path, form).await)
}

/// The first form of a page's own.
fn form_of(page: &str) -> &str {
    let main = page.split("<main").nth(1).expect("a page");
    main.split("<form").nth(1).expect("a form")
}

/// Fills in the form of that page, as a browser does, with some fields changed.
async fn edited(
    browser: &Browser,
    path: &str,
    changes: &[(&str, &str)],
) -> axum_test::TestResponse {
    let page = browser.get(path).await.text();
    let form = form_of(&page);
    let typed = fields(form);
    let typed: Vec<(&str, &str)> = typed
        .iter()
        // Boxes that are not ticked are not sent.
        .filter(|(name, value)| {
            !["tasks", "cells"].contains(&name.as_str())
                || form.contains(&format!("value=\"{value}\" checked"))
        })
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    browser.post(path, &with(&typed, changes)).await
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_newcomer_adds_waits_and_can_neither_be_seen_nor_tested(pool: PgPool) {
    let site = Site::new(pool).await;
    let new = site.signed_in("newcomer", Role::Member).await;
    let other = site.signed_in("other", Role::Member).await;
    let moderator = site.signed_in("moderator", Role::Moderator).await;
    assert!(
        new.get("/works/new")
            .await
            .text()
            .contains("Your account is new")
    );
    let work = add(&new, "/works/new", &WORK).await;
    assert_eq!(work, "/works/a-forgetful-framework");
    let claim = add(&new, &format!("{work}/claims/new"), &CLAIM).await;

    // Who added it and moderators see it, and that it waits.
    for browser in [&new, &moderator] {
        for page in [&work, &claim] {
            let page = browser.get(page).await.text();
            assert!(page.contains("Waits for a moderator"), "{page}");
            assert!(
                !page.contains("/experiments/new?claim="),
                "nothing to propose"
            );
        }
    }
    // Nobody else: not by its address, nor in any list.
    let id = claim.rsplit('/').next().expect("a number");
    let nobody = site.browser();
    for browser in [&other, &nobody] {
        for path in [
            work.clone(),
            claim.clone(),
            format!("{work}/history"),
            format!("{claim}/history"),
            format!("{claim}/badge.svg"),
            format!("{claim}/feed.atom"),
            format!("{claim}/badge.json"),
            format!("{claim}/picture.png"),
            format!("/api/v1{work}"),
            format!("/api/v1{work}/edits"),
            format!("/api/v1{claim}"),
            format!("/api/v1{claim}/edits"),
            format!("/api/v1{claim}/scope-map"),
            format!("/api/v1{claim}/rivals"),
            format!("/api/v1{claim}/resorted"),
            "/api/v1/claims?work=a-forgetful-framework".to_owned(),
        ] {
            browser
                .get(&path)
                .await
                .assert_status(StatusCode::NOT_FOUND);
        }
        for path in [
            "/",
            "/works",
            "/moderation/board",
            "/record",
            "/people/newcomer",
            "/experiments",
            "/api/v1/works",
            "/api/v1/claims",
            "/api/v1/record?limit=200",
            "/search?q=babbage",
            "/search?q=fixed+masks+beat",
            "/api/v1/search?q=babbage",
        ] {
            let page = browser.get(path).await.text();
            assert!(
                !page.contains("forgetful") && !page.contains("this framework"),
                "{path}"
            );
        }
    }
    let form = other
        .get(&format!("/experiments/new?claim={id}"))
        .await
        .text();
    assert!(!form.contains("this framework"));

    // Nothing is proposed on it, by whomever and however; nothing is said in its thread.
    for browser in [&new, &moderator, &other] {
        let answer = browser.propose(&site, &[("claim", id)]).await;
        answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        let answer = browser
            .post(&format!("{claim}/narrow"), &[("sentence", "x")])
            .await;
        answer.assert_status(StatusCode::NOT_FOUND);
    }
    let thread = sqlx::query_scalar!(
        "select thread_id from claim where id = $1",
        id.parse::<i64>().ok()
    )
    .fetch_one(&site.pool)
    .await
    .expect("a thread");
    let comment = format!("/threads/{thread}/comments");
    let answer = other
        .post(&comment, &[("body", "Hello?"), ("action", "post")])
        .await;
    answer.assert_status(StatusCode::NOT_FOUND);
    let past = sqlx::query(
        "insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec)
         select id, author_id, (select max(id) from thread), 't', 'p', 's', '{}' from claim where id = $1",
    )
    .bind(id.parse::<i64>().expect("a number"))
    .execute(&site.pool)
    .await;
    assert!(past.is_err_and(|error| error.to_string().contains("is not on the board")));

    // A claim is not approved before its work; then both are there for everybody, and for good.
    let decide = |path: &str| format!("/moderation{path}");
    let answer = moderator
        .post(&decide(&claim), &[("decision", "approve")])
        .await;
    answer.assert_status(StatusCode::CONFLICT);
    other
        .post(&decide(&work), &[("decision", "approve")])
        .await
        .assert_status(StatusCode::FORBIDDEN);
    for path in [&work, &claim] {
        let answer = moderator
            .post(&decide(path), &[("decision", "approve")])
            .await;
        assert_eq!(location(&answer), "/moderation/board");
        let again = moderator
            .post(&decide(path), &[("decision", "decline"), ("reason", "no")])
            .await;
        again.assert_status(StatusCode::CONFLICT);
    }
    let page = nobody.get(&claim).await.text();
    assert!(page.contains("Section 2, Table 1") && page.contains("Propose an experiment"));
    assert!(
        nobody
            .get("/moderation/board")
            .await
            .text()
            .contains("approved by")
    );
    assert!(
        nobody
            .get("/works")
            .await
            .text()
            .contains("A forgetful framework")
    );
    // From now on they stand on their author's page, too.
    let author = nobody.get("/people/newcomer").await.text();
    for title in ["Claims put here", "A forgetful framework"] {
        assert!(author.contains(title), "{author}");
    }
    location(&other.propose(&site, &[("claim", id)]).await);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_declined_says_why_and_waits_again_once_it_is_edited(pool: PgPool) {
    let site = Site::new(pool).await;
    let new = site.signed_in("newcomer", Role::Member).await;
    let moderator = site.signed_in("moderator", Role::Moderator).await;
    let path = add(&new, "/works/recurrent-dropout/claims/new", &CLAIM).await;
    let decide = format!("/moderation{path}");
    let refused = moderator.post(&decide, &[("decision", "decline")]).await;
    refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let form = [
        ("decision", "decline"),
        ("reason", "It names no framework."),
    ];
    location(&moderator.post(&decide, &form).await);
    let page = new.get(&path).await.text();
    assert!(page.contains("Declined by a moderator") && page.contains("It names no framework."));
    assert!(
        new.get("/moderation/board")
            .await
            .text()
            .contains("It names no framework.")
    );
    let log = site.browser().get("/moderation/board").await.text();
    assert!(
        log.contains("It names no framework.") && !log.contains("this framework"),
        "{log}"
    );
    site.browser()
        .get(&path)
        .await
        .assert_status(StatusCode::NOT_FOUND);

    let change = [("sentence", "Fixed masks of Forgetful 1.0 beat fresh ones.")];
    assert_eq!(
        location(&edited(&new, &format!("{path}/edit"), &change).await),
        path
    );
    assert!(
        new.get(&path)
            .await
            .text()
            .contains("Waits for a moderator")
    );
    let queue = moderator.get("/moderation/board").await.text();
    assert!(
        queue.contains("Forgetful 1.0") && queue.contains("dropout.state.time is fixed"),
        "{queue}"
    );
    location(
        &moderator
            .post(
                &decide,
                &[("decision", "approve"), ("reason", "Now it does.")],
            )
            .await,
    );
    let history = site.browser().get(&format!("{path}/history")).await.text();
    assert!(
        history.contains("<del>this framework</del><ins>Forgetful 1.0</ins>"),
        "{history}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_is_known_adds_at_once_and_edits_are_kept(pool: PgPool) {
    let site = Site::new(pool).await;
    let known = site.signed_in("known", Role::Member).await;
    let other = site.signed_in("other", Role::Member).await;
    sqlx::query("update account set created_at = now() - interval '8 days' where name = 'known'")
        .execute(&site.pool)
        .await
        .expect("ages");
    let work = add(&known, "/works/new", &WORK).await;
    let claim = add(&known, &format!("{work}/claims/new"), &CLAIM).await;
    // The same sent twice is there once.
    assert_eq!(add(&known, "/works/new", &WORK).await, work);
    assert_eq!(
        add(&known, &format!("{work}/claims/new"), &CLAIM).await,
        claim
    );
    let page = site.browser().get(&claim).await.text();
    assert!(page.contains("Claim C1 of") && page.contains("put here by"));
    // The same work under another title, and the same claim by somebody else.
    let twin = other
        .post("/works/new", &with(&WORK, &[("title", "Another")]))
        .await;
    twin.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(twin.text().contains("/works/a-forgetful-framework"));
    let twin = other.post(&format!("{work}/claims/new"), &CLAIM).await;
    twin.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(twin.text().contains("That is claim C1 already."));

    // Others do not edit it.
    for path in [&work, &claim] {
        other
            .get(&format!("{path}/edit"))
            .await
            .assert_status(StatusCode::FORBIDDEN);
        other
            .post(&format!("{path}/edit"), &WORK)
            .await
            .assert_status(StatusCode::FORBIDDEN);
    }
    let answer = edited(&known, &format!("{work}/edit"), &[("year", "2025")]).await;
    assert_eq!(location(&answer), work);
    let answer = edited(
        &known,
        &format!("{claim}/edit"),
        &[("evidence", "Nobody looked.")],
    )
    .await;
    assert_eq!(location(&answer), claim);
    // Saved unchanged, it is no edit.
    location(&edited(&known, &format!("{claim}/edit"), &[]).await);
    let history = site.browser().get(&format!("{work}/history")).await.text();
    assert!(
        history.contains("<del>2024</del><ins>2025</ins>") && history.contains("/people/known")
    );
    let history = site.browser().get(&format!("{claim}/history")).await.text();
    assert!(history.contains("<ins>Nobody looked.</ins>"), "{history}");
    assert_eq!(history.matches("<section id=\"edit-").count(), 1);

    // Two tabs: the second is shown the difference, and nothing is lost or overwritten.
    let stale = known.get(&format!("{claim}/edit")).await.text();
    let stale = fields(form_of(&stale));
    let version = stale
        .iter()
        .find(|(name, _)| name == "version")
        .expect("a version");
    location(
        &edited(
            &known,
            &format!("{claim}/edit"),
            &[("evidence", "Somebody looked.")],
        )
        .await,
    );
    let changes = [("evidence", "I looked."), ("version", version.1.as_str())];
    let answer = edited(&known, &format!("{claim}/edit"), &changes).await;
    answer.assert_status(StatusCode::CONFLICT);
    let page = answer.text();
    assert!(
        page.contains("edited meanwhile") && page.contains("<del>Somebody</del><ins>I</ins>"),
        "{page}"
    );
    assert!(page.contains(">\nI looked.</textarea>"), "{page}");
    // Sent again, knowing that, it holds.
    let form = fields(form_of(&page));
    let ticked = form
        .iter()
        .filter(|(name, value)| name != "cells" && (name != "tasks" || value == "adding"));
    let form: Vec<(&str, &str)> = ticked
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    location(&known.post(&format!("{claim}/edit"), &form).await);
    assert!(
        site.browser()
            .get(&claim)
            .await
            .text()
            .contains("I looked.")
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_an_experiment_was_registered_against_stays_as_it_was_said(pool: PgPool) {
    let site = Site::new(pool).await;
    let member = site.signed_in("ada", Role::Member).await;
    let moderator = site.signed_in("moderator", Role::Moderator).await;
    let claim = format!("/claims/{}", site.claim("C2").await);
    let edit = format!("{claim}/edit");
    // Only proposed on, it may still be worded better.
    location(&member.propose(&site, &[]).await);
    let better = "A recurrent network wants one dropout mask for all time steps.";
    location(&edited(&moderator, &edit, &[("sentence", better)]).await);
    assert!(site.browser().get(&claim).await.text().contains(better));

    member.registered(&site).await;
    let page = moderator.get(&edit).await.text();
    assert!(page.contains("stay as they are") && !page.contains("name=\"sentence\""));
    // Sent all the same, it changes nothing; what others found may be told.
    let form = [
        ("version", "1"),
        ("sentence", "Anything goes."),
        ("said_at", "Section 1"),
        ("evidence", "Told later."),
    ];
    location(&moderator.post(&edit, &form).await);
    let page = site.browser().get(&claim).await.text();
    assert!(
        page.contains(better) && page.contains("Told later.") && !page.contains("Anything goes.")
    );
    let past = sqlx::query("update claim set sentence = 'Anything goes.' where label = 'C2'")
        .execute(&site.pool)
        .await;
    assert!(past.is_err_and(|error| error.to_string().contains("keeps its sentence")));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_refused_form_keeps_what_was_typed_and_names_every_field(pool: PgPool) {
    let site = Site::new(pool).await;
    let browser = site.signed_in("ada", Role::Member).await;
    let changes = [
        ("title", "<b>bold</b>\u{202e}"),
        ("year", "soon"),
        ("arxiv", "1513.99999"),
        ("doi", "doi:10.1/x"),
        ("authors", "\r\n \r\n"),
        ("phenomenon", "</textarea><script>alert(1)</script>"),
    ];
    let answer = browser.post("/works/new", &with(&WORK, &changes)).await;
    answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let page = answer.text();
    for field in ["title", "year", "arxiv", "doi", "authors"] {
        assert!(page.contains(&format!("id=\"{field}-error\"")), "{field}");
    }
    assert!(
        page.contains("value=\"soon\"") && !page.contains("<script>alert"),
        "{page}"
    );
    let changes = [
        ("sentence", " "),
        ("tasks", "brain_surgery"),
        ("rate_least", "lots"),
        ("data", "no such, name!"),
        ("treatment", "dropout.state.time = fixed"),
        ("control", "dropout.brain.time = \"fixed\""),
        ("margin_relative", "-1"),
    ];
    let form = with(&CLAIM, &changes);
    let answer = browser
        .post("/works/recurrent-dropout/claims/new", &form)
        .await;
    answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let page = answer.text();
    for field in [
        "sentence",
        "tasks",
        "rate",
        "data",
        "treatment",
        "control",
        "margin_relative",
    ] {
        assert!(
            page.contains(&format!("id=\"{field}-error\"")),
            "{field}: {page}"
        );
    }
    assert!(page.contains("value=\"lots\"") && page.contains("dropout.state.time = fixed"));
    let nothing = sqlx::query_scalar!("select count(*) from claim where author_id is not null")
        .fetch_one(&site.pool)
        .await;
    assert_eq!(nothing.expect("a count"), Some(0));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_newcomer_fills_no_queue_and_nobody_floods_the_board(pool: PgPool) {
    let site = Site::new(pool).await;
    let new = site.signed_in("newcomer", Role::Member).await;
    let known = site.signed_in("known", Role::Member).await;
    sqlx::query("update account set created_at = now() - interval '8 days' where name = 'known'")
        .execute(&site.pool)
        .await
        .expect("ages");
    for (browser, room) in [(&new, 5), (&known, 20)] {
        for number in 0..=room {
            let sentence = format!("Claim number {number} of {room} holds.");
            let form = with(&CLAIM, &[("sentence", &sentence)]);
            let answer = browser
                .post("/works/recurrent-dropout/claims/new", &form)
                .await;
            let status = answer.status_code();
            assert_eq!(
                status == StatusCode::SEE_OTHER,
                number < room,
                "{number} of {room}"
            );
            assert_eq!(answer.text().contains(&sentence), number == room, "kept");
        }
    }
    let page = known.get("/works/recurrent-dropout").await.text();
    assert!(page.len() < 100_000);
}
