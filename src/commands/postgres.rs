//! `breakmywork postgres`: the embedded server alone, for `psql`, backups and tests.

use crate::postgres::{Options, Postgres};
use crate::process::end_with_parent;
use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::process::{Child, Command};

/// Runs a command against the embedded PostgreSQL, or the server alone until Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    breakmywork postgres -- sh -c 'psql \"$DATABASE_URL\"'\n  \
    breakmywork postgres -- sh -c 'pg_dump \"$DATABASE_URL\"' > backup.sql\n  \
    breakmywork postgres --throwaway -- cargo test")]
pub(super) struct Args {
    /// Where the database is.
    #[arg(long, env = "BREAKMYWORK_DATA_DIR", default_value = super::database::DEFAULT_DATA_DIR)]
    data_dir: PathBuf,
    /// An empty database, removed at the end, instead: for tests. In memory if there is room, else, or if TMPDIR is set, in a temporary folder.
    #[arg(long)]
    throwaway: bool,
    /// Folder of PostgreSQL's `initdb` and `postgres`; else PATH and Debian's folders are searched.
    #[arg(long, env = "BREAKMYWORK_POSTGRES_BIN")]
    postgres_bin: Option<PathBuf>,
    /// What to run, with DATABASE_URL set; without it, the address is printed.
    #[arg(last = true)]
    command: Vec<OsString>,
}

/// Runs it; the exit code is the command's.
pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let postgres = if args.throwaway {
        Postgres::throwaway(args.postgres_bin).await?
    } else {
        let options = Options {
            binaries: args.postgres_bin,
            adopt: true,
            throwaway: false,
        };
        Postgres::start(&args.data_dir, options).await?
    };
    let code = match args.command.split_first() {
        Some((program, arguments)) => run_command(program, arguments, postgres.url()).await,
        None => wait(&postgres).await,
    };
    postgres.stop().await;
    code
}

async fn wait(postgres: &Postgres) -> anyhow::Result<ExitCode> {
    if postgres.adopted() {
        bail!(
            "The server of this data directory runs already, at {}",
            postgres.url()
        );
    }
    writeln!(std::io::stdout(), "{}", postgres.url())?;
    super::signals::Stop::install()?.asked().await;
    Ok(ExitCode::SUCCESS)
}

async fn run_command(
    program: &OsString,
    arguments: &[OsString],
    url: &str,
) -> anyhow::Result<ExitCode> {
    let mut command = std::process::Command::new(program);
    command.args(arguments).env("DATABASE_URL", url);
    // This thread, the main one, lives to the end.
    end_with_parent(&mut command, Signal::TERM);
    let mut child = Command::from(command)
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let mut stop = super::signals::Stop::install()?;
    loop {
        tokio::select! {
            status = child.wait() => {
                let status = status?;
                let code = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(1);
                return Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)));
            }
            // A terminal sends Ctrl-C to the command as well; we only stay until it has ended.
            signal = stop.asked() => if signal == Signal::TERM { pass_on(&child, signal) },
        }
    }
}

fn pass_on(child: &Child, signal: Signal) {
    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        // An error means that it has just ended.
        let _ = kill_process(pid, signal);
    }
}
