//! A running `up`, and what a person at the terminal can do with it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A running `up`; killed if a test fails.
pub(crate) struct Up {
    child: Child,
    output: BufReader<ChildStdout>,
    /// Host and port.
    pub(crate) address: String,
    /// What it printed before it was ready.
    pub(crate) greeting: Vec<String>,
}

pub(crate) fn breakmywork(data_dir: &Path, command: &[&str]) -> Command {
    let mut process = Command::new(env!("CARGO_BIN_EXE_breakmywork"));
    process.args(command).arg("--data-dir").arg(data_dir);
    process
        .env_remove("DATABASE_URL")
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null());
    process
}

impl Up {
    pub(crate) fn start(data_dir: &Path, workers: &str) -> Result<Self> {
        Self::start_with(data_dir, workers, &[])
    }

    /// The same with more flags.
    pub(crate) fn start_with(data_dir: &Path, workers: &str, flags: &[&str]) -> Result<Self> {
        let mut child = breakmywork(data_dir, &["up", "--port", "0", "--workers", workers])
            .args(flags)
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
    pub(crate) fn get(&self, path: &str) -> Result<u16> {
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
    pub(crate) fn processes(&self) -> Result<BTreeSet<u32>> {
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
    pub(crate) fn stop(mut self, signal: &str) -> Result<String> {
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
pub(crate) fn state_and_parent(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// A data directory in a temporary folder that the server's account can enter.
pub(crate) fn data_dir() -> Result<(tempfile::TempDir, PathBuf)> {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir()?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711))?;
    let path = folder.path().join("var");
    Ok((folder, path))
}

pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout)
        .unwrap_or_default()
        .trim_end()
}
