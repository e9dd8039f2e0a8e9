//! The `breakmywork` command. Only wiring: see [`breakmywork::commands`].

use breakmywork::commands::Cli;
use clap::Parser;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    breakmywork::memory::give_back_freed();
    run(Cli::parse())
}

#[tokio::main]
async fn run(cli: Cli) -> ExitCode {
    if let Err(error) = start_log(&cli) {
        eprintln!("--log cannot be understood: {error}");
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
fn start_log(cli: &Cli) -> Result<(), tracing_subscriber::filter::ParseError> {
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
