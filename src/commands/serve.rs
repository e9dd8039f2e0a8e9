//! `breakmywork serve`: the web server alone.

use super::listen::{CONNECTIONS, ListenArgs};
use super::signals::Stop;
use crate::sealing::Keys;
use crate::sealing::at_rest::{self, Trouble};
use crate::server;
use breakmywork_protocol::db::{self, Mismatch};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

/// Runs the web server alone, for production. Run `migrate` first.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The PostgreSQL server. It may come and go: pages then say so.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: String,
    #[command(flatten)]
    listen: ListenArgs,
}

/// Serves until Ctrl-C or SIGTERM.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let listener = args.listen.bind().await?;
    let settings = args.listen.settings(&listener)?;
    let pool = db::pool(&args.database_url, CONNECTIONS)?;
    check(&pool, &settings.secret_keys).await?;
    let shutdown = CancellationToken::new();
    tracing::info!(
        "serving {} on {}",
        settings.public_url,
        listener.local_addr()?
    );
    let state = args.listen.state(pool, settings, shutdown.clone());
    let server = server::serve(listener, state, args.listen.chores());
    tokio::pin!(server);
    let mut stop = Stop::install()?;
    tokio::select! {
        result = &mut server => return Ok(result?),
        _ = stop.asked() => {}
    }
    tracing::info!("stopping");
    shutdown.cancel();
    tokio::select! {
        result = server => Ok(result?),
        // Asked twice: somebody is in a hurry.
        _ = stop.asked() => Ok(()),
    }
}

/// Refuses a database of another release, or with secrets that cannot be opened. One that is away is waited for by the pages,
/// and its secrets are sealed by the chores.
async fn check(pool: &PgPool, keys: &Keys) -> anyhow::Result<()> {
    let away = match db::schema_fits(pool).await {
        Err(Mismatch::Unknown(error)) => error,
        fits => {
            fits?;
            match at_rest::start(pool, keys).await {
                Err(Trouble::Database(error)) => error,
                started => return Ok(started?),
            }
        }
    };
    tracing::warn!("the database does not answer yet: {away}");
    at_rest::warn_of_clear(keys);
    Ok(())
}
