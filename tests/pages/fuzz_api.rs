//! Every operation that the board describes, tried by Schemathesis with what its description allows and with what it
//! forbids, as everybody there is: no fault of the server, no status, type, header or body that is not described.
//!
//! `make fuzz-api` is the long one: `FUZZ_SECONDS` is how long each of them tries.

use crate::authorization::board::Board;
use crate::support::Site;
use breakmywork::auth::token::Scope;
use breakmywork::chores::Chores;
use breakmywork::server;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::jobs::Timing;
use sqlx::PgPool;
use std::process::Stdio;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::process::Command;

/// Whose token, and what it may do; none is a visitor.
const PEOPLE: [(&str, &[Scope]); 5] = [
    ("", &[]),
    ("ada", &Scope::ALL),
    ("ada", &[Scope::Read]),
    ("mona", &Scope::ALL),
    ("boss", &Scope::ALL),
];

#[sqlx::test(migrator = "MIGRATOR")]
async fn whatever_is_sent_every_answer_is_one_that_is_described(pool: PgPool) {
    let site = Site::new(pool).await;
    Board::set(&site).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let chores = Chores {
        timing: Timing::default(),
        reap_every: Duration::from_secs(60),
    };
    let server = tokio::spawn(server::serve(listener, site.state.clone(), chores));
    let seconds = std::env::var("FUZZ_SECONDS").unwrap_or_else(|_| "6".to_owned());
    let mut wrong = Vec::new();
    for (name, scopes) in PEOPLE {
        let mut fuzz = Command::new("scripts/fuzz-api");
        fuzz.env(
            "PYTHON_TOOLS",
            concat!(env!("CARGO_TARGET_TMPDIR"), "/python"),
        );
        fuzz.arg(format!("http://{address}")).arg(&seconds);
        if let Some(account) = breakmywork::db::accounts::find(&site.pool, name)
            .await
            .expect("asks")
        {
            fuzz.env("BREAKMYWORK_TOKEN", site.token(account.id, scopes).await);
        }
        let output = fuzz.stdin(Stdio::null()).kill_on_drop(true).output().await;
        let output = output.expect("make test installs it");
        let told = String::from_utf8_lossy(&output.stdout);
        eprintln!("as {name:?} with {scopes:?}:\n{told}");
        if !output.status.success() {
            wrong.push((name, scopes));
        }
    }
    assert!(wrong.is_empty(), "see above: {wrong:?}");
    server.abort();
}
