//! TLS in front of what a test runs, with an authority of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// The authority that this whole program trusts from now on.
#[allow(dead_code, reason = "workers are programs of their own")]
pub(crate) fn trusted() -> &'static Authority {
    static TRUSTED: OnceLock<Authority> = OnceLock::new();
    TRUSTED.get_or_init(|| {
        let authority = Authority::new();
        breakmywork_roots::trust(&authority.file()).expect("a certificate");
        authority
    })
}

/// An authority, and a certificate of it for this machine.
pub(crate) struct Authority(TempDir);

impl Authority {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let made = program().arg("--authority").arg(folder.path()).status();
        assert!(made.expect("scripts/python has run").success());
        Self(folder)
    }

    /// What trusts it.
    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join("ca.pem")
    }

    /// A front of the program that listens on that port.
    pub(crate) fn front(&self, port: u16) -> Front {
        let mut child = program()
            .arg(self.0.path())
            .arg(port.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("scripts/python has run");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        output.read_line(&mut line).expect("a port");
        let port = line.trim().parse().expect("a port");
        Front { child, port }
    }
}

fn program() -> Command {
    let mut program = Command::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/python/bin/python"));
    let mut above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let script = above.find_map(|folder| {
        let script = folder.join("tests/data/tls_front.py");
        script.exists().then_some(script)
    });
    program.arg(script.expect("it is there"));
    program
}

/// A front; gone when dropped.
pub(crate) struct Front {
    child: Child,
    /// Where it listens.
    pub(crate) port: u16,
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
