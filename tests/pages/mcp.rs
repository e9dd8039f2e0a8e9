//! Agents: the Model Context Protocol at the board, by its own client and by hand.

use crate::support::Site;
use axum_test::TestServer;
use breakmywork::auth::{account::Role, token::Scope};
use breakmywork::chores::Chores;
use breakmywork::config::Settings;
use breakmywork::{mcp, server};
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::jobs::Timing;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::process::Stdio;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::process::Command;

/// A site with somebody's token.
async fn with_token(site: &Site, name: &str, scopes: &[Scope]) -> String {
    let account = site.account(name, Role::Member).await;
    sqlx::query("update account set created_at = now() - interval '30 days'")
        .execute(&site.pool)
        .await
        .expect("no newcomers");
    site.token(account, scopes).await
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_agent_goes_from_the_least_tested_claim_to_a_posted_verdict(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen("C2").await;
    let ada = site.account("ada", Role::Member).await;
    let agent = breakmywork::db::agents::create(&site.pool, ada, "scout-agent").await;
    let agent = agent.expect("asks").expect("the name is free");
    let scopes = [Scope::Read, Scope::Propose, Scope::Discuss];
    let token = site.token(agent, &scopes).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let chores = Chores {
        timing: Timing::default(),
        reap_every: Duration::from_secs(60),
    };
    let server = tokio::spawn(server::serve(listener, site.state.clone(), chores));
    let agent = Command::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/python/bin/python"))
        .arg("tests/data/agent.py")
        .arg(format!("http://{address}{}", mcp::PATH))
        .arg(&token)
        .arg("examples/specs/fixed-or-fresh.toml")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("make test installs it");
    let ended = agent.wait_with_output();
    tokio::pin!(ended);
    let output = loop {
        tokio::select! {
            output = &mut ended => break output.expect("ends"),
            () = tokio::time::sleep(Duration::from_millis(300)) => site.train_all().await,
        }
    };
    let told = String::from_utf8_lossy(&output.stdout);
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{wrong}");
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["outcome"], "supported");
    let experiment = told["experiment"].as_i64().expect("a number");
    let author: String = sqlx::query_scalar(
        "select account.name from experiment join account on account.id = author_id where experiment.id = $1",
    )
    .bind(experiment)
    .fetch_one(&site.pool)
    .await
    .expect("is there");
    assert_eq!(author, "scout-agent");
    server.abort();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_tool_does_no_more_than_the_token_may_and_counts_as_a_request(pool: PgPool) {
    let settings = Settings {
        requests_per_minute: 6,
        ..Settings::default()
    };
    let site = Site::with(pool, settings).await;
    let reader = with_token(&site, "eve", &[Scope::Read]).await;
    let server = TestServer::new(breakmywork::app(site.state.clone()));
    let call = async |token: Option<&str>, name: &str, arguments: Value| -> Value {
        let message = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": name, "arguments": arguments } });
        let mut request = server.post(mcp::PATH).json(&message);
        if let Some(token) = token {
            request = request.authorization_bearer(token);
        }
        let answer: Value = request.await.json();
        assert_eq!(answer["id"], 7);
        answer["result"].clone()
    };
    let read = call(None, "list_claims", json!({})).await;
    assert_eq!(read["isError"], false);
    assert!(
        !read["structuredContent"]["items"]
            .as_array()
            .expect("items")
            .is_empty()
    );
    let lacking = call(
        Some(&reader),
        "comment",
        json!({ "id": 1, "body": "hello" }),
    )
    .await;
    assert_eq!(lacking["isError"], true);
    assert_eq!(lacking["structuredContent"]["status"], 403);
    let nobody = call(None, "comment", json!({ "id": 1, "body": "hello" })).await;
    assert_eq!(nobody["structuredContent"]["status"], 401);
    let wrong = call(Some(&reader), "read_claim", json!({ "id": "1" })).await;
    assert_eq!(wrong["isError"], true);
    // Four more of hers are taken.
    for _ in 0..4 {
        assert_eq!(
            call(Some(&reader), "read_claim", json!({ "id": 1 })).await["isError"],
            false
        );
    }
    let ping = json!({ "jsonrpc": "2.0", "id": 7, "method": "ping" });
    let limited = server.post(mcp::PATH).authorization_bearer(&reader);
    let limited = limited.json(&ping).await;
    limited.assert_status(axum::http::StatusCode::TOO_MANY_REQUESTS);
    assert!(limited.headers().contains_key("retry-after"));
    // Who tries tokens is counted by address.
    let mut refusals = Vec::new();
    for _ in 0..8 {
        let guess = server.post(mcp::PATH).authorization_bearer("bmw_guess");
        refusals.push(guess.json(&ping).await.status_code().as_u16());
    }
    assert_eq!(refusals.first(), Some(&401));
    assert_eq!(refusals.last(), Some(&429), "{refusals:?}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_no_message_of_the_protocol_is_refused_in_its_words(pool: PgPool) {
    let site = Site::new(pool).await;
    let server = TestServer::new(breakmywork::app(site.state.clone()));
    let send = async |text: &str| {
        let request = server
            .post(mcp::PATH)
            .bytes(text.as_bytes().to_vec().into());
        let answer = request.content_type("application/json").await;
        let body = match answer.as_bytes().is_empty() {
            true => Value::Null,
            false => answer.json::<Value>(),
        };
        (answer.status_code().as_u16(), body)
    };
    for (message, status, code) in [
        ("{", 400, -32700),
        ("[]", 400, -32600),
        (
            "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}",
            400,
            -32600,
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\"}",
            200,
            -32601,
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"rm\"}}",
            200,
            -32602,
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"method\":\"tools/list\"}",
            400,
            -32600,
        ),
    ] {
        let (said, body) = send(message).await;
        assert_eq!(
            (said, body["error"]["code"].as_i64()),
            (status, Some(code)),
            "{message}"
        );
    }
    let (status, body) = send("{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-18\"}}").await;
    assert_eq!(
        (status, &body["id"], &body["result"]["protocolVersion"]),
        (200, &json!("a"), &json!("2025-06-18"))
    );
    // Arguments that no request could carry are the agent's to mend, and no fault of the server.
    for arguments in [
        json!({ "name": "search", "arguments": { "q": "a".repeat(70_000) } }),
        json!({ "name": "comment", "arguments": { "id": 1, "body": "x", "key": "a\nb" } }),
        json!({ "name": "comment", "arguments": { "id": 1, "body": "x", "key": "k".repeat(201) } }),
    ] {
        let call =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": arguments });
        let (status, body) = send(&call.to_string()).await;
        assert_eq!(
            (status, &body["result"]["isError"]),
            (200, &json!(true)),
            "{body}"
        );
    }
    let (status, body) =
        send("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}").await;
    assert_eq!((status, body), (202, Value::Null));
    // What a page of another site sends with a member's browser is refused, as everywhere.
    let forged = server
        .post(mcp::PATH)
        .add_header("sec-fetch-site", "cross-site");
    forged.json(&json!({})).await.assert_status_forbidden();
    server
        .get(mcp::PATH)
        .await
        .assert_status(axum::http::StatusCode::METHOD_NOT_ALLOWED);
    let llms = server.get("/llms.txt").await.text();
    assert!(
        llms.starts_with("# Break My Work") && llms.contains(mcp::PATH),
        "{llms}"
    );
}
