//! Commands, flags and environment; `--help` is the reference.

use breakmywork_protocol::jobs::Timing;
use breakmywork_protocol::reproduction::TOLERANCE;
use breakmywork_training::data::{DataArgs, Folder};
use breakmywork_training::device::DeviceChoice;
use breakmywork_training::precision::Products;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;
use ureq::http::Uri;

/// The variable of the environment with the token for a board's server.
pub const TOKEN: &str = "BREAKMYWORK_TOKEN";

/// Takes queued runs, trains them and reports their results.
///
/// Without a command it works for the board at --server, or whose database DATABASE_URL names, until it is stopped: the
/// first SIGTERM or Ctrl-C writes checkpoints and hands all runs back, a second one stops at once.
///
/// Exit codes: 0 done or nothing to do, 10 failed for good, 11 may work if tried again, 12 the lease was lost,
/// 13 stopped before the end and handed back.
#[derive(Debug, Parser)]
#[command(
    name = "breakmywork-worker",
    version,
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    /// What to do instead of working for a board.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Working for a board.
    #[command(flatten)]
    pub work: WorkArgs,
    /// Whose certificates are trusted when a board or a server of data sets is called over https, in PEM; else those that
    /// Mozilla trusts.
    #[arg(long, global = true, env = "SSL_CERT_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

/// A token for a board.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// The token for the board. Better a file or the environment; the command line of a process is for everybody to read,
    /// so the worker starts itself again without.
    #[arg(
        long,
        env = TOKEN,
        hide_env_values = true,
        value_name = "TOKEN",
        conflicts_with = "token_file"
    )]
    pub token: Option<String>,
    /// A file with the token for the board alone in it.
    #[arg(long, env = "BREAKMYWORK_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

impl TokenArgs {
    /// The token, if one is given.
    ///
    /// # Errors
    /// If its file cannot be read, or what is in it is no token.
    pub fn read(&self) -> Result<Option<String>, String> {
        let text = match (&self.token, &self.token_file) {
            (Some(token), _) => token.clone(),
            (None, Some(path)) => std::fs::read_to_string(path).map_err(|error| {
                format!(
                    "the token's file {} cannot be read: {error}",
                    path.display()
                )
            })?,
            (None, None) => return Ok(None),
        };
        let token = text.trim();
        let plain = |char: char| char.is_ascii_alphanumeric() || char == '_';
        match token.starts_with("bmw_") && token.chars().all(plain) {
            true => Ok(Some(token.to_owned())),
            false => Err(
                "the token is none: it begins with bmw_ and has letters and digits alone".into(),
            ),
        }
    }
}

/// The address of a board, without a slash at its end.
///
/// # Errors
/// If it is none.
pub fn server(text: &str) -> Result<String, String> {
    let address = text.trim_end_matches('/');
    let uri = address.parse::<Uri>().ok();
    let whole = uri.is_some_and(|uri| {
        uri.host().is_some() && matches!(uri.scheme_str(), Some("https" | "http"))
    });
    match whole {
        true => Ok(address.to_owned()),
        false => Err(format!(
            "--server {address} is no address; write https://HOST, as people do who visit the board"
        )),
    }
}

