//! The real server on a test's database.

use crate::support::Result;
use sqlx::{ConnectOptions, PgPool};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// `breakmywork serve` on the test's database; killed if a test fails.
pub(crate) struct Server {
    pub(crate) child: Child,
    /// Host and port.
    pub(crate) address: String,
}

impl Server {
    /// With at most that many open files.
    pub(crate) fn start(pool: &PgPool, descriptors: u32, flags: &[&str]) -> Result<Self> {
        let url = pool.connect_options().to_url_lossy().to_string();
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -n \"$1\"; shift; exec \"$@\"", "sh"])
            .arg(descriptors.to_string())
            .arg(env!("CARGO_BIN_EXE_breakmywork"))
            .args(["serve", "--port", "0"])
            .args(flags)
            .env("DATABASE_URL", url)
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut log = BufReader::new(child.stderr.take().ok_or("no log")?);
        let mut line = String::new();
        while !line.contains("serving http://") {
            line.clear();
            assert!(log.read_line(&mut line)? > 0, "it ended before it served");
        }
        // What nobody reads would stop it one day.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let address = line
            .split("serving http://")
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next())
            .ok_or("no address")?
            .to_owned();
        Ok(Self { child, address })
    }

    pub(crate) fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(stream)
    }

    /// Sends a whole request and reads the whole answer.
    pub(crate) fn ask(&self, request: &str) -> Result<String> {
        let mut stream = self.connect()?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    pub(crate) fn healthy(&self) -> Result {
        let answer =
            self.ask("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        Ok(())
    }

    /// Resident memory, in kilobytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
