//! A file as it is read, and what editors and systems do to files that are text.

use super::Error;
use std::path::Path;
use std::{fs, str};

/// Bytes, and what messages call them.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    pub(super) place: String,
    pub(super) bytes: Vec<u8>,
}

impl Raw {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(|source| Error::Read {
            path: path.into(),
            source,
        })?;
        Ok(Self {
            place: path.display().to_string(),
            bytes,
        })
    }

    /// The same as plain text: UTF-8 without a mark, lines ending as on Unix, so that one text has one SHA-256 whatever
    /// system it was saved on. What was done is added to `notes`.
    ///
    /// # Errors
    /// If it is no text but something that is known by how it begins.
    pub(super) fn plain(self, notes: &mut Vec<String>) -> Result<Self, Error> {
        if let Some(what) = other_format(&self.bytes) {
            return Err(self.wrong(what));
        }
        let file = Path::new(&self.place).file_name().unwrap_or_default();
        let file = file.to_string_lossy().into_owned();
        let mut note = |what: &str| notes.push(format!("{file}: {what}"));
        let mut bytes = self.bytes;
        if let Some(text) = utf16(&bytes) {
            let text = text.ok_or_else(|| Error::File {
                place: self.place.clone(),
                reason: "it is damaged UTF-16; save it as UTF-8 and import again".into(),
            })?;
            note("read as UTF-16");
            bytes = text.into_bytes();
        }
        if bytes.starts_with(MARK) {
            note("the mark of UTF-8 at its beginning was left out");
            bytes.drain(..MARK.len());
        }
        if bytes.contains(&b'\r') {
            note("line ends of Windows (CR LF) or of old Macs (CR) became line feeds");
            bytes = with_line_feeds(&bytes);
        }
        if let Some(offset) = bytes.iter().position(|&byte| byte == 0) {
            return Err(Error::File {
                place: self.place,
                reason: format!(
                    "it is no plain text: the byte at offset {offset} is 0, as in UTF-16 without its mark and in binary \
                     files; save it as UTF-8 and import again"
                ),
            });
        }
        Ok(Self { bytes, ..self })
    }

    pub(super) fn utf8(&self) -> Result<&str, Error> {
        str::from_utf8(&self.bytes).map_err(|error| Error::NotUtf8 {
            place: self.place.clone(),
            offset: error.valid_up_to(),
        })
    }

    pub(super) fn wrong(&self, reason: impl Into<String>) -> Error {
        Error::File {
            place: self.place.clone(),
            reason: reason.into(),
        }
    }

    pub(super) fn line(&self, line: usize, reason: impl Into<String>) -> Error {
        Error::Line {
            place: self.place.clone(),
            line,
            reason: reason.into(),
        }
    }
}

/// The mark of UTF-8 with which some editors begin a file.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// How files begin that are often taken for text, and what to do with them.
const OTHERS: &[(&[u8], &str)] = &[
    (
        &[0x1f, 0x8b],
        "it is compressed with gzip; unpack it with `gunzip` and import what comes out",
    ),
    (
        b"BZh",
        "it is compressed with bzip2; unpack it with `bunzip2` and import what comes out",
    ),
    (
        &[0xfd, b'7', b'z', b'X', b'Z', 0],
        "it is compressed with xz; unpack it with `unxz` and import what comes out",
    ),
    (
        &[0x28, 0xb5, 0x2f, 0xfd],
        "it is compressed with zstd; unpack it with `unzstd` and import what comes out",
    ),
    (
        b"PK\x03\x04",
        "it is a ZIP archive, as NumPy's .npz are; unpack it, write what is in it as JSON or text and import that",
    ),
    (
        b"\x93NUMPY",
        "it is a NumPy array; write it as JSON or text and import that",
    ),
    (
        b"MATLAB",
        "it is a MATLAB file; write its sequences as one JSON object with the lists train, valid and test and import that",
    ),
    (
        b"\x89HDF",
        "it is an HDF5 file; write what is in it as JSON or text and import that",
    ),
    (
        &[0, 0, 8, 3],
        "it is an idx file of pictures; name the folder with MNIST's four files with --mnist DIR",
    ),
    (
        &[0, 0, 8, 1],
        "it is an idx file of labels; name the folder with MNIST's four files with --mnist DIR",
    ),
    (
        b"%PDF",
        "it is a PDF; save its text as UTF-8 and import that",
    ),
    (
        b"{\\rtf",
        "it is rich text; save it as plain text in UTF-8 and import that",
    ),
];

/// What to say of bytes that are no text, if they begin like something known.
fn other_format(bytes: &[u8]) -> Option<&'static str> {
    // Python's protocol, then a frame or a container.
    let pickled = matches!(bytes, [0x80, 2..=5, ..])
        || (bytes.starts_with(b"(dp") || bytes.starts_with(b"(lp"));
    if pickled {
        return Some(
            "it is pickled by Python, which runs what it reads; if you trust it, turn it into JSON with \
             `python3 -c \"import json, pickle, sys; json.dump(pickle.load(sys.stdin.buffer, encoding='latin1'), sys.stdout, default=lambda x: x.tolist())\" < FILE > FILE.json` \
             and import that",
        );
    }
    OTHERS
        .iter()
        .find(|(begin, _)| bytes.starts_with(begin))
        .map(|(_, what)| *what)
}

/// The text of UTF-16 with its mark, `Some(None)` if it is damaged; `None` if it is something else.
fn utf16(bytes: &[u8]) -> Option<Option<String>> {
    let number: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let (units, rest) = bytes[2..].as_chunks::<2>();
    let text = char::decode_utf16(units.iter().map(|unit| number(*unit)));
    Some(
        text.collect::<Result<String, _>>()
            .ok()
            .filter(|_| rest.is_empty()),
    )
}

/// CR LF and lone CR as LF.
fn with_line_feeds(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut bytes = bytes.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\r' {
            plain.push(byte);
            continue;
        }
        bytes.next_if_eq(&b'\n');
        plain.push(b'\n');
    }
    plain
}