/// Working for a board.
#[derive(Debug, Args)]
pub struct WorkArgs {
    /// The board's address, such as https://board.example.org. Needs a token with the scope `work`, and no database.
    #[arg(long, env = "BREAKMYWORK_SERVER", value_name = "URL")]
    pub server: Option<String>,
    /// The token for --server.
    #[command(flatten)]
    pub token: TokenArgs,
    /// The board's database, where no --server is given, such as postgres://user:password@host/name.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// Take one run, or none if there is none, and end.
    #[arg(long)]
    pub once: bool,
    /// Runs to work on at once, each with a trainer of its own; small networks leave a device idle. Times --threads
    /// it should not exceed the processor's cores, and the memory should hold so many of the largest runs.
    #[arg(long, value_name = "K", default_value_t = 1, env = "BREAKMYWORK_SLOTS", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub slots: u8,
    /// End after that many runs, counted over all slots.
    #[arg(long, value_name = "N")]
    pub max_runs: Option<u32>,
    /// End after that many seconds without a run in any slot.
    #[arg(long, value_name = "S")]
    pub idle_exit: Option<f64>,
    /// Where checkpoints lie; a folder that all workers of the board share.
    #[arg(
        long,
        value_name = "DIR",
        default_value = "./var/checkpoints",
        env = "BREAKMYWORK_CHECKPOINT_DIR"
    )]
    pub checkpoint_dir: PathBuf,
    /// Seconds between two checkpoints.
    #[arg(
        long,
        value_name = "S",
        default_value_t = 60.0,
        value_parser = seconds,
        env = "BREAKMYWORK_CHECKPOINT_EVERY"
    )]
    pub checkpoint_every: f64,
    /// Seconds that a run stays with a worker which gives no sign of life; the same as the web server's.
    #[arg(long, value_name = "S", default_value_t = Timing::default().lease_s, env = "BREAKMYWORK_LEASE_SECONDS", value_parser = clap::value_parser!(i32).range(1..))]
    pub lease_seconds: i32,
    /// Seconds between two signs of life; a third of the lease at most, whatever is given.
    #[arg(
        long,
        value_name = "S",
        default_value_t = 10.0,
        value_parser = seconds,
        env = "BREAKMYWORK_BEAT_SECONDS"
    )]
    pub beat_seconds: f64,
    /// Seconds without a sign of life (a step, or a part of a measurement) after which a trainer counts as stuck.
    #[arg(long, value_name = "S", default_value_t = 900, env = "BREAKMYWORK_STALL_SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub stall_seconds: u32,
    /// Seconds before a failed run is tried again; doubles with each failure.
    #[arg(long, value_name = "S", default_value_t = Timing::default().backoff_s, env = "BREAKMYWORK_BACKOFF_SECONDS", value_parser = clap::value_parser!(i32).range(0..))]
    pub backoff_seconds: i32,
    /// Seconds between two questions for work.
    #[arg(
        long,
        value_name = "S",
        default_value_t = 1.0,
        value_parser = seconds,
        env = "BREAKMYWORK_POLL_SECONDS"
    )]
    pub poll_seconds: f64,
    /// How and where to train.
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Where data sets lie.
    #[command(flatten)]
    pub folder: Folder,
}

impl WorkArgs {
    /// Time between two signs of life: short enough that two may be lost before the lease is.
    pub fn beat(&self) -> Duration {
        let third = f64::from(self.lease_seconds) / 3.0;
        Duration::from_secs_f64(self.beat_seconds.min(third))
    }

    /// The time that the board has to answer: a share of the lease.
    pub fn share(&self) -> Duration {
        Duration::from_secs_f64(f64::from(self.lease_seconds) / 3.0)
    }

    /// Times of the job table.
    pub fn timing(&self) -> Timing {
        Timing {
            lease_s: self.lease_seconds,
            stall_s: i32::try_from(self.stall_seconds).unwrap_or(i32::MAX),
            backoff_s: self.backoff_seconds,
        }
    }
}

/// A positive number of seconds, up to a year.
fn seconds(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number| (0.01..=3.2e7).contains(number))
        .ok_or_else(|| "give a number of seconds above 0".to_owned())
}

/// Commands besides working for a board.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train the runs of a specification here, without a board; where settings are tuned, their trials first.
    Train(TrainArgs),
    /// Train runs of a concluded experiment again, here, and say whether the numbers are the board's.
    Reproduce(ReproduceArgs),
    /// Show, import or fetch data sets.
    Data(DataArgs),
    /// Train one plan and write JSON lines; the worker starts this itself.
    #[command(hide = true)]
    Trainer(TrainerArgs),
    /// Open the device and end; the worker starts this itself before it takes a run.
    #[command(hide = true)]
    Probe(DeviceArgs),
}

