//! `breakmywork secrets`: the key that seals secrets in the database, and how they stand.

use super::database::{Database, DatabaseArgs};
use super::up::own_key;
use crate::render::number::plural;
use crate::sealing::{self, Keys, at_rest};
use anyhow::{Context, bail};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Seals secrets of second factors and webhooks in the database, with a key that is not there.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Makes a file with a new key, which its owner alone may read; one that is there stays as it is.
    MakeKey {
        /// Where; its folder has to be there.
        file: PathBuf,
    },
    /// Says how many secrets are sealed with which key, and how many stand in clear.
    Status(Args),
    /// Puts random ones in the place of secrets that no key opens, so that a board whose key is lost can go on.
    ///
    /// Their owners make new secrets for their webhooks; second factors take a code on paper, or
    /// `breakmywork user second-factor-off NAME`.
    Forget {
        #[command(flatten)]
        args: Args,
        /// Does it; without this, it says whose those are.
        #[arg(long)]
        yes: bool,
    },
    /// Puts secrets back in clear, to go on without a key or with an earlier release. Stop the web servers first: they seal them again.
    Unseal(Args),
}

/// Of which database, with which keys.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file with the keys, as for `serve`; else, of an embedded database, `secret-key` in the data directory.
    #[arg(long = "secret-key-file", env = "BREAKMYWORK_SECRET_KEY_FILE", value_name = "FILE", value_parser = Keys::read,
          default_value = "", hide_default_value = true)]
    keys: Keys,
    #[command(flatten)]
    database: DatabaseArgs,
}

impl Args {
    fn keys(&self) -> anyhow::Result<Keys> {
        let own = own_key(&self.database.data_dir);
        let embedded = self.database.database_url.is_none();
        match self.keys.is_empty() && embedded && own.exists() {
            true => read(&own),
            false => Ok(self.keys.clone()),
        }
    }
}

/// The keys of a file, or why they cannot be had.
pub(super) fn read(file: &Path) -> anyhow::Result<Keys> {
    // An empty name would be no file, and no keys.
    let name = file.to_str().context("The file of keys has an odd name")?;
    Keys::read(name).map_err(|why| anyhow::anyhow!("{name}: {why}."))
}

/// Does it.
pub(super) async fn run(command: Command) -> anyhow::Result<()> {
    let (args, work) = match command {
        Command::MakeKey { file } => return make(&file),
        Command::Status(args) => (args, Work::Status),
        Command::Forget { args, yes } => (args, Work::Forget { yes }),
        Command::Unseal(args) => (args, Work::Unseal),
    };
    let keys = args.keys()?;
    let database = args.database.open().await?;
    let done = work.on(&database, &keys).await;
    database.close().await;
    done
}

fn make(file: &Path) -> anyhow::Result<()> {
    let made = sealing::make(file).with_context(|| format!("Cannot make {}", file.display()))?;
    let keys = read(file)?;
    let did = if made { "made" } else { "there already" };
    let ids: Vec<String> = keys.ids().map(|id| id.to_string()).collect();
    Ok(writeln!(std::io::stdout(), "{did}\t{}", ids.join(" "))?)
}

/// What is done with the database.
enum Work {
    Status,
    Forget { yes: bool },
    Unseal,
}

impl Work {
    async fn on(self, database: &Database, keys: &Keys) -> anyhow::Result<()> {
        match self {
            Self::Status => status(database, keys).await,
            Self::Forget { yes } => forget(database, keys, yes).await,
            Self::Unseal => unseal(database, keys).await,
        }
    }
}

/// A line for each key, that which seals first, and one for what stands in clear.
async fn status(database: &Database, keys: &Keys) -> anyhow::Result<()> {
    let standing = at_rest::standing(&database.pool).await?;
    let of = |key| standing.0.get(&key).copied().unwrap_or(0);
    let mut out = std::io::stdout().lock();
    for (place, id) in keys.ids().enumerate() {
        let does = if place == 0 { "seals" } else { "opens" };
        writeln!(out, "{id}\t{does}\t{}", of(Some(id)))?;
    }
    for (id, count) in standing.missing(keys) {
        writeln!(out, "{id}\tmissing\t{count}")?;
    }
    Ok(writeln!(out, "in clear\t\t{}", of(None))?)
}

async fn forget(database: &Database, keys: &Keys, yes: bool) -> anyhow::Result<()> {
    let lost = at_rest::forget(&database.pool, keys, yes).await?;
    let mut out = std::io::stdout().lock();
    for one in &lost {
        writeln!(out, "{one}")?;
    }
    if !yes && !lost.is_empty() {
        bail!(
            "Nothing was changed. {} would be forgotten for good: if there is a copy of the key, give it by \
             --secret-key-file; else say --yes.",
            plural(i64::try_from(lost.len())?, "secret", "secrets")
        );
    }
    if lost.is_empty() {
        writeln!(out, "nothing to do")?;
    }
    Ok(())
}

async fn unseal(database: &Database, keys: &Keys) -> anyhow::Result<()> {
    let unsealed = at_rest::unseal(&database.pool, keys).await?;
    writeln!(std::io::stdout(), "in clear now\t{unsealed}")?;
    status(database, keys).await
}
