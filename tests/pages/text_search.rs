//! Full-text search: what is found, by whom, at which cost, and what a visitor is told where nothing is.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork::{
    auth::account::Role,
    text_search::{self, Asked, Kind, Text},
};
use breakmywork_protocol::db::MIGRATOR;
use serde_json::Value;
use sqlx::PgPool;

async fn sql(pool: &PgPool, text: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(text.to_owned()))
        .execute(pool)
        .await
        .expect(text);
}

/// The page for this text, and the same by REST.
async fn both(browser: &Browser, query: &str) -> (String, Value) {
    let page = browser.get(&format!("/search?q={query}")).await;
    page.assert_status_ok();
    let found = browser.get(&format!("/api/v1/search?q={query}")).await;
    found.assert_status_ok();
    (page.text(), found.json())
}

fn urls(found: &Value) -> Vec<&str> {
    let items = found["items"].as_array().expect("items");
    (items.iter())
        .map(|item| item["url"].as_str().expect("an address"))
        .collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn everything_is_found_by_its_words(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    let thread: i64 = sqlx::query_scalar("select thread_id from experiment")
        .fetch_one(&site.pool)
        .await
        .expect("asks");
    let comments = format!("/threads/{thread}/comments");
    ada.post(&comments, &[("body", "The <b>quokkas</b> doubt it.")])
        .await
        .assert_status_see_other();
    let stranger = site.browser();
    for (query, url) in [
        ("theoretically+grounded", "/works/recurrent-dropout"),
        ("Ghahramani", "/works/recurrent-dropout"),
        ("quokka", "/comments/1"),
        ("fixed+fresh+masks", path.as_str()),
        ("%22state+masks%22", path.as_str()),
        ("ad", "/people/ada"),
        // Some of the words are better than nothing.
        ("quokka+zanzibar", "/comments/1"),
    ] {
        let (page, found) = both(&stranger, query).await;
        assert!(page.contains(&format!("href=\"{url}\"")), "{query}: {page}");
        assert!(urls(&found).contains(&url), "{query}: {found}");
        assert_eq!(found["loosened"], query.contains("zanzibar"), "{query}");
    }
    // Of a claim the page says where it stands.
    let (page, _) = both(&stranger, "perplexity").await;
    assert!(page.contains("untested"), "{page}");
    // What people typed is text, and the words are marked.
    let (page, found) = both(&stranger, "quokka").await;
    assert!(page.contains("<mark>quokkas</mark>"), "{page}");
    assert!(!page.contains("<b>"), "{page}");
    let snippet = found["items"][0]["snippet"].as_str().expect("text");
    assert!(
        snippet.contains("<mark>quokkas</mark>") && !snippet.contains("<b>"),
        "{snippet}"
    );
    // One kind alone, with the choice plain.
    let page = stranger.get("/search?q=quokka&kind=claims").await.text();
    assert!(page.contains("Nothing was found among claims"), "{page}");
    let chosen = "kind=claims\" aria-current=\"true\"";
    assert!(page.contains(chosen), "{page}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_sealed_or_hidden_is_never_found(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let mona = site.signed_in("mona", Role::Moderator).await;
    let fields = [
        ("title", "Zanzibar"),
        ("prediction", "The claim implies zanzibar here."),
        ("rationale", "Because of *zanzibar*."),
        ("seal_days", "30"),
    ];
    let path = location(&ada.propose(&site, &fields).await);
    ada.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    let thread: i64 = sqlx::query_scalar("select thread_id from claim where label = 'C2'")
        .fetch_one(&site.pool)
        .await
        .expect("asks");
    let comments = format!("/threads/{thread}/comments");
    ada.post(&comments, &[("body", "Nothing but zanzibar.")])
        .await
        .assert_status_see_other();
    mona.post("/comments/1/hide", &[("reason", "noise")])
        .await
        .assert_status_see_other();
    for (who, reader) in [
        ("a stranger", &site.browser()),
        ("its author", &ada),
        ("a moderator", &mona),
    ] {
        for query in [
            "zanzibar",
            "zanz-ibar+or+zanzibar",
            "zanzibar&kind=experiments",
            "zanzibar&kind=comments",
        ] {
            let (page, found) = both(reader, query).await;
            assert!(page.contains("Nothing was found"), "{who}, {query}: {page}");
            assert_eq!(urls(&found), Vec::<&str>::new(), "{who}, {query}");
        }
    }
    let kept: i64 = sqlx::query_scalar(
        "select count(*) from experiment where closed and (words is not null or task is not null)",
    )
    .fetch_one(&site.pool)
    .await
    .expect("asks");
    assert_eq!(kept, 0, "no index holds a word of it");
    mona.post("/comments/1/unhide", &[("reason", "a slip")])
        .await
        .assert_status_see_other();
    ada.post(&format!("{path}/stop"), &[("reason", "enough")])
        .await
        .assert_status_see_other();
    let (_, found) = both(&site.browser(), "zanzibar").await;
    assert_eq!(
        urls(&found),
        [path.as_str(), "/comments/1"],
        "open, both are"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn names_lead_straight_to_what_they_name(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    let claim = format!("/claims/{}", site.claim("C3").await);
    let id = path.rsplit('/').next().expect("a number");
    let number = format!("%23{id}");
    for (query, meant) in [("C3", &claim), ("+c3+", &claim), (number.as_str(), &path)] {
        let answer = ada.get(&format!("/search?q={query}")).await;
        assert_eq!(location(&answer), *meant, "{query}");
    }
    assert_eq!(location(&ada.get("/search?q=@Ada").await), "/people/ada");
    for query in [
        "C99",
        "%2399",
        "%23x",
        "@nobody",
        "@",
        "C3+mask",
        "C3&kind=claims",
    ] {
        ada.get(&format!("/search?q={query}"))
            .await
            .assert_status_ok();
    }
    let (_, found) = both(&ada, "C3+mask").await;
    assert_eq!(found["named"], Value::Null);
    let found: Value = ada.get("/api/v1/search?q=C3").await.json();
    assert_eq!(found["named"], claim);
    // The same label in two works names neither.
    sql(&site.pool, "insert into work (slug, title, authors, year, url, citation, phenomenon) values ('b', 'B', '{x}', 2000, 'https://b', '', '');
        insert into thread default values;
        insert into claim (work_id, label, sentence, thread_id) select max(work.id), 'C3', 'Another.', max(thread.id) from work, thread").await;
    let page = ada.get("/search?q=C3").await;
    page.assert_status_ok();
    assert!(page.text().contains("Another."));
}

/// Whatever is typed is answered, in little time.
#[sqlx::test(migrator = "MIGRATOR")]
async fn hostile_queries_are_answered(pool: PgPool) {
    let site = Site::new(pool).await;
    let browser = site.browser();
    for (query, words) in [
        ("", "leads straight there"),
        ("%00%0A", "leads straight there"),
        ("the", "too common"),
        ("-mask", "add a word that should be there"),
        ("%22%22+-+%26+%7C+%21+%3A%2A+%28%29+%27+%5C", "too common"),
        (
            "%3Cscript%3Ealert(1)%3C/script%3E%22%27",
            "Nothing was found",
        ),
        (
            "a-b-c-d-e-f-g-h-i-j-k-l-m-n-o-p-q-r-s-t-u-v-w-x-y-z-a-b-c-d-e-f-g-h-i-j-k-l-m-n-o-p-q-r-s",
            "too many parts",
        ),
        ("xqzt&from=-5", "Nothing was found"),
        ("mask&kind=claims&from=9999999", "Go to the first page"),
    ] {
        let answer = browser.get(&format!("/search?q={query}")).await;
        answer.assert_status_ok();
        let page = answer.text();
        let page_lower = page.to_lowercase();
        assert!(
            page_lower.contains(&words.to_lowercase()),
            "{query}: {page}"
        );
        assert!(!page.contains("<script>alert"), "{query}");
    }
    for query in ["word+".repeat(17), "x".repeat(201)] {
        let answer = browser.get(&format!("/search?q={query}")).await;
        answer.assert_status(StatusCode::BAD_REQUEST);
        assert!(answer.text().contains("Leave some out"));
        let refused = browser.get(&format!("/api/v1/search?q={query}")).await;
        refused.assert_status(StatusCode::BAD_REQUEST);
    }
    for query in ["mask&kind=nothing", "mask&from=x", "mask&q=2"] {
        let answer = browser.get(&format!("/search?q={query}")).await;
        answer.assert_status(StatusCode::BAD_REQUEST);
    }
    let answer = browser
        .get("/api/v1/search?q=mask&kind=claims&limit=2")
        .await;
    let first: Value = answer.json();
    let link = answer.header("link");
    let next = link.to_str().expect("text");
    assert_eq!(
        next,
        "</api/v1/search?q=mask&kind=claims&limit=2&cursor=2>; rel=\"next\""
    );
    let second: Value = browser
        .get("/api/v1/search?q=mask&kind=claims&limit=2&cursor=2")
        .await
        .json();
    assert!(urls(&second).iter().all(|url| !urls(&first).contains(url)));
}

/// Rows of comments that one search reads.
async fn cost(pool: &PgPool, query: &str) -> i64 {
    let before = rows_read(pool, "comment").await;
    let text = Text::read(query).expect("short").expect("words");
    let Asked::Words(terms) = text_search::asked(pool, &text).await.expect("asks") else {
        panic!("{query} says nothing");
    };
    // As often as a statement is planned anew, and once more.
    for _ in 0..7 {
        let found = text_search::find(pool, Kind::Comments, &terms, &text, 20, 0).await;
        found.expect("finds");
    }
    (rows_read(pool, "comment").await - before) / 7
}

/// Words that stand everywhere, words that never stand together, side by side or not: none costs more in a larger table.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_search_costs_the_same_in_a_larger_table(pool: PgPool) {
    let site = Site::new(pool).await;
    site.account("ada", Role::Member).await;
    let one = alone(&site.pool).await;
    let more = "insert into comment (thread_id, author_id, body)
        select (select min(id) from thread), (select min(id) from account where name = 'ada'),
          case when g % 2 = 0 then 'alpha common' else 'beta common' end from generate_series(1, 12000) g; analyze comment";
    let mut costs = Vec::new();
    for _ in 0..2 {
        sql(&site.pool, more).await;
        let mut row = Vec::new();
        for query in [
            "common",
            "alpha",
            "alpha beta",
            "\"alpha beta\"",
            "\"common alpha\"",
            "alpha or beta",
            "alpha -common",
            "zanzibar",
        ] {
            row.push((query, cost(&one, query).await));
        }
        costs.push(row);
    }
    let (smaller, larger) = (&costs[0], &costs[1]);
    for ((query, before), (_, after)) in smaller.iter().zip(larger) {
        assert!(
            *after <= before + 600 && *after < 7_000,
            "{query}: {before} rows, then {after}"
        );
    }
}