/// Arguments of `train`.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// The specification: a TOML file, or a JSON file if its name ends in .json.
    pub spec: PathBuf,
    /// Train only this arm; may be given more than once.
    #[arg(long = "arm", value_name = "NAME")]
    pub arms: Vec<String>,
    /// Train only this seed; may be given more than once, or several with commas between them.
    #[arg(long = "seed", value_name = "N", value_delimiter = ',')]
    pub seeds: Vec<u32>,
    /// Write one JSON object a line on stdout instead of tables.
    #[arg(long)]
    pub json: bool,
    /// Also write results and verdict to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Keep checkpoints and results here; started again, training goes on from them.
    #[arg(long, value_name = "DIR")]
    pub checkpoint_dir: Option<PathBuf>,
    /// How and where to train.
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Where data sets lie.
    #[command(flatten)]
    pub folder: Folder,
    /// Seconds between two checkpoints.
    #[arg(
        long,
        value_name = "S",
        default_value_t = 60.0,
        env = "BREAKMYWORK_CHECKPOINT_EVERY"
    )]
    pub checkpoint_every: f64,
}

/// How many seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// So many, in the order in which they were drawn.
    First(usize),
    /// All of them.
    All,
}

impl std::str::FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(count @ 1..) => Ok(Self::First(count)),
            _ if text == "all" => Ok(Self::All),
            _ => Err("give a number from 1, or `all`".to_owned()),
        }
    }
}

/// A share from 0 to 1.
fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number| (0.0..=1.0).contains(number))
        .ok_or_else(|| "give a number from 0 to 1".to_owned())
}

/// Train runs of a concluded experiment again, here, and say whether the numbers are the board's: identical to the last bit,
/// within a tolerance, or different.
///
/// The specification must have the SHA-256 that was registered, each run's plan the one that it was trained by, and a data
/// set the content that it was trained on. Runs are trained with as many threads as they had.
///
/// Exit codes: 0 identical or within tolerance, 1 different, 2 it could not be found out.
#[derive(Debug, Args)]
pub struct ReproduceArgs {
    /// The address of the experiment, or of one of its runs, as a browser has it; or the file reproduce.json, or the
    /// archive, from its page.
    #[arg(value_name = "URL|FILE")]
    pub source: String,
    /// How many seeds, the first ones, or `all`.
    #[arg(long, value_name = "N", default_value = "3", conflicts_with = "seed")]
    pub seeds: Count,
    /// Only this seed; may be given more than once, or several with commas between them.
    #[arg(long = "seed", value_name = "N", value_delimiter = ',')]
    pub seed: Vec<u32>,
    /// Only this arm; may be given more than once.
    #[arg(long = "arm", value_name = "NAME")]
    pub arms: Vec<String>,
    /// How far a number may be off, as a share of its scale, where machines compute otherwise. On the board's processor,
    /// arithmetic, threads and program every bit is asked for.
    #[arg(long, value_name = "SHARE", default_value_t = TOLERANCE, value_parser = share)]
    pub tolerance: f64,
    /// Write one JSON object on stdout instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Report what came out to the board, where it is counted under your name. Needs a token with the scope `propose`.
    #[arg(long)]
    pub report: bool,
    /// The board to report to, where the source is a file.
    #[arg(long, env = "BREAKMYWORK_SERVER", value_name = "URL")]
    pub server: Option<String>,
    /// The token for --report.
    #[command(flatten)]
    pub token: TokenArgs,
    /// Device: cpu or cuda:N.
    #[arg(long, default_value = "cpu", env = "BREAKMYWORK_DEVICE")]
    pub device: DeviceChoice,
    /// Precision of the factors in a card's products: f32, tf32 or bf16; f32 if not given.
    #[arg(long, value_name = "P", env = "BREAKMYWORK_PRODUCTS")]
    pub products: Option<Products>,
    /// Processor threads of each run; as many as it had if not given.
    #[arg(long, value_name = "N", env = "BREAKMYWORK_THREADS", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Keep checkpoints here; started again, training goes on from them.
    #[arg(long, value_name = "DIR")]
    pub checkpoint_dir: Option<PathBuf>,
    /// Seconds between two checkpoints.
    #[arg(
        long,
        value_name = "S",
        default_value_t = 60.0,
        value_parser = seconds,
        env = "BREAKMYWORK_CHECKPOINT_EVERY"
    )]
    pub checkpoint_every: f64,
    /// Where data sets lie.
    #[command(flatten)]
    pub folder: Folder,
}

