//! Forecasts on pages: hidden until given or ended, final, resolved by the verdict, scored.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork::auth::{account::Role, token::Scope};
use breakmywork_protocol::{db::MIGRATOR, id::AccountId};
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use std::collections::BTreeMap;

/// Members who forecast, in the table: names `NAME1`, `NAME2`, ….
async fn crowd(site: &Site, name: &str, percents: &[i16]) {
    for (index, percent) in percents.iter().enumerate() {
        sqlx::query(
            "with member as (insert into account (name, password_hash) values ($1, 'x') returning id)
             insert into forecast (experiment_id, account_id, percent) select max(experiment.id), member.id, $2
             from experiment, member group by member.id",
        )
        .bind(format!("{name}{}", index + 1))
        .bind(percent)
        .execute(&site.pool)
        .await
        .expect("a forecast");
    }
}

/// Gives those who forecast experiment 1 a record: their accounts get ten days old, and five forecasts of theirs, of experiments of three
/// people outside their claim's scope, are resolved.
async fn season(site: &Site) {
    sqlx::raw_sql(
        "update account set created_at = created_at - interval '10 days' where not is_board;
         insert into account (name, password_hash) values ('kim', 'x'), ('lea', 'x'), ('max', 'x');
         create temp table past as select nextval(pg_get_serial_sequence('experiment', 'id')) as id,
           nextval(pg_get_serial_sequence('thread', 'id')) as thread, g from generate_series(1, 5) g;
         insert into thread (id) overriding system value select thread from past;
         insert into experiment (id, claim_id, author_id, thread_id, title, prediction, spec_source, spec)
           overriding system value
           select past.id, (select claim_id from experiment where id = 1), account.id, thread, 't', 'p', '', '{}'
           from past join account on name = (array['kim', 'lea', 'max'])[1 + g % 3];
         insert into forecast (experiment_id, account_id, percent)
           select past.id, f.account_id, 50 from past, forecast f join experiment e on e.id = f.experiment_id
           where e.id = 1 and f.account_id <> e.author_id;
         update experiment set state = 'concluded', registered_at = now(), spec_canonical = '{}', spec_sha256 = repeat('a', 64),
           outside = array['elsewhere'], concluded_at = now() from past where past.id = experiment.id;
         insert into verdict (experiment_id, outcome, detail) select id, 'supported', '{}' from past;
         drop table past",
    )
    .execute(&site.pool)
    .await
    .expect("a record");
}

async fn give(browser: &Browser, path: &str, percent: &str) -> axum_test::TestResponse {
    let form = [("percent", percent)];
    browser.post(&format!("{path}/forecast"), &form).await
}

/// Everything that an answer tells: status, headers, body; but for the request's id and what a clock says, whose bytes are
/// taken off the length.
pub(crate) fn told(answer: &axum_test::TestResponse) -> (u16, BTreeMap<String, String>, String) {
    let whole = answer.text();
    let mut body = String::new();
    for (index, part) in whole.split("<time").enumerate() {
        match (index, part.split_once("</time>")) {
            (1.., Some((_, rest))) => body.push_str(rest),
            _ => body.push_str(part),
        }
    }
    let clock = "breakmywork_oldest_queued_seconds ";
    let lines = body.lines().filter(|line| !line.starts_with(clock));
    let body = lines.collect::<Vec<_>>().join("\n");
    let mut headers: BTreeMap<String, String> = answer
        .headers()
        .iter()
        .filter(|(name, _)| *name != "x-request-id")
        .map(|(name, value)| (name.to_string(), format!("{value:?}")))
        .collect();
    if let Some(length) = answer.maybe_header("content-length") {
        let length: usize = length.to_str().expect("plain").parse().expect("a number");
        assert_eq!(length, whole.len());
        headers.insert("content-length".to_owned(), body.len().to_string());
    }
    // A version follows from the words, whose times were taken out, and tells nothing else.
    if let (StatusCode::OK, Some(version)) = (answer.status_code(), answer.maybe_header("etag")) {
        let hash = hex::encode(&Sha256::digest(&whole)[..16]);
        assert_eq!(version, format!("W/\"{hash}\"").as_str());
        headers.remove("etag");
    }
    (answer.status_code().as_u16(), headers, body)
}

