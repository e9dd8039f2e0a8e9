//! Lists: filtered, sorted, paged in both directions, at the same cost in a larger table.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork::{
    auth::account::Role,
    db::{
        listed::{self, Filter, Sort},
        text_search,
    },
};
use breakmywork_protocol::{db::MIGRATOR, id::ClaimId};
use serde_json::Value;
use sqlx::PgPool;

async fn sql(pool: &PgPool, text: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(text.to_owned()))
        .execute(pool)
        .await
        .expect(text);
}

/// Experiments past the program: of every third the task is copy, every fifth is concluded (as falsified where its number is
/// even), odd ones are ada's on C2, and even ones eve's on C3.
async fn many(site: &Site, more: i64) {
    sql(
        &site.pool,
        &format!(
            "with fresh as (insert into thread select from generate_series(1, {more}) returning id),
             numbered as (select id, row_number() over (order by id) as g from fresh)
             insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec, state,
               registered_at, spec_canonical, spec_sha256, concluded_at)
             select (select id from claim where label = case when g % 2 = 1 then 'C2' else 'C3' end),
               (select id from account where name = case when g % 2 = 1 then 'ada' else 'eve' end), id,
               'Number ' || g || case when g % 2 = 1 then ' alpha' else ' beta' end, 'It holds.', '',
               jsonb_build_object('task', jsonb_build_object('name', case when g % 3 = 0 then 'copy' else 'adding' end)),
               case when g % 5 = 0 then 'concluded' else 'proposed' end,
               case when g % 5 = 0 then now() end, case when g % 5 = 0 then '{{}}' end,
               case when g % 5 = 0 then repeat('a', 64) end,
               -- Many end at the same moment, and later ones not later.
               case when g % 5 = 0 then now() - make_interval(mins => (g % 7)::int) end
             from numbered;
             insert into verdict (experiment_id, outcome, detail)
             select e.id, case when claim.label = 'C3' then 'falsified' else 'supported' end, '{{}}'
             from experiment e join claim on claim.id = claim_id
             where state = 'concluded' and not exists (select from verdict where experiment_id = e.id);
             analyze experiment; analyze verdict"
        ),
    )
    .await;
}

/// Where a link of a page goes.
fn link(page: &str, rel: &str) -> Option<String> {
    let tag = page.split(&format!("rel=\"{rel}\" href=\"")).nth(1)?;
    let address = tag.split('"').next()?;
    Some(address.replace("&#38;", "&").replace("&amp;", "&"))
}