/// On what to train.
#[derive(Debug, Args, Clone)]
pub struct DeviceArgs {
    /// Device: cpu or cuda:N.
    #[arg(long, default_value = "cpu", env = "BREAKMYWORK_DEVICE")]
    pub device: DeviceChoice,
    /// Precision of the factors in a card's products: f32, tf32 or bf16. Sums, weights and states are f32 always.
    #[arg(long, value_name = "P", default_value_t, env = "BREAKMYWORK_PRODUCTS")]
    pub products: Products,
    /// Processor threads of each run: each takes its share of every minibatch. A result repeats bit for bit with the
    /// same number. For many runs of small networks more --slots bring more.
    #[arg(long, value_name = "N", default_value_t = 1, env = "BREAKMYWORK_THREADS", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: u16,
}

impl DeviceArgs {
    /// Opens the device for products of that precision.
    ///
    /// # Errors
    /// If there is no such device, or it has no such products.
    pub fn open(&self) -> Result<(), String> {
        self.device.multiplies(self.products)?;
        self.device.open()?;
        Ok(())
    }
}

/// Arguments of the trainer child.
#[derive(Debug, Args)]
pub struct TrainerArgs {
    /// The plan as JSON; `-` reads it from stdin.
    #[arg(long, default_value = "-")]
    pub plan: PathBuf,
    /// Where checkpoints go.
    #[arg(long)]
    pub checkpoint_dir: PathBuf,
    /// Seconds between two checkpoints.
    #[arg(long)]
    pub checkpoint_every: f64,
    /// Checkpoints to go on from; the first that can be used, else from the start.
    #[arg(long)]
    pub resume: Vec<PathBuf>,
    /// The device.
    #[arg(long, default_value = "cpu")]
    pub device: DeviceChoice,
    /// Precision of the factors in its products.
    #[arg(long, default_value_t)]
    pub products: Products,
    /// Where data sets lie.
    #[command(flatten)]
    pub folder: Folder,
    /// The process that started this one: when it dies, so does this one.
    #[arg(long)]
    pub parent: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(flags: &[&str]) -> Duration {
        let program = ["breakmywork-worker"];
        Cli::parse_from(program.iter().chain(flags)).work.beat()
    }

    #[test]
    fn a_beat_fits_the_lease() {
        assert_eq!(beat(&[]), Duration::from_secs(10));
        assert_eq!(beat(&["--lease-seconds", "6"]), Duration::from_secs(2));
        let slow = ["--lease-seconds", "30", "--beat-seconds", "25"];
        assert_eq!(beat(&slow), Duration::from_secs(10));
        let quick = ["--lease-seconds", "6", "--beat-seconds", "0.5"];
        assert_eq!(beat(&quick), Duration::from_millis(500));
    }

    #[test]
    fn an_address_and_a_token_are_checked_before_anything_is_sent() {
        assert_eq!(
            server("https://board.example/"),
            Ok("https://board.example".to_owned())
        );
        for address in [
            "board.example",
            "ftp://board.example",
            "https://",
            "postgres://a/b",
        ] {
            assert!(server(address).is_err(), "{address}");
        }
        let read = |token: &str| {
            let token = Some(token.to_owned());
            TokenArgs {
                token,
                token_file: None,
            }
            .read()
        };
        assert_eq!(read("bmw_0a\n"), Ok(Some("bmw_0a".to_owned())));
        for token in ["", "0a", "bmw_0a\r\nX: y"] {
            assert!(read(token).is_err(), "{token}");
        }
    }
}