/// Every address that shows something of an experiment or of people, and some that ask for it in other words.
async fn addresses(site: &Site, path: &str) -> Vec<String> {
    let claim = site.claim("C2").await;
    let run: i64 = sqlx::query_scalar("select coalesce(min(id), 0) from run")
        .fetch_one(&site.pool)
        .await
        .expect("asks");
    let own = format!("/api/v1{path}");
    let mut addresses: Vec<String> = [
        "/",
        "/works",
        "/experiments",
        "/experiments?state=registered",
        "/experiments?forecasts=open",
        "/experiments?author=ada",
        "/experiments?author=bob1",
        "/experiments?sort=oldest",
        "/queue",
        "/record",
        "/metrics",
        "/people/ada",
        "/people/bob1",
        "/people/eve",
        "/account",
        "/admin/queue",
        "/admin/people",
        "/api/v1/experiments",
        "/api/v1/experiments?author=bob1",
        "/api/v1/experiments?forecasts=open",
        "/api/v1/experiments?sort=concluded",
        "/api/v1/claims",
        "/api/v1/record",
        "/api/v1/record/head",
        "/api/v1/queue",
        "/api/v1/people/bob1/forecast-score",
        "/api/v1/people/ada/forecast-score",
        "/api/v1/forecasts/surprises",
        "/api/v1/openapi.json",
    ]
    .map(str::to_owned)
    .to_vec();
    for part in [
        "",
        "?at=1",
        "/live",
        "/live?part=progress",
        "/spec.json",
        "/spec.toml",
        "/forecast",
        "/forecasts",
    ] {
        addresses.push(format!("{path}{part}"));
    }
    for part in [
        "",
        "/runs",
        "/forecast",
        "/forecasts",
        "/forecasts?limit=1",
        "/forecasts?cursor=1",
        "/forecasts?cursor=2",
    ] {
        addresses.push(format!("{own}{part}"));
    }
    addresses.push(format!("/claims/{claim}"));
    addresses.push(format!("/api/v1/claims/{claim}"));
    addresses.push(format!("/runs/{run}"));
    addresses.push(format!("/api/v1/runs/{run}"));
    addresses
}

