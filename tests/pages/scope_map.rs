//! The map of what was tried of a claim, and what it offers.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

/// The part of a claim's page that is the map.
fn map(page: &str) -> &str {
    let map = page.split("id=\"scope-map\"").nth(1).expect("a map");
    map.split("</section>").next().expect("its end")
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_was_tried_is_drawn_and_what_was_not_is_offered(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen("C2").await;
    let ada = site.signed_in("ada", Role::Member).await;
    let claim = format!("/claims/{}", site.claim("C2").await);
    assert!(
        !ada.get(&claim).await.text().contains("scope-map"),
        "nothing was tried"
    );
    let path = ada.registered(&site).await;
    let page = ada.get(&claim).await.text();
    assert!(map(&page).contains("under way"), "{}", map(&page));
    site.train_all().await;
    let page = ada.get(&claim).await.text();
    let drawn = map(&page);
    let id = path.rsplit('/').next().expect("a number");
    assert!(drawn.contains("class=\"supported\""), "{drawn}");
    assert!(
        drawn.contains(&format!(
            "supported</span> <a href=\"/experiments/{id}\">{id}</a>"
        )),
        "{drawn}"
    );
    // Beside it, at half and twice its length and rate, nothing was tried.
    let start = drawn
        .split("class=\"start\" href=\"")
        .nth(1)
        .expect("an offer");
    let start = start
        .split('"')
        .next()
        .expect("an address")
        .replace("&amp;", "&")
        .replace("&#38;", "&");
    assert!(start.contains(&format!("like={id}")), "{start}");
    let form = ada.get(&start).await;
    form.assert_status_ok();
    let form = fields(form.text().split("data-editor").nth(1).expect("the editor"));
    let toml = &form
        .iter()
        .find(|(name, _)| name == "toml")
        .expect("a text")
        .1;
    let spec = breakmywork_protocol::spec::read(toml, breakmywork_protocol::spec::Format::Toml)
        .expect("what is offered can be read");
    let point = breakmywork_protocol::scope::Point::of(&spec).expect("arms");
    for asked in [
        format!("length={}", point.length),
        format!("rate={}", point.rate),
    ] {
        assert!(
            start.split('&').any(|part| part == asked),
            "{asked}: {start}"
        );
    }
    // What is offered bears on the claim: it can be registered and moves it.
    let mut form = form;
    form.push(("action".to_owned(), "save".to_owned()));
    let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let proposal = location(&ada.post("/experiments/new", &form).await);
    let answer = ada.post(&format!("{proposal}/register"), &[]).await;
    assert_eq!(
        answer.status_code(),
        StatusCode::SEE_OTHER,
        "{}",
        answer.text()
    );
    let outside = sqlx::query_scalar!("select outside from experiment order by id desc limit 1")
        .fetch_one(&site.pool)
        .await
        .expect("asks");
    assert_eq!(outside, Vec::<String>::new());
    let page = ada.get(&claim).await.text();
    assert!(map(&page).contains("under way"), "it has its place");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn fields_are_chosen_and_what_moves_nothing_stands_aside(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let claim = format!("/claims/{}", site.claim("C2").await);
    // On generated sequences, of which the claim does not speak.
    ada.registered(&site).await;
    site.train_all().await;
    let page = ada.get(&format!("{claim}?x=task&y=cell")).await.text();
    let drawn = map(&page);
    for words in [
        "aside",
        "the adding problem <span class=\"note\">outside</span>",
        "word-level language modelling",
        "value=\"task\" selected",
        "value=\"cell\" selected",
        "x=task&amp;y=cell",
    ] {
        assert!(drawn.contains(words), "{words}: {drawn}");
    }
    assert!(!drawn.contains("class=\"supported\""), "{drawn}");
    for (query, status) in [
        ("x=length&y=length", StatusCode::OK),
        ("x=length&after=3", StatusCode::OK),
        ("x=colour", StatusCode::BAD_REQUEST),
        ("x=length&x=rate", StatusCode::BAD_REQUEST),
        ("x=%00", StatusCode::BAD_REQUEST),
    ] {
        let answer = ada.get(&format!("{claim}?{query}")).await;
        assert_eq!(answer.status_code(), status, "{query}");
    }
    for start in [
        "like=999999",
        "like=1&rate=x",
        "like=1&length=-1",
        "rate=1e999&like=1",
    ] {
        let answer = ada.get(&format!("/experiments/new?{start}")).await;
        assert!(!answer.status_code().is_server_error(), "{start}");
    }
}

/// What was registered before there was a map is entered as it would be today.
#[sqlx::test(migrator = "MIGRATOR")]
async fn the_migration_enters_what_was_registered_before(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = location(
        &ada.propose(&site, &[("arms-0-dropout-state-rate", "0.45")])
            .await,
    );
    ada.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    ada.registered(&site).await;
    let points = || async {
        sqlx::query_scalar::<_, String>("select p::text from experiment_point p order by 1")
            .fetch_all(&site.pool)
            .await
            .expect("asks")
    };
    let entered = points().await;
    assert_eq!(entered.len(), 2);
    assert_ne!(entered[0].rsplit(',').next(), entered[1].rsplit(',').next());
    let migration = include_str!("../../migrations/20261127220000_lineage.up.sql");
    let start = migration
        .find("insert into experiment_point")
        .expect("a statement");
    let statement = migration[start..].split(';').next().expect("its end");
    sqlx::raw_sql("delete from experiment_point")
        .execute(&site.pool)
        .await
        .expect("deletes");
    sqlx::raw_sql(statement)
        .execute(&site.pool)
        .await
        .expect("inserts");
    assert_eq!(points().await, entered);
}

/// The page costs the same with a claim of thousands of experiments.
#[sqlx::test(migrator = "MIGRATOR")]
async fn only_the_newest_are_drawn(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    ada.registered(&site).await;
    sqlx::raw_sql(
        "insert into thread select from generate_series(1, 3000);
         insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec, spec_canonical, spec_sha256,
           state, registered_at, outside)
         select claim_id, author_id, t.id, e.title, prediction, spec_source, spec, spec_canonical, spec_sha256, 'registered', now(), '{}'
         from experiment e cross join (select id from thread order by id desc limit 3000) t;
         insert into experiment_point select e.id, e.claim_id, 'word_lm', 'lstm', null, 1 + e.id % 1000, 3 + e.id % 900, (e.id % 90) / 100.0
         from experiment e where not exists (select from experiment_point p where p.experiment_id = e.id)",
    )
    .execute(&site.pool)
    .await
    .expect("inserts");
    let claim = format!("/claims/{}", site.claim("C2").await);
    let page = ada.get(&format!("{claim}?x=length&y=rate")).await.text();
    let drawn = map(&page);
    assert!(drawn.contains("Of the newest 500 experiments"), "{drawn}");
    assert!(drawn.len() < 40_000, "{} bytes", drawn.len());
    assert_eq!(drawn.matches("<th scope=\"row\"").count(), 8);
    // Nor are all of them counted.
    assert!(page.contains("+ experiments"), "{page}");
    let told: serde_json::Value = ada.get(&format!("/api/v1{claim}")).await.json();
    assert_eq!(told["tally"]["experiments"], 1_001);
    assert_eq!(told["tally"]["open"], 1_001);
}

/// Whoever proposes by the thousand hides no verdict.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_flood_of_proposals_leaves_a_claim_where_it_stands(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen("C2").await;
    let ada = site.signed_in("ada", Role::Member).await;
    ada.registered(&site).await;
    site.train_all().await;
    let address = format!("/api/v1/claims/{}", site.claim("C2").await);
    let told = async || -> serde_json::Value { ada.get(&address).await.json() };
    let before = told().await;
    assert_eq!(before["standing"], "standing", "{before}");
    sqlx::raw_sql(
        "insert into thread select from generate_series(1, 2000);
         insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec)
         select claim_id, author_id, t.id, e.title, prediction, spec_source, spec
         from experiment e cross join (select id from thread order by id desc limit 2000) t where e.confirms is null",
    )
    .execute(&site.pool)
    .await
    .expect("inserts");
    let after = told().await;
    for field in ["standing", "severity"] {
        assert_eq!(after[field], before[field], "{after}");
    }
    assert_eq!(after["tally"]["supported"], before["tally"]["supported"]);
    assert_eq!(after["tally"]["experiments"], 1_001);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_work_says_how_many_of_its_claims_were_tested(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen("C2").await;
    let ada = site.signed_in("ada", Role::Member).await;
    let page = ada.get("/works/recurrent-dropout").await.text();
    assert!(page.contains("0 of 15 tested"), "{page}");
    ada.registered(&site).await;
    site.train_all().await;
    let page = ada.get("/works/recurrent-dropout").await.text();
    assert!(page.contains("1 of 15 tested"), "{page}");
    let work = ada.get("/api/v1/works/recurrent-dropout").await;
    let work: serde_json::Value = work.json();
    let coverage = serde_json::json!({ "tested": 1, "claims": 15 });
    assert_eq!(work["coverage"], coverage);
    // What a moderator disputes counts for nothing.
    sqlx::query("update experiment set disputed_at = now(), disputed_by = author_id, dispute_reason = 'a slip'")
        .execute(&site.pool)
        .await
        .expect("disputes");
    let page = ada.get("/works/recurrent-dropout").await.text();
    assert!(page.contains("0 of 15 tested"), "{page}");
}
