//! Flags of `data`.

use super::store::FOLDER;
use super::{Input, Kind, Reference, Splits};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Arguments of `data`.
#[derive(Debug, Args)]
pub struct DataArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: DataCommand,
}

/// What to do with data sets.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Show the data sets that are here, and known ones that are missing.
    List(ListArgs),
    /// Bring in files that you have.
    ///
    /// Give one file a split with --train, --valid and --test, or one FILE. A text FILE is split at the line
    /// boundaries nearest to 90% and 95% of its bytes. A FILE of labelled texts, a JSON object {"text", "label"}
    /// a line, is shuffled by SHA-256 of each text and its number and split 80/10/10. A FILE of frames is one
    /// JSON object with the lists train, valid and test.
    Import(ImportArgs),
    /// Download a known data set, check it and bring it in; started again, a download goes on.
    Fetch(FetchArgs),
}

/// Where data sets lie.
#[derive(Debug, Clone, Args)]
pub struct Folder {
    /// Where data sets lie.
    #[arg(
        long,
        value_name = "DIR",
        default_value = FOLDER,
        env = "BREAKMYWORK_DATA_SETS"
    )]
    pub data_sets: PathBuf,
}

/// Arguments of `data list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Write one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
    /// Where data sets lie.
    #[command(flatten)]
    pub folder: Folder,
}

/// Arguments of `data import`.
#[derive(Debug, Args)]
#[command(
    override_usage = "breakmywork-worker data import [OPTIONS] NAME[@VERSION] <FILE | --train FILE --valid FILE --test FILE | --cornell DIR | --mnist DIR>"
)]
#[command(group = clap::ArgGroup::new("input").required(true).args(["file", "train", "cornell", "mnist"]))]
pub struct ImportArgs {
    /// Name of the data set, with @VERSION unless that is 1.
    #[arg(value_name = "NAME[@VERSION]")]
    pub reference: Reference,
    /// One file, which is split.
    pub file: Option<PathBuf>,
    /// The training file.
    #[arg(long, value_name = "FILE", requires_all = ["valid", "test"])]
    pub train: Option<PathBuf>,
    /// The validation file.
    #[arg(long, value_name = "FILE", requires = "train")]
    pub valid: Option<PathBuf>,
    /// The test file.
    #[arg(long, value_name = "FILE", requires = "train")]
    pub test: Option<PathBuf>,
    /// A folder of Pang and Lee's scale data v1.0: rating.AUTHOR and subj.AUTHOR, in UTF-8 or Latin-1.
    #[arg(long, value_name = "DIR")]
    pub cornell: Option<PathBuf>,
    /// A folder of MNIST's four idx files, with or without .gz.
    #[arg(long, value_name = "DIR")]
    pub mnist: Option<PathBuf>,
    /// What the files hold, if their names do not tell.
    #[arg(long)]
    pub kind: Option<Kind>,
    /// Where data sets lie.
    #[command(flatten)]
    pub folder: Folder,
}

impl ImportArgs {
    /// The files; none if the flags contradict each other, which the parser does not let through.
    pub fn input(&self) -> Option<Input> {
        if let Some(path) = &self.file {
            return Some(Input::File(path.clone()));
        }
        if let Some(folder) = &self.cornell {
            return Some(Input::Cornell(folder.clone()));
        }
        if let Some(folder) = &self.mnist {
            return Some(Input::Mnist(folder.clone()));
        }
        Some(Input::Splits(Splits {
            train: self.train.clone()?,
            valid: self.valid.clone()?,
            test: self.test.clone()?,
        }))
    }
}

/// Arguments of `data fetch`.
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// A known data set; `data list` shows them.
    pub name: String,
    /// A mirror to take instead of its address; the file must be the same.
    #[arg(long)]
    pub url: Option<String>,
    /// Where data sets lie.
    #[command(flatten)]
    pub folder: Folder,
}
