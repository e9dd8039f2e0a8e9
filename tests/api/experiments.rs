use crate::support::{Site, pointers, template};
use axum::http::StatusCode;
use breakmywork_protocol::db::MIGRATOR;
use serde_json::{Value, json};
use sqlx::PgPool;

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_script_proposes_registers_and_follows(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let claim = site.claim("C2").await;
    let body = json!({ "claim": claim, "spec": template() });
    let response = site.post(&ada, "/api/v1/experiments", &body).await;
    response.assert_status(StatusCode::CREATED);
    let proposed: Value = response.json();
    assert_eq!(proposed["state"], "proposed");
    assert_eq!(proposed["verdict"], Value::Null);
    assert_eq!(proposed["spec"]["model"]["hidden"], 32);
    assert!(
        proposed["prediction"]
            .as_str()
            .is_some_and(|text| text.contains("test error"))
    );
    let id = proposed["id"].as_i64().expect("an id");

    let response = site
        .post(
            &ada,
            &format!("/api/v1/experiments/{id}/register"),
            &json!({}),
        )
        .await;
    response.assert_status_ok();
    let registered: Value = response.json();
    assert_eq!(registered["state"], "registered");
    assert_eq!(registered["spec_sha256"].as_str().map(str::len), Some(64));
    assert_eq!(registered["runs"]["total"], 16);

    let runs: Value = site
        .get(&format!("/api/v1/experiments/{id}/runs"))
        .await
        .json();
    assert_eq!(runs["items"].as_array().map(Vec::len), Some(16));
    assert_eq!(runs["items"][0]["state"], "queued");
    let run = runs["items"][0]["id"].as_i64().expect("an id");
    site.get(&format!("/api/v1/runs/{run}"))
        .await
        .assert_status_ok();
    let curves: Value = site
        .get(&format!("/api/v1/runs/{run}/metrics"))
        .await
        .json();
    assert_eq!(curves, json!({ "items": [], "next": null }));

    // It is frozen: neither again nor away.
    for verb in ["register", "withdraw"] {
        let again = site
            .post(
                &ada,
                &format!("/api/v1/experiments/{id}/{verb}"),
                &json!({}),
            )
            .await;
        again.assert_status(StatusCode::CONFLICT);
    }
    let listed: Value = site
        .get(&format!(
            "/api/v1/experiments?claim={claim}&state=registered"
        ))
        .await
        .json();
    assert_eq!(listed["items"][0]["id"], id);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_specification_may_be_json(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let spec =
        breakmywork_protocol::spec::read(template(), breakmywork_protocol::spec::Format::Toml)
            .expect("good");
    let body = json!({ "claim": site.claim("C2").await, "spec": spec.to_json(), "register": true });
    let response = site.post(&ada, "/api/v1/experiments", &body).await;
    response.assert_status(StatusCode::CREATED);
    assert_eq!(response.json::<Value>()["spec_sha256"], spec.sha256());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_mistake_has_a_pointer(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let toml = template()
        .replacen("rate = 0.25", "rate = 1.25", 1)
        .replace("hidden = 32", "hiden = 32")
        .replace("seeds = 8", "seeds = [1, 1]");
    let body = json!({ "claim": 999, "spec": toml, "register": true });
    let response = site.post(&ada, "/api/v1/experiments", &body).await;
    response.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let problem: Value = response.json();
    let mut found = pointers(&problem);
    found.sort();
    assert_eq!(
        found,
        [
            "/claim",
            "/spec/arms/0/dropout/state/rate",
            "/spec/model/hiden",
            "/spec/seeds/1"
        ]
    );

    let few = json!({ "claim": site.claim("C2").await, "spec": template().replace("seeds = 8", "seeds = 2"), "register": true });
    let response = site.post(&ada, "/api/v1/experiments", &few).await;
    response.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(pointers(&response.json()), ["/spec/seeds"]);
    let stored = sqlx::query_scalar!("select count(*) from experiment")
        .fetch_one(&site.pool)
        .await;
    assert_eq!(
        stored.expect("a count"),
        Some(0),
        "a refused proposal leaves nothing behind"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_key_makes_a_repetition_safe(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let bob = site.person("bob", "member").await;
    let body = json!({ "claim": site.claim("C2").await, "spec": template() });
    let send = |who, body| {
        site.post(who, "/api/v1/experiments", body)
            .add_header("idempotency-key", "k1")
    };
    // At once, as an impatient client would.
    let (first, second) = tokio::join!(async { send(&ada, &body).await }, async {
        send(&ada, &body).await
    });
    first.assert_status(StatusCode::CREATED);
    second.assert_status(StatusCode::CREATED);
    assert_eq!(first.json::<Value>(), second.json::<Value>());
    let other = json!({ "claim": site.claim("C3").await, "spec": template() });
    send(&ada, &other).await.assert_status(StatusCode::CONFLICT);
    send(&bob, &other).await.assert_status(StatusCode::CREATED);
    let stored = sqlx::query_scalar!("select count(*) from experiment")
        .fetch_one(&site.pool)
        .await;
    assert_eq!(stored.expect("a count"), Some(2));

    // A refused request does not use its key up.
    let bad = json!({ "claim": site.claim("C2").await, "spec": "title = 1" });
    let fix = |body| {
        site.post(&ada, "/api/v1/experiments", body)
            .add_header("idempotency-key", "k2")
    };
    fix(&bad)
        .await
        .assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    fix(&body).await.assert_status(StatusCode::CREATED);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_amendment_names_the_old_one_and_why(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let old = site.registered(&ada).await["id"].clone();
    let mut body = json!({ "claim": site.claim("C2").await, "spec": template(), "amends": old });
    let response = site.post(&ada, "/api/v1/experiments", &body).await;
    assert_eq!(pointers(&response.json()), ["/amend_reason"]);
    body["amend_reason"] = "The learning rate was a slip.".into();
    let response = site.post(&ada, "/api/v1/experiments", &body).await;
    response.assert_status(StatusCode::CREATED);
    assert_eq!(response.json::<Value>()["amends"], old);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_an_amendment_changed_is_told_field_by_field(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let old = site.registered(&ada).await["id"].clone();
    let mut spec: Value =
        breakmywork_protocol::spec::read(template(), breakmywork_protocol::spec::Format::Toml)
            .expect("a template")
            .to_json();
    spec["criterion"]["margin"] = json!(0.25);
    spec["model"]["hidden"] = json!(16);
    let body = json!({ "claim": site.claim("C2").await, "spec": spec, "title": "Half its size",
        "amends": old, "amend_reason": "Too slow." });
    let new: Value = site.post(&ada, "/api/v1/experiments", &body).await.json();
    let path = format!("/api/v1/experiments/{}/diff", new["id"]);
    let diff: Value = site.get(&path).await.json();
    assert_eq!(diff["before"], old);
    assert_eq!(diff["after"], new["id"]);
    assert_eq!(diff["amend_reason"], "Too slow.");
    assert_eq!(diff["known"], "nothing");
    let change = |at: usize| {
        let change = &diff["changes"][at];
        (change["path"].clone(), change["after"].clone())
    };
    assert_eq!(change(0), (json!("criterion.margin"), json!(0.25)));
    assert_eq!(change(1), (json!("model.hidden"), json!(16)));
    assert_eq!(diff["changes"].as_array().map(Vec::len), Some(2));
    let texts = diff["texts"].as_array().expect("texts");
    assert_eq!(texts[0]["name"], "title");
    let added = json!({ "kind": "added", "text": "Half its size" });
    assert!(
        texts[0]["pieces"]
            .as_array()
            .is_some_and(|pieces| pieces.contains(&added)),
        "{texts:?}"
    );
    let shown: Value = site.get(&format!("/api/v1/experiments/{old}")).await.json();
    assert_eq!(shown["amended_by"], json!([new["id"]]));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn only_the_author_registers_or_withdraws(pool: PgPool) {
    let site = Site::new(pool).await;
    let (ada, bob) = (
        site.person("ada", "member").await,
        site.person("bob", "admin").await,
    );
    let body = json!({ "claim": site.claim("C2").await, "spec": template() });
    let proposed: Value = site.post(&ada, "/api/v1/experiments", &body).await.json();
    let path = |verb| format!("/api/v1/experiments/{}/{verb}", proposed["id"]);
    site.post(&bob, &path("register"), &json!({}))
        .await
        .assert_status(StatusCode::FORBIDDEN);
    site.post(&bob, &path("withdraw"), &json!({}))
        .await
        .assert_status(StatusCode::FORBIDDEN);
    let withdrawn = site.post(&ada, &path("withdraw"), &json!({})).await;
    withdrawn.assert_status_ok();
    assert_eq!(withdrawn.json::<Value>()["state"], "withdrawn");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn one_person_cannot_fill_the_queue(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    for _ in 0..breakmywork::proposal::OPEN_EXPERIMENTS {
        site.registered(&ada).await;
    }
    let body = json!({ "claim": site.claim("C2").await, "spec": template(), "register": true });
    let response = site.post(&ada, "/api/v1/experiments", &body).await;
    response.assert_status(StatusCode::TOO_MANY_REQUESTS);
    assert!(response.maybe_header("retry-after").is_some());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn lists_come_in_pages(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    for _ in 0..3 {
        site.registered(&ada).await;
    }
    let first: Value = site.get("/api/v1/experiments?limit=2").await.json();
    assert_eq!(first["items"].as_array().map(Vec::len), Some(2));
    let next = first["next"].as_str().expect("a cursor");
    let second: Value = site
        .get(&format!("/api/v1/experiments?limit=2&cursor={next}"))
        .await
        .json();
    assert_eq!(second["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(second["next"], Value::Null);
    let runs = format!("/api/v1/experiments/{}/runs", first["items"][0]["id"]);
    let all: Value = site.get(&runs).await.json();
    let all = all["items"].as_array().expect("runs").clone();
    let mut address = format!("{runs}?limit=7");
    let mut walked = Vec::new();
    loop {
        let page = site.get(&address).await;
        let link = page.maybe_header("link");
        let page: Value = page.json();
        walked.extend(page["items"].as_array().expect("runs").clone());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        address = format!("{runs}?limit=7&cursor={next}");
        assert_eq!(
            link.expect("it goes on"),
            format!("<{address}>; rel=\"next\"")
        );
    }
    assert!(
        all.len() > 7 && walked == all,
        "{} of {}",
        walked.len(),
        all.len()
    );
    site.get("/api/v1/experiments?cursor=x")
        .await
        .assert_status(StatusCode::BAD_REQUEST);
    site.get("/api/v1/experiments?limit=0")
        .await
        .assert_status(StatusCode::BAD_REQUEST);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_quota_holds_under_eighty_registrations_at_once(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let body = json!({ "claim": site.claim("C2").await, "spec": template(), "register": true });
    let posts = (0..80).map(|_| async {
        let response = site.post(&ada, "/api/v1/experiments", &body).await;
        response.status_code().as_u16()
    });
    let answers = futures_util::future::join_all(posts).await;
    let registered =
        sqlx::query_scalar!("select count(*) from experiment where state = 'registered'")
            .fetch_one(&site.pool)
            .await;
    assert_eq!(registered.expect("a count"), Some(20), "{answers:?}");
    assert!(
        answers.iter().all(|status| [201, 429].contains(status)),
        "{answers:?}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn proposals_have_a_limit_that_withdrawing_frees(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let body = json!({ "claim": site.claim("C2").await, "spec": template() });
    let posts = (0..80).map(|_| async { site.post(&ada, "/api/v1/experiments", &body).await });
    let answers = futures_util::future::join_all(posts).await;
    let made: Vec<Value> = answers
        .iter()
        .filter(|response| response.status_code() == StatusCode::CREATED)
        .map(|response| response.json())
        .collect();
    assert_eq!(
        made.len() as i64,
        breakmywork_protocol::limit::OPEN_PROPOSALS
    );
    let withdraw = format!("/api/v1/experiments/{}/withdraw", made[0]["id"]);
    site.post(&ada, &withdraw, &json!({}))
        .await
        .assert_status_ok();
    site.post(&ada, "/api/v1/experiments", &body)
        .await
        .assert_status(StatusCode::CREATED);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_experiment_is_stopped_by_its_author_or_an_admin(pool: PgPool) {
    let site = Site::new(pool).await;
    let (ada, eve, boss) = (
        site.person("ada", "member").await,
        site.person("eve", "member").await,
        site.person("boss", "admin").await,
    );
    let reason = json!({ "reason": "it waits for data that nobody has" });
    for (who, words) in [(&ada, "its author, ada"), (&boss, "an admin, boss")] {
        let registered = site.registered(&ada).await;
        let stop = format!("/api/v1/experiments/{}/stop", registered["id"]);
        site.post(&eve, &stop, &reason)
            .await
            .assert_status(StatusCode::FORBIDDEN);
        let missing = site.post(who, &stop, &json!({})).await;
        assert_eq!(pointers(&missing.json()), ["/reason"]);
        let response = site.post(who, &stop, &reason).await;
        response.assert_status_ok();
        let stopped: Value = response.json();
        assert_eq!(stopped["state"], "concluded");
        assert_eq!(stopped["verdict"]["outcome"], "aborted");
        let words = format!("Stopped by {words}, when 0 of its 16 runs had ended");
        let told = stopped["verdict"]["explanation"].as_str().expect("words");
        assert!(told.contains(&words), "{told}");
        site.post(who, &stop, &reason)
            .await
            .assert_status(StatusCode::CONFLICT);
    }
    let body = json!({ "claim": site.claim("C2").await, "spec": template() });
    let proposed: Value = site.post(&ada, "/api/v1/experiments", &body).await.json();
    let stop = format!("/api/v1/experiments/{}/stop", proposed["id"]);
    site.post(&ada, &stop, &reason)
        .await
        .assert_status(StatusCode::CONFLICT);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_cannot_be_seen_or_told_apart_is_refused(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let claim = site.claim("C2").await;
    let refused = async |body: Value| -> Vec<String> {
        let response = site.post(&ada, "/api/v1/experiments", &body).await;
        response.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        pointers(&response.json())
    };
    for text in [
        "\u{200b}\u{200b}",
        "a\u{202e}b",
        "zero\u{200b}width",
        "\u{2800}",
    ] {
        let title = json!({ "claim": claim, "spec": template(), "title": text });
        assert_eq!(refused(title).await, ["/title"], "{text:?}");
        let prediction = json!({ "claim": claim, "spec": template(), "prediction": text });
        assert_eq!(refused(prediction).await, ["/prediction"], "{text:?}");
    }
    let spec =
        breakmywork_protocol::spec::read(template(), breakmywork_protocol::spec::Format::Toml)
            .expect("good");
    let arm = spec.arms[0].name.clone();
    for twin in [
        format!("{arm} "),
        arm.replace('i', "\u{456}"),
        arm.replace(' ', "  "),
    ] {
        let mut spec = spec.to_json();
        spec["arms"][1]["name"] = twin.clone().into();
        let body = json!({ "claim": claim, "spec": spec });
        assert!(
            refused(body)
                .await
                .contains(&"/spec/arms/1/name".to_owned()),
            "{twin:?}"
        );
    }
    let old = site.registered(&ada).await["id"].clone();
    for reason in ["x".repeat(501), "two\nlines".into(), "\u{200b}".into()] {
        let body =
            json!({ "claim": claim, "spec": template(), "amends": old, "amend_reason": reason });
        assert_eq!(refused(body).await, ["/amend_reason"], "{reason:?}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_hostile_specification_costs_little(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let claim = site.claim("C2").await;
    let fields = |many: usize| -> Value {
        (0..many)
            .map(|number| (format!("k{number}"), json!(1)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let large = json!({ "claim": claim, "spec": fields(20_000) });
    let response = site.post(&ada, "/api/v1/experiments", &large).await;
    response.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        response.text().contains("at most 65536"),
        "{}",
        response.text()
    );
    let many = json!({ "claim": claim, "spec": fields(5_000) });
    let response = site.post(&ada, "/api/v1/experiments", &many).await;
    response.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(pointers(&response.json()).len() <= 51);
    assert!(response.text().len() < 50_000, "{}", response.text().len());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn queries_that_make_no_sense_are_refused_in_words(pool: PgPool) {
    let site = Site::new(pool).await;
    for (query, named) in [
        ("state=nonsense", "concluded"),
        ("claim=x", "`claim`"),
        ("limit=many", "`limit`"),
        ("limit=1&limit=2", "query"),
    ] {
        let response = site.get(&format!("/api/v1/experiments?{query}")).await;
        response.assert_status(StatusCode::BAD_REQUEST);
        let problem: Value = response.json();
        let detail = problem["detail"].as_str().expect("words");
        assert!(detail.contains(named), "{query}: {detail}");
        assert!(
            !detail.contains("deserialize") && !detail.contains("digit"),
            "{detail}"
        );
    }
}