/// The numbers on a page, and where its links go on and back.
fn read(page: &str) -> (Vec<i64>, Option<String>, Option<String>) {
    let list = page
        .split("<ol class=\"entries\">")
        .nth(1)
        .unwrap_or_default();
    let ids = list.split("<span class=\"label\">").skip(1);
    let ids = ids.map(|part| {
        let digits = part.split('<').next().expect("a label");
        digits.parse().expect("a number")
    });
    (ids.collect(), link(page, "next"), link(page, "prev"))
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_view_is_paged_in_both_directions(pool: PgPool) {
    let site = Site::new(pool).await;
    site.account("ada", Role::Member).await;
    site.account("eve", Role::Member).await;
    many(&site, 330).await;
    let browser = site.browser();
    let claim = site.claim("C2").await;
    let of_claim = format!("claim={claim}&author=ada");
    for (view, all) in [
        ("", 330),
        ("sort=oldest", 330),
        ("sort=concluded", 66),
        ("author=eve", 165),
        ("author=%40EVE&sort=oldest", 165),
        ("state=proposed", 264),
        ("verdict=falsified", 33),
        ("verdict=supported&sort=oldest", 33),
        ("verdict=falsified&sort=concluded", 33),
        ("task=copy", 110),
        ("task=copy&author=ada&verdict=supported", 11),
        (of_claim.as_str(), 165),
        ("q=alpha&sort=oldest", 165),
        ("q=alpha+-beta&task=copy&sort=concluded", 11),
        ("q=beta&author=ada", 0),
        ("author=nobody", 0),
        ("state=proposed&verdict=falsified", 0),
        ("forecasts=open", 264),
    ] {
        let mut address = format!("/experiments?{view}");
        let mut pages = Vec::new();
        loop {
            let answer = browser.get(&address).await;
            answer.assert_status_ok();
            let (ids, next, back) = read(&answer.text());
            assert_eq!(
                back.is_some(),
                !pages.is_empty(),
                "{view}: only the first page has none before it"
            );
            pages.push(ids);
            match next {
                Some(next) => address = next,
                None => break,
            }
        }
        let ids: Vec<i64> = pages.concat();
        assert_eq!(ids.len(), all, "{view}");
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), all, "{view}: each once");
        if view.contains("oldest") {
            assert!(ids.is_sorted(), "{view}");
        } else if !view.contains("concluded") {
            assert!(ids.is_sorted_by(|a, b| a > b), "{view}");
        }
        // And back again, page by page.
        for page in pages.iter().rev().skip(1) {
            let (_, _, back) = read(&browser.get(&address).await.text());
            address = back.expect("a page before");
            assert_eq!(read(&browser.get(&address).await.text()).0, *page, "{view}");
        }
        // A script gets the same.
        let mut through = Vec::new();
        let mut cursor = String::new();
        loop {
            let page: Value = browser
                .get(&format!(
                    "/api/v1/experiments?{}&limit=150{cursor}",
                    view.replace("%40EVE", "eve")
                ))
                .await
                .json();
            let items = page["items"].as_array().expect("items");
            through.extend(
                items
                    .iter()
                    .map(|item| item["id"].as_i64().expect("a number")),
            );
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(through, ids, "{view}");
    }
    let (first, ..) = read(&browser.get("/experiments?sort=concluded").await.text());
    let latest: i64 = sqlx::query_scalar("select id from experiment where concluded_at is not null order by concluded_at desc, id desc limit 1")
        .fetch_one(&site.pool)
        .await
        .expect("asks");
    assert_eq!(first[0], latest);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_choice_is_plain_and_what_cannot_be_is_refused(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    ada.registered(&site).await;
    let page = ada
        .get("/experiments?state=registered&task=adding&q=mask&author=ada")
        .await
        .text();
    for words in [
        "aria-current=\"true\">registered</a>",
        "aria-current=\"true\">the adding problem</a>",
        "by ada ×",
        "“mask” ×",
        "href=\"/experiments?author=ada&#38;state=registered&#38;task=adding\"",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    for (query, words) in [
        ("state=foo", "must be one of proposed, registered"),
        ("verdict=foo", "must be one of supported"),
        ("task=foo", "must be one of adding"),
        ("before=x", "is no place in this list"),
        ("before=1&after=2", "not both"),
        ("sort=x", "cannot be read"),
    ] {
        let answer = ada.get(&format!("/experiments?{query}")).await;
        answer.assert_status(StatusCode::BAD_REQUEST);
        assert!(answer.text().contains(words), "{query}: {}", answer.text());
        if !query.starts_with("before") {
            let answer = ada.get(&format!("/api/v1/experiments?{query}")).await;
            answer.assert_status(StatusCode::BAD_REQUEST);
        }
    }
    ada.get("/experiments?claim=abc")
        .await
        .assert_status_not_found();
    let page = ada.get("/experiments?q=the").await;
    assert!(page.text().contains("too common"));
    let page = ada.get("/experiments?verdict=falsified&q=mask").await;
    assert!(page.text().contains("No experiment is all of this."));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn claims_are_listed_by_where_they_stand(pool: PgPool) {
    let site = Site::new(pool).await;
    site.account("ada", Role::Member).await;
    sql(
        &site.pool,
        "with fresh as (insert into thread select from generate_series(1, 500) returning id),
         numbered as (select id, row_number() over (order by id) as g from fresh)
         insert into claim (work_id, label, sentence, thread_id)
         select (select id from work where slug = 'recurrent-dropout'), 'Z' || g, 'Claim ' || g, id from numbered;
         with fresh as (insert into thread select from generate_series(1, 50) returning id),
         numbered as (select id, row_number() over (order by id) as g from fresh),
         tested as (insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec, state,
           registered_at, spec_canonical, spec_sha256, concluded_at, challenge)
         select claim.id, (select id from account where name = 'ada'), numbered.id, 'x', 'x', '', '{}', 'concluded', now(), '{}',
           repeat('a', 64), now(), 'confirmed' from numbered join claim on label = 'Z' || g * 10 returning id)
         insert into verdict (experiment_id, outcome, detail) select id, 'falsified', '{}' from tested",
    )
    .await;
    let all: i64 = sqlx::query_scalar("select count(*) from claim")
        .fetch_one(&site.pool)
        .await
        .expect("asks");
    let browser = site.browser();
    let labels = |page: &str| -> Vec<String> {
        let list = page
            .split("<ol class=\"entries\">")
            .nth(1)
            .unwrap_or_default();
        let labels = list.split("<span class=\"label\">").skip(1);
        labels
            .map(|part| part.split('<').next().unwrap_or_default().to_owned())
            .collect()
    };
    for (view, expected) in [
        ("", all as usize),
        ("?standing=falsified", 50),
        ("?standing=untested", all as usize - 50),
        ("?standing=challenged", 0),
    ] {
        let mut address = format!("/claims{view}");
        let mut pages = Vec::new();
        loop {
            let answer = browser.get(&address).await;
            answer.assert_status_ok();
            let page = answer.text();
            assert_eq!(link(&page, "prev").is_some(), !pages.is_empty(), "{view}");
            pages.push(labels(&page));
            match link(&page, "next") {
                Some(next) => address = next,
                None => break,
            }
        }
        assert_eq!(pages.concat().len(), expected, "{view}");
        if expected > 0 && view.is_empty() {
            for page in pages.iter().rev().skip(1) {
                let back = link(&browser.get(&address).await.text(), "prev");
                address = back.expect("a page before");
                assert_eq!(labels(&browser.get(&address).await.text()), *page, "{view}");
            }
        }
    }
    let page = browser.get("/claims?standing=falsified").await.text();
    assert!(
        page.contains("aria-current=\"true\">falsified</a>") && page.contains("confirmed"),
        "{page}"
    );
    browser
        .get("/claims?standing=x")
        .await
        .assert_status(StatusCode::BAD_REQUEST);
    // A script gets them all, and one by its label.
    let mut seen = 0;
    let mut address = "/api/v1/claims?limit=200".to_owned();
    loop {
        let page: Value = browser.get(&address).await.json();
        seen += page["items"].as_array().map_or(0, Vec::len);
        match page["next"].as_str() {
            Some(next) => address = format!("/api/v1/claims?limit=200&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen as i64, all, "none ends silently");
    for query in ["label=Z7", "label=Z7&work=recurrent-dropout"] {
        let one: Value = browser.get(&format!("/api/v1/claims?{query}")).await.json();
        assert_eq!(
            one["items"].as_array().map(Vec::len),
            Some(1),
            "{query}: {one}"
        );
    }
    let few: Value = browser
        .get("/api/v1/claims?work=recurrent-dropout&limit=3")
        .await
        .json();
    assert!(few["next"].is_string(), "{few}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_claim_that_survived_very_much_is_shown(pool: PgPool) {
    let site = Site::new(pool).await;
    site.account("ada", Role::Member).await;
    site.account("eve", Role::Member).await;
    many(&site, 2_000).await;
    sql(&site.pool, "update verdict set severity = 1").await;
    let claim = site.claim("C2").await;
    for page in [
        "/",
        "/works",
        &format!("/claims/{claim}"),
        &format!("/experiments?claim={claim}"),
    ] {
        site.browser().get(page).await.assert_status_ok();
    }
    let page = site.browser().get(&format!("/claims/{claim}")).await.text();
    assert!(page.contains("severity 100 %"), "{page}");
}

/// Experiments that one page reads.
async fn cost(pool: &PgPool, filter: &Filter, sort: Sort) -> i64 {
    let before = rows_read(pool, "experiment").await;
    for _ in 0..7 {
        let page = listed::page(pool, filter, sort, None, 50).await;
        page.expect("pages");
    }
    (rows_read(pool, "experiment").await - before) / 7
}

/// What is rare, what is frequent, and what never comes together: none costs more in a larger table.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_page_costs_the_same_in_a_larger_table(pool: PgPool) {
    let site = Site::new(pool).await;
    site.account("ada", Role::Member).await;
    site.account("eve", Role::Member).await;
    let one = alone(&site.pool).await;
    let (c2, c3) = (site.claim("C2").await, site.claim("C3").await);
    let words = async |words: &str| Some(text_search::terms(&one, words).await.expect("asks"));
    let of = Filter::default;
    let text = |text: &str| Some(text.to_owned());
    let filters = [
        of(),
        Filter {
            claim: Some(ClaimId(c3)),
            author: text("ada"),
            ..of()
        },
        Filter {
            claim: Some(ClaimId(c2)),
            outcome: text("falsified"),
            ..of()
        },
        Filter {
            state: text("proposed"),
            outcome: text("falsified"),
            ..of()
        },
        Filter {
            task: text("copy"),
            state: text("running"),
            ..of()
        },
        Filter {
            task: text("music"),
            ..of()
        },
        Filter {
            outcome: text("aborted"),
            ..of()
        },
        Filter {
            words: words("alpha").await,
            author: text("eve"),
            ..of()
        },
        Filter {
            words: words("alpha beta").await,
            ..of()
        },
        Filter {
            words: words("\"alpha number\"").await,
            ..of()
        },
        Filter {
            words: words("zanzibar").await,
            ..of()
        },
    ];
    let mut costs = Vec::new();
    for _ in 0..2 {
        many(&site, 12_000).await;
        let mut all = Vec::new();
        for filter in &filters {
            for sort in Sort::ALL {
                all.push((
                    format!("{filter:?} {sort:?}"),
                    cost(&one, filter, sort).await,
                ));
            }
        }
        costs.push(all);
    }
    for ((what, before), (_, after)) in costs[0].iter().zip(&costs[1]) {
        // Two walks, and each row that an index leads to is counted with the index and with the table; and the look whether
        // a word is rare.
        let bound = 4 * listed::LOOKED_THROUGH + 600;
        assert!(
            *after <= bound && *after <= before + listed::LOOKED_THROUGH,
            "{what}: {before} rows, then {after}"
        );
    }
    // Where the walk stops, it says so, and goes on.
    let none = Filter {
        claim: Some(ClaimId(c3)),
        author: text("ada"),
        ..of()
    };
    let mut place = None;
    let mut steps = 0;
    loop {
        let page = listed::page(&one, &none, Sort::Newest, place, 50)
            .await
            .expect("pages");
        assert!(page.ids.is_empty());
        steps += 1;
        match page.next {
            Some(next) => place = Some(next),
            None => break,
        }
        assert!(page.stopped);
    }
    assert_eq!(
        steps, 3,
        "12,000 of the claim are looked through 5,000 at a time"
    );
    let page = site
        .browser()
        .get(&format!("/experiments?claim={c3}&author=ada"))
        .await
        .text();
    assert!(page.contains("the list goes on"), "{page}");
}

/// Page after page, on the site and over REST: those that survived tests, the severest first, and nothing else.
#[sqlx::test(migrator = "MIGRATOR")]
async fn claims_are_listed_by_what_they_survived(pool: PgPool) {
    let site = Site::new(pool).await;
    let browser = site.browser();
    let empty = browser.get("/claims?order=severity").await.text();
    assert!(empty.contains("No claim has survived a test yet."));
    // Many are as severely tested as others; one of ten survived nothing, and one waits for a moderator.
    sql(
        &site.pool,
        "with fresh as (insert into thread select from generate_series(1, 130) returning id),
         numbered as (select id, row_number() over (order by id) as g from fresh),
         claims as (insert into claim (work_id, label, sentence, thread_id, moderation)
           select (select id from work where slug = 'recurrent-dropout'), 'Z' || g, 'Claim ' || g, id,
             case when g = 7 then 'waiting' else 'shown' end from numbered returning id, substring(label from 2)::int as g)
         insert into claim_tally (claim_id, survived, doubt) select id, 1, -1000000 * ((g * 37) % 10) from claims",
    )
    .await;
    let expected: Vec<i64> = sqlx::query_scalar(
        "select claim.id from claim join claim_tally t on t.claim_id = claim.id
         where t.doubt < 0 and moderation = 'shown' order by t.doubt, claim.id",
    )
    .fetch_all(&site.pool)
    .await
    .expect("asks");
    assert!(expected.len() > 100);
    let mut seen = Vec::new();
    let mut address = "/claims?order=severity".to_owned();
    loop {
        let page = browser.get(&address).await.text();
        let list = page.split("<ol class=\"entries\">").nth(1).expect("a list");
        let list = list.split("</ol>").next().unwrap_or_default();
        let claims = list.split("<a href=\"/claims/").skip(1);
        seen.extend(claims.map(|rest| {
            let number = rest.split('"').next().unwrap_or_default();
            number.parse::<i64>().expect("a claim")
        }));
        match link(&page, "next") {
            Some(next) => address = next,
            None => break,
        }
    }
    assert_eq!(seen, expected);
    let mut told = Vec::new();
    let mut address = "/api/v1/claims?order=severity&limit=40".to_owned();
    loop {
        let page: Value = browser.get(&address).await.json();
        let items = page["items"].as_array().expect("claims").iter();
        told.extend(items.map(|claim| claim["id"].as_i64().expect("an id")));
        match page["next"].as_str() {
            Some(next) => {
                address = format!("/api/v1/claims?order=severity&limit=40&cursor={next}");
            }
            None => break,
        }
    }
    assert_eq!(told, expected);
    for query in ["order=severity&label=Z7", "order=votes"] {
        let refused = browser.get(&format!("/api/v1/claims?{query}")).await;
        assert!(refused.status_code().is_client_error(), "{query}");
    }
}
