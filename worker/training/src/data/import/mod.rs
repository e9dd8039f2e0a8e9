//! Bringing in files that the operator has.

mod cornell;
mod mnist;
mod split;
mod unpack;

use super::known::{self, Known, Packing, Texts};
use super::raw::Raw;
use super::{Content, Error, Imported, Kind, Reference, Splits, Store, format, manifest};
use std::path::{Path, PathBuf};
pub(super) use unpack::unpack;

/// What to import, and as what.
#[derive(Debug, Clone)]
pub struct Request {
    /// Name and version it gets.
    pub reference: Reference,
    /// Its kind, if the files do not tell.
    pub kind: Option<Kind>,
    /// The files.
    pub input: Input,
}

/// Files to import.
#[derive(Debug, Clone)]
pub enum Input {
    /// One file a split.
    Splits(Splits<PathBuf>),
    /// One file that is split, or holds all splits.
    File(PathBuf),
    /// A folder of Pang and Lee's scale data.
    Cornell(PathBuf),
    /// A folder of MNIST's idx files.
    Mnist(PathBuf),
}

/// Content that was read, and what to say about it.
pub(super) struct Draft {
    pub(super) content: Content,
    pub(super) source: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// Brings files in as a data set; under a known name they must be what that name stands for.
///
/// # Errors
/// If a file is wrong, if the name and version hold other content, or if the disk cannot be written; then the
/// store is as it was.
pub fn import(store: &Store, request: &Request, known: Option<&Known>) -> Result<Imported, Error> {
    let draft = match &request.input {
        Input::Splits(paths) => three_files(paths, request, known)?,
        Input::File(path) => one_file(path, request, known)?,
        Input::Cornell(folder) => {
            expect("--cornell", Kind::Labelled, request, known)?;
            cornell::read(folder)?
        }
        Input::Mnist(folder) => {
            expect("--mnist", Kind::Images, request, known)?;
            mnist::read(folder, known)?
        }
    };
    let Draft {
        content,
        source,
        notes,
    } = draft;
    if let Some(known) = known {
        known::check_sizes(known.name, &content)?;
    }
    store.add(&request.reference, &content, source, notes)
}

fn three_files(
    paths: &Splits<PathBuf>,
    request: &Request,
    known: Option<&Known>,
) -> Result<Draft, Error> {
    refuse_pictures(&paths.train, request, known)?;
    let mut notes = Vec::new();
    let mut raw = paths
        .as_ref()
        .try_map(|path| Raw::read(path)?.plain(&mut notes))?;
    let kind = kind(&raw.train, &paths.train, request, known)?;
    if let Some(texts) = known.and_then(|known| known.texts) {
        check(request.reference.name(), &texts, &raw)?;
        // Its copies differ in white space, which must not make them differ in SHA-256.
        raw.train.bytes = spaced(raw.train.utf8()?).into_bytes();
    }
    if let Some(known) = known.filter(|known| {
        known
            .download
            .is_some_and(|download| matches!(download.packing, Packing::Plain))
    }) {
        let name = known.name;
        return Err(raw.train.wrong(format!(
            "{name} is one file that is split here; run `breakmywork-worker data import {name} FILE`, or import \
             these files under another name"
        )));
    }
    let content = format::splits(kind, &raw, &mut notes)?.ok_or_else(|| pictures(&raw.train))?;
    let source = paths.each().into_iter().map(|(_, path)| name_of(path));
    Ok(Draft {
        content,
        source: source.collect(),
        notes,
    })
}

/// Pictures are no text: what their files begin with says less than this.
fn refuse_pictures(path: &Path, request: &Request, known: Option<&Known>) -> Result<(), Error> {
    let kind = request.kind.or(known.map(|known| known.kind));
    if kind != Some(Kind::Images) {
        return Ok(());
    }
    let raw = Raw::read(path)?;
    if let Some(known) = known {
        expect(known.name, known.kind, request, None)?;
    }
    Err(pictures(&raw))
}

/// The lines with a blank before, between and after their words, as Mikolov's files have them.
fn spaced(text: &str) -> String {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| format!(" {} \n", words(line))).collect()
}

