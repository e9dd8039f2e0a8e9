//! Data sets: brought in once, checked by SHA-256 each time they are read.
//!
//! A data set lies in the data folder as `NAME/VERSION/`: `manifest.json` and the split files in one canonical
//! form. Its SHA-256 is that of the listing which `sha256sum` prints of its split files, so that anyone can
//! check it: `cd NAME/VERSION && sha256sum *.txt | sha256sum` (`*.jsonl`, `*.idx` for the other kinds).

mod args;
mod command;
mod content;
mod download;
mod error;
mod fetch;
mod format;
mod frames;
mod idx;
mod import;
pub mod known;
mod manifest;
mod raw;
mod store;
mod vocabulary;

pub use breakmywork_protocol::data_set::Reference;

pub use args::{DataArgs, DataCommand, FetchArgs, Folder, ImportArgs, ListArgs};
pub use command::run;
pub use content::{Content, DataSet, Image, Kind, Review, Splits};
pub use error::Error;
pub use fetch::fetch;
pub use import::{Input, Request, import};
pub use manifest::{Manifest, SplitFile};
pub use store::{Imported, Store};
pub use vocabulary::Vocabulary;
