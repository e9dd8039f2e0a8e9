//! `breakmywork up`, the real program: it starts everything, answers, and leaves nothing behind.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A running `up`; killed if a test fails.
struct Up {
    child: Child,
    output: BufReader<ChildStdout>,
    address: String,
    /// What it printed before it was ready.
    greeting: Vec<String>,
}

fn breakmywork(data_dir: &Path, command: &[&str]) -> Command {
    let mut process = Command::new(env!("CARGO_BIN_EXE_breakmywork"));
    process.args(command).arg("--data-dir").arg(data_dir);
    process
        .env_remove("DATABASE_URL")
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null());
    process
}

impl Up {
    fn start(data_dir: &Path, workers: &str) -> Result<Self> {
        let mut child = breakmywork(data_dir, &["up", "--port", "0", "--workers", workers])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut greeting = Vec::new();
        for _ in 0..3 {
            let mut line = String::new();
            output.read_line(&mut line)?;
            greeting.push(line.trim_end().to_owned());
        }
        let address = greeting[0]
            .rsplit_once("http://")
            .ok_or("no address")?
            .1
            .to_owned();
        Ok(Self {
            child,
            output,
            address,
            greeting,
        })
    }

    /// The status of `GET path`.
    fn get(&self, path: &str) -> Result<u16> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.split(' ').nth(1).ok_or("no status")?.parse()?)
    }

    /// Everything that `up` started, and what that started.
    fn processes(&self) -> Result<BTreeSet<u32>> {
        let mut found = BTreeSet::from([self.child.id()]);
        loop {
            let before = found.len();
            for entry in std::fs::read_dir("/proc")?.filter_map(std::result::Result::ok) {
                if let Some(pid) = entry
                    .file_name()
                    .to_str()
                    .and_then(|name| name.parse().ok())
                    && let Some((_, parent)) = state_and_parent(pid)
                    && found.contains(&parent)
                {
                    found.insert(pid);
                }
            }
            if found.len() == before {
                return Ok(found);
            }
        }
    }

    /// Sends the signal and waits; says what was printed meanwhile.
    fn stop(mut self, signal: &str) -> Result<String> {
        let processes = self.processes()?;
        let status = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()?;
        assert!(status.success());
        let status = self.child.wait()?;
        assert!(status.success(), "{status}");
        for pid in processes {
            let alive = state_and_parent(pid).is_some_and(|(state, _)| state != 'Z');
            assert!(!alive, "process {pid} was left behind");
        }
        let mut rest = String::new();
        self.output.read_to_string(&mut rest)?;
        Ok(rest)
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It has ended already unless a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// From `/proc/PID/stat`: `PID (NAME) STATE PARENT …`.
fn state_and_parent(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// A data directory in a temporary folder that the server's account can enter.
fn data_dir() -> Result<(tempfile::TempDir, PathBuf)> {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir()?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711))?;
    let path = folder.path().join("var");
    Ok((folder, path))
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout)
        .unwrap_or_default()
        .trim_end()
}

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
    up.stop("-INT")?;
    Ok(())
}

#[test]
fn a_worker_runs_beside_it_and_ends_with_it() -> Result {
    let (_folder, data_dir) = data_dir()?;
    let up = Up::start(&data_dir, "1")?;
    let worker_runs = || -> Result<bool> {
        let name = |pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        // The kernel keeps fifteen characters of a name.
        Ok(up
            .processes()?
            .into_iter()
            .any(|pid| name(pid).starts_with("breakmywork-wor")))
    };
    let started = Instant::now();
    while !worker_runs()? {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "no worker was started"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(up.get("/readyz")?, 200);
    up.stop("-TERM")?;
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
