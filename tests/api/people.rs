use crate::support::Site;
use axum::http::StatusCode;
use breakmywork_protocol::db::MIGRATOR;
use serde_json::{Value, json};
use sqlx::PgPool;

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_admins_script_disables_an_account_as_the_page_does(pool: PgPool) {
    let site = Site::new(pool).await;
    let root = site.person("root", "admin").await;
    let other = site.person("other-admin", "admin").await;
    let eve = site.person("eve", "member").await;
    let listed: Value = site.get_as(&root, "/api/v1/people?limit=2").await.json();
    assert_eq!(listed["items"][0]["name"], "eve");
    assert_eq!(listed["items"][0]["role"], "member");
    assert_eq!(listed["items"][1]["name"], "other-admin");
    let next = format!(
        "/api/v1/people?limit=2&cursor={}",
        listed["next"].as_str().expect("more")
    );
    assert_eq!(
        site.get_as(&root, &next).await.json::<Value>()["items"][0]["name"],
        "root"
    );
    site.get_as(&eve, "/api/v1/people")
        .await
        .assert_status(StatusCode::FORBIDDEN);

    let disable = "/api/v1/people/eve/disable";
    let why = json!({ "reason": "She posts advertisements." });
    site.post(&eve, disable, &why)
        .await
        .assert_status(StatusCode::FORBIDDEN);
    let nameless = site.post(&root, disable, &json!({ "reason": " " })).await;
    nameless.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let once = || {
        site.post(&root, disable, &why)
            .add_header("idempotency-key", "k")
    };
    let done: Value = once().await.json();
    assert_eq!(done["disabled_by"], "root");
    assert_eq!(done["disabled_reason"], "She posts advertisements.");
    assert_eq!(once().await.json::<Value>(), done);
    // At once, and for every token.
    site.get_as(&eve, "/api/v1/works")
        .await
        .assert_status(StatusCode::UNAUTHORIZED);
    site.post(&root, disable, &why)
        .await
        .assert_status(StatusCode::CONFLICT);

    let admins = format!("/api/v1/people/{}/disable", "other-admin");
    site.post(&root, &admins, &why)
        .await
        .assert_status(StatusCode::FORBIDDEN);
    site.get_as(&other, "/api/v1/works")
        .await
        .assert_status_ok();
    let nobody = site
        .post(&root, "/api/v1/people/nobody/disable", &why)
        .await;
    nobody.assert_status(StatusCode::NOT_FOUND);

    let enable = "/api/v1/people/eve/enable";
    let back: Value = site.post(&root, enable, &json!({})).await.json();
    assert_eq!(back["disabled_at"], Value::Null);
    site.post(&root, enable, &json!({}))
        .await
        .assert_status(StatusCode::CONFLICT);
    // Both are on record, by whom and why.
    let record: Value = site.get("/api/v1/record?limit=200").await.json();
    let text = record.to_string();
    assert!(
        text.contains("disabled") && text.contains("She posts advertisements."),
        "{text}"
    );
}
