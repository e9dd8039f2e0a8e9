//! `breakmywork-worker`: wires flags to the library and ends with its exit code.

use breakmywork_training::{data, exit, memory};
use breakmywork_worker::cli::{Cli, Command, TOKEN};
use breakmywork_worker::{local, reproduce, runner, trainer};
use clap::Parser;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;

/// candle and its products read their number of threads from here.
const THREADS: &str = "RAYON_NUM_THREADS";

fn main() -> ExitCode {
    let cli = Cli::parse();
    log();
    unlisted();
    if let Some(Err(error)) = cli.ca_file.as_deref().map(breakmywork_roots::trust) {
        tracing::error!("{error}");
        return exit::code(exit::FAILED);
    }
    exit::code(match cli.command {
        Some(Command::Train(args)) => {
            prepared(args.device.threads);
            local::run(&args)
        }
        Some(Command::Reproduce(args)) => reproduce::run(&args),
        Some(Command::Data(args)) => data::run(&args),
        Some(Command::Trainer(args)) => {
            named();
            trainer::run(&args)
        }
        Some(Command::Probe(args)) => trainer::probe(&args),
        None => runner::run(cli.work),
    })
}

/// Starts this program again in place without the token among its arguments, which lists of processes show; it stays in
/// the environment, which they do not.
fn unlisted() {
    const FLAG: &str = "--token";
    let mut arguments = std::env::args_os().skip(1);
    let (mut kept, mut token) = (Vec::new(), None);
    while let Some(argument) = arguments.next() {
        let text = argument.to_str().unwrap_or_default();
        if text == FLAG {
            token = arguments.next();
        } else if let Some(given) = text.strip_prefix("--token=") {
            token = Some(given.into());
        } else {
            kept.push(argument);
        }
    }
    let (Some(token), Ok(program)) = (token, std::env::current_exe()) else {
        return;
    };
    let error = std::process::Command::new(program)
        .args(kept)
        .env(TOKEN, token)
        .exec();
    tracing::warn!(%error, "the token stays in the list of processes");
}

/// A trainer is started from `/proc/self/exe`, and would be called `exe` in lists of processes.
fn named() {
    // Only people look at it.
    let _ = std::fs::write("/proc/self/comm", env!("CARGO_PKG_NAME"));
}

/// Logs to stderr, where every supervisor looks; RUST_LOG chooses what.
fn log() {
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
}

/// Starts this program again in place with that many threads and large pages, unless it already has them: a process's
/// environment is only safe to set before it starts.
fn prepared(threads: u16) {
    let large_pages = memory::large_pages();
    let is_set = std::env::var_os(THREADS).is_some_and(|set| set == *threads.to_string());
    if is_set && large_pages.is_none() {
        return;
    }
    let mut arguments = std::env::args_os();
    let (Ok(program), Some(_)) = (std::env::current_exe(), arguments.next()) else {
        return;
    };
    let error = std::process::Command::new(program)
        .args(arguments)
        .env(THREADS, threads.to_string())
        .envs(large_pages)
        .exec();
    tracing::warn!(%error, "cannot set threads and large pages; products may use all cores");
}
