//! A place to import into, and running the program there.

use breakmywork_training::data::known::{Download, Known, Texts};
use breakmywork_training::data::{Content, Kind, Manifest, Reference, Store};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A folder with files to import beside a data folder.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("makes");
        fs::write(&path, bytes).expect("writes");
        path
    }

    pub(crate) fn store(&self) -> Store {
        Store::new(self.data())
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs `data` with these words, each file name as the path of that file.
    pub(crate) fn run(&self, words: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_breakmywork-worker"));
        command.arg("data").args(words.split_whitespace());
        let command = command.current_dir(self.folder.path());
        let command = command.env("BREAKMYWORK_DATA_SETS", self.data());
        command.output().expect("runs")
    }

    pub(crate) fn succeeds(&self, words: &str) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words}: {output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// What it says when it refuses; nothing may have been added.
    pub(crate) fn refuses(&self, words: &str) -> String {
        let output = self.run(words);
        assert_eq!(output.status.code(), Some(10), "{words}: {output:?}");
        assert!(self.store().list().expect("lists").is_empty(), "{words}");
        String::from_utf8(output.stderr).expect("UTF-8")
    }

    pub(crate) fn content(&self, name: &str) -> Content {
        let loaded = self.store().load(&reference(name)).expect("loads");
        assert_eq!(loaded.manifest.kind, loaded.content.kind());
        loaded.content
    }

    pub(crate) fn manifest(&self, name: &str) -> Manifest {
        let found = self.store().find(&reference(name)).expect("reads");
        found.expect("is here")
    }

    /// Everything below the data folder, but for the lock.
    pub(crate) fn left(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.data()).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        paths.filter(|path| !path.ends_with(".lock")).collect()
    }
}

pub(crate) fn reference(text: &str) -> Reference {
    text.parse().expect("a name")
}

/// A hundred numbered lines.
pub(crate) fn lines() -> String {
    (0..100).map(|n| format!("this is line {n:02}\n")).collect()
}

pub(crate) fn known(name: &'static str, download: Option<Download>, texts: Option<Texts>) -> Known {
    Known {
        name,
        kind: Kind::Text,
        about: "for a test",
        download,
        texts,
    }
}
