//! The board's server on a test's database, and tokens for workers that know it alone.

use sha2::{Digest, Sha256};
use sqlx::PgPool;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// Whether this is the program whose workers come over REST: cargo builds these tests under two names.
pub(crate) fn over_rest() -> bool {
    env!("CARGO_CRATE_NAME") == "over_rest"
}

/// `breakmywork serve`; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// What a worker is told.
    pub(crate) address: String,
    /// Where it keeps checkpoints.
    pub(crate) files: Arc<TempDir>,
}

impl Server {
    pub(crate) fn start(url: &str) -> Self {
        let files = tempfile::tempdir().expect("a folder");
        Self::keeping(url, Arc::new(files), "")
    }

    /// With checkpoints below that folder.
    pub(crate) fn keeping(url: &str, files: Arc<TempDir>, below: &str) -> Self {
        let worker = Path::new(env!("CARGO_BIN_EXE_breakmywork-worker"));
        let program = worker.with_file_name("breakmywork");
        let mut child = Command::new(&program)
            .args(["serve", "--port", "0", "--backoff-seconds", "0"])
            .args(["--lease-seconds", &crate::LEASE.to_string()])
            .arg("--checkpoint-dir")
            .arg(files.path().join(below))
            // Tests take leases away themselves.
            .args(["--reap-seconds", "100000"])
            .env("DATABASE_URL", url)
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "{}: {error}; build it: cargo build --workspace --bins",
                    program.display()
                )
            });
        let mut log = BufReader::new(child.stderr.take().expect("a log"));
        let mut line = String::new();
        while !line.contains("serving http://") {
            line.clear();
            assert!(
                log.read_line(&mut line).expect("reads") > 0,
                "it ended before it served"
            );
        }
        // What nobody reads would stop it one day.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let address = line
            .split("serving ")
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next());
        Self {
            address: address.expect("an address").to_owned(),
            child,
            files,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A new token with which an admin's worker may work.
pub(crate) fn token(url: &str) -> String {
    let url = url.to_owned();
    // Workers are started where nothing can be waited for.
    let made = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(async {
            let pool = PgPool::connect(&url).await.expect("connects");
            make(&pool).await
        })
    });
    made.join().expect("a token")
}

async fn make(pool: &PgPool) -> String {
    let token = format!("bmw_{}", uuid::Uuid::new_v4().simple());
    sqlx::query(
        "with operator as (
           insert into account (name, password_hash, role) values ('operator', 'x', 'admin')
           on conflict (name) do update set role = 'admin' returning id)
         insert into api_token (account_id, label, token_hash, scopes, expires_at)
         select id, 'worker', $1, array['read', 'work'], now() + interval '1 day' from operator",
    )
    .bind(Sha256::digest(&token).to_vec())
    .execute(pool)
    .await
    .expect("makes");
    token
}
