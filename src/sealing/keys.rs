//! The file of keys: read, and made.

use super::{ID_LEN, KeyId};
use crate::auth::secret;
use sha2::{Digest, Sha256};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

pub(super) const KEY_LEN: usize = 32;

/// What others may do with the file that nobody but its owner and, for reading, its group should: systems that hand secrets to
/// containers give them to a group.
const TOO_OPEN: u32 = 0o027;

const HEADER: &str =
    "# Opens the secrets in the database of this board: keep a copy of it, apart from the dumps.";

/// Keys of a board, of which the first seals and all open; none where secrets stand in clear. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys(Arc<Vec<Key>>);

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) id: KeyId,
    pub(super) bytes: [u8; KEY_LEN],
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

impl Key {
    fn new(bytes: [u8; KEY_LEN]) -> Self {
        let hash: [u8; 32] = Sha256::digest(bytes).into();
        let mut id = [0; ID_LEN];
        id.copy_from_slice(&hash[..ID_LEN]);
        Self {
            id: KeyId(id),
            bytes,
        }
    }
}

impl Keys {
    /// Reads the operator's file; no file has no keys.
    ///
    /// # Errors
    /// A sentence for the operator, which tells no key.
    pub fn read(file: &str) -> Result<Self, String> {
        if file.is_empty() {
            return Ok(Self::default());
        }
        let about = fs::metadata(file).map_err(|error| match error.kind() {
            ErrorKind::NotFound => format!(
                "there is no such file. If it was lost, bring it back from a copy; if there never was one, \
                 `breakmywork secrets make-key {file}` makes it"
            ),
            _ => error.to_string(),
        })?;
        let mode = about.mode() & 0o777;
        if about.is_file() && mode & TOO_OPEN != 0 {
            return Err(format!(
                "others than its owner may read or change it (its mode is {mode:03o}). Say `chmod 600 {file}`"
            ));
        }
        let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
        Self::parse(&text)
    }

    /// The same from the file's text: a key on each line, in hexadecimal, beside empty ones and those that begin with `#`.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().map(str::trim).enumerate();
        let keys = lines
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .map(|(place, line)| {
                let mut bytes = [0; KEY_LEN];
                hex::decode_to_slice(line, &mut bytes).map_err(|_| {
                    format!(
                        "line {} is no key, which has 64 hexadecimal digits: `openssl rand -hex 32` prints one",
                        place + 1
                    )
                })?;
                Ok(Key::new(bytes))
            })
            .collect::<Result<Vec<_>, String>>()?;
        match keys.is_empty() {
            true => Err(
                "no key is in it. `openssl rand -hex 32` prints one, for a line of its own"
                    .to_owned(),
            ),
            false => Ok(Self(Arc::new(keys))),
        }
    }

    /// Whether there are none, and secrets stand in clear.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their names, that of the one that seals first.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.0.iter().map(|key| key.id)
    }

    pub(super) fn first(&self) -> Option<&Key> {
        self.0.first()
    }

    pub(super) fn find(&self, id: KeyId) -> Option<&Key> {
        self.0.iter().find(|key| key.id == id)
    }
}

/// Makes a file with a new key, which its owner alone may read; false if there is a file. Whoever else makes one at the same
/// moment, one of them is there in the end, and whole.
///
/// # Errors
/// If the file cannot be written.
pub fn make(path: &Path) -> io::Result<bool> {
    if path.exists() {
        return Ok(false);
    }
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", &secret::random_hex()[..16]));
    let draft = Path::new(&draft);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)?;
    let made = write!(file, "{HEADER}\n{}\n", secret::random_hex())
        .and_then(|()| file.sync_all())
        // Other than renaming, a link replaces nothing.
        .and_then(|()| fs::hard_link(draft, path));
    fs::remove_file(draft)?;
    match made {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(error),
    }
    // What is sealed with it must not outlive it in a power cut.
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const LINE: &str = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";

    #[test]
    fn each_line_is_a_key_and_what_is_none_is_named() {
        let other = "f".repeat(64);
        let keys = Keys::parse(&format!("# of May\n{LINE}\n\n  {other}  \r\n")).expect("two keys");
        assert_eq!(keys.ids().count(), 2);
        assert_eq!(
            keys.first(),
            Keys::parse(LINE).expect("the first").first(),
            "the first line seals"
        );
        let shown = format!("{keys:?}");
        assert!(!shown.to_lowercase().contains("112233"), "{shown}");
        for (text, problem) in [
            (String::new(), "no key is in it"),
            ("# nothing\n".to_owned(), "no key is in it"),
            (LINE[..62].to_owned(), "line 1 is no key"),
            (format!("{LINE}\n{LINE}0"), "line 2 is no key"),
            (format!("{LINE}\n{}", "g".repeat(64)), "line 2 is no key"),
            (
                "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=".to_owned(),
                "hexadecimal",
            ),
        ] {
            let said = Keys::parse(&text).expect_err("no key");
            assert!(said.contains(problem), "{said}");
            assert!(!said.contains("2233"), "{said}");
        }
    }

    #[test]
    fn a_file_is_made_once_for_its_owner_alone_and_read_only_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret-key");
        let file = path.to_str().expect("text");
        let said = Keys::read(file).expect_err("not there");
        assert!(said.contains("breakmywork secrets make-key"), "{said}");
        let made: Vec<bool> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8).map(|_| scope.spawn(|| make(&path))).collect();
            let made = makers.into_iter().map(|maker| maker.join().expect("ends"));
            made.map(|made| made.expect("writes")).collect()
        });
        assert_eq!(made.iter().filter(|made| **made).count(), 1, "{made:?}");
        let left = fs::read_dir(folder.path()).expect("lists").count();
        assert_eq!(left, 1, "no drafts are left");
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode));
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        let keys = Keys::read(file).expect("a key");
        assert_eq!(keys.ids().count(), 1);
        assert!(!make(&path).expect("is there"));
        assert_eq!(Keys::read(file), Ok(keys));
        for (open, taken) in [(0o644, false), (0o620, false), (0o440, true), (0o400, true)] {
            mode(open).expect("changes");
            let read = Keys::read(file);
            assert_eq!(read.is_ok(), taken, "{open:o}: {read:?}");
            assert!(taken || read.is_err_and(|said| said.contains("chmod 600")));
        }
        assert_eq!(Keys::read(""), Ok(Keys::default()));
    }
}
