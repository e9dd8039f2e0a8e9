//! The description that lies beside a data set's files.

use super::{Content, Error, Kind, Reference, Splits, format};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What a data set is, where it came from and what its files must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its name.
    pub name: String,
    /// Its version, from 1.
    pub version: u32,
    /// What it is made of.
    pub kind: Kind,
    /// SHA-256 of its content: of the listing that `sha256sum` prints of its files.
    pub sha256: String,
    /// Names of the files it was imported from, or the address it was fetched from.
    pub source: Vec<String>,
    /// What was done on import, such as how it was split.
    #[serde(default)]
    pub notes: Vec<String>,
    /// How much each split holds, for people.
    pub splits: Splits<BTreeMap<String, u64>>,
    /// Its files, in the order of their names.
    pub files: Vec<SplitFile>,
}

/// A file of a data set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitFile {
    /// Its name.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
}

impl Manifest {
    /// Describes that content; also gives the files to be written.
    pub(super) fn describe(
        reference: &Reference,
        content: &Content,
        source: Vec<String>,
        notes: Vec<String>,
    ) -> (Self, Vec<(String, Vec<u8>)>) {
        let written = format::write(content);
        let files: Vec<SplitFile> = written
            .iter()
            .map(|(name, bytes)| SplitFile {
                name: name.clone(),
                sha256: sha256(bytes),
                bytes: bytes.len() as u64,
            })
            .collect();
        let manifest = Self {
            name: reference.name().to_owned(),
            version: reference.version(),
            kind: content.kind(),
            sha256: listing(&files),
            source,
            notes,
            splits: content.sizes(),
            files,
        };
        (manifest, written)
    }

    /// Its name and version.
    ///
    /// # Errors
    /// If it was edited into one that cannot be.
    pub fn reference(&self) -> Result<Reference, Error> {
        Reference::new(&self.name, self.version).map_err(Error::Reference)
    }

    /// Whether its SHA-256 is that of its files.
    pub(super) fn fits_its_files(&self) -> bool {
        self.sha256 == listing(&self.files)
    }
}

/// SHA-256 of what `sha256sum` prints of these files.
fn listing(files: &[SplitFile]) -> String {
    let lines = files
        .iter()
        .map(|file| format!("{}  {}\n", file.sha256, file.name));
    sha256(lines.collect::<String>().as_bytes())
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
