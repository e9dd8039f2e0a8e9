//! The embedded PostgreSQL from outside: what survives, what is shared, and what a person is told.

use breakmywork::postgres::{Error, Options, Postgres};
use sqlx::{Connection, PgConnection};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A data directory in a temporary folder that the server's account can enter.
struct DataDir(tempfile::TempDir);

impl DataDir {
    fn new() -> Result<Self> {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir()?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711))?;
        Ok(Self(folder))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("var")
    }

    async fn start(&self) -> std::result::Result<Postgres, Error> {
        let options = Options {
            adopt: true,
            ..Options::default()
        };
        Postgres::start(&self.path(), options).await
    }

    /// The process id of the server.
    fn server(&self) -> Result<i32> {
        let lock_file = std::fs::read_to_string(self.path().join("postgres/postmaster.pid"))?;
        Ok(lock_file
            .lines()
            .next()
            .ok_or("an empty lock file")?
            .parse()?)
    }
}

async fn execute(url: &str, sql: &'static str) -> Result {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(sql).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

async fn rows(url: &str) -> Result<i64> {
    let mut connection = PgConnection::connect(url).await?;
    let rows = sqlx::query_scalar("select count(*) from kept")
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(rows)
}

fn breakmywork(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_breakmywork"));
    command.args(arguments).env_remove("DATABASE_URL");
    command
}

/// `breakmywork postgres` in a process of its own, and the address it printed.
fn launch(data_dir: &Path) -> Result<(Child, String)> {
    let mut child = breakmywork(&["postgres", "--data-dir"])
        .arg(data_dir)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut url = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut url)?;
    Ok((child, url.trim().to_owned()))
}

