//! Works and claims over REST: added, edited, decided, and what is refused.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::record::verify;
use serde_json::{Value, json};
use sqlx::PgPool;

fn work() -> Value {
    json!({
        "title": "A forgetful framework", "authors": ["Ada Lovelace"], "year": 2024,
        "doi": "https://doi.org/10.1000/forget", "phenomenon": "Its networks forget."
    })
}

fn claim() -> Value {
    json!({
        "sentence": "Fixed masks of this framework beat fresh ones.", "said_at": "Table 1",
        "covers": {
            "tasks": ["adding"],
            "arms": {
                "treatment": { "dropout.state.rate": { "least": 0.05 }, "dropout.state.time": "fixed" },
                "control": { "dropout.state.time": "per_step" }
            }
        }
    })
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_script_adds_edits_and_decides(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let mo = site.person("moderator", "moderator").await;
    let other = site.person("other", "member").await;
    let made = site.post(&ada, "/api/v1/works", &work()).await;
    made.assert_status(StatusCode::CREATED);
    let made: Value = made.json();
    assert_eq!(
        (
            &made["slug"],
            &made["moderation"],
            &made["doi"],
            &made["link"]
        ),
        (
            &json!("a-forgetful-framework"),
            &json!("waiting"),
            &json!("10.1000/forget"),
            &json!("https://doi.org/10.1000/forget")
        )
    );
    let stated = json!({ "work": made["slug"], "claim": claim() });
    let stated = site.post(&ada, "/api/v1/claims", &stated).await;
    stated.assert_status(StatusCode::CREATED);
    let stated: Value = stated.json();
    let path = format!("/api/v1{}", stated["url"].as_str().expect("an address"));
    assert_eq!(stated["covers"]["tasks"], json!(["adding"]));
    site.get(&path).await.assert_status(StatusCode::NOT_FOUND);

    // Its author and moderators get it, and lists of what waits; others have nothing there.
    for (person, waiting) in [(&ada, 1), (&mo, 1), (&other, 0)] {
        for what in ["works", "claims"] {
            let list = site
                .get_as(person, &format!("/api/v1/moderation/{what}"))
                .await;
            let items = list.json::<Value>()["items"].as_array().map(Vec::len);
            assert_eq!(items, Some(waiting), "{what}");
        }
        let found = site.get_as(person, &path).await.status_code() == StatusCode::OK;
        assert_eq!(found, waiting == 1);
    }
    let proposal = json!({ "claim": stated["id"], "spec": template() });
    let refused = site.post(&ada, "/api/v1/experiments", &proposal).await;
    assert_eq!(pointers(&refused.json()), ["/claim"]);
    let said = json!({ "body": "hello" });
    let thread = format!("/api/v1/threads/{}/comments", stated["thread"]);
    site.post(&ada, &thread, &said)
        .await
        .assert_status(StatusCode::NOT_FOUND);
    site.get(&thread).await.assert_status(StatusCode::NOT_FOUND);

    // Edited while it waits: kept, and not on record.
    let edit =
        json!({ "version": 0, "claim": { "sentence": "Fixed masks win.", "said_at": "Table 1" } });
    let edited = site.post(&ada, &format!("{path}/edits"), &edit).await;
    edited.assert_status_ok();
    let edited: Value = edited.json();
    let stale = site.post(&ada, &format!("{path}/edits"), &edit).await;
    stale.assert_status(StatusCode::CONFLICT);
    site.post(&other, &format!("{path}/edits"), &edit)
        .await
        .assert_status(StatusCode::NOT_FOUND);

    let approve = json!({ "decision": "approve" });
    for (path, person, status) in [
        (
            "/api/v1/works/a-forgetful-framework",
            &ada,
            StatusCode::FORBIDDEN,
        ),
        (&path, &mo, StatusCode::CONFLICT),
        ("/api/v1/works/a-forgetful-framework", &mo, StatusCode::OK),
        (&path, &mo, StatusCode::OK),
        (&path, &mo, StatusCode::CONFLICT),
    ] {
        let answer = site
            .post(person, &format!("{path}/moderation"), &approve)
            .await;
        answer.assert_status(status);
    }
    let shown: Value = site.get(&path).await.json();
    assert_eq!(shown["sentence"], "Fixed masks win.");
    site.post(&other, &format!("{path}/edits"), &edit)
        .await
        .assert_status(StatusCode::FORBIDDEN);

    // Edited on the board: kept, and on record.
    let edit = json!({ "version": edited["version"], "claim": claim() });
    site.post(&ada, &format!("{path}/edits"), &edit)
        .await
        .assert_status_ok();
    let mut renamed = work();
    renamed["title"] = json!("A forgetful framework, 1.0");
    let edit = json!({ "version": 0, "work": renamed });
    let answer = site
        .post(&mo, "/api/v1/works/a-forgetful-framework/edits", &edit)
        .await;
    assert_eq!(
        answer.json::<Value>()["title"],
        "A forgetful framework, 1.0"
    );
    let edits: Value = site.get(&format!("{path}/edits?limit=1")).await.json();
    assert_eq!(edits["items"][0]["before"]["sentence"], "Fixed masks win.");
    let next = format!(
        "{path}/edits?cursor={}",
        edits["next"].as_str().expect("more")
    );
    let earlier: Value = site.get(&next).await.json();
    assert_eq!(
        (&earlier["items"][0]["by"], &earlier["next"]),
        (&json!("ada"), &Value::Null)
    );
    let acts = sqlx::query_scalar!(
        r#"select subject || ' ' || (body::jsonb ->> 'act') as "act!" from record_entry
           where kind = 'act' and body::jsonb -> 'by' ->> 'name' in ('ada', 'moderator') order by seq"#
    )
    .fetch_all(&site.pool)
    .await
    .expect("acts");
    assert_eq!(
        acts,
        [
            "work approved",
            "claim approved",
            "claim edited",
            "work edited"
        ]
    );
    let options = verify::Options {
        noted: Vec::new(),
        readers: 2,
    };
    let summary = verify::verify(&site.pool, &options, |told| eprintln!("{told:?}")).await;
    assert_eq!(summary.expect("verifies").findings, 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn mistakes_are_named_by_field(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let mut bad = work();
    bad["year"] = json!(16);
    bad["doi"] = json!("x");
    let refused = site.post(&ada, "/api/v1/works", &bad).await;
    refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(pointers(&refused.json()), ["/year", "/doi", "/url"]);
    let mut bad = claim();
    bad["covers"]["rate"] = json!({ "least": 2 });
    bad["covers"]["arms"]["control"] = json!({ "dropout.brain": "absent" });
    bad["said_at"] = json!("");
    let bad = json!({ "work": "recurrent-dropout", "claim": bad });
    let refused = site.post(&ada, "/api/v1/claims", &bad).await;
    assert_eq!(
        pointers(&refused.json()),
        [
            "/claim/said_at",
            "/claim/covers/rate",
            "/claim/covers/arms/control"
        ]
    );
    let nowhere = json!({ "work": "nothing", "claim": claim() });
    site.post(&ada, "/api/v1/claims", &nowhere)
        .await
        .assert_status(StatusCode::NOT_FOUND);
    let unknown = json!({ "work": "recurrent-dropout", "claim": { "sentence": "x", "said_at": "y", "colour": 1 } });
    let refused = site.post(&ada, "/api/v1/claims", &unknown).await;
    assert_eq!(pointers(&refused.json()), ["/claim/colour"]);
}
