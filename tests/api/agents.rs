//! Agents: accounts of programs, which act for a person and are no second voice of theirs.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork::auth::token::Scope;
use breakmywork::db::accounts::{self, Tokens};
use breakmywork_protocol::db::MIGRATOR;
use serde_json::{Value, json};
use sqlx::PgPool;

async fn propose(site: &Site, person: &Person, claim: &str, register: bool) -> (u16, Value) {
    let body =
        json!({ "claim": site.claim(claim).await, "spec": template(), "register": register });
    let answer = site.post(person, "/api/v1/experiments", &body).await;
    (answer.status_code().as_u16(), answer.json())
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_agent_goes_from_a_name_to_a_registered_experiment_under_it(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let scout = site.agent(&ada, "scout-agent").await;
    let experiment = site.registered(&scout).await;
    assert_eq!(experiment["author"], "scout-agent");
    // In the queue it is the person who waits.
    let owners: Vec<i64> = sqlx::query_scalar(
        "select distinct owner_id from run union select owner_id from queue_line",
    )
    .fetch_all(&site.pool)
    .await
    .expect("runs");
    assert_eq!(owners, [ada.id.0]);
    let shown: Value = site.get("/api/v1/people/scout-agent").await.json();
    assert_eq!(
        (&shown["sponsor"], &shown["role"]),
        (&json!("ada"), &json!("member"))
    );
    let shown: Value = site.get("/api/v1/people/ada").await.json();
    assert_eq!(
        (&shown["sponsor"], &shown["agents"]),
        (&Value::Null, &json!(["scout-agent"]))
    );
    let page = site.get("/people/scout-agent").await.text();
    assert!(
        page.contains("acts for <a href=\"/people/ada\">ada</a>"),
        "{page}"
    );
    let page = site.get("/people/ada").await.text();
    assert!(
        page.contains("<a href=\"/people/scout-agent\">scout-agent</a>"),
        "{page}"
    );
    let listed: Value = site.get_as(&ada, "/api/v1/agents").await.json();
    assert_eq!(listed["items"][0]["tokens"], 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn names_and_numbers_of_agents_are_bounded(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let bob = site.person("bob", "member").await;
    site.person("boss", "admin").await;
    for bad in [
        "",
        "scout",
        "-agent",
        "admin-agent",
        "b0ss-agent",
        "a b-agent",
        "x-agent-agent",
    ] {
        let refused = site
            .post(&ada, "/api/v1/agents", &json!({ "name": bad }))
            .await;
        refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(pointers(&refused.json()), ["/name"], "{bad}");
    }
    for number in 0..breakmywork::agents::MOST {
        site.agent(&ada, &format!("scout{number}-agent")).await;
    }
    let sixth = site
        .post(&ada, "/api/v1/agents", &json!({ "name": "another-agent" }))
        .await;
    sixth.assert_status(StatusCode::CONFLICT);
    let taken = site
        .post(&bob, "/api/v1/agents", &json!({ "name": "scout0-agent" }))
        .await;
    taken.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    // What is another's is not there.
    let body = json!({ "label": "mine", "scopes": ["read"] });
    for path in [
        "/api/v1/agents/scout0-agent/tokens",
        "/api/v1/agents/ada/tokens",
    ] {
        site.post(&bob, path, &body)
            .await
            .assert_status(StatusCode::NOT_FOUND);
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_agent_has_no_more_rights_than_it_needs(pool: PgPool) {
    let site = Site::new(pool).await;
    let boss = site.person("boss", "admin").await;
    let scout = site.agent(&boss, "scout-agent").await;
    let path = "/api/v1/agents/scout-agent/tokens";
    for scope in ["moderate", "account", "admin", "work"] {
        let body = json!({ "label": "more", "scopes": ["read", scope] });
        let refused = site.post(&boss, path, &body).await;
        refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(pointers(&refused.json()), ["/scopes"]);
    }
    // Not even by a token that the operator made, whatever the sponsor's role.
    let stuffed = site.limited(&scout, &Scope::ALL).await;
    for path in ["/api/v1/tokens", "/api/v1/people"] {
        let refused = site.get_as(&stuffed, path).await;
        refused.assert_status(StatusCode::FORBIDDEN);
    }
    for (path, body) in [
        ("/api/v1/agents", json!({ "name": "deeper-agent" })),
        ("/api/v1/queue/pause", json!({ "reason": "x" })),
    ] {
        let refused = site.post(&stuffed, path, &body).await;
        refused.assert_status(StatusCode::FORBIDDEN);
    }
    let mail = json!({ "address": "scout@example.org", "wish": "verdicts" });
    let refused = site.post(&scout, "/api/v1/mail", &mail).await;
    refused.assert_status(StatusCode::FORBIDDEN);
    // Nor can the database be brought to make more of it.
    for more in [
        "role = 'admin'",
        "password_hash = 'x'",
        "sponsor_id = null",
        "name = 'scout'",
        "sponsor_id = id",
    ] {
        let sql = format!("update account set {more} where name = 'scout-agent'");
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&site.pool)
            .await;
        assert!(done.is_err(), "{more}");
    }
    let deeper = "insert into account (name, password_hash, sponsor_id) select 'deep-agent', 'none', id from account where name = 'scout-agent'";
    assert!(sqlx::raw_sql(deeper).execute(&site.pool).await.is_err());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_agent_is_no_second_voice(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let bob = site.person("bob", "member").await;
    let mona = site.person("mona", "moderator").await;
    let scout = site.agent(&ada, "scout-agent").await;
    // No forecast of its own, and so no look at those of others.
    let (_, proposal) = propose(&site, &bob, "C2", false).await;
    let forecast = format!("/api/v1/experiments/{}/forecast", proposal["id"]);
    let body = json!({ "percent": 10 });
    let refused = site.post(&scout, &forecast, &body).await;
    refused.assert_status(StatusCode::FORBIDDEN);
    assert!(
        refused.text().contains("the person whom it acts for"),
        "{}",
        refused.text()
    );
    site.post(&mona, &forecast, &json!({ "percent": 70 }))
        .await
        .assert_status(StatusCode::CREATED);
    let seen: Value = site.get_as(&scout, &forecast).await.json();
    assert_eq!(
        (&seen["revealed"], &seen["crowd"]),
        (&json!(false), &Value::Null)
    );
    // No reaction.
    let comments = format!("/api/v1/threads/{}/comments", proposal["thread"]);
    let said: Value = site
        .post(&ada, &comments, &json!({ "body": "I doubt it." }))
        .await
        .json();
    let agree = format!("/api/v1/comments/{}/reactions/agree", said["id"]);
    site.put(&scout, &agree, &json!({}))
        .await
        .assert_status(StatusCode::FORBIDDEN);
    // What it proposes on a claim of its sponsor's is the sponsor's own test.
    let author = format!("/api/v1/claims/{}/author", site.claim("C2").await);
    let named = json!({ "author": "ada", "reason": "She wrote the paper." });
    site.post(&mona, &author, &named)
        .await
        .assert_status(StatusCode::OK);
    let (_, own) = propose(&site, &scout, "C2", false).await;
    assert_eq!(own["acceptance"]["status"], "own", "{own}");
    let waiting: Value = site.get("/api/v1/people/ada/unanswered").await.json();
    let waiting = waiting["items"].as_array().expect("a list");
    assert!(
        waiting.iter().all(|one| one["id"] == proposal["id"]),
        "{waiting:?}"
    );
    // And what the sponsor foresees of it counts as the author's word.
    let forecast = format!("/api/v1/experiments/{}/forecast", own["id"]);
    site.post(&ada, &forecast, &json!({ "percent": 95 }))
        .await
        .assert_status(StatusCode::CREATED);
    let seen: Value = site.get_as(&ada, &forecast).await.json();
    assert_eq!(
        (&seen["author"], &seen["crowd"]),
        (&json!(95), &Value::Null),
        "{seen}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn five_agents_use_up_no_more_than_their_person_may(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let agents: Vec<Person> = {
        let mut agents = Vec::new();
        for number in 0..5 {
            agents.push(site.agent(&ada, &format!("scout{number}-agent")).await);
        }
        agents
    };
    // All at once: each has a quarter, and together they have what one person has.
    let tries = agents.iter().flat_map(|agent| (0..8).map(move |_| agent));
    let answers = tries.map(|agent| async { propose(&site, agent, "C2", true).await.0 });
    let answers = futures_util::future::join_all(answers).await;
    let made: Vec<(String, i64)> = sqlx::query_as(
        "select account.name, count(*) from experiment join account on account.id = author_id
         where state = 'registered' group by 1 order by 1",
    )
    .fetch_all(&site.pool)
    .await
    .expect("counts");
    let all: i64 = made.iter().map(|(_, count)| count).sum();
    assert_eq!(all, breakmywork::proposal::OPEN_EXPERIMENTS, "{answers:?}");
    assert!(made.iter().all(|(_, count)| *count <= 5), "{made:?}");
    assert_eq!(propose(&site, &ada, "C2", true).await.0, 429);
    // Nor does one of them leave nothing to its person.
    let eve = site.person("eve", "member").await;
    let wild = site.agent(&eve, "wild-agent").await;
    let tries = (0..9).map(|_| async { propose(&site, &wild, "C2", true).await.0 });
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|status| **status == 201).count(), 5);
    assert_eq!(propose(&site, &eve, "C2", true).await.0, 201);
    // Comments: twenty a minute of them all.
    let thread: Value = site
        .get(&format!("/api/v1/claims/{}", site.claim("C2").await))
        .await
        .json();
    let comments = format!("/api/v1/threads/{}/comments", thread["thread"]);
    let tries = [&eve, &wild]
        .into_iter()
        .flat_map(|person| (0..15).map(move |_| person));
    let said = tries.map(|person| {
        let comments = &comments;
        let site = &site;
        async move {
            site.post(person, comments, &json!({ "body": "Again." }))
                .await
                .status_code()
        }
    });
    let said = futures_util::future::join_all(said).await;
    assert_eq!(
        said.iter()
            .filter(|status| **status == StatusCode::CREATED)
            .count(),
        20
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_agent_ends_with_its_sponsor(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let scout = site.agent(&ada, "scout-agent").await;
    let boss = site.person("boss", "admin").await;
    let unread = "/api/v1/inbox";
    site.get_as(&scout, unread)
        .await
        .assert_status(StatusCode::OK);
    let disable = json!({ "reason": "She floods." });
    let done = site
        .post(&boss, "/api/v1/people/ada/disable", &disable)
        .await;
    done.assert_status(StatusCode::OK);
    site.get_as(&scout, unread)
        .await
        .assert_status(StatusCode::UNAUTHORIZED);
    // Not by a token either that was made since.
    let again = site.limited(&scout, &Scope::USUAL).await;
    site.get_as(&again, unread)
        .await
        .assert_status(StatusCode::UNAUTHORIZED);
    let enable = site
        .post(&boss, "/api/v1/people/ada/enable", &json!({}))
        .await;
    enable.assert_status(StatusCode::OK);
    site.get_as(&again, unread)
        .await
        .assert_status(StatusCode::OK);
    // Who had the sponsor's password may have made some, so a new one ends them.
    let mut tx = site.pool.begin().await.expect("begins");
    let set = accounts::set_password(&mut tx, ada.id, "x", Tokens::Revoked).await;
    set.expect("sets");
    tx.commit().await.expect("commits");
    site.get_as(&again, unread)
        .await
        .assert_status(StatusCode::UNAUTHORIZED);
    // Of the agent alone an admin can say the same.
    let ada = site.limited(&ada, &Scope::ALL).await;
    let path = "/api/v1/agents/scout-agent/tokens";
    let body = json!({ "label": "new", "scopes": ["read", "follow"] });
    let made: Value = site.post(&ada, path, &body).await.json();
    let scout = Person {
        id: scout.id,
        token: made["secret"].as_str().expect("a token").to_owned(),
    };
    site.get_as(&scout, unread)
        .await
        .assert_status(StatusCode::OK);
    let done = site
        .post(&boss, "/api/v1/people/scout-agent/disable", &disable)
        .await;
    done.assert_status(StatusCode::OK);
    site.get_as(&scout, unread)
        .await
        .assert_status(StatusCode::UNAUTHORIZED);
    site.get_as(&ada, unread)
        .await
        .assert_status(StatusCode::OK);
}
