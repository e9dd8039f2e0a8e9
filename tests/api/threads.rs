use crate::support::{Site, pointers, template};
use axum::http::StatusCode;
use breakmywork_protocol::db::MIGRATOR;
use serde_json::{Value, json};
use sqlx::PgPool;

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_script_comments_and_reads_the_thread(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let claim: Value = site
        .get(&format!("/api/v1/claims/{}", site.claim("C2").await))
        .await
        .json();
    assert_eq!(claim["standing"], "untested");
    let path = format!("/api/v1/threads/{}/comments", claim["thread"]);
    let body = json!({ "body": "What about *zoneout*? <script>alert(1)</script>" });
    let response = site.post(&ada, &path, &body).await;
    response.assert_status(StatusCode::CREATED);
    let posted: Value = response.json();
    assert_eq!(posted["author"], "ada");
    let html = posted["html"].as_str().expect("html");
    assert!(
        html.contains("<em>zoneout</em>") && !html.contains("<script"),
        "{html}"
    );
    let thread: Value = site.get(&path).await.json();
    assert_eq!(thread["items"].as_array().map(Vec::len), Some(1));

    for bad in ["   ", &"x".repeat(20_001)] {
        let response = site.post(&ada, &path, &json!({ "body": bad })).await;
        response.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(pointers(&response.json()), ["/body"]);
    }
    site.post(&ada, "/api/v1/threads/99999/comments", &body)
        .await
        .assert_status(StatusCode::NOT_FOUND);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_script_answers_edits_and_deletes(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let eve = site.person("eve", "member").await;
    let claim: Value = site
        .get(&format!("/api/v1/claims/{}", site.claim("C2").await))
        .await
        .json();
    let path = format!("/api/v1/threads/{}/comments", claim["thread"]);
    let first: Value = site
        .post(&ada, &path, &json!({ "body": "first" }))
        .await
        .json();
    let answer = site
        .post(
            &eve,
            &path,
            &json!({ "body": "an answer", "reply_to": first["id"] }),
        )
        .await;
    answer.assert_status(StatusCode::CREATED);
    let answer: Value = answer.json();
    assert_eq!(answer["reply_to"], first["id"]);
    let second: Value = site
        .post(&ada, &path, &json!({ "body": "second" }))
        .await
        .json();
    let order = async |query: &str| -> Vec<Value> {
        let page: Value = site.get(&format!("{path}{query}")).await.json();
        let items = page["items"].as_array().expect("items").clone();
        items.iter().map(|item| item["id"].clone()).collect()
    };
    let [one, two, three] = [&first, &answer, &second].map(|post| post["id"].clone());
    assert_eq!(order("").await, [one.clone(), two.clone(), three.clone()]);
    assert_eq!(
        order("?sort=newest&limit=2").await,
        [three.clone(), two.clone()]
    );
    assert_eq!(
        order(&format!("?sort=newest&cursor={two}")).await,
        std::slice::from_ref(&one)
    );
    assert_eq!(
        order("?sort=conversation").await,
        [one.clone(), two.clone(), three]
    );
    assert_eq!(order("?show=results").await, [Value::Null; 0]);
    site.get(&format!("{path}?sort=best"))
        .await
        .assert_status_bad_request();
    let elsewhere = json!({ "body": "x", "reply_to": 99_999 });
    let refused = site.post(&ada, &path, &elsewhere).await;
    refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(pointers(&refused.json()), ["/reply_to"]);

    let address = format!("/api/v1/comments/{one}");
    let edit = json!({ "body": "first, *edited*", "version": 1 });
    site.put(&eve, &address, &edit)
        .await
        .assert_status_forbidden();
    let edited: Value = site.put(&ada, &address, &edit).await.json();
    assert_eq!(edited["version"], 2);
    assert!(
        edited["html"]
            .as_str()
            .is_some_and(|html| html.contains("<em>edited</em>"))
    );
    // Sent again it is done; another text for the version that is gone is not.
    site.put(&ada, &address, &edit).await.assert_status_ok();
    let stale = json!({ "body": "other", "version": 1 });
    let stale = site.put(&ada, &address, &stale).await;
    stale.assert_status(StatusCode::CONFLICT);
    assert!(stale.text().contains("version 2"));
    let versions: Value = site.get(&format!("{address}/versions")).await.json();
    assert_eq!(versions["items"][0]["body"], "first");
    assert_eq!(versions["items"][1]["number"], 2);

    let agree = format!("{address}/reactions/agree");
    for _ in 0..2 {
        let said: Value = site.put(&eve, &agree, &json!({})).await.json();
        assert_eq!(
            said["reactions"],
            json!({ "agree": 1, "doubt": 0, "thanks": 0 })
        );
    }
    site.put(&ada, &agree, &json!({}))
        .await
        .assert_status(StatusCode::CONFLICT);
    site.put(&eve, &format!("{address}/reactions/love"), &json!({}))
        .await
        .assert_status_not_found();
    let back: Value = site.delete(&eve, &agree).await.json();
    assert_eq!(back["reactions"]["agree"], 0);

    site.delete(&eve, &address).await.assert_status_forbidden();
    let deleted: Value = site.delete(&ada, &address).await.json();
    assert!(
        deleted["deleted_at"].is_string() && deleted["body"].is_null() && deleted["html"].is_null()
    );
    site.delete(&ada, &address).await.assert_status_ok();
    let versions: Value = site.get(&format!("{address}/versions")).await.json();
    assert_eq!(versions["items"], json!([]));
    assert_eq!(order("").await.len(), 3, "the answer stays");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_script_moderates_and_appeals(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let moderator = site.person("mod-one", "moderator").await;
    let claim: Value = site
        .get(&format!("/api/v1/claims/{}", site.claim("C2").await))
        .await
        .json();
    let thread = format!("/api/v1/threads/{}", claim["thread"]);
    let comments = format!("{thread}/comments");
    let post = json!({ "body": "buy hats" });
    let posted: Value = site.post(&ada, &comments, &post).await.json();
    let act = |act: &str| format!("/api/v1/comments/{}/{act}", posted["id"]);
    let reason = json!({ "reason": "an advertisement" });
    site.post(&ada, &act("hide"), &reason)
        .await
        .assert_status_forbidden();
    let hidden: Value = site.post(&moderator, &act("hide"), &reason).await.json();
    assert_eq!(hidden["hidden_reason"], "an advertisement");
    assert!(hidden["body"].is_null());
    let words = json!({ "words": "They are good hats" });
    let appealed: Value = site.post(&ada, &act("appeal"), &words).await.json();
    assert_eq!(appealed["appeal"], "They are good hats");
    let declined: Value = site
        .post(&moderator, &act("appeal/decline"), &reason)
        .await
        .json();
    assert_eq!(declined["appeal_answer"], "an advertisement");
    let shown: Value = site.post(&moderator, &act("unhide"), &reason).await.json();
    assert!(shown["body"] == "buy hats" && shown["appeal"].is_null());

    let locked: Value = site
        .post(&moderator, &format!("{thread}/lock"), &reason)
        .await
        .json();
    assert_eq!(locked["locked_by"], "mod-one");
    let refused = site.post(&ada, &comments, &post).await;
    refused.assert_status(StatusCode::CONFLICT);
    let state: Value = site.get(&format!("{thread}/lock")).await.json();
    assert_eq!(state["reason"], "an advertisement");
    site.post(&moderator, &format!("{thread}/unlock"), &reason)
        .await
        .assert_status_ok();
    let state: Value = site.get(&format!("{thread}/lock")).await.json();
    assert!(state["locked_at"].is_null());
    let log: Value = site.get("/api/v1/moderation?limit=2").await.json();
    let acts: Vec<&Value> = log["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|entry| &entry["body"]["act"])
        .collect();
    assert_eq!(acts, ["thread_unlocked", "thread_locked"]);
    let next = log["next"].as_str().expect("there is more");
    let older: Value = site
        .get(&format!("/api/v1/moderation?cursor={next}"))
        .await
        .json();
    assert_eq!(older["items"].as_array().map(Vec::len), Some(4));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_script_hides_a_proposal_and_its_author_appeals(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let moderator = site.person("mod-one", "moderator").await;
    let proposal =
        json!({ "claim": site.claim("C2").await, "spec": template(), "prediction": "Buy hats." });
    let made: Value = site
        .post(&ada, "/api/v1/experiments", &proposal)
        .await
        .json();
    assert!(made["hidden"].is_null());
    let path = format!("/api/v1/experiments/{}", made["id"]);
    let act = |act: &str| format!("{path}/{act}");
    let reason = json!({ "reason": "an advertisement" });
    site.post(&ada, &act("hide"), &reason)
        .await
        .assert_status_forbidden();
    let hidden: Value = site.post(&moderator, &act("hide"), &reason).await.json();
    assert_eq!(hidden["hidden"]["by"], "mod-one");
    assert_eq!(hidden["prediction"], "Buy hats.", "a moderator reads it");
    let seen: Value = site.get(&path).await.json();
    assert_eq!(seen["hidden"]["reason"], "an advertisement");
    assert_eq!(seen["prediction"], "");
    assert!(seen["spec"].is_null());
    let all: Value = site.get("/api/v1/experiments").await.json();
    assert_eq!(all["items"], json!([]));
    let body = json!({ "reason": "y", "words": 3 });
    let refused = site.post(&moderator, &act("hide"), &body).await;
    refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    site.post(&ada, &act("register"), &json!({}))
        .await
        .assert_status(StatusCode::CONFLICT);
    let words = json!({ "words": "They are good hats" });
    let appealed: Value = site.post(&ada, &act("appeal"), &words).await.json();
    assert_eq!(appealed["hidden"]["appeal"], "They are good hats");
    let declined = site.post(&moderator, &act("appeal/decline"), &reason).await;
    let declined: Value = declined.json();
    assert_eq!(declined["hidden"]["appeal_answer"], "an advertisement");
    let shown: Value = site.post(&moderator, &act("unhide"), &reason).await.json();
    assert!(shown["hidden"].is_null());
    let log: Value = site.get("/api/v1/moderation").await.json();
    let acts: Vec<&Value> = log["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| &entry["body"]["act"])
        .collect();
    assert_eq!(acts, ["shown", "appeal_declined", "appealed", "hidden"]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_script_pins_a_number_of_a_run(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let made = site.registered(&ada).await;
    sqlx::query(
        "insert into run_metric (run_id, name, step, value) values (1, 'train_loss', 400, 0.75)",
    )
    .execute(&site.pool)
    .await
    .expect("measures");
    let comments = format!("/api/v1/threads/{}/comments", made["thread"]);
    let posted = site
        .post(
            &ada,
            &comments,
            &json!({ "body": "See [[run 1 train_loss @ 400]]." }),
        )
        .await;
    posted.assert_status(StatusCode::CREATED);
    let posted: Value = posted.json();
    let pin = &posted["pins"][0];
    assert_eq!(
        (&pin["run"], &pin["metric"], &pin["step"], &pin["value"]),
        (&json!(1), &json!("train_loss"), &json!(400), &json!(0.75))
    );
    assert_eq!(pin["spec_sha256"], made["spec_sha256"]);
    assert!(pin["other_run"].is_null());
    assert!(
        posted["html"]
            .as_str()
            .expect("html")
            .contains(">0.750</a>.")
    );
    let page: Value = site.get(&comments).await.json();
    assert_eq!(page["items"][0]["pins"], posted["pins"]);
    let one: Value = site
        .get(&format!("/api/v1/comments/{}", posted["id"]))
        .await
        .json();
    assert_eq!(one["pins"], posted["pins"]);
    let refused = site
        .post(
            &ada,
            &comments,
            &json!({ "body": "[[run 1 train_loss @ 401]]" }),
        )
        .await;
    refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(pointers(&refused.json()), ["/body"]);
}
