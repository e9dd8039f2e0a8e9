//! Why a data set could not be brought in or used; every message names the file, the reason and what to do.

use super::{Kind, Reference};
use breakmywork_protocol::data_set::NotAName;
use std::io;
use std::path::PathBuf;

/// Why a data set could not be brought in or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not the name of a data set.
    #[error(transparent)]
    Reference(NotAName),
    /// A file or folder that cannot be read.
    #[error("cannot read {path}: {source}; check that it exists and that you may read it", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file or folder that cannot be written.
    #[error(
        "cannot write {path}: {source}; no data set was added or changed: make room there or name another folder \
         with --data-sets, then run this again", path = path.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Whoever should read what is written is gone.
    #[error("cannot write to stdout: {0}; what was asked for is done, run `data list` to see it")]
    Output(io::Error),
    /// Bytes that are no characters.
    #[error(
        "{place} is not UTF-8: the byte at offset {offset} begins no character; convert the file, for example with iconv, and import again"
    )]
    NotUtf8 {
        /// The file.
        place: String,
        /// Bytes before the one that is wrong.
        offset: usize,
    },
    /// A file or split with nothing in it.
    #[error(
        "{place} is empty, and every split needs something; check that it is the file you meant"
    )]
    Empty {
        /// The file, and the split where one file holds several.
        place: String,
    },
    /// Too little to be split.
    #[error(
        "{place} is too small to split: {reason}; import a larger file, or one file a split with --train, --valid and --test"
    )]
    TooSmall {
        /// The file.
        place: String,
        /// Which split would be empty.
        reason: String,
    },
    /// A line that is wrong.
    #[error("{place}, line {line}: {reason}; correct the line and import again")]
    Line {
        /// The file.
        place: String,
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A frame with a key that no piano has.
    #[error(
        "{place}, sequence {sequence}, frame {frame}: key {key} is not among the piano's 21 to 108 (a rest is -1, null or an empty frame); correct the frame and import again"
    )]
    Key {
        /// The file.
        place: String,
        /// Its number, from 1.
        sequence: usize,
        /// Its number, from 1.
        frame: usize,
        /// The key.
        key: f64,
    },
    /// A file that is wrong as a whole; the reason says what to do.
    #[error("{place}: {reason}")]
    File {
        /// The file.
        place: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The file does not tell its kind.
    #[error("cannot tell what kind of data {place} holds; add --kind text, labelled or frames")]
    KindUnknown {
        /// The file.
        place: String,
    },
    /// A kind that cannot be.
    #[error("{name} is {is}, not {asked}: {next}")]
    KindMismatch {
        /// The data set or option.
        name: String,
        /// What it is.
        is: Kind,
        /// What was asked for.
        asked: Kind,
        /// What to do.
        next: &'static str,
    },
    /// Another content has that name and version.
    #[error(
        "{reference} is already here with other content (SHA-256 {here}, this is {new}); import it as {next}"
    )]
    Exists {
        /// The name and version.
        reference: Reference,
        /// What is here.
        here: String,
        /// What was to be imported.
        new: String,
        /// The next free version.
        next: Reference,
    },
    /// Not the content that a known name stands for.
    #[error(
        "{place} is not the {what} of {name}: SHA-256 {got}, expected {expected}; get the original file, or import this one under another name, one of your own"
    )]
    NotKnown {
        /// The file.
        place: String,
        /// Which part of the data set.
        what: &'static str,
        /// The data set.
        name: String,
        /// Its SHA-256.
        got: String,
        /// What it should be.
        expected: String,
    },
    /// Not as much as a known name stands for.
    #[error(
        "this is not {name}: its {split} split has {got} {unit}, expected {expected}; get the original files, or import \
         these under another name, one of your own"
    )]
    OtherSize {
        /// The data set.
        name: String,
        /// The split.
        split: &'static str,
        /// What is counted.
        unit: &'static str,
        /// How much is there.
        got: u64,
        /// How much there should be.
        expected: u64,
    },
    /// A data set that was never imported.
    #[error("{reference} is not in {folder}; run `{command}`", folder = folder.display())]
    NotHere {
        /// The name and version.
        reference: Reference,
        /// The data folder.
        folder: PathBuf,
        /// The command that brings it there.
        command: String,
    },
    /// A stored file that is not what was imported.
    #[error("{path} is damaged: {reason}; delete the folder {folder} and fetch or import {reference} again", path = path.display(), folder = folder.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
        /// The data set's folder.
        folder: PathBuf,
        /// The data set.
        reference: Reference,
    },
    /// A name that cannot be fetched.
    #[error("{name} cannot be fetched: {reason}")]
    NotFetchable {
        /// The name.
        name: String,
        /// Why, and what to do.
        reason: String,
    },
    /// Another process downloads the same.
    #[error("{path} is being written by another fetch; wait until that has ended", path = path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// No answer.
    #[error(
        "{url} cannot be reached: {reason}; check the network and run this again, or name a mirror with --url"
    )]
    Connection {
        /// The address.
        url: String,
        /// What the client says.
        reason: String,
    },
    /// An answer without the file.
    #[error(
        "{url} answers {status} instead of the file; try again later, or name a mirror with --url"
    )]
    Status {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// A server that has another file.
    #[error(
        "{url} offers a file of {offered} bytes, expected {expected}: it is another file; name a mirror with --url, or import the file you have"
    )]
    OtherFile {
        /// The address.
        url: String,
        /// What the server says.
        offered: u64,
        /// What it should be.
        expected: u64,
    },
    /// A download that ended early.
    #[error("{url}: {got} of {expected} bytes came ({reason}); run this again to go on from there")]
    Truncated {
        /// The address.
        url: String,
        /// Bytes that are here.
        got: u64,
        /// Bytes of the whole file.
        expected: u64,
        /// Why it ended.
        reason: String,
    },
    /// A download with other content.
    #[error(
        "{url}: the download has SHA-256 {got}, expected {expected}; it was deleted: run this again, or name a mirror with --url"
    )]
    WrongDownload {
        /// The address.
        url: String,
        /// Its SHA-256.
        got: String,
        /// What it should be.
        expected: String,
    },
}

impl Error {
    /// Why a run could not have its data set on this machine, without paths: for people who do not look after it.
    pub fn public(&self) -> String {
        let again = "an operator deletes it there and fetches or imports it again";
        match self {
            Self::NotHere { reference, .. } => format!(
                "the data set {reference} is not on this worker's machine; an operator runs `{}` there",
                reference.command()
            ),
            Self::Damaged {
                reference, reason, ..
            } => format!(
                "the data set {reference} is damaged on this worker's machine ({reason}); {again}"
            ),
            Self::Read { source, .. } => {
                format!("a file of the data set cannot be read on this worker's machine: {source}")
            }
            _ => format!("the data set cannot be used on this worker's machine; {again}"),
        }
    }

    /// Whether the very same command may work later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::Connection { .. } | Self::Truncated { .. } => true,
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}
