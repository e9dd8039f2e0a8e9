//! Forecasts by scripts.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork_protocol::db::MIGRATOR;
use serde_json::{Value, json};
use sqlx::PgPool;

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_script_forecasts_once_and_then_sees_the_crowd(pool: PgPool) {
    let site = Site::new(pool).await;
    let [ada, bob, eve] = [
        site.person("ada", "member").await,
        site.person("bob", "member").await,
        site.person("eve", "member").await,
    ];
    let experiment = site.registered(&ada).await;
    let path = format!("/api/v1/experiments/{}/forecast", experiment["id"]);
    for bad in [
        json!({ "percent": 101 }),
        json!({ "percent": -1 }),
        json!({ "percent": 0.7 }),
        json!({ "percent": "70" }),
        json!({ "percent": 9_000_000_000_000_000_000_u64 }),
        json!({}),
    ] {
        let refused = site.post(&eve, &path, &bad).await;
        refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(pointers(&refused.json()), ["/percent"], "{bad}");
    }
    let given = site.post(&bob, &path, &json!({ "percent": 40 })).await;
    given.assert_status(StatusCode::CREATED);
    let alone: Value = given.json();
    assert_eq!(
        (&alone["own"], &alone["crowd"]["forecasts"]),
        (&40.into(), &1.into())
    );

    let hidden: Value = site.get(&path).await.json();
    assert_eq!(
        hidden,
        json!({
            "stage": "open", "own": null, "own_at": null, "revealed": false, "crowd": null, "author": null,
            "survived": null, "disputed": false
        })
    );
    let twice = || {
        site.post(&eve, &path, &json!({ "percent": 80 }))
            .add_header("idempotency-key", "one")
    };
    let first = twice().await;
    first.assert_status(StatusCode::CREATED);
    let seen: Value = first.json();
    let mut tenths = [0; 10];
    (tenths[3], tenths[7]) = (1, 1);
    assert_eq!(
        seen["crowd"],
        json!({ "forecasts": 2, "mean": 0.6, "histogram": tenths })
    );
    let again = twice().await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.json::<Value>(), seen);
    let refused = site.post(&eve, &path, &json!({ "percent": 81 })).await;
    refused.assert_status(StatusCode::CONFLICT);

    let names: Value = site.get(&format!("{path}s")).await.json();
    assert_eq!(
        names,
        json!({ "items": [], "next": null }),
        "nobody before the end"
    );
    let stop = json!({ "reason": "a slip" });
    let stopped = format!("/api/v1/experiments/{}/stop", experiment["id"]);
    site.post(&ada, &stopped, &stop).await.assert_status_ok();
    let page: Value = site.get(&format!("{path}s?limit=1")).await.json();
    assert_eq!(page["items"][0]["member"], "bob", "{page}");
    let next = page["next"].as_str().expect("one more");
    let page: Value = site
        .get(&format!("{path}s?limit=1&cursor={next}"))
        .await
        .json();
    assert_eq!(
        (&page["items"][0]["percent"], &page["next"]),
        (&80.into(), &Value::Null)
    );
    let ended: Value = site.get(&path).await.json();
    assert_eq!(
        (&ended["stage"], &ended["revealed"], &ended["survived"]),
        (&"ended".into(), &true.into(), &Value::Null),
        "aborted decides nothing: {ended}"
    );
    let score: Value = site.get("/api/v1/people/eve/forecast-score").await.json();
    assert_eq!(
        score,
        json!({ "forecasts": 0, "authors": 0, "brier": null, "calibration": [] })
    );
    for missing in [
        "/api/v1/experiments/99/forecast",
        "/api/v1/experiments/99/forecasts",
        "/api/v1/people/nobody/forecast-score",
    ] {
        site.get(missing).await.assert_status(StatusCode::NOT_FOUND);
    }
    site.post(
        &eve,
        "/api/v1/experiments/99/forecast",
        &json!({ "percent": 1 }),
    )
    .await
    .assert_status(StatusCode::NOT_FOUND);
    site.server
        .post(&path)
        .json(&json!({ "percent": 1 }))
        .await
        .assert_status(StatusCode::UNAUTHORIZED);
}

/// Two answers at once, with different numbers: one is stored, the other is told so.
#[sqlx::test(migrator = "MIGRATOR")]
async fn two_forecasts_at_once_are_one(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let eve = site.person("eve", "member").await;
    let experiment = site.registered(&ada).await;
    let path = format!("/api/v1/experiments/{}/forecast", experiment["id"]);
    let (one, other) = (json!({ "percent": 10 }), json!({ "percent": 90 }));
    let (one, other) = tokio::join!(
        async { site.post(&eve, &path, &one).await.status_code() },
        async { site.post(&eve, &path, &other).await.status_code() },
    );
    let mut both = [one, other];
    both.sort();
    assert_eq!(both, [StatusCode::CREATED, StatusCode::CONFLICT]);
}
