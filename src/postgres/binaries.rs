//! Finding `initdb` and `postgres`.

use super::Error;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest major version whose features the schema uses.
pub(super) const OLDEST: u32 = 15;
/// Debian keeps each major version in a folder of its own below this one, outside PATH.
const DEBIAN: &str = "/usr/lib/postgresql";

/// One installed server version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    folder: PathBuf,
    pub(super) major: u32,
}

impl Binaries {
    pub(super) fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    /// The version in `folder`, if both programs are there and run.
    fn at(folder: &Path) -> Option<Self> {
        // `postgres` finds its libraries beside its real place, so links such as /usr/local/bin/postgres are resolved.
        let folder = folder
            .join("initdb")
            .canonicalize()
            .ok()?
            .parent()?
            .to_owned();
        let output = Command::new(folder.join("postgres"))
            .arg("--version")
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        Some(Self {
            folder,
            major: major_version(&text)?,
        })
    }
}

/// `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` is 15.
fn major_version(text: &str) -> Option<u32> {
    let number = text.split_whitespace().nth(2)?;
    number
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// What to use: the setting alone if given; else the first of PATH and then Debian's folders, newest first, that is
/// new enough and, where a cluster exists already, of the version that made it.
pub(super) fn find(
    setting: Option<&Path>,
    cluster: Option<(&Path, u32)>,
) -> Result<Binaries, Error> {
    let (folders, looked_in) = match setting {
        Some(folder) => (vec![folder.to_owned()], folder.display().to_string()),
        None => (
            search_path(
                &std::env::var_os("PATH").unwrap_or_default(),
                Path::new(DEBIAN),
            ),
            format!("PATH and {DEBIAN}"),
        ),
    };
    choose(&folders, looked_in, cluster)
}

fn choose(
    folders: &[PathBuf],
    looked_in: String,
    cluster: Option<(&Path, u32)>,
) -> Result<Binaries, Error> {
    let mut found: Vec<Binaries> = folders
        .iter()
        .filter_map(|folder| Binaries::at(folder))
        .filter(|binaries| binaries.major >= OLDEST)
        .collect();
    if found.is_empty() {
        return Err(Error::NotInstalled {
            looked_in,
            minimum: OLDEST,
        });
    }
    let Some((directory, data)) = cluster else {
        return Ok(found.swap_remove(0));
    };
    let installed: BTreeSet<String> = found
        .iter()
        .map(|binaries| binaries.major.to_string())
        .collect();
    found
        .into_iter()
        .find(|binaries| binaries.major == data)
        .ok_or_else(|| Error::WrongVersion {
            directory: directory.to_owned(),
            data,
            installed: Vec::from_iter(installed).join(" and "),
        })
}

/// Folders to look in, in order.
fn search_path(path: &OsStr, debian: &Path) -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(debian)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    std::env::split_paths(path)
        .chain(versions.into_iter().map(|(_, folder)| folder))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_postgres_prints() {
        assert_eq!(
            major_version("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_version("sh: not found"), None);
    }

    #[test]
    fn path_comes_first_then_debian_newest_first() {
        let root = tempfile::tempdir().expect("a temporary folder");
        for version in ["9.6", "15", "17", "notes"] {
            std::fs::create_dir(root.path().join(version)).expect("a folder");
        }
        let folders = search_path(OsStr::new("/a:/b"), root.path());
        let expected = [
            "/a".into(),
            "/b".into(),
            root.path().join("17/bin"),
            root.path().join("15/bin"),
        ];
        assert_eq!(folders, expected);
    }

    #[test]
    fn nothing_installed_names_the_command() {
        let error = choose(&[PathBuf::from("/nowhere")], "PATH".to_owned(), None)
            .expect_err("nothing is there");
        assert!(
            error
                .to_string()
                .contains(super::super::error::INSTALL_COMMAND),
            "{error}"
        );
    }
}
