//! Whom the server runs as: PostgreSQL refuses root.

use super::Error;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Accounts to drop to, in order: the one that Debian's package makes, then the one that we make.
const ACCOUNTS: [&str; 2] = ["postgres", OURS];
const OURS: &str = "breakmywork";

/// The account that owns the cluster and runs its programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Whether that is another account than ours.
    drops: bool,
}

impl Account {
    /// Ours, unless we are root: then the owner of an existing cluster, else an unprivileged account.
    pub(super) fn choose(cluster: &Path) -> Result<Self, Error> {
        let uid = rustix::process::geteuid();
        if !uid.is_root() {
            let gid = rustix::process::getegid();
            return Ok(Self {
                uid: uid.as_raw(),
                gid: gid.as_raw(),
                drops: false,
            });
        }
        if let Ok(owner) = cluster.metadata()
            && owner.uid() != 0
        {
            return Ok(Self {
                uid: owner.uid(),
                gid: owner.gid(),
                drops: true,
            });
        }
        if let Some(account) = ACCOUNTS.iter().find_map(|name| look_up(name)) {
            return Ok(account);
        }
        let made = Command::new("useradd")
            .args([
                "--system",
                "--user-group",
                "--no-create-home",
                "--shell",
                "/usr/sbin/nologin",
                OURS,
            ])
            .output()
            .map_err(|error| Error::NoAccount(format!("useradd: {error}")))?;
        look_up(OURS).ok_or_else(|| {
            Error::NoAccount(String::from_utf8_lossy(&made.stderr).trim().to_owned())
        })
    }

    /// A command that runs as this account, in a plain environment: what the caller has set (PGDATA, a language,
    /// secrets) is none of the server's business, and messages stay in English so that they can be recognised.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C")
            // The folder we were started in may be closed to this account.
            .current_dir("/");
        if self.drops {
            // Dropping the user id from root also drops root's supplementary groups.
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Whether this account can enter `folder`, asked of the kernel, so that access lists count too.
    pub(super) fn can_enter(&self, folder: &Path) -> bool {
        let mut test = self.command(Path::new("test"));
        test.arg("-x")
            .arg(folder)
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Makes `path` this account's own.
    pub(super) fn take_over(&self, path: &Path) -> Result<(), Error> {
        if self.drops {
            std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
                .map_err(Error::io(path))?;
        }
        Ok(())
    }
}

/// Asks `id`, which knows every source of accounts, not only /etc/passwd.
fn look_up(name: &str) -> Option<Account> {
    let id = |flag| {
        let output = Command::new("id").args([flag, name]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    match (id("-u")?, id("-g")?) {
        (0, _) => None,
        (uid, gid) => Some(Account {
            uid,
            gid,
            drops: true,
        }),
    }
}
