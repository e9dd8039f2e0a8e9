//! The data folder: what is in it, reading it whole and checked, adding to it all or nothing.

use super::format;
use super::raw::Raw;
use super::{Content, DataSet, Error, Manifest, Reference, SplitFile, manifest};
use breakmywork_protocol::data_set;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Name of the description in a data set's folder.
const MANIFEST: &str = "manifest.json";

/// Where data sets lie unless something else is said.
pub(super) const FOLDER: &str = "./var/data";

/// A folder of data sets.
#[derive(Debug, Clone)]
pub struct Store {
    dir: PathBuf,
}

/// A data set that an import has brought in, or found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// What it is.
    pub manifest: Manifest,
    /// Whether it was not here before.
    pub fresh: bool,
}

impl Store {
    /// The data sets below that folder, which need not be there yet.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The data sets that are here, by name and version; folders without a manifest are not ours.
    ///
    /// # Errors
    /// If a folder or manifest cannot be read.
    pub fn list(&self) -> Result<Vec<Manifest>, Error> {
        let mut found = self.each()?.into_iter().collect::<Result<Vec<_>, _>>()?;
        found.sort_by(|a, b| (&a.name, a.version).cmp(&(&b.name, b.version)));
        Ok(found)
    }

    /// The same, where a damaged manifest does not hide the others.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn each(&self) -> Result<Vec<Result<Manifest, Error>>, Error> {
        let mut found = Vec::new();
        for name in names_in(&self.dir)? {
            if !data_set::is_name(&name) {
                continue;
            }
            for version in names_in(&self.dir.join(&name))? {
                let Some(version) = data_set::version(&version) else {
                    continue;
                };
                let reference = Reference::new(&name, version).map_err(Error::Reference)?;
                if self.folder(&reference).join(MANIFEST).is_file() {
                    found.extend(self.find(&reference).transpose());
                }
            }
        }
        Ok(found)
    }

    /// Checks that a data set's files are there in their full length, without reading them.
    ///
    /// # Errors
    /// If one is missing or has another length; the message says what to do.
    pub fn looks_whole(&self, manifest: &Manifest) -> Result<(), Error> {
        let reference = manifest.reference()?;
        for file in &manifest.files {
            let length = fs::metadata(self.folder(&reference).join(&file.name))
                .map(|metadata| metadata.len())
                .map_err(|error| self.damaged(&reference, &file.name, error.to_string()))?;
            if length != file.bytes {
                let reason = format!("it has {length} bytes, expected {}", file.bytes);
                return Err(self.damaged(&reference, &file.name, reason));
            }
        }
        Ok(())
    }

    /// The description of a data set, or none if it is not here.
    ///
    /// # Errors
    /// If it is here and its manifest is missing or wrong.
    pub fn find(&self, reference: &Reference) -> Result<Option<Manifest>, Error> {
        let folder = self.folder(reference);
        let path = folder.join(MANIFEST);
        let damaged = |reason: String| self.damaged(reference, MANIFEST, reason);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let here = fs::symlink_metadata(&folder).is_ok();
                return if here {
                    Err(damaged("it is missing".into()))
                } else {
                    Ok(None)
                };
            }
            Err(source) => return Err(Error::Read { path, source }),
        };
        let found: Manifest =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if (found.name.as_str(), found.version) != (reference.name(), reference.version()) {
            return Err(damaged(format!(
                "it is of {}@{}",
                found.name, found.version
            )));
        }
        if !found.fits_its_files() {
            return Err(damaged(format!(
                "SHA-256 {} is not that of its files",
                found.sha256
            )));
        }
        Ok(Some(found))
    }

    /// The command that brings a data set here.
    pub fn command(&self, reference: &Reference) -> String {
        let command = reference.command();
        if self.dir == Path::new(FOLDER) {
            return command;
        }
        format!("{command} --data-sets {}", self.dir.display())
    }

    /// Reads a data set and checks every file's SHA-256.
    ///
    /// # Errors
    /// If it is not here or a file is missing or damaged; the message says what to do.
    pub fn load(&self, reference: &Reference) -> Result<DataSet, Error> {
        let Some(manifest) = self.find(reference)? else {
            return Err(Error::NotHere {
                reference: reference.clone(),
                folder: self.dir.clone(),
                command: self.command(reference),
            });
        };
        let content = format::read(manifest.kind, |name| {
            let file = manifest.files.iter().find(|file| file.name == name);
            let file = file.ok_or_else(|| {
                self.damaged(reference, MANIFEST, format!("it does not list {name}"))
            })?;
            self.file(reference, file)
        })?;
        Ok(DataSet { manifest, content })
    }

    /// One file, if it is what the manifest says.
    fn file(&self, reference: &Reference, file: &SplitFile) -> Result<Raw, Error> {
        let path = self.folder(reference).join(&file.name);
        let raw = match Raw::read(&path) {
            Err(Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(self.damaged(reference, &file.name, "it is missing".into()));
            }
            other => other?,
        };
        let got = manifest::sha256(&raw.bytes);
        if got != file.sha256 {
            let reason = format!(
                "SHA-256 {got} of {} bytes, expected {} of {}",
                raw.bytes.len(),
                file.sha256,
                file.bytes
            );
            return Err(self.damaged(reference, &file.name, reason));
        }
        Ok(raw)
    }

    /// Adds a data set, all or nothing; the same once more changes nothing.
    ///
    /// # Errors
    /// If other content has that name and version, or the disk cannot be written.
    pub fn add(
        &self,
        reference: &Reference,
        content: &Content,
        source: Vec<String>,
        notes: Vec<String>,
    ) -> Result<Imported, Error> {
        let (manifest, files) = Manifest::describe(reference, content, source, notes);
        fs::create_dir_all(&self.dir).map_err(cannot_write(&self.dir))?;
        // One import at a time, so that whatever a killed one left can be cleared away. Held until the end.
        let path = self.dir.join(".lock");
        let lock = File::create(&path).map_err(cannot_write(&path))?;
        lock.lock().map_err(cannot_write(&path))?;
        if let Some(here) = self.find(reference)? {
            return self.compare(reference, here, &manifest);
        }
        self.write(reference, &manifest, &files)?;
        Ok(Imported {
            manifest,
            fresh: true,
        })
    }

    fn compare(
        &self,
        reference: &Reference,
        here: Manifest,
        new: &Manifest,
    ) -> Result<Imported, Error> {
        if here.kind == new.kind && here.sha256 == new.sha256 {
            return Ok(Imported {
                manifest: here,
                fresh: false,
            });
        }
        let versions = names_in(&self.dir.join(reference.name()))?;
        let versions = versions.iter().filter_map(|name| data_set::version(name));
        let last = versions.max().unwrap_or(reference.version());
        Err(Error::Exists {
            reference: reference.clone(),
            here: here.sha256,
            new: new.sha256.clone(),
            next: reference.with_version(last.saturating_add(1)),
        })
    }

    fn write(
        &self,
        reference: &Reference,
        manifest: &Manifest,
        files: &[(String, Vec<u8>)],
    ) -> Result<(), Error> {
        let folder = self.folder(reference);
        let parent = self.dir.join(reference.name());
        let draft = Draft(parent.join(format!(".{}.partial", reference.version())));
        draft.clear();
        fs::create_dir_all(&draft.0).map_err(cannot_write(&draft.0))?;
        let description = format!("{:#}\n", serde_json::json!(manifest)).into_bytes();
        let description = [(MANIFEST.to_owned(), description)];
        for (name, bytes) in files.iter().chain(&description) {
            let path = draft.0.join(name);
            write_to_disk(&path, bytes).map_err(cannot_write(&path))?;
        }
        sync(&draft.0)?;
        fs::rename(&draft.0, &folder).map_err(cannot_write(&folder))?;
        // The new names are on disk when their folders are.
        sync(&parent)?;
        sync(&self.dir)
    }

    fn folder(&self, reference: &Reference) -> PathBuf {
        let version = reference.version().to_string();
        self.dir.join(reference.name()).join(version)
    }

    fn damaged(&self, reference: &Reference, file: &str, reason: String) -> Error {
        let folder = self.folder(reference);
        Error::Damaged {
            path: folder.join(file),
            reason,
            folder,
            reference: reference.clone(),
        }
    }
}

/// A folder that goes away unless it was renamed.
struct Draft(PathBuf);

impl Draft {
    fn clear(&self) {
        // If this fails there is nothing there, or the next write says why.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.clear();
        if let Some(parent) = self.0.parent() {
            // Only succeeds if no version is in it.
            let _ = fs::remove_dir(parent);
        }
    }
}

fn write_to_disk(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync(folder: &Path) -> Result<(), Error> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(cannot_write(folder))
}

/// Makes an error of what the system says about that path.
pub(super) fn cannot_write(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Write {
        path: path.clone(),
        source,
    }
}

/// Names in a folder; none if it is not there or no folder.
fn names_in(folder: &Path) -> Result<Vec<String>, Error> {
    let wrong = |source| Error::Read {
        path: folder.into(),
        source,
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error)
            if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(wrong(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(wrong)?.file_name().into_string());
    }
    Ok(names)
}
