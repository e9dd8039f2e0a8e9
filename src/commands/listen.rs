//! Where and how the web server runs: what `up` and `serve` have in common.

use crate::chores::Chores;
use crate::config::Settings;
use crate::state::AppState;
use crate::unchanged::Unchanged;
use anyhow::anyhow;
use breakmywork_protocol::jobs::Timing;
use sqlx::PgPool;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Connections to the database: more than the downloads and the sweeps hold at once, and few, since they are used in turn
/// and each plans every statement for itself.
pub(super) const CONNECTIONS: u32 = 10;

/// Signs of life that a worker of ours gives in the time of a lease.
const BEATS_A_LEASE: f64 = 9.0;
/// The longest pause between two of them, in seconds.
const LONGEST_BEAT: f64 = 10.0;

/// Where and how the web server runs.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ListenArgs {
    /// Address to listen on; 0.0.0.0 for the whole network.
    #[arg(long, env = "BREAKMYWORK_HOST", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, env = "BREAKMYWORK_PORT", default_value_t = 8080)]
    port: u16,
    #[command(flatten)]
    settings: Settings,
    /// Seconds that a run stays with a worker which gives no sign of life.
    #[arg(long, env = "BREAKMYWORK_LEASE_SECONDS", value_name = "S", default_value_t = Timing::default().lease_s,
          value_parser = clap::value_parser!(i32).range(1..))]
    lease_seconds: i32,
    /// Seconds without a new step after which a worker counts as stuck.
    #[arg(long, env = "BREAKMYWORK_STALL_SECONDS", value_name = "S", default_value_t = Timing::default().stall_s,
          value_parser = clap::value_parser!(i32).range(1..))]
    stall_seconds: i32,
    /// Seconds before a lost run is tried again; doubles with each loss.
    #[arg(long, env = "BREAKMYWORK_BACKOFF_SECONDS", value_name = "S", default_value_t = Timing::default().backoff_s,
          value_parser = clap::value_parser!(i32).range(0..))]
    backoff_seconds: i32,
    /// Seconds between two searches for lost workers.
    #[arg(long, env = "BREAKMYWORK_REAP_SECONDS", value_name = "S", default_value_t = 15,
          value_parser = clap::value_parser!(u64).range(1..))]
    reap_seconds: u64,
    /// Milliseconds by which visitors may get a page late that changes all the time; 0: never. People who are signed in and
    /// scripts with a token always get what is there.
    #[arg(
        long,
        env = "BREAKMYWORK_VISITORS_LATE_MS",
        value_name = "MS",
        default_value_t = 1000
    )]
    visitors_late_ms: u32,
}

impl ListenArgs {
    /// Takes the port, before anything else is started.
    pub(super) async fn bind(&self) -> anyhow::Result<TcpListener> {
        let address = SocketAddr::new(self.host, self.port);
        TcpListener::bind(address).await.map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => anyhow!(
                "Port {} is in use by another program. Stop that one, or choose another port with --port.",
                self.port
            ),
            io::ErrorKind::PermissionDenied => {
                anyhow!("Port {} is kept for root. Choose one above 1023 with --port.", self.port)
            }
            _ => anyhow!("Cannot listen on {address}: {error}"),
        })
    }

    /// The site's settings; its address is where we listen unless something else was asked for.
    pub(super) fn settings(&self, listener: &TcpListener) -> io::Result<Settings> {
        let mut settings = self.settings.clone();
        if settings.public_url == Settings::default().public_url {
            let mut address = listener.local_addr()?;
            if address.ip().is_unspecified() {
                address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
            }
            settings.public_url = format!("http://{address}");
        }
        Ok(settings)
    }

    /// The state of the web app, with what is set here.
    pub(super) fn state(
        &self,
        pool: PgPool,
        settings: Settings,
        shutdown: CancellationToken,
    ) -> AppState {
        let late = Duration::from_millis(self.visitors_late_ms.into());
        AppState {
            timing: self.chores().timing,
            unchanged: Unchanged::late(late),
            ..AppState::new(pool, settings, shutdown)
        }
    }

    /// What the workers must know of it, by the names of their own settings.
    pub(super) fn shared_environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("BREAKMYWORK_LEASE_SECONDS", self.lease_seconds.to_string()),
            ("BREAKMYWORK_STALL_SECONDS", self.stall_seconds.to_string()),
            (
                "BREAKMYWORK_BACKOFF_SECONDS",
                self.backoff_seconds.to_string(),
            ),
            ("BREAKMYWORK_BEAT_SECONDS", self.beat_seconds().to_string()),
        ]
    }

    /// Seconds between two signs of life of a worker: several in each lease, so that some may get lost.
    fn beat_seconds(&self) -> f64 {
        (f64::from(self.lease_seconds) / BEATS_A_LEASE).min(LONGEST_BEAT)
    }

    pub(super) fn chores(&self) -> Chores {
        Chores {
            timing: Timing {
                lease_s: self.lease_seconds,
                stall_s: self.stall_seconds,
                backoff_s: self.backoff_seconds,
            },
            reap_every: Duration::from_secs(self.reap_seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        listen: ListenArgs,
    }

    #[test]
    fn a_local_worker_beats_several_times_in_a_lease() {
        for (lease, beat) in [("90", 10.0), ("300", 10.0), ("9", 1.0), ("1", 1.0 / 9.0)] {
            let cli = Cli::parse_from(["up", "--lease-seconds", lease]);
            let told = cli.listen.shared_environment();
            let told = told
                .iter()
                .find(|(name, _)| *name == "BREAKMYWORK_BEAT_SECONDS");
            let told: f64 = told.expect("told").1.parse().expect("a number");
            assert_eq!(told, beat, "a lease of {lease} s");
        }
    }
}
