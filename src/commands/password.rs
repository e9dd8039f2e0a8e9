//! Where a new password comes from.

use crate::auth::{password, secret};
use anyhow::{Context, anyhow};
use std::io::Write;

/// 96 random bits, in hexadecimal.
const GENERATED_LENGTH: usize = 24;

/// Where a new password comes from.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct PasswordArgs {
    /// Read the password from standard input (one line) instead of making one.
    #[arg(long)]
    password_stdin: bool,
}

/// A new password that nobody can guess.
pub(super) fn generate() -> String {
    let mut password = secret::random_hex();
    password.truncate(GENERATED_LENGTH);
    password
}

impl PasswordArgs {
    /// The new password of `name`, checked.
    pub(super) fn get(self, name: &str) -> anyhow::Result<String> {
        if !self.password_stdin {
            return Ok(generate());
        }
        let mut line = String::new();
        std::io::stdin()
            .read_line(&mut line)
            .context("Cannot read the password")?;
        let given = line.trim_end_matches(['\r', '\n']);
        password::check(given, name).map_err(|reason| anyhow!(reason))?;
        Ok(given.to_owned())
    }

    /// Prints a password that we made, alone on standard output; it is shown nowhere else.
    pub(super) fn show(self, password: &str) -> std::io::Result<()> {
        if self.password_stdin {
            return Ok(());
        }
        writeln!(std::io::stdout(), "{password}")
    }
}
