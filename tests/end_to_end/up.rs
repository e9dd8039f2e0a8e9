//! `breakmywork up` starts everything, answers, and leaves nothing behind.

use crate::support::{Result, Up, breakmywork, data_dir, state_and_parent, stdout};
use breakmywork_protocol::db::MIGRATOR;
use sqlx::{ConnectOptions, PgPool};
use std::net::TcpListener;
use std::num::NonZero;
use std::time::{Duration, Instant};

#[test]
fn up_serves_makes_an_admin_and_stops_cleanly() -> Result {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, data_dir) = data_dir()?;
    let up = Up::start(&data_dir, "0")?;
    assert_eq!(up.get("/healthz")?, 200);
    assert_eq!(up.get("/readyz")?, 200);
    assert_eq!(up.get("/")?, 200);

    let file = data_dir.join("admin-password");
    assert_eq!(file.metadata()?.permissions().mode() & 0o777, 0o600);
    let password = std::fs::read_to_string(&file)?;
    assert!(
        up.greeting[1].contains(password.trim()),
        "{:?}",
        up.greeting
    );

    // The key of secrets is there from the first start, for its owner alone.
    let file = data_dir.join("secret-key");
    assert_eq!(file.metadata()?.permissions().mode() & 0o777, 0o600);
    let key = std::fs::read_to_string(&file)?;
    let status = breakmywork(&data_dir, &["secrets", "status"]).output()?;
    assert!(stdout(&status).contains("\tseals\t0"), "{status:?}");

    // Beside the running server, on the same data directory.
    let made =
        breakmywork(&data_dir, &["user", "create", "ada", "--role", "moderator"]).output()?;
    assert!(made.status.success());
    assert!(stdout(&made).len() >= 20, "a password alone");
    let token = breakmywork(&data_dir, &["token", "create", "--user", "ada"]).output()?;
    assert!(token.status.success());
    assert!(stdout(&token).starts_with("bmw_") && !stdout(&token).contains(char::is_whitespace));
    let taken = breakmywork(&data_dir, &["user", "create", "ada"]).output()?;
    assert_eq!(taken.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&taken.stderr).contains("is taken"));

    assert!(up.stop("-TERM")?.contains("Stopping"));

    // Started again: everything is there, and the password is not shown a second time.
    let up = Up::start(&data_dir, "0")?;
    assert!(
        !up.greeting[1].contains(password.trim()),
        "{:?}",
        up.greeting
    );
    assert!(
        up.greeting[1].contains("admin-password"),
        "{:?}",
        up.greeting
    );
    assert_eq!(up.get("/people/ada")?, 200);
    assert_eq!(std::fs::read_to_string(&file)?, key);
    up.stop("-INT")?;
    Ok(())
}

/// Other servers of that database could not open what is sealed with it.
#[sqlx::test(migrator = "MIGRATOR")]
async fn for_a_database_of_ones_own_it_makes_no_key(pool: PgPool) -> Result {
    let (_folder, data_dir) = data_dir()?;
    let url = pool.connect_options().to_url_lossy().to_string();
    let up = Up::start_with(&data_dir, "0", &["--database-url", &url])?;
    assert_eq!(up.get("/readyz")?, 200);
    assert!(data_dir.join("checkpoints").exists());
    assert!(!data_dir.join("secret-key").exists());
    up.stop("-TERM")?;
    Ok(())
}

#[test]
fn a_worker_runs_beside_it_and_ends_with_it() -> Result {
    let (_folder, data_dir) = data_dir()?;
    let up = Up::start(&data_dir, "1")?;
    let worker = worker_of(&up)?;
    let told = std::fs::read(format!("/proc/{worker}/cmdline"))?;
    let told = String::from_utf8(told)?.replace('\0', " ");
    let data_sets = format!(" --data-sets {} ", data_dir.join("data").display());
    assert!(
        told.contains(&data_sets),
        "its data sets lie in the data directory: {told}"
    );
    let slots = std::thread::available_parallelism()?.min(NonZero::new(64).ok_or("64 is no zero")?);
    assert!(
        told.contains(&format!(" --slots {slots} ")),
        "it has a slot for each core: {told}"
    );
    assert_eq!(up.get("/readyz")?, 200);
    up.stop("-TERM")?;
    Ok(())
}

/// The worker of `up`, as soon as it runs.
fn worker_of(up: &Up) -> Result<u32> {
    let name = |pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let started = Instant::now();
    loop {
        // The kernel keeps fifteen characters of a name.
        let mut found = up.processes()?.into_iter();
        if let Some(worker) = found.find(|&pid| name(pid).starts_with("breakmywork-wor")) {
            return Ok(worker);
        }
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "no worker was started"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_killed_up_leaves_no_process_behind() -> Result {
    let (_folder, data_dir) = data_dir()?;
    let up = Up::start(&data_dir, "1")?;
    worker_of(&up)?;
    let processes = up.processes()?;
    // Killed, without a word to anybody.
    drop(up);
    let killed = Instant::now();
    for pid in processes {
        while state_and_parent(pid).is_some_and(|(state, _)| state != 'Z') {
            assert!(
                killed.elapsed() < Duration::from_secs(60),
                "process {pid} was left behind"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(())
}

#[test]
fn a_port_in_use_is_named_before_anything_is_started() -> Result {
    let (_folder, data_dir) = data_dir()?;
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port().to_string();
    let output = breakmywork(&data_dir, &["up", "--port", &port]).output()?;
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        message.contains(&format!("Port {port} is in use")),
        "{message}"
    );
    assert!(!data_dir.exists(), "nothing was started");
    Ok(())
}

#[test]
fn a_missing_worker_and_a_missing_database_are_named() -> Result {
    let (_folder, data_dir) = data_dir()?;
    let output = breakmywork(
        &data_dir,
        &["up", "--port", "0", "--worker-bin", "/nowhere/worker"],
    )
    .output()?;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/worker is missing"));

    let output = breakmywork(&data_dir, &["token", "create", "--user", "ada"]).output()?;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("There is no database in"));
    Ok(())
}
