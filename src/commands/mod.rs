//! The command line: one file a command, and `--help` is the reference.

mod admin;
mod database;
mod listen;
mod migrate;
mod password;
mod postgres;
mod secrets;
mod seed;
mod serve;
mod signals;
mod token;
mod up;
mod user;
mod verify;
mod worker;

use clap::{Parser, Subcommand};
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Propose an experiment that could refute a claim; it runs, and the verdict is posted.
#[derive(Debug, Parser)]
#[command(name = "breakmywork", version, max_term_width = 100)]
struct Cli {
    /// What to log, as `info` or `breakmywork=debug,sqlx=warn`; servers default to info, other commands to warn.
    #[arg(
        long,
        global = true,
        env = "RUST_LOG",
        value_name = "FILTER",
        help_heading = "Log"
    )]
    log: Option<String>,
    /// Log one JSON object a line.
    #[arg(
        long,
        global = true,
        env = "BREAKMYWORK_LOG_JSON",
        help_heading = "Log"
    )]
    log_json: bool,
    /// Whose certificates are trusted when providers, receivers of webhooks and mail servers are called over TLS, in PEM; else
    /// those that Mozilla trusts.
    #[arg(
        long,
        global = true,
        env = "SSL_CERT_FILE",
        value_name = "FILE",
        help_heading = "TLS"
    )]
    ca_file: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Args),
    Serve(serve::Args),
    Migrate(migrate::Args),
    Seed(seed::Args),
    #[command(subcommand)]
    User(user::Command),
    #[command(subcommand)]
    Token(token::Command),
    #[command(subcommand)]
    Secrets(secrets::Command),
    Verify(verify::Args),
    Postgres(postgres::Args),
}

/// The whole command: reads the command line, does what it asks for, and gives the exit code.
pub fn main() -> ExitCode {
    crate::memory::give_back_freed();
    run(Cli::parse())
}

#[tokio::main]
async fn run(cli: Cli) -> ExitCode {
    if let Err(error) = start_log(&cli) {
        eprintln!("--log cannot be understood: {error}");
        return ExitCode::FAILURE;
    }
    if let Some(Err(error)) = cli.ca_file.as_deref().map(breakmywork_roots::trust) {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    match cli.run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Logs go to standard error: standard output is for what was asked for.
fn start_log(cli: &Cli) -> Result<(), ParseError> {
    let filter = EnvFilter::try_new(cli.log.as_deref().unwrap_or(cli.default_log()))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    if cli.log_json {
        log.json().init();
    } else {
        log.with_target(false).init();
    }
    Ok(())
}

impl Cli {
    /// What to log unless told otherwise.
    fn default_log(&self) -> &'static str {
        match self.command {
            Command::Up(_) | Command::Serve(_) => "info,memory_serve=warn",
            _ => "warn",
        }
    }

    /// Does what was asked for. An error's whole chain is for the person at the terminal: what went wrong, what to do about it.
    async fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Up(args) => up::run(args).await?,
            Command::Serve(args) => serve::run(args).await?,
            Command::Migrate(args) => migrate::run(args).await?,
            Command::Seed(args) => seed::run(args).await?,
            Command::User(command) => user::run(command).await?,
            Command::Token(command) => token::run(command).await?,
            Command::Secrets(command) => secrets::run(command).await?,
            Command::Verify(args) => return verify::run(args).await,
            Command::Postgres(args) => return postgres::run(args).await,
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