fn kill(signal: &str, pid: i32) -> Result {
    let done = Command::new("kill")
        .args([signal, &pid.to_string()])
        .status()?;
    if done.success() {
        Ok(())
    } else {
        Err(format!("kill {signal} {pid}: {done}").into())
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn rows_survive_a_restart_and_a_second_launcher_shares_the_server() -> Result {
    let data_dir = DataDir::new()?;
    let first = data_dir.start().await?;
    assert!(!first.adopted());
    execute(
        first.url(),
        "create table kept as select generate_series(1, 100)",
    )
    .await?;

    let second = data_dir.start().await?;
    assert!(second.adopted());
    assert_eq!(rows(second.url()).await?, 100);
    second.stop().await;
    assert_eq!(
        rows(first.url()).await?,
        100,
        "the server goes on without the second"
    );

    first.stop().await;
    let again = data_dir.start().await?;
    assert!(!again.adopted());
    assert_eq!(rows(again.url()).await?, 100);
    again.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_server_is_private_and_its_role_is_no_superuser() -> Result {
    use std::os::unix::fs::MetadataExt;
    let data_dir = DataDir::new()?;
    let postgres = data_dir.start().await?;
    let mut connection = PgConnection::connect(postgres.url()).await?;
    let (addresses, superuser, durable): (String, String, String) = sqlx::query_as(
        "select current_setting('listen_addresses'), current_setting('is_superuser'), current_setting('fsync')",
    )
    .fetch_one(&mut connection)
    .await?;
    assert_eq!(
        (addresses.as_str(), superuser.as_str(), durable.as_str()),
        ("", "off", "on")
    );
    connection.close().await?;
    let folder = data_dir.path().join("postgres").metadata()?;
    assert_eq!(folder.mode() & 0o777, 0o700);
    assert_ne!(folder.uid(), 0, "the server never runs as root");
    postgres.stop().await;
    Ok(())
}

#[tokio::test]
async fn everything_killed_starts_again_with_all_rows() -> Result {
    let data_dir = DataDir::new()?;
    let (mut launcher, url) = launch(&data_dir.path())?;
    execute(&url, "create table kept as select generate_series(1, 100)").await?;
    kill("-KILL", data_dir.server()?)?;
    launcher.kill()?;
    launcher.wait()?;

    let again = data_dir.start().await?;
    assert!(!again.adopted());
    assert_eq!(rows(again.url()).await?, 100);
    again.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_server_ends_with_a_killed_launcher_and_the_next_one_starts_its_own() -> Result {
    let data_dir = DataDir::new()?;
    let (mut launcher, url) = launch(&data_dir.path())?;
    execute(&url, "create table kept as select generate_series(1, 100)").await?;
    let old = data_dir.server()?;
    launcher.kill()?;
    launcher.wait()?;

    let again = data_dir.start().await?;
    assert!(!again.adopted());
    assert_ne!(data_dir.server()?, old);
    assert_eq!(rows(again.url()).await?, 100);
    again.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_killed_server_comes_back_by_itself() -> Result {
    let data_dir = DataDir::new()?;
    let postgres = data_dir.start().await?;
    execute(
        postgres.url(),
        "create table kept as select generate_series(1, 100)",
    )
    .await?;
    kill("-KILL", data_dir.server()?)?;
    let killed = Instant::now();
    while rows(postgres.url()).await.ok() != Some(100) {
        assert!(
            killed.elapsed() < Duration::from_secs(30),
            "it did not come back"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    postgres.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_server_that_was_told_to_stop_slowly_comes_back() -> Result {
    let data_dir = DataDir::new()?;
    let postgres = data_dir.start().await?;
    execute(
        postgres.url(),
        "create table kept as select generate_series(1, 100)",
    )
    .await?;
    // It waits for this one, and refuses every other.
    let mut old = PgConnection::connect(postgres.url()).await?;
    let server = data_dir.server()?;
    kill("-TERM", server)?;
    let told = Instant::now();
    while rows(postgres.url()).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    sqlx::query("select 1").execute(&mut old).await?;
    while rows(postgres.url()).await.ok() != Some(100) {
        assert!(
            told.elapsed() < Duration::from_secs(60),
            "it did not come back"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_ne!(data_dir.server()?, server);
    postgres.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_a_power_cut_left_does_not_stop_the_next_start() -> Result {
    let data_dir = DataDir::new()?;
    let postgres = data_dir.start().await?;
    execute(
        postgres.url(),
        "create table kept as select generate_series(1, 100)",
    )
    .await?;
    postgres.stop().await;
    let cluster = data_dir.path().join("postgres");
    for content in ["", "garbage\n", "\0\0\0\0\0\0"] {
        for lock_file in ["postmaster.pid", ".s.PGSQL.5432.lock"] {
            std::fs::write(cluster.join(lock_file), content)?;
        }
        let draft = data_dir.path().join("postgres.new");
        std::fs::create_dir_all(draft.join("base"))?;
        let postgres = data_dir.start().await?;
        assert_eq!(rows(postgres.url()).await?, 100);
        assert!(!draft.exists(), "half of a first start is removed");
        postgres.stop().await;
    }
    Ok(())
}

#[tokio::test]
async fn a_copy_that_belongs_to_somebody_else_is_named_with_the_cure() -> Result {
    let data_dir = DataDir::new()?;
    data_dir.start().await?.stop().await;
    let cluster = data_dir.path().join("postgres");
    // Only root can give files away, and only for root is there another account to give them to.
    if std::os::unix::fs::chown(&cluster, Some(0), Some(0)).is_err() {
        return Ok(());
    }
    let error = data_dir.start().await.expect_err("root's").to_string();
    assert!(error.contains("belongs to user id 0"), "{error}");
    assert!(error.contains("chown -R"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_server_without_a_free_connection_is_told_from_one_in_use() -> Result {
    let data_dir = DataDir::new()?;
    let postgres = data_dir.start().await?;
    let mut taken = Vec::new();
    let refused = loop {
        match PgConnection::connect(postgres.url()).await {
            Ok(connection) => taken.push(connection),
            Err(error) => break error,
        }
    };
    assert!(
        refused.to_string().contains("connection slots"),
        "{refused}"
    );
    let error = data_dir.start().await.expect_err("full").to_string();
    assert!(error.contains("connection slots"), "{error}");
    assert!(!error.contains("in use by another"), "{error}");
    drop(taken);
    postgres.stop().await;
    Ok(())
}

#[tokio::test]
async fn data_of_another_version_is_refused_by_name() -> Result {
    let data_dir = DataDir::new()?;
    std::fs::create_dir_all(data_dir.path().join("postgres"))?;
    std::fs::write(data_dir.path().join("postgres/PG_VERSION"), "99\n")?;
    let error = data_dir
        .start()
        .await
        .expect_err("no such version")
        .to_string();
    for part in [
        "holds data of PostgreSQL 99, but installed is 1",
        "postgresql-99",
        "pg_dumpall",
    ] {
        assert!(error.contains(part), "{error}");
    }
    Ok(())
}

#[test]
fn a_throwaway_server_serves_a_command_and_is_removed() -> Result {
    let temporary = DataDir::new()?;
    let output = breakmywork(&["postgres", "--throwaway", "--", "sh", "-c"])
        .arg("echo \"$DATABASE_URL\"; ls \"$TMPDIR\"; exit 7")
        .env("TMPDIR", temporary.0.path())
        .output()?;
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    let printed = String::from_utf8(output.stdout)?;
    assert!(
        printed.starts_with("postgres://breakmywork@localhost"),
        "{printed}"
    );
    assert!(
        printed
            .lines()
            .next_back()
            .is_some_and(|folder| folder.starts_with("breakmywork-"))
    );
    assert_eq!(
        std::fs::read_dir(temporary.0.path())?.count(),
        0,
        "nothing is left behind"
    );
    Ok(())
}

#[test]
fn without_binaries_the_message_names_the_command() -> Result {
    let output = breakmywork(&[
        "postgres",
        "--throwaway",
        "--postgres-bin",
        "/nowhere",
        "--",
        "true",
    ])
    .output()?;
    assert_eq!(output.status.code(), Some(1));
    let message = stderr(&output);
    assert!(message.contains("not found in /nowhere"), "{message}");
    assert!(
        message.contains("apt-get install -y postgresql"),
        "{message}"
    );
    Ok(())
}
