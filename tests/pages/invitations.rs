//! Sign-up by invitation: one person a link, which admins make and take back.

use crate::support::{Browser, PASSWORD, Site};
use axum::http::StatusCode;
use breakmywork::{
    auth::{account::Role, token::Scope},
    config::{Settings, SignUp},
};
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

async fn by_invitation(pool: PgPool) -> Site {
    let settings = Settings {
        sign_up: SignUp::Invite,
        ..Settings::default()
    };
    Site::with(pool, settings).await
}

/// Makes an invitation on the page and returns the path of its link.
async fn invited(admin: &Browser) -> String {
    let form = [("note", "a friend")];
    let page = admin.post("/admin/invitations", &form).await.text();
    let link = page.split("id=\"fresh-link\">").nth(1).expect("a link");
    let link = link.split('<').next().expect("an end");
    let path = link
        .strip_prefix("http://127.0.0.1:8080")
        .expect("of this board");
    path.to_owned()
}

async fn sign_up(site: &Site, name: &str, code: &str) -> StatusCode {
    let form = [("name", name), ("password", PASSWORD), ("invitation", code)];
    site.browser().post("/sign-up", &form).await.status_code()
}

fn code(path: &str) -> &str {
    path.split_once('=').expect("a code").1
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_link_lets_one_person_in(pool: PgPool) {
    let site = by_invitation(pool).await;
    let root = site.signed_in("root", Role::Admin).await;
    let path = invited(&root).await;
    let again = root.get("/admin/invitations").await.text();
    assert!(again.contains("a friend") && !again.contains(code(&path)));
    let form = site.browser().get(&path).await.text();
    assert!(
        form.contains(&format!("value=\"{}\"", code(&path))),
        "{form}"
    );

    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    for wrong in ["", "nonsense", &"0".repeat(64)] {
        assert_eq!(sign_up(&site, "friend", wrong).await, refused);
    }
    // Of many at once with one link, one comes in.
    let names: Vec<String> = (0..8).map(|number| format!("friend{number}")).collect();
    let tries = names.iter().map(|name| sign_up(&site, name, code(&path)));
    let answers = futures_util::future::join_all(tries).await;
    let in_now = answers
        .iter()
        .filter(|status| **status == StatusCode::SEE_OTHER);
    assert_eq!(in_now.count(), 1, "{answers:?}");
    let made: i64 = sqlx::query_scalar("select count(*) from account where name like 'friend%'")
        .fetch_one(&site.pool)
        .await
        .expect("asks");
    assert_eq!(made, 1);
    let stored: Vec<u8> = sqlx::query_scalar("select code_hash from invitation")
        .fetch_one(&site.pool)
        .await
        .expect("asks");
    assert_ne!(hex::encode(stored), code(&path));
    assert!(
        root.get("/admin/invitations")
            .await
            .text()
            .contains("No open invitations")
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_was_taken_back_or_is_over_lets_nobody_in(pool: PgPool) {
    let site = by_invitation(pool).await;
    let root = site.signed_in("root", Role::Admin).await;
    let taken = invited(&root).await;
    root.post("/admin/invitations/1/revoke", &[])
        .await
        .assert_status_see_other();
    root.post("/admin/invitations/1/revoke", &[])
        .await
        .assert_status_not_found();
    let over = invited(&root).await;
    sqlx::query("update invitation set created_at = now() - interval '2 days', expires_at = now() - interval '1 second' where id = 2")
        .execute(&site.pool)
        .await
        .expect("sets");
    for path in [&taken, &over] {
        let status = sign_up(&site, "friend", code(path)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    for (note, days) in [
        ("", "14"),
        ("x", "0"),
        ("x", "91"),
        ("x", "soon"),
        ("\u{200b}", "1"),
    ] {
        let form = [("note", note), ("days", days)];
        root.post("/admin/invitations", &form)
            .await
            .assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_script_of_an_admin_invites(pool: PgPool) {
    let site = by_invitation(pool).await;
    let root = site.account("root", Role::Admin).await;
    let script = site.browser().bearing(&site.token(root, &Scope::ALL).await);
    let body = serde_json::json!({ "note": "a friend", "days": 3 });
    let made = script.post_json("/api/v1/invitations", &body).await;
    made.assert_status(StatusCode::CREATED);
    let made: serde_json::Value = made.json();
    let url = made["url"].as_str().expect("a link");
    let list: serde_json::Value = script.get("/api/v1/invitations").await.json();
    assert_eq!(list["items"][0]["note"], "a friend");
    assert_eq!(list["items"][0]["made_by"], "root");
    assert!(!list.to_string().contains(code(url)));
    assert_eq!(
        sign_up(&site, "friend", code(url)).await,
        StatusCode::SEE_OTHER
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn closed_is_closed_and_open_asks_for_nothing(pool: PgPool) {
    let closed = Settings {
        sign_up: SignUp::Closed,
        ..Settings::default()
    };
    let site = Site::with(pool.clone(), closed).await;
    assert_eq!(sign_up(&site, "friend", "").await, StatusCode::FORBIDDEN);
    let form = site.browser().get("/sign-up").await.text();
    assert!(
        form.contains("Sign-up is closed here")
            && !form.contains("<form method=\"post\" action=\"/sign-up\"")
    );
    let site = Site::with(pool, Settings::default()).await;
    let form = site.browser().get("/sign-up").await.text();
    assert!(!form.contains("name=\"invitation\""));
    assert_eq!(sign_up(&site, "friend", "").await, StatusCode::SEE_OTHER);
}

/// What an operator reads and takes back at the terminal is what an admin made on the page.
#[sqlx::test(migrator = "MIGRATOR")]
async fn the_command_line_lists_invitations_and_takes_them_back(pool: PgPool) {
    use sqlx::ConnectOptions;
    let url = pool.connect_options().to_url_lossy().to_string();
    let site = Site::new(pool).await;
    let boss = site.signed_in("boss", Role::Admin).await;
    let form = [("note", "Grace, of the reading group")];
    boss.post("/admin/invitations", &form).await;
    let user = |arguments: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_breakmywork"))
            .arg("user")
            .args(arguments)
            .env("DATABASE_URL", &url)
            .output()
            .expect("it runs")
    };
    let listed = String::from_utf8(user(&["invitations"]).stdout).expect("text");
    assert!(
        listed.contains("by boss\tGrace, of the reading group"),
        "{listed}"
    );
    let number = listed.split('\t').next().expect("a number");
    assert!(user(&["uninvite", number]).status.success());
    assert!(user(&["invitations"]).stdout.is_empty());
    let again = user(&["uninvite", number]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("user invitations"));
}