/// What everybody is told who has given no forecast: a stranger, a member, the author, an admin, and scripts of these.
async fn told_to(
    site: &Site,
    readers: &[(&str, Browser)],
    path: &str,
) -> BTreeMap<String, (u16, BTreeMap<String, String>, String)> {
    site.state.surprises.look(&site.pool).await.expect("looks");
    let mut all = BTreeMap::new();
    for address in addresses(site, path).await {
        // The live part is drawn for all who watch at once, at most once a second.
        let asking = if address.ends_with("/live") {
            1
        } else {
            readers.len()
        };
        for (who, reader) in &readers[..asking] {
            let answer = reader.get(&address).await;
            all.insert(format!("{address} to {who}"), told(&answer));
        }
    }
    for (who, reader) in readers {
        let refused = give(reader, path, "101").await;
        all.insert(format!("a refusal to {who}"), told(&refused));
    }
    all
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn whoever_gave_none_is_told_the_same_whatever_others_forecast(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let root = site.signed_in("root", Role::Admin).await;
    // The members who will forecast are there from the start, so that nothing else differs.
    for name in ["bob1", "bob2", "bob3", "bob4"] {
        site.account(name, Role::Member).await;
    }
    let path = ada.registered(&site).await;
    let script = async |id: i64| {
        let token = site.token(AccountId(id), &Scope::ALL).await;
        site.browser().bearing(&token)
    };
    let ids: Vec<i64> = sqlx::query_scalar(
        "select id from account where name in ('ada', 'eve', 'root') order by name",
    )
    .fetch_all(&site.pool)
    .await
    .expect("asks");
    let readers = [
        ("a script of the author", script(ids[0]).await),
        ("a script of a member", script(ids[1]).await),
        ("a script of an admin", script(ids[2]).await),
        ("a stranger", site.browser()),
        ("the author", ada),
        ("a member", eve),
        ("an admin", root),
    ];
    let forecast = async |query: &'static str| {
        sqlx::query(query)
            .execute(&site.pool)
            .await
            .expect("forecasts");
    };
    // What the stream and the record tell.
    let noted = async || -> i64 {
        sqlx::query_scalar(
            "select (select count(*) from run_event) + (select count(*) from record_entry)",
        )
        .fetch_one(&site.pool)
        .await
        .expect("asks")
    };
    let noted_before = noted().await;
    for closed in [false, true] {
        if closed {
            forecast("delete from forecast").await;
            forecast("insert into run_metric (run_id, name, step, value) select min(id), 'train_loss', 1, 0.5 from run").await;
            // What is closed takes none; these came before.
            forecast("alter table forecast disable trigger forecast_comes_first").await;
        }
        // The first time may differ by itself: a token is used for the first time.
        told_to(&site, &readers, &path).await;
        let before = told_to(&site, &readers, &path).await;
        let page = &before[&format!("{path} to a member")].2;
        assert_eq!(page.contains("Give this forecast"), !closed, "{page}");
        for query in [
            "insert into forecast select experiment.id, account.id, 0 from experiment, account where account.name = 'bob1'",
            "insert into forecast select experiment.id, account.id, 100 from experiment, account where account.name in ('bob2', 'bob3', 'bob4')",
        ] {
            forecast(query).await;
            let after = told_to(&site, &readers, &path).await;
            for (what, answer) in &before {
                assert_eq!(&after[what], answer, "{what}");
            }
        }
        // What is compared does tell of them, to whoever has given one.
        if !closed {
            let member = &readers[5].1;
            give(member, &path, "50").await.assert_status_see_other();
            let all = told(&member.get(&path).await);
            forecast("delete from forecast using account where account.id = account_id and name = 'bob1'").await;
            assert_ne!(told(&member.get(&path).await), all);
        }
    }
    assert_eq!(noted().await, noted_before);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_forecast_is_final_and_shows_those_of_others_without_their_names(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let path = ada.registered(&site).await;
    crowd(&site, "bob", &[20, 30, 100]).await;
    give(&ada, &path, "95").await.assert_status_see_other();
    for bad in ["", "-1", "101", "0.5", "half"] {
        let refused = give(&eve, &path, bad).await;
        refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        let text = refused.text();
        assert!(
            text.contains("a whole number of percent, from 0 to 100"),
            "{text}"
        );
        assert!(text.contains(&format!("value=\"{bad}\"")), "kept: {text}");
        assert!(!text.contains("on average"), "{text}");
    }
    give(&eve, &path, "70").await.assert_status_see_other();
    let page = eve.get(&path).await.text();
    for words in [
        "You forecast <strong>70 %</strong>",
        "4 members gave a forecast, 55 % on average",
        "who is not counted, 95 %",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("bob"), "no names yet: {page}");
    // Sent twice is once; another one is none.
    give(&eve, &path, "70 %").await.assert_status_see_other();
    let refused = give(&eve, &path, "50").await;
    refused.assert_status(StatusCode::CONFLICT);
    assert!(refused.text().contains("It is final"), "{}", refused.text());
    let refused = sqlx::query("update forecast set percent = 1")
        .execute(&site.pool)
        .await
        .expect_err("final in the database, too");
    assert!(refused.to_string().contains("is final"), "{refused}");
    // On one's own page alone, until it has ended.
    let own = eve.get("/people/eve").await.text();
    assert!(own.contains("nobody else sees this one"), "{own}");
    let others = ada.get("/people/eve").await.text();
    assert!(!others.contains("forecast"), "{others}");
    // Somebody who is not signed in is sent to sign in, and comes back to the page.
    let stranger = give(&site.browser(), &path, "50").await;
    assert!(!stranger.status_code().is_server_error());
    assert_eq!(count(&site).await, 5);
}

async fn count(site: &Site) -> i64 {
    sqlx::query_scalar("select count(*) from forecast")
        .fetch_one(&site.pool)
        .await
        .expect("asks")
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nothing_is_forecast_once_there_is_something_to_see(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let path = ada.registered(&site).await;
    sqlx::query("insert into run_metric (run_id, name, step, value) select min(id), 'train_loss', 1, 0.5 from run")
        .execute(&site.pool)
        .await
        .expect("a measurement");
    let refused = give(&eve, &path, "50").await;
    refused.assert_status(StatusCode::CONFLICT);
    assert!(
        refused.text().contains("something to see of its runs"),
        "{}",
        refused.text()
    );
    let refused = sqlx::query("insert into forecast (experiment_id, account_id, percent) select experiment.id, account.id, 1 from experiment, account where account.name = 'eve'")
        .execute(&site.pool)
        .await
        .expect_err("nor in the database");
    assert!(
        refused.to_string().contains("takes no forecast"),
        "{refused}"
    );
    site.train_all().await;
    let refused = give(&eve, &path, "99").await;
    refused.assert_status(StatusCode::CONFLICT);
    assert!(
        refused.text().contains("It has ended"),
        "{}",
        refused.text()
    );
    assert_eq!(count(&site).await, 0);
}

/// A proposal and a registered experiment take forecasts until there is something to see; an exploratory one takes none, and
/// a withdrawn one no more. Page and REST list the same.
#[sqlx::test(migrator = "MIGRATOR")]
async fn what_takes_forecasts_is_listed(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let running = ada.registered(&site).await;
    let proposal = location(&ada.propose(&site, &[("prediction", "Another one.")]).await);
    let exploratory = location(&ada.propose(&site, &[("prediction", "To look.")]).await);
    let to_look = [("exploratory", "true")];
    ada.post(&format!("{exploratory}/register"), &to_look).await;
    let withdrawn = location(&ada.propose(&site, &[("prediction", "Not that.")]).await);
    ada.post(&format!("{withdrawn}/withdraw"), &[]).await;
    let listed = async || -> Vec<String> {
        let rest = ada.get("/api/v1/experiments?forecasts=open").await;
        let rest: serde_json::Value = rest.json();
        let items = rest["items"].as_array().expect("a list").iter();
        let listed: Vec<String> = items
            .map(|item| item["url"].as_str().expect("an address").to_owned())
            .collect();
        let page = ada.get("/experiments?forecasts=open").await.text();
        for path in [&running, &proposal, &exploratory, &withdrawn] {
            let link = format!("<a href=\"{path}\">");
            assert_eq!(page.contains(&link), listed.contains(path), "{path}");
        }
        listed
    };
    assert_eq!(listed().await, [proposal.clone(), running.clone()]);
    sqlx::query("insert into run_metric (run_id, name, step, value) select min(id), 'train_loss', 1, 0.5 from run")
        .execute(&site.pool)
        .await
        .expect("a first measurement");
    assert_eq!(listed().await, std::slice::from_ref(&proposal));
    ada.post(&format!("{proposal}/withdraw"), &[]).await;
    assert_eq!(listed().await, Vec::<String>::new());
    let page = ada.get("/experiments?forecasts=open").await.text();
    assert!(page.contains("No experiment waits for forecasts"), "{page}");
    ada.get("/api/v1/experiments?forecasts=all")
        .await
        .assert_status(StatusCode::BAD_REQUEST);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_changed_plan_drops_what_was_forecast_of_the_earlier_one(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let path = location(&ada.propose(&site, &[]).await);
    let page = eve.get(&path).await.text();
    let section = page.split("id=\"forecast\"").nth(1).expect("a form");
    let version = fields(section.split("<form").nth(1).expect("a form"))
        .into_iter()
        .find(|(name, _)| name == "version")
        .expect("the version")
        .1;
    give(&eve, &path, "70").await.assert_status_see_other();
    // Other words on why leave the plan as it is; another margin does not.
    for (changes, left) in [
        (("rationale", "Because."), 1),
        (("criterion-margin", "0.2"), 0),
    ] {
        let editor = ada.get(&format!("{path}/edit")).await.text();
        let mut form = fields(editor.split("data-editor").nth(1).expect("the editor"));
        form.retain(|(name, _)| name != changes.0);
        form.push((changes.0.to_owned(), changes.1.to_owned()));
        form.push(("action".to_owned(), "save".to_owned()));
        let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        ada.post(&format!("{path}/edit"), &form)
            .await
            .assert_status_see_other();
        assert_eq!(count(&site).await, left, "{changes:?}");
    }
    // What was read before the change is not what would be forecast.
    let stale = [("percent", "70"), ("version", version.as_str())];
    let refused = eve.post(&format!("{path}/forecast"), &stale).await;
    refused.assert_status(StatusCode::CONFLICT);
    assert!(
        refused.text().contains("changed since you read it"),
        "{}",
        refused.text()
    );
    give(&eve, &path, "40").await.assert_status_see_other();
    // Registration changes nothing of the plan.
    ada.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    assert_eq!(count(&site).await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_verdict_resolves_them_and_surprises_stand_on_the_first_page(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen("C2").await;
    let ada = site.signed_in("ada", Role::Member).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let path = ada.registered(&site).await;
    crowd(&site, "bob", &[10, 20]).await;
    give(&eve, &path, "30").await.assert_status_see_other();
    give(&ada, &path, "90").await.assert_status_see_other();
    season(&site).await;
    site.train_all().await;
    site.state.surprises.look(&site.pool).await.expect("looks");

    let page = site.browser().get(&path).await.text();
    for words in [
        "The claim survived:",
        "3 members gave a forecast, 20 % on average",
        "href=\"/people/bob1\"",
        "<span class=\"note\">author</span>",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let person = site.browser().get("/people/eve").await.text();
    for words in [
        "6 resolved forecasts<",
        "<strong>0.290</strong>; 0 is perfect",
        "<dd>4 other people</dd>",
        "21 to 30 %",
        "the claim survived",
    ] {
        assert!(person.contains(words), "{words}: {person}");
    }
    // One's own experiment does not count.
    let author = site.browser().get("/people/ada").await.text();
    assert!(author.contains("No score yet"), "{author}");
    assert!(author.contains("of one’s own: not scored"), "{author}");
    let home = site.browser().get("/").await.text();
    assert!(
        home.contains("3 members with a record gave the claim 20 % on average"),
        "{home}"
    );

    // A dispute takes it out of scores and surprises until it is resolved.
    let root = site.signed_in("root", Role::Admin).await;
    let reason = [("words", "a doubt")];
    root.post(&format!("{path}/dispute"), &reason)
        .await
        .assert_status_see_other();
    site.state.surprises.look(&site.pool).await.expect("looks");
    assert!(!root.get("/").await.text().contains("Biggest surprises"));
    let person = root.get("/people/eve").await.text();
    assert!(
        person.contains("not scored until that is resolved"),
        "{person}"
    );
    assert!(person.contains("5 resolved forecasts<"), "{person}");
    root.post(&format!("{path}/dispute/resolve"), &reason)
        .await
        .assert_status_see_other();
    site.state.surprises.look(&site.pool).await.expect("looks");
    assert!(root.get("/").await.text().contains("Biggest surprises"));

    // Nor do accounts count that were disabled: two are no crowd.
    let disable = [("reason", "a puppet")];
    root.post("/admin/people/bob1/disable", &disable)
        .await
        .assert_status_see_other();
    site.state.surprises.look(&site.pool).await.expect("looks");
    assert!(!root.get("/").await.text().contains("Biggest surprises"));
    let page = root.get(&path).await.text();
    assert!(
        page.contains("2 members gave a forecast, 25 % on average"),
        "{page}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_decides_nothing_makes_forecasts_void(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let withdrawn = location(&ada.propose(&site, &[]).await);
    give(&eve, &withdrawn, "60").await.assert_status_see_other();
    ada.post(&format!("{withdrawn}/withdraw"), &[])
        .await
        .assert_status_see_other();
    let page = site.browser().get(&withdrawn).await.text();
    assert!(page.contains("<strong>Void:</strong>"), "{page}");

    let exploratory = location(&ada.propose(&site, &[("seeds", "1-2")]).await);
    give(&eve, &exploratory, "60")
        .await
        .assert_status_see_other();
    ada.post(
        &format!("{exploratory}/register"),
        &[("exploratory", "yes")],
    )
    .await
    .assert_status_see_other();
    let page = eve.get(&exploratory).await.text();
    assert!(page.contains("It is void"), "{page}");
    give(&ada, &exploratory, "50")
        .await
        .assert_status(StatusCode::CONFLICT);
    site.train_all().await;

    let person = site.browser().get("/people/eve").await.text();
    assert_eq!(
        person.matches("void: nothing was decided").count(),
        2,
        "{person}"
    );
    assert!(person.contains("No score yet"), "{person}");
}

/// Somebody's true experiment, and three who made accounts to expect nothing of it.
#[sqlx::test(migrator = "MIGRATOR")]
async fn fresh_accounts_are_no_crowd(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen("C2").await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    crowd(&site, "puppet", &[0, 0, 0]).await;
    site.train_all().await;
    let surprises = async || {
        site.state.surprises.look(&site.pool).await.expect("looks");
        site.state.surprises.all().len()
    };
    assert_eq!(surprises().await, 0);
    let page = site.browser().get(&path).await.text();
    assert!(page.contains("3 members gave a forecast, 0 %"), "{page}");
    // Nor are they when they are older, without a record.
    let older = "update account set created_at = created_at - interval '10 days'";
    sqlx::query(older).execute(&site.pool).await.expect("ages");
    assert_eq!(surprises().await, 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_record_is_of_several_people_and_takes_a_week(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen("C2").await;
    let ada = site.signed_in("ada", Role::Member).await;
    ada.registered(&site).await;
    crowd(&site, "bob", &[0, 0, 0]).await;
    season(&site).await;
    site.train_all().await;
    let surprises = async || {
        site.state.surprises.look(&site.pool).await.expect("looks");
        site.state.surprises.all().len()
    };
    assert_eq!(surprises().await, 1);
    for (less, back) in [
        (
            "update account set created_at = created_at + interval '4 days' where name = 'bob1'",
            "update account set created_at = created_at - interval '4 days' where name = 'bob1'",
        ),
        (
            "update verdict set outcome = 'inconclusive' where experiment_id = (select max(id) from experiment)",
            "update verdict set outcome = 'supported' where experiment_id = (select max(id) from experiment)",
        ),
        // Five of kim's and one of ada's.
        (
            "update experiment set author_id = (select id from account where name = 'kim') where id > 1",
            "select 1",
        ),
    ] {
        sqlx::query(less).execute(&site.pool).await.expect("less");
        assert_eq!(surprises().await, 0, "{less}");
        sqlx::query(back).execute(&site.pool).await.expect("back");
    }
}

/// Three accounts of one person: no number of theirs makes a score without saying of how few it is, or a surprise of what
/// does not bear on its claim.
#[sqlx::test(migrator = "MIGRATOR")]
async fn three_accounts_buy_neither_a_score_nor_the_first_page(pool: PgPool) {
    let site = Site::new(pool).await;
    let mallory = site.signed_in("mallory", Role::Member).await;
    let path = mallory.registered(&site).await;
    crowd(&site, "puppet", &[0, 0, 0]).await;
    let main = site.signed_in("main", Role::Member).await;
    give(&main, &path, "100").await.assert_status_see_other();
    site.train_all().await;
    site.state.surprises.look(&site.pool).await.expect("looks");
    // The ready template lies outside of what C2 speaks of, so nothing about C2 surprises.
    assert!(!main.get("/").await.text().contains("Biggest surprises"));
    let person = site.browser().get("/people/main").await.text();
    assert!(person.contains("<dd>1 other person</dd>"), "{person}");

    // Sixty within an hour are enough for a person, and few for a script.
    sqlx::query(
        "with other as (insert into thread select from generate_series(1, 60) returning id)
         insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec)
         select claim_id, author_id, other.id, 't', 'p', 's', '{}' from experiment, other where experiment.id = 1",
    )
    .execute(&site.pool)
    .await
    .expect("proposals");
    let proposals: Vec<i64> =
        sqlx::query_scalar("select id from experiment where state = 'proposed' order by id")
            .fetch_all(&site.pool)
            .await
            .expect("asks");
    let mut refused = 0;
    for id in &proposals {
        let answer = give(&main, &format!("/experiments/{id}"), "50").await;
        refused += i64::from(answer.status_code() == StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!((proposals.len(), refused), (60, 1));
}