fn one_file(path: &Path, request: &Request, known: Option<&Known>) -> Result<Draft, Error> {
    refuse_pictures(path, request, known)?;
    let raw = Raw::read(path)?;
    if let Some((known, download)) = known.and_then(|known| Some((known, known.download?))) {
        expect(known.name, known.kind, request, None)?;
        let got = manifest::sha256(&raw.bytes);
        if got == download.sha256 {
            return unpack(known, &raw, name_of(path), Vec::new());
        }
        // A copy with the line ends of another system is the same text.
        let mut notes = Vec::new();
        let plain = match download.packing {
            Packing::Plain => Some(raw.clone().plain(&mut notes)?),
            Packing::Zip(_) => None,
        };
        if let Some(plain) = plain.filter(|plain| manifest::sha256(&plain.bytes) == download.sha256)
        {
            return unpack(known, &plain, name_of(path), notes);
        }
        return Err(not_known(
            &raw,
            "original file",
            known.name,
            got,
            download.sha256,
        ));
    }
    let mut notes = Vec::new();
    let raw = raw.plain(&mut notes)?;
    if let Some(known) = known.filter(|known| known.texts.is_some()) {
        return Err(raw.wrong(format!(
            "{} has one file a split; run `{}`, or import this file under another name",
            known.name,
            known.reference()?.command()
        )));
    }
    let kind = kind(&raw, path, request, known)?;
    split::one(kind, &raw, name_of(path), notes)
}

/// The kind that was asked for, that the name has, or that the file shows.
fn kind(raw: &Raw, path: &Path, request: &Request, known: Option<&Known>) -> Result<Kind, Error> {
    if let Some(known) = known {
        expect(known.name, known.kind, request, None)?;
        return Ok(known.kind);
    }
    let ending = path.extension().and_then(|ending| ending.to_str());
    let first = raw.bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let shown = match (ending, first) {
        (Some("txt" | "tokens"), _) => Some(Kind::Text),
        (Some("json"), Some(b'{')) | (Some("jsonl"), Some(b'[')) => Some(Kind::Frames),
        (Some("jsonl"), Some(b'{')) => Some(Kind::Labelled),
        // The message about an empty file is the better one.
        (_, None) => Some(Kind::Text),
        _ => None,
    };
    request.kind.or(shown).ok_or_else(|| Error::KindUnknown {
        place: raw.place.clone(),
    })
}

/// Refuses a kind, asked for or of the known name, that contradicts what `name` is.
fn expect(name: &str, is: Kind, request: &Request, known: Option<&Known>) -> Result<(), Error> {
    let mismatch = |name: &str, is, asked, next| Error::KindMismatch {
        name: name.to_owned(),
        is,
        asked,
        next,
    };
    if let Some(asked) = request.kind.filter(|&asked| asked != is) {
        return Err(mismatch(
            name,
            is,
            asked,
            "leave --kind out or choose another name",
        ));
    }
    match known {
        Some(known) if known.kind != is => Err(mismatch(
            known.name,
            known.kind,
            is,
            "import this under another name",
        )),
        _ => Ok(()),
    }
}

/// Checks three text files against what a known name stands for.
fn check(name: &str, texts: &Texts, raw: &Splits<Raw>) -> Result<(), Error> {
    let whole = [
        (&raw.valid, "validation file", texts.valid),
        (&raw.test, "test file", texts.test),
    ];
    for (raw, what, expected) in whole {
        let got = manifest::sha256(&raw.bytes);
        if got != expected {
            return Err(not_known(raw, what, name, got, expected));
        }
    }
    let text = raw.train.utf8()?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let with_ends: Vec<String> = lines.map(|line| format!("{line} <eos>")).collect();
    let with_ends: Vec<&str> = with_ends
        .iter()
        .flat_map(|line| line.split_whitespace())
        .collect();
    let (plain, ended) = (hash_of(&words), hash_of(&with_ends));
    if texts.train_words != plain && texts.train_words != ended {
        return Err(not_known(
            &raw.train,
            "training file (words joined by single spaces)",
            name,
            plain,
            texts.train_words,
        ));
    }
    let lines = with_ends.len() - words.len();
    if lines != texts.train_lines {
        return Err(raw.train.wrong(format!(
            "its words are those of {name}, but on {lines} lines instead of {}; get the original file",
            texts.train_lines
        )));
    }
    Ok(())
}

fn hash_of(words: &[&str]) -> String {
    manifest::sha256(words.join(" ").as_bytes())
}

fn not_known(raw: &Raw, what: &'static str, name: &str, got: String, expected: &str) -> Error {
    Error::NotKnown {
        place: raw.place.clone(),
        what,
        name: name.to_owned(),
        got,
        expected: expected.to_owned(),
    }
}

fn pictures(raw: &Raw) -> Error {
    raw.wrong("images come in four idx files; name their folder with --mnist DIR")
}

/// The file's own name: folders are nobody else's business.
fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}
